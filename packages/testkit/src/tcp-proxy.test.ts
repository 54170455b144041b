import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { atTestEnd } from './cleanup.ts';
import { startTcpProxy } from './tcp-proxy.ts';
import { until } from './until.ts';

async function echoServer() {
  const heard: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    socket.on('data', (data) => {
      heard.push(data.toString());
      socket.write(data);
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  atTestEnd(() => void server.close());
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    port: address.port,
    heard,
    open: () => sockets.size,
    say(word: string) {
      for (const socket of sockets) socket.write(word);
    },
  };
}

async function client(port: number) {
  const socket: Socket = connect(port, '127.0.0.1');
  const got: string[] = [];
  let closed = false;
  socket.on('data', (data) => got.push(data.toString()));
  socket.on('error', () => {});
  socket.on('close', () => {
    closed = true;
  });
  // A refused one may be reset before it counts as connected.
  await Promise.race([once(socket, 'connect'), once(socket, 'close')]).catch(() => {});
  atTestEnd(() => void socket.destroy());
  return { socket, got, closed: () => closed, said: () => got.join('') };
}

async function through() {
  const server = await echoServer();
  const proxy = await startTcpProxy({ host: '127.0.0.1', port: server.port });
  return { server, proxy };
}

describe('startTcpProxy', () => {
  it('is a wire at first, and keeps the rest of a URL', async () => {
    const { server, proxy } = await through();
    const one = await client(proxy.port);
    const much = 'x'.repeat(5_000_000);
    one.socket.write(much);
    await until(() => one.said().length === much.length, { what: 'everything to come back' });
    const named = await startTcpProxy(`postgres://me:pw@127.0.0.1:${server.port}/db?application_name=a`);
    expect(named.url).toBe(`postgres://me:pw@127.0.0.1:${named.port}/db?application_name=a`);
  });

  it('cuts what is open and lets new connections through', async () => {
    const { proxy } = await through();
    const one = await client(proxy.port);
    await until(() => proxy.connections === 1, { what: 'the connection' });
    proxy.cut();
    await until(one.closed, { what: 'the cut' });
    const two = await client(proxy.port);
    two.socket.write('hello');
    await until(() => two.said() === 'hello', { what: 'the echo' });
  });

  it('refuses until it is healed', async () => {
    const { proxy } = await through();
    proxy.refuse();
    const one = await client(proxy.port);
    await until(one.closed, { what: 'the refusal' });
    proxy.heal();
    const two = await client(proxy.port);
    two.socket.write('hello');
    await until(() => two.said() === 'hello', { what: 'the echo' });
  });

  it('holds everything while it hangs, on old connections and new, and lets it flow when healed', async () => {
    const { server, proxy } = await through();
    const old = await client(proxy.port);
    await until(() => proxy.connections === 1, { what: 'the connection' });
    proxy.hang();
    const fresh = await client(proxy.port);
    old.socket.write('old');
    fresh.socket.write('new');
    await sleep(100);
    expect(server.heard).toEqual([]);
    expect(old.closed() || fresh.closed()).toBe(false);
    proxy.heal();
    await until(() => old.said() === 'old' && fresh.said() === 'new', { what: 'both echoes' });
  });

  it('delivers requests and loses the replies, and never resumes a stream with a hole', async () => {
    const { server, proxy } = await through();
    const one = await client(proxy.port);
    proxy.dropReplies();
    one.socket.write('commit');
    await until(() => server.heard.includes('commit'), { what: 'the request to arrive' });
    await sleep(50);
    expect(one.said()).toBe('');
    proxy.heal();
    await until(one.closed, { what: 'the connection to be cut' });
  });

  it('loses requests and lets the server speak, and never resumes a stream with a hole', async () => {
    const { server, proxy } = await through();
    const one = await client(proxy.port);
    one.socket.write('begin');
    await until(() => one.said() === 'begin', { what: 'the first echo' });
    proxy.dropRequests();
    one.socket.write('lost');
    server.say('news');
    await until(() => one.said() === 'beginnews', { what: 'the news to arrive' });
    expect(server.heard).toEqual(['begin']);
    expect(one.closed()).toBe(false);
    proxy.heal();
    await until(one.closed, { what: 'the connection to be cut' });
    expect(server.heard).toEqual(['begin']);
  });

  it('forgets connections on one side: the server sees them end, the client does not, and new ones work', async () => {
    const { server, proxy } = await through();
    const old = await client(proxy.port);
    old.socket.write('old');
    await until(() => old.said() === 'old', { what: 'the echo' });
    proxy.halfOpen();
    await until(() => server.open() === 0, { what: 'the server to see the end' });
    old.socket.write('into nothing');
    const fresh = await client(proxy.port);
    fresh.socket.write('new');
    await until(() => fresh.said() === 'new', { what: 'the echo of the new one' });
    expect(old.closed()).toBe(false);
    expect(server.heard).toEqual(['old', 'new']);
    proxy.heal();
    await until(old.closed, { what: 'the client to be told' });
    expect(fresh.closed()).toBe(false);
  });

  it('delays each way', async () => {
    const { proxy } = await through();
    const one = await client(proxy.port);
    proxy.delay(60);
    const began = performance.now();
    one.socket.write('slow');
    await until(() => one.said() === 'slow', { what: 'the echo' });
    expect(performance.now() - began).toBeGreaterThan(110);
  });

  it('delays unsteadily and still keeps the order, also when the delay ends', async () => {
    const { proxy } = await through();
    const one = await client(proxy.port);
    proxy.delay(20, 20);
    const words = Array.from({ length: 50 }, (_, index) => `${index};`);
    for (const [index, word] of words.entries()) {
      one.socket.write(word);
      if (index === 40) proxy.delay(0);
      await sleep(1);
    }
    await until(() => one.said().length === words.join('').length, { what: 'all echoes' });
    expect(one.said()).toBe(words.join(''));
  });
});
