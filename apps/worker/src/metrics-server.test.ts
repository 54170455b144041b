import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createLogger } from '@reelfleet/config';
import { openMeter } from '@reelfleet/fleet';
import { atTestEnd } from '@reelfleet/testkit';
import { expect, test } from 'vitest';
import { type MetricsServerOptions, openMetricsServer, type ShownWorker } from './metrics-server.ts';

const log = createLogger({ level: 'silent', name: 'test' });
const shown = (silence: number): ShownWorker => ({
  id: 'the-id',
  silence,
  gauges: () => ({ slots: 4, busy: 1, scratchFree: 5, scratchRequired: 2, memory: 3 }),
});

async function start(more: Partial<MetricsServerOptions> = {}) {
  const server = await openMetricsServer({
    host: '127.0.0.1',
    port: 0,
    password: undefined,
    name: 'w1',
    leaseMs: 30_000,
    version: '1.2.3',
    schema: '0004',
    meter: openMeter(),
    log,
    worker: () => shown(1_000),
    ...more,
  });
  atTestEnd(() => server.close());
  return server;
}

test('it shows what this process counted, how it is, and which version it is', async () => {
  const meter = openMeter();
  meter.attempts.inc({ stage: 'music', outcome: 'complete' }, 3);
  const { origin } = await start({ meter });
  const response = await fetch(`${origin}/metrics`);
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  const text = await response.text();
  expect(text).toContain('reelfleet_attempts_total{outcome="complete",stage="music"} 3\n');
  expect(text).toContain('reelfleet_worker_slots{worker="w1",worker_id="the-id"} 4\n');
  expect(text).toMatch(/reelfleet_build_info\{component="worker",version="1.2.3",schema="0004",node="v24.*"\} 1\n/);
  expect(text).toContain('reelfleet_worker_process_resident_memory_bytes ');
});

test('it is healthy while its last beat is younger than a lease, and says in a sentence why not', async () => {
  let worker: ShownWorker | null = null;
  const { origin } = await start({ worker: () => worker });
  const ask = async () => {
    const response = await fetch(`${origin}/healthz`);
    return [response.status, (await response.text()).trim()];
  };
  expect(await ask()).toEqual([503, 'the worker is starting']);
  worker = shown(29_900);
  expect(await ask()).toEqual([200, 'last beat 29.9 s ago']);
  worker = shown(30_100);
  expect(await ask()).toEqual([
    503,
    'the last beat that succeeded was 30.1 s ago, longer than a lease (30 s): Postgres does not answer this worker, or it hangs',
  ]);
});

test('off loopback it does not start without a password, and with one it wants it as a bearer token', async () => {
  await expect(start({ host: '0.0.0.0' })).rejects.toMatchObject({
    exitCode: 2,
    message: expect.stringMatching(/^METRICS_PORT: on HOST=0\.0\.0\.0 .* set REELFLEET_PASSWORD/),
  });
  const { origin } = await start({ host: '0.0.0.0', password: 'correct horse' });
  const url = origin.replace('0.0.0.0', '127.0.0.1');
  const status = async (authorization?: string) =>
    (await fetch(`${url}/metrics`, authorization ? { headers: { authorization } } : {})).status;
  expect(await status()).toBe(401);
  expect(await Promise.all([status('Bearer correct'), status('Basic correct horse')])).toEqual([401, 401]);
  expect(await status('Bearer correct horse')).toBe(200);
  expect(await status('bearer correct horse')).toBe(200);
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
});

test('a wrong password is answered late, and meanwhile a guesser gains nothing by asking more', async () => {
  const { origin } = await start({ host: '0.0.0.0', password: 'correct horse' });
  const url = origin.replace('0.0.0.0', '127.0.0.1');
  const ask = (token: string) => fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${token}` } });
  const began = performance.now();
  const guesses = Promise.all(Array.from({ length: 10 }, (_, n) => ask(`guess ${n}`)));
  const answers = await guesses;
  expect(performance.now() - began).toBeGreaterThan(900);
  expect(answers.map(({ status }) => status).sort()).toEqual([...Array(3).fill(401), ...Array(7).fill(429)]);
  expect(answers.find(({ status }) => status === 429)?.headers.get('retry-after')).toBe('1');
  expect((await ask('correct horse')).status).toBe(200);
});

test('on loopback it answers to names of this machine only, so that no page of a stranger reads it', async () => {
  const { origin } = await start();
  const { port } = new URL(origin);
  const status = (host: string, path: string) =>
    new Promise<number | undefined>((resolve, reject) => {
      const asked = request({ host: '127.0.0.1', port, path, headers: { host } }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      asked.on('error', reject).end();
    });
  for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, '[::1]:9', 'w.localhost'])
    expect([host, await status(host, '/metrics')]).toEqual([host, 200]);
  for (const host of [`evil.example:${port}`, '127.0.0.1.nip.io', '192.168.1.4', 'a b'])
    for (const path of ['/metrics', '/healthz']) expect([host, await status(host, path)]).toEqual([host, 421]);
});

test('a port in use is one sentence', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => other.once('listening', resolve));
  atTestEnd(() => void other.close());
  const { port } = other.address() as AddressInfo;
  await expect(start({ port })).rejects.toMatchObject({
    exitCode: 2,
    message: `METRICS_PORT: ${port} is in use on 127.0.0.1: several workers on one machine need one each (0 takes a free one)`,
  });
});

test('what it does not have it says, and it takes nothing', async () => {
  const { origin } = await start();
  expect((await fetch(`${origin}/../etc/passwd`)).status).toBe(404);
  expect((await fetch(`${origin}/metrics`, { method: 'POST', body: 'x' })).status).toBe(405);
  const head = await fetch(`${origin}/metrics?x=1`, { method: 'HEAD' });
  expect([head.status, await head.text()]).toEqual([200, '']);
});
