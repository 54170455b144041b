/** The hub beyond one run and one client: heartbeats, many watchers, and a run that a real worker works on. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { openReads } from '@reelfleet/db';
import { atTestEnd, startProcess, startTcpProxy, until } from '@reelfleet/testkit';
import { expect, test } from 'vitest';
import { startTestServer } from '../testing.ts';
import { openHub } from './hub.ts';
import { dataOf, readEvents } from './testing.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent } as never;

test('heartbeats come while the database is away, and closing ends every stream at once', async () => {
  const server = await startTestServer();
  const proxy = await startTcpProxy(server.databaseUrl);
  proxy.hang();
  const far = openReads(proxy.url, { name: 'test', deadlineMs: 30_000 });
  atTestEnd(() => far.end());
  const hub = openHub({ db: far.db, log: silent, heartbeatMs: 20 });
  const sent: string[] = [];
  let ended = 0;
  const stream = { write: (chunk: string | Buffer) => void sent.push(String(chunk)), end: () => void ended++ };
  hub.watch({ runId: null, cursor: null, stream });
  await until(() => sent.length >= 3, { what: 'three heartbeats' });
  expect(new Set(sent)).toEqual(new Set([':\n\n']));
  hub.close();
  expect([ended, hub.watchers]).toEqual([1, 0]);
  hub.watch({ runId: null, cursor: null, stream });
  expect(ended).toBe(2);
});

test('more watchers than the server wants are asked to come back later, and a place that gets free is given away', async () => {
  const server = await startTestServer();
  const { hostname, port, host } = new URL(server.origin);
  const sockets = await Promise.all(
    Array.from({ length: 500 }, async () => {
      const socket = connect(Number(port), hostname);
      atTestEnd(() => void socket.destroy());
      socket.write(`GET /api/events HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
      await once(socket, 'data');
      return socket;
    }),
  );
  const refused = await fetch(`${server.origin}/api/events`);
  expect(refused.status).toBe(503);
  expect(refused.headers.get('retry-after')).toBe('10');
  expect(await refused.json()).toMatchObject({ detail: expect.stringMatching(/^500 clients watch events already/) });
  for (let n = 0; n < 5; n++) expect((await fetch(`${server.origin}/api/events`)).status).toBe(503);
  const warnings = server.lines.filter((line) => line.includes('"level":"warn"'));
  expect(warnings).toEqual([expect.stringContaining('no more watchers are taken')]);
  sockets[0]?.destroy();
  await until(async () => (await readEvents(`${server.origin}/api/events`)) !== null, { what: 'a free place' });
});

test('a run that a worker process works on is told from its beginning to its end', async () => {
  const server = await startTestServer();
  const all = await readEvents(`${server.origin}/api/events`);
  await until(() => all.lastEventId !== null, { what: 'the cursor' });
  const [order] = await server.operator.enqueue([
    { kind: 'stage', stage: 'plan', input: { niche: 'rain', moods: ['calm'], tracks: 2, totalSeconds: 60, seed: 1 } },
  ]);
  const runId = order?.runId ?? '';
  const one = await readEvents(`${server.origin}/api/runs/${runId}/events?lastEventId=0`);
  const worker = startProcess({
    args: [fileURLToPath(new URL('../../../worker/src/main.ts', import.meta.url))],
    env: {
      DATABASE_URL: server.databaseUrl,
      REDIS_URL: undefined,
      STORAGE_URL: `file://${server.folder}/storage`,
      REELFLEET_SCRATCH: `${server.folder}/scratch`,
      REELFLEET_WORKER_NAME: 'real',
      LOG_LEVEL: 'warn',
    },
    name: 'worker',
  });
  await worker.waitForLine(/^worker ready/, { timeoutMs: 30_000 });
  await until(() => dataOf(one, 'end').length > 0, { what: 'the end of the run', timeoutMs: 30_000 });
  expect(dataOf(one, 'task').map(({ action, status }) => [action, status])).toEqual([
    ['create', 'queued'],
    ['claim', 'running'],
    ['complete', 'completed'],
  ]);
  expect(dataOf(one, 'task').at(-1)).toMatchObject({ actorName: 'real', workerName: 'real' });
  await until(() => dataOf(all, 'run').some(({ id, status }) => id === runId && status === 'completed'), {
    what: 'its end among all runs',
  });
  worker.kill();
  await worker.waitForExit();
});
