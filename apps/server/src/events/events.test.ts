/** The streams as a client has them: a real server, real HTTP, runs moved by hand through the ledger. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { openReads } from '@reelfleet/db';
import { atTestEnd, startTcpProxy, until } from '@reelfleet/testkit';
import { beforeAll, describe, expect, test } from 'vitest';
import { buildApp } from '../app.ts';
import type { ServerContext } from '../context.ts';
import { startTestServer, type TestServer } from '../testing.ts';
import { dataOf, openHand, type Reader, readEvents } from './testing.ts';

let server: TestServer;
let hand: Awaited<ReturnType<typeof openHand>>;
beforeAll(async () => {
  server = await startTestServer();
  hand = await openHand(server);
});

const oneRun = async (tasks: number) => {
  const [run] = await hand.enqueue(1, tasks);
  if (run === undefined) throw new Error('nothing was enqueued');
  return run;
};
const urlOf = (runId: string, origin = server.origin) => `${origin}/api/runs/${runId}/events`;
/** What the stream must have brought: ids of the run's audit trail. */
const trailOf = async (runId: string) =>
  (
    await server.db.query<{ id: string }>(
      `select a.id::text as id from task_audit a join tasks t on t.id = a.task_id where t.run_id = '${runId}' order by a.id`,
    )
  ).map(({ id }) => id);
const taskIds = (readers: readonly Reader[]) =>
  readers.flatMap(({ events }) => events.flatMap(({ event, id }) => (event === 'task' ? [id] : [])));
const hasEnded = (reader: Reader) =>
  until(() => dataOf(reader, 'end').length > 0, { what: 'the end of the run on the stream' });

/** Another server process's worth of app on the same database. */
async function startAnother(over: Partial<ServerContext> = {}) {
  const { operator, db, reads, storage, queue } = server;
  const imports = { maxBytes: 0, stallMs: 1_000 };
  const context = { operator, db, reads, storage, queue, stages: [], log: quiet, version: '0', imports };
  const app = await buildApp({ ...context, access: { password: undefined, host: '127.0.0.1' }, ...over });
  const origin = await app.listen({ host: '127.0.0.1', port: 0 });
  atTestEnd(() => app.close());
  return { app, origin };
}
const quiet: ServerContext['log'] = { debug() {}, info() {}, warn() {}, error() {}, child: () => quiet } as never;

describe('the stream of one run', () => {
  test('begins with the run, brings every audited change once and in order, and says when the run has ended', async () => {
    const run = await oneRun(3);
    const reader = await readEvents(urlOf(run.runId));
    await until(() => reader.events.length > 0, { what: 'the first event' });
    expect(reader.events[0]).toMatchObject({ event: 'run', data: { id: run.runId, status: 'queued', tasksTotal: 3 } });

    const held = await hand.claim(run.tickets);
    await hand.settle(held.slice(0, 1), { event: 'retry', code: 'odd', message: 'it went wrong', delayMs: 0 });
    const [again] = await hand.claim([{ id: held[0]?.id ?? '', version: 3 }]);
    await hand.settle([...held.slice(1), ...(again ? [again] : [])]);
    await hasEnded(reader);

    const changes = dataOf(reader, 'task');
    expect(taskIds([reader])).toEqual((await trailOf(run.runId)).slice(3));
    const first = changes.filter(({ id }) => id === held[0]?.id);
    expect(first.map(({ action, from, status }) => [action, from, status])).toEqual([
      ['claim', 'queued', 'running'],
      ['retry', 'running', 'queued'],
      ['claim', 'queued', 'running'],
      ['complete', 'running', 'completed'],
    ]);
    expect(first[0]).toMatchObject({ attemptNumber: 1, workerName: 'hand', actorName: 'hand', progressPercent: 0 });
    expect(first[1]).toMatchObject({ failures: 1, errorCode: 'odd', lastError: 'it went wrong', workerName: null });
    expect(first[3]).toMatchObject({ progressPercent: 100, lastError: null, completedAt: first[3]?.at });

    const { task } = await server.operator.task(held[0]?.id ?? '');
    const laid = Object.assign({}, ...first);
    for (const key of ['status', 'stateVersion', 'attemptNumber', 'failures', 'workerName', 'completedAt', 'startedAt'])
      expect([key, laid[key]]).toEqual([key, task[key as keyof typeof task]]);
    expect(reader.events.at(-1)).toMatchObject({ event: 'end', data: { runId: run.runId, status: 'completed' } });
    expect(dataOf(reader, 'run').at(-1)).toMatchObject({ status: 'completed', tasksEnded: 3, progressPercent: 100 });
    expect(reader.ended).toBe(false);
  });

  test('is found by the identifier as well, and a run that had ended says so at once', async () => {
    const run = await oneRun(1);
    await hand.work(run.tickets);
    const reader = await readEvents(urlOf(encodeURIComponent(`run:${run.runId}`)));
    await hasEnded(reader);
    expect(reader.events.map(({ event }) => event)).toEqual(['run', 'end']);
  });

  test('stays open after the end, for an operator may retry the run', async () => {
    const run = await oneRun(1);
    const reader = await readEvents(urlOf(run.runId));
    await hand.settle(await hand.claim(run.tickets), { event: 'fail', code: 'odd', message: 'it cannot be done' });
    await hasEnded(reader);
    await server.operator.retry(run.runId);
    await until(() => dataOf(reader, 'task').at(-1)?.action === 'operator_retry', { what: 'the retry' });
    const { id, stateVersion } = dataOf(reader, 'task').at(-1) ?? { id: '', stateVersion: 0 };
    await hand.settle(await hand.claim([{ id, version: stateVersion }]));
    await until(() => dataOf(reader, 'end').length === 2, { what: 'the second end' });
    expect(dataOf(reader, 'end').map(({ status }) => status)).toEqual(['failed', 'completed']);
  });

  test('brings the whole story to one who begins at 0', async () => {
    const run = await oneRun(2);
    await hand.work(run.tickets);
    const reader = await readEvents(`${urlOf(run.runId)}?lastEventId=0`);
    await hasEnded(reader);
    expect(taskIds([reader])).toEqual(await trailOf(run.runId));
    expect(reader.events[0]?.event).toBe('run');
  });

  test('loses and doubles nothing for one who comes and goes at any moment', async () => {
    const run = await oneRun(40);
    const readers: Reader[] = [await readEvents(`${urlOf(run.runId)}?lastEventId=0`)];
    const moving = (async () => {
      for (let n = 0; n < 40; n += 2) await hand.work(run.tickets.slice(n, n + 2));
    })();
    for (let n = 0; n < 15; n++) {
      const reader = readers.at(-1) as Reader;
      const enough = () => reader.events.length >= 1 + (n % 4) || dataOf(reader, 'end').length > 0;
      await until(enough, { what: 'some events', everyMs: 1 });
      reader.close();
      await until(() => reader.ended, { what: 'the stream to be closed', everyMs: 1 });
      readers.push(await readEvents(urlOf(run.runId), reader.lastEventId));
    }
    await moving;
    await hasEnded(readers.at(-1) as Reader);
    expect(taskIds(readers)).toEqual(await trailOf(run.runId));
  });

  test('brings progress and a request to cancel, which leave no line in the audit trail', async () => {
    const run = await oneRun(2);
    const [task] = await hand.claim(run.tickets.slice(0, 1));
    const reader = await readEvents(urlOf(run.runId));
    await until(() => reader.events.length > 0, { what: 'the first event' });
    const beat = { id: task?.id ?? '', version: task?.version ?? 0, progressPercent: 37, step: 'encoding' };
    await server.ledger.beat(hand.worker, 60_000, [beat], { draining: false, counters: {} } as never);
    await until(() => dataOf(reader, 'progress').length > 0, { what: 'progress' });
    expect(dataOf(reader, 'progress')).toEqual([
      { runId: run.runId, tasks: [{ id: task?.id, progressPercent: 37, currentStep: 'encoding' }] },
    ]);
    await server.operator.cancel(run.runId);
    await until(() => dataOf(reader, 'run').some((row) => row.cancelRequestedAt !== null), { what: 'the request' });
  });

  test('goes on with another server when the first one stops, and stopping does not wait for watchers', async () => {
    const run = await oneRun(4);
    const first = await startAnother();
    const before = await readEvents(`${urlOf(run.runId, first.origin)}?lastEventId=0`);
    await hand.work(run.tickets.slice(0, 2));
    await until(() => taskIds([before]).length >= 6, { what: 'half of the changes' });
    const began = performance.now();
    await first.app.close();
    expect(performance.now() - began).toBeLessThan(2_000);
    await until(() => before.ended, { what: 'the stream to end with its server' });
    await hand.work(run.tickets.slice(2));
    const second = await startAnother();
    const after = await readEvents(urlOf(run.runId, second.origin), before.lastEventId);
    await hasEnded(after);
    expect(taskIds([before, after])).toEqual(await trailOf(run.runId));
  });

  test('stays open while the database is away, and then goes on with nothing lost', async () => {
    const run = await oneRun(6);
    const proxy = await startTcpProxy(server.databaseUrl);
    const far = openReads(proxy.url, { name: 'test-far', deadlineMs: 1_500 });
    atTestEnd(() => far.end());
    const warnings: unknown[] = [];
    let recoveries = 0;
    const log = {
      ...quiet,
      warn: (fields: unknown) => void warnings.push(fields),
      info: () => {
        recoveries += 1;
      },
    } as never;
    const another = await startAnother({ reads: far.db, log });
    const reader = await readEvents(`${urlOf(run.runId, another.origin)}?lastEventId=0`);
    await until(() => taskIds([reader]).length === 6, { what: 'the first changes' });
    const failures = () => warnings.length;
    for (const trouble of ['cut', 'refuse', 'hang'] as const) {
      const before = failures();
      proxy[trouble]();
      await hand.work(run.tickets.splice(0, 2));
      // A cut alone is repaired by the read itself; the others are met by a look before they are healed.
      if (trouble !== 'cut') await until(() => failures() > before, { what: 'a look to fail', timeoutMs: 15_000 });
      expect(reader.ended).toBe(false);
      proxy.heal();
      const sent = 6 + 4 * (['cut', 'refuse', 'hang'].indexOf(trouble) + 1);
      await until(() => taskIds([reader]).length === sent && recoveries === warnings.length, {
        what: `${sent} changes`,
        timeoutMs: 15_000,
      });
    }
    await hasEnded(reader);
    expect(taskIds([reader])).toEqual(await trailOf(run.runId));
  });
});

describe('the stream of all runs', () => {
  test('tells each run that changed in its newest state, and again what was missed', async () => {
    const reader = await readEvents(`${server.origin}/api/events`);
    await until(() => reader.lastEventId !== null, { what: 'the cursor' });
    const runs = await hand.enqueue(3, 2);
    await until(() => runs.every(({ runId }) => dataOf(reader, 'run').some(({ id }) => id === runId)), {
      what: 'the new runs',
    });
    const [first] = runs;
    if (first === undefined) throw new Error('nothing was enqueued');
    await hand.work(first.tickets);
    await until(() => dataOf(reader, 'run').some(({ id, status }) => id === first.runId && status === 'completed'), {
      what: 'its end',
    });
    await until(() => Number(reader.lastEventId) > 0, { what: 'a cursor' });
    reader.close();
    await hand.work(runs.flatMap(({ tickets }) => tickets).slice(2));
    const again = await readEvents(`${server.origin}/api/events`, reader.lastEventId);
    await until(() => dataOf(again, 'run').length >= 2, { what: 'what was missed' });
    expect(new Set(dataOf(again, 'run').map(({ id, status }) => `${id} ${status}`))).toEqual(
      new Set(runs.slice(1).map(({ runId }) => `${runId} completed`)),
    );
  });

  test('asks for a new beginning when more was missed than is told, or the cursor is from another database', async () => {
    const watching = await readEvents(`${server.origin}/api/events`);
    const [run] = await hand.enqueue(1, 1);
    await server.db.query(
      `insert into tasks (id, run_id, key, stage) select gen_random_uuid(), '${run?.runId}', 'more/' || n, 'probe' from generate_series(1, 5200) n`,
    );
    const [end] = await server.db.query<{ id: string }>('select max(id)::text as id from task_audit');
    await until(() => watching.lastEventId === end?.id, { what: 'the server to have read it all' });
    const farBehind = await readEvents(`${server.origin}/api/events`, '1');
    await until(() => farBehind.events.length > 0, { what: 'reset' });
    expect(farBehind.events[0]).toMatchObject({ event: 'reset', data: { reason: 'behind' } });
    const rewound = await readEvents(`${server.origin}/api/events`, '900000000000');
    await until(() => rewound.events.length > 0, { what: 'reset' });
    expect(rewound.events[0]).toMatchObject({ event: 'reset', data: { reason: 'rewound' } });
    expect(Number(rewound.lastEventId)).toBeLessThan(900_000);
  });

  test('tells the newest of very many runs and asks to read the list again, seldom and once at the end', async () => {
    const reader = await readEvents(`${server.origin}/api/events`);
    await until(() => reader.lastEventId !== null, { what: 'the cursor' });
    const runs = await hand.enqueue(400, 1);
    await until(() => dataOf(reader, 'reset').length === 1, { what: 'the first reset' });
    expect(dataOf(reader, 'run').length).toBeLessThanOrEqual(200);
    const newest = runs.at(-1);
    expect(dataOf(reader, 'run').map(({ id }) => id)).toContain(newest?.runId);
    await hand.work(runs.flatMap(({ tickets }) => tickets));
    await until(() => dataOf(reader, 'reset').length === 2, { what: 'the last reset' });
    expect(dataOf(reader, 'reset')).toEqual([{ reason: 'busy' }, { reason: 'busy' }]);
    const [end] = await server.db.query<{ id: string }>('select max(id)::text as id from task_audit');
    expect(reader.lastEventId).toBe(end?.id);
  });
});

describe('a client', () => {
  test('gets a stream that nothing on the way keeps or holds back, under the same headers as every answer', async () => {
    const aborter = new AbortController();
    const { headers } = await fetch(`${server.origin}/api/events`, { signal: aborter.signal });
    aborter.abort();
    expect(headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(headers.get('cache-control')).toBe('no-store, no-transform');
    expect(headers.get('x-accel-buffering')).toBe('no');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
  });

  test('that has gone while its run was looked up takes no place from others', async () => {
    const run = await oneRun(1);
    let asked = 0;
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const find = async () => {
      asked += 1;
      await held;
      return { kind: 'run', id: run.runId };
    };
    const another = await startAnother({ operator: { ...server.operator, find } as never });
    const { port, host } = new URL(another.origin);
    const sockets = await Promise.all(
      Array.from({ length: 501 }, async () => {
        const socket = connect(Number(port), '127.0.0.1');
        atTestEnd(() => void socket.destroy());
        await once(socket, 'connect');
        socket.write(`GET /api/runs/${run.runId}/events HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
        return socket;
      }),
    );
    await until(() => asked === 501, { what: 'all of them to be looked up' });
    for (const socket of sockets) socket.destroy();
    const open = () =>
      new Promise<number>((resolve) => another.app.server.getConnections((_error, count) => resolve(count)));
    await until(async () => (await open()) === 0, { what: 'the server to see that they have gone' });
    release();
    const reader = await readEvents(urlOf(run.runId, another.origin));
    await until(() => reader.events.length > 0, { what: 'the first event' });
  });

  test('is told in one sentence what is wrong', async () => {
    const problem = async (path: string, headers: Record<string, string> = {}) => {
      const answer = await fetch(`${server.origin}${path}`, { headers });
      return { ...((await answer.json()) as object), type: answer.headers.get('content-type') };
    };
    expect(await problem('/api/events', { 'last-event-id': "1' or 1=1" })).toMatchObject({
      status: 400,
      type: expect.stringContaining('application/problem+json'),
      detail: expect.stringMatching(/^Last-Event-ID must be the id of an event/),
    });
    expect(await problem('/api/events?lastEventId=-1')).toMatchObject({ status: 400 });
    expect(await problem('/api/runs/nothing/events')).toMatchObject({ status: 404 });
    const run = await oneRun(1);
    expect(await problem(`/api/runs/${run.tickets[0]?.id}/events`)).toMatchObject({
      status: 404,
      detail: expect.stringContaining(run.runId),
    });
  });

  test('that does not read is cut off before the server keeps much for it', async () => {
    const run = await oneRun(1_500);
    const { hostname, port } = new URL(server.origin);
    const socket = connect(Number(port), hostname);
    atTestEnd(() => void socket.destroy());
    await once(socket, 'connect');
    socket.write(`GET /api/runs/${run.runId}/events HTTP/1.1\r\nHost: ${hostname}:${port}\r\n\r\n`);
    socket.pause();
    const diligent = await readEvents(urlOf(run.runId));
    await until(() => diligent.events.length > 0, { what: 'the first event' });
    const cut = () => server.lines.some((line) => line.includes('did not read its events'));
    let held = run.tickets.map(({ id, version }) => ({ id, version }));
    for (let n = 0; n < 3 && held.length > 0; n++) {
      const claimed = await hand.claim(held);
      await hand.settle(claimed, { event: 'retry', code: 'odd', message: '…'.repeat(1_000), delayMs: 0 });
      held = claimed.map(({ id, version }) => ({ id, version: version + 1 }));
    }
    await until(cut, { what: 'the one who does not read to be cut off' });
    await hasEnded(diligent);
    // From wherever the hub was when it came, without a gap, to the end.
    const trail = await trailOf(run.runId);
    const told = taskIds([diligent]);
    expect(told.length).toBeGreaterThanOrEqual(trail.length - 1_500);
    expect(told).toEqual(trail.slice(-told.length));

    // As for whoever comes back to so long a story.
    const late = await readEvents(urlOf(run.runId), '0');
    await hasEnded(late);
    expect(late.events[0]).toMatchObject({ event: 'reset', data: { reason: 'behind' } });
    expect(late.events[1]).toMatchObject({ event: 'run', data: { status: 'failed' } });
    expect(taskIds([late])).toEqual([]);
  });
});
