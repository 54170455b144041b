/** The server as a process: how it starts, what it does while others are away, how it ends. */
import { connect } from 'node:net';
import { join } from 'node:path';
import { migratedDatabase, type TestDatabase } from '@reelfleet/db/testing';
import { migrateQueue } from '@reelfleet/fleet';
import { redisMissing, startProcess, startRedis, startTcpProxy, until, withRedis } from '@reelfleet/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const MAIN = join(import.meta.dirname, 'main.ts');
const STARTS_MS = 60_000;

let database: TestDatabase;
beforeAll(async () => {
  database = await migratedDatabase({ migrateQueue });
});
afterAll(() => database.drop());

function start(env: Record<string, string> = {}) {
  return startProcess({
    args: [MAIN],
    name: 'server',
    cwd: '/',
    env: { NODE_ENV: undefined, DATABASE_URL: database.url, PORT: '0', REELFLEET_DATA: '/tmp/reelfleet-none', ...env },
  });
}

async function startReady(env: Record<string, string> = {}) {
  const server = start(env);
  const line = await server.waitForLine(/^server ready /, { timeoutMs: STARTS_MS });
  return { server, origin: line.slice('server ready '.length) };
}

/** What the log was told of being ready or not, line by line. */
const changesOf = (server: { stdout: readonly string[]; stderr: readonly string[] }) =>
  [...server.stdout, ...server.stderr].flatMap((line) => /"msg":"(not ready|ready again)"/.exec(line)?.[1] ?? []);

const statusOf = async (url: string) => (await fetch(url, { signal: AbortSignal.timeout(10_000) })).status;

describe('a server that may not or cannot start says so in one sentence', () => {
  it.each<[string, Record<string, string>, RegExp]>([
    [
      'where others reach it, without a password',
      { HOST: '0.0.0.0' },
      /^reelfleet: HOST: got "0\.0\.0\.0".*set REELFLEET_PASSWORD/,
    ],
    [
      'by a name, without a password',
      { HOST: 'fleet.example' },
      /^reelfleet: HOST: got "fleet\.example".*REELFLEET_PASSWORD/,
    ],
    [
      'with a password that is too short',
      { REELFLEET_PASSWORD: 'short' },
      /^reelfleet: REELFLEET_PASSWORD: got a hidden value/,
    ],
    [
      'on an address of another machine',
      { HOST: '192.0.2.1', REELFLEET_PASSWORD: 'long enough' },
      /^reelfleet: HOST: 192\.0\.2\.1 is no address/,
    ],
  ])('%s', async (_title, env, sentence) => {
    const server = start(env);
    expect((await server.waitForExit({ timeoutMs: STARTS_MS })).code).toBe(2);
    expect(server.stdout).toEqual([]);
    expect(server.stderr).toEqual([expect.stringMatching(sentence)]);
  });

  it('on a port that is taken', async () => {
    const { port } = await startTcpProxy(database.url);
    const server = start({ PORT: String(port) });
    expect((await server.waitForExit({ timeoutMs: STARTS_MS })).code).toBe(2);
    expect(server.stderr).toEqual([expect.stringMatching(`^reelfleet: PORT: ${port} is in use on 127.0.0.1: `)]);
  });
});

describe('a server that runs', () => {
  it('stays while Postgres is away, says so to those who ask, and recovers by itself', async () => {
    const proxy = await startTcpProxy(database.url);
    const { server, origin } = await startReady({ DATABASE_URL: proxy.url });
    expect(await statusOf(`${origin}/readyz`)).toBe(200);
    expect(await statusOf(`${origin}/api/runs`)).toBe(200);

    proxy.refuse();
    const refused = await until(
      async () => {
        const answer = await fetch(`${origin}/api/runs`);
        return answer.status === 503 ? answer : null;
      },
      { what: 'a 503' },
    );
    expect(refused.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await refused.json()).toMatchObject({
      status: 503,
      detail: expect.stringMatching(/^the database did not answer/),
    });
    expect(await statusOf(`${origin}/healthz`)).toBe(200);
    const ready = await until(
      async () => {
        const answer = await fetch(`${origin}/readyz`);
        return answer.status === 503 ? answer : null;
      },
      { what: 'not ready' },
    );
    const told = await ready.json();
    expect(told).toMatchObject({ detail: expect.stringContaining('database: '), parts: { storage: 'ok' } });
    expect(JSON.stringify(told)).not.toContain(new URL(proxy.url).port);

    proxy.heal();
    await until(async () => (await statusOf(`${origin}/readyz`)) === 200, { what: 'ready again', timeoutMs: 20_000 });
    expect(await statusOf(`${origin}/api/runs`)).toBe(200);
    expect(server.child.exitCode).toBeNull();
    expect(changesOf(server)).toEqual(['not ready', 'ready again']);
  });

  it('answers within its bound when Postgres hangs', async () => {
    const proxy = await startTcpProxy(database.url);
    const { origin } = await startReady({ DATABASE_URL: proxy.url });
    proxy.hang();
    const began = performance.now();
    const answer = await fetch(`${origin}/readyz`);
    expect(answer.status).toBe(503);
    expect(performance.now() - began).toBeLessThan(4_000);
    expect(await answer.json()).toMatchObject({ parts: { database: 'does not answer' } });
    proxy.heal();
    await until(async () => (await statusOf(`${origin}/readyz`)) === 200, { what: 'ready again', timeoutMs: 30_000 });
  });

  it('ends at a signal although somebody listens to events, with exit code 0', async () => {
    const { server, origin } = await startReady();
    const events = await fetch(`${origin}/api/events`);
    expect(events.headers.get('content-type')).toMatch(/^text\/event-stream/);
    const began = performance.now();
    server.kill('SIGTERM');
    expect(await server.waitForExit()).toEqual({ code: 0, signal: null });
    expect(performance.now() - began).toBeLessThan(10_000);
    await events.text().catch(() => {});
  });

  it('ends within its grace although a client never finishes, and at once at the second signal', async () => {
    const linger = (origin: string) => {
      const socket = connect({ host: '127.0.0.1', port: Number(new URL(origin).port) });
      socket.on('error', () => {});
      socket.write(
        'POST /api/runs HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{',
      );
      return until(() => socket.bytesWritten > 0 && !socket.connecting, { what: 'half a request' });
    };
    const [short, long] = await Promise.all([startReady({ REELFLEET_GRACE_MS: '5000' }), startReady()]);
    await Promise.all([linger(short.origin), linger(long.origin)]);
    const began = performance.now();
    short.server.kill('SIGTERM');
    long.server.kill('SIGTERM');
    await long.server.waitForLine(/"msg":"server stops"/);
    // Signals within a quarter of a second are one wish.
    await new Promise((resolve) => setTimeout(resolve, 400));
    long.server.kill('SIGTERM');
    expect(await long.server.waitForExit()).toEqual({ code: 1, signal: null });
    expect(await short.server.waitForExit()).toEqual({ code: 0, signal: null });
    expect(performance.now() - began).toBeLessThan(5_000);
  });
});

describe.skipIf(redisMissing() !== null)(withRedis('a server with Redis'), () => {
  it('that is away when it starts says so once, though nobody asks', async () => {
    const redis = await startRedis();
    if (redis === null) throw new Error('redis-server did not start');
    const proxy = await startTcpProxy(redis.url);
    proxy.refuse();
    const { origin, server } = await startReady({ REDIS_URL: proxy.url.replace(/^tcp:/, 'redis:') });
    await until(() => changesOf(server).length > 0, { what: 'the warning' });
    for (let asked = 0; asked < 3; asked++) expect(await statusOf(`${origin}/readyz`)).toBe(503);
    expect(changesOf(server)).toEqual(['not ready']);
    proxy.heal();
    await until(async () => (await statusOf(`${origin}/readyz`)) === 200, { what: 'ready', timeoutMs: 20_000 });
    expect(changesOf(server)).toEqual(['not ready', 'ready again']);
  });

  it('stays while Redis is away, and recovers by itself', async () => {
    const redis = await startRedis();
    if (redis === null) throw new Error('redis-server did not start');
    const proxy = await startTcpProxy(redis.url);
    const { origin, server } = await startReady({ REDIS_URL: proxy.url.replace(/^tcp:/, 'redis:') });
    await until(async () => (await statusOf(`${origin}/readyz`)) === 200, { what: 'ready' });
    proxy.refuse();
    await until(async () => (await statusOf(`${origin}/readyz`)) === 503, { what: 'not ready' });
    expect(await statusOf(`${origin}/api/runs`)).toBe(200);
    proxy.heal();
    await until(async () => (await statusOf(`${origin}/readyz`)) === 200, { what: 'ready again', timeoutMs: 20_000 });
    expect(server.child.exitCode).toBeNull();
  });
});
