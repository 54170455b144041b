import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { atTestEnd } from '@reelfleet/testkit';
import { beforeAll, expect, it } from 'vitest';
import { buildApp } from './app.ts';
import { startTestServer } from './testing.ts';

let origin: URL;
beforeAll(async () => {
  const { context } = await startTestServer();
  const app = await buildApp(context, { requestMs: 700 });
  atTestEnd(() => app.close());
  origin = new URL(await app.listen({ host: '127.0.0.1', port: 0 }));
}, 60_000);

it('many requests with bodies on one connection leave nothing behind on it', async () => {
  const warnings: Error[] = [];
  const warned = (warning: Error) => void warnings.push(warning);
  process.on('warning', warned);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const ports = new Set<number | undefined>();
  for (let n = 0; n < 15; n++) {
    const sent = request({
      agent,
      host: origin.hostname,
      port: origin.port,
      path: '/api/runs',
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-length': 2 },
    });
    sent.end('{}');
    const [response] = await once(sent, 'response');
    expect(response.statusCode).toBe(400);
    ports.add(response.socket.localPort);
    await once(response.resume(), 'end');
  }
  agent.destroy();
  process.off('warning', warned);
  expect([ports.size, warnings]).toEqual([1, []]);
});

it('a body that nobody reads is not waited for either', async () => {
  const socket = connect({ host: origin.hostname, port: Number(origin.port) });
  socket.write(
    'POST /api/nowhere HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{',
  );
  const drip = setInterval(() => socket.writable && socket.write(' '), 50);
  socket.on('error', () => {});
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk;
  });
  // Not events.once: what drips into a connection that was just closed may reset it, which is no failure.
  await new Promise((resolve) => socket.once('close', resolve));
  clearInterval(drip);
  expect(text).toMatch(/^HTTP\/1\.1 4\d\d /);
});
