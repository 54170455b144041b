/** The streams over a real Postgres whose transactions commit out of order, roll back, and take their time. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { atTestEnd, until } from '@reelfleet/testkit';
import pg from 'pg';
import { beforeAll, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../testing.ts';
import { dataOf, openHand, type Reader, readEvents } from './testing.ts';

let server: TestServer;
let hand: Awaited<ReturnType<typeof openHand>>;
beforeAll(async () => {
  server = await startTestServer();
  hand = await openHand(server);
});

/** A connection that keeps a transaction open, which nothing in the product does. */
async function openWriter() {
  const client = new pg.Client({ connectionString: server.databaseUrl });
  client.on('error', () => {});
  await client.connect();
  atTestEnd(() => client.end());
  await client.query('begin');
  return {
    /** A task comes to be: one line in the audit trail, its id taken now. */
    create: (runId: string, key: string) =>
      client.query(`insert into tasks (id, run_id, key, stage) values ($1, $2, $3, 'probe')`, [
        randomUUID(),
        runId,
        key,
      ]),
    run: (statement: string) => client.query(statement),
    commit: () => client.query('commit'),
    rollback: () => client.query('rollback'),
  };
}

async function watchedRun(): Promise<{ runId: string; reader: Reader; keys: () => string[] }> {
  const [run] = await hand.enqueue(1, 1);
  if (run === undefined) throw new Error('nothing was enqueued');
  const reader = await readEvents(`${server.origin}/api/runs/${run.runId}/events`);
  await until(() => reader.events.length > 0, { what: 'the first event' });
  return { runId: run.runId, reader, keys: () => dataOf(reader, 'task').map(({ key }) => key) };
}

test('a change that commits late comes before those that committed earlier with higher ids', async () => {
  const { runId, reader, keys } = await watchedRun();
  const [elder, younger] = [await openWriter(), await openWriter()];
  // The elder transaction, by its number, takes the higher id: snapshots alone would pass the younger one over.
  await elder.run('select pg_current_xact_id()');
  await younger.create(runId, 'first');
  await elder.create(runId, 'second');
  await elder.commit();
  const runs = dataOf(reader, 'run').length;
  // Each newcomer is welcomed after a look of its own: more looks than it takes to give up a dead gap.
  for (let n = 0; n < 5; n++) {
    const newcomer = await readEvents(`${server.origin}/api/events`);
    await until(() => newcomer.lastEventId !== null, { what: 'a look at the trail' });
    newcomer.close();
  }
  expect(keys()).toEqual([]);
  expect(dataOf(reader, 'run').length).toBe(runs);
  await younger.commit();
  await until(() => keys().length === 2, { what: 'both' });
  expect(keys()).toEqual(['first', 'second']);
});

test('a change that is rolled back holds nothing back for long, also while another transaction goes on and on', async () => {
  const { runId, keys } = await watchedRun();
  const long = await openWriter();
  await long.run('create table unrelated ()');
  const [gone, stays] = [await openWriter(), await openWriter()];
  await gone.create(runId, 'gone');
  await stays.create(runId, 'stays');
  await stays.commit();
  await gone.rollback();
  await until(() => keys().length > 0, { what: 'the change behind the gap' });
  expect(keys()).toEqual(['stays']);
  await long.rollback();
});

test('whoever comes while a change is under way is sent it, or begins after it', async () => {
  const [run] = await hand.enqueue(1, 1);
  const runId = run?.runId ?? '';
  const writer = await openWriter();
  await writer.create(runId, 'under way');
  const reader = await readEvents(`${server.origin}/api/runs/${runId}/events?lastEventId=0`);
  await writer.commit();
  await until(() => dataOf(reader, 'task').length === 2, { what: 'both changes' });
  expect(dataOf(reader, 'task').map(({ key }) => key)).toEqual(['probe/0', 'under way']);
});

test('many writers at once, some of which roll back: every committed change comes once, in order of id', async () => {
  const { runId, reader, keys } = await watchedRun();
  const committed: string[] = [];
  await Promise.all(
    Array.from({ length: 8 }, async (_, writer) => {
      for (let n = 0; n < 12; n++) {
        const { create, commit, rollback } = await openWriter();
        const own = Array.from({ length: 1 + Math.floor(Math.random() * 3) }, (_, k) => `${writer}/${n}/${k}`);
        for (const key of own) {
          await create(runId, key);
          await sleep(Math.random() * 15);
        }
        if (Math.random() < 0.3) await rollback();
        else {
          await commit();
          committed.push(...own);
        }
      }
    }),
  );
  await until(() => keys().length >= committed.length, { what: 'all of them' });
  expect([...keys()].sort()).toEqual(committed.sort());
  const ids = reader.events.flatMap(({ event, id }) => (event === 'task' ? [Number(id)] : []));
  expect(ids).toEqual([...ids].sort((a, b) => a - b));
});

test('a database that has become an earlier state of itself asks everybody to read again', async () => {
  const { runId, reader } = await watchedRun();
  const all = await readEvents(`${server.origin}/api/events`);
  await until(() => all.lastEventId !== null, { what: 'the cursor' });
  await server.db.query(`select setval('task_audit_id_seq', 1)`);
  for (const watching of [all, reader]) {
    await until(() => dataOf(watching, 'reset').length > 0, { what: 'reset' });
    expect(dataOf(watching, 'reset')).toEqual([{ reason: 'rewound' }]);
  }
  await until(() => dataOf(reader, 'run').length > 1, { what: 'the run as it now is' });
  expect(dataOf(reader, 'run').at(-1)).toMatchObject({ id: runId });
});
