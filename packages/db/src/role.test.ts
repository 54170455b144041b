/** What the worker's role can do, and what it cannot: a login with nothing but reelfleet_worker. */
import { randomBytes, randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Database, openLedger, openOperatorLedger, openSweepLedger } from './index.ts';
import { bareRun, migratedDatabase, type TestDatabase } from './testing.ts';

let database: TestDatabase;
let owner: Database;
let login: Database;
const user = `worker_${randomBytes(4).toString('hex')}`;
const worker = randomUUID();

beforeAll(async () => {
  database = await migratedDatabase();
  owner = new Database(database.url, { name: 'owner' });
  await owner.query(`create role ${user} login password 'secret' in role reelfleet_worker`);
  const url = new URL(database.url);
  url.username = user;
  url.password = 'secret';
  login = new Database(url.href, { name: 'worker' });
});
afterAll(async () => {
  await login?.end();
  await owner.query(`drop role ${user}`);
  await owner.end();
  await database.drop();
});

test('it can do a whole attempt and a sweep', async () => {
  const run = randomUUID();
  const task = {
    id: randomUUID(),
    key: 'a',
    stage: 'probe',
    title: 'a',
    phase: 'p',
    position: 0,
    payload: {},
    optional: false,
    maxAttempts: 3,
    maxCrashes: 3,
  };
  await openOperatorLedger(owner).enqueue(
    [
      {
        run: bareRun(run),
        tasks: [task],
        edges: [],
        before: [],
        after: [],
      },
    ],
    'owner',
  );
  const ledger = openLedger(login, login);
  expect(await ledger.hello({ id: worker, name: user, type: 'remote', capabilities: {}, metadata: {} })).toBe('active');
  expect(await ledger.schemaVersion()).toMatch(/\w/);
  expect((await ledger.claim(worker, 1_000, [{ id: task.id, version: 1, refusal: null }]))[0]?.kind).toBe('claimed');
  expect(
    (
      await ledger.beat(worker, 1_000, [{ id: task.id, version: 2, progressPercent: 5, step: 's' }], {
        draining: false,
        report: { seq: 1, counters: { done: 1 }, gauges: {} },
      })
    ).tasks,
  ).toEqual({ [task.id]: 'held' });
  expect(
    await ledger.checkpoint(worker, [{ id: task.id, version: 2, data: {}, units: 1, progress: 1, step: null }]),
  ).toEqual([true]);
  expect((await ledger.settle(worker, [{ id: task.id, version: 2, event: 'complete', output: {} }]))[0]?.status).toBe(
    'completed',
  );
  const sweep = openSweepLedger(login);
  await sweep.turn(1_000, 30_000);
  await sweep.expire(worker, 30_000, 10);
  await sweep.due(10);
  const { next } = await sweep.store('test', 0);
  expect(next).toBe(1);
  await sweep.lost('test', 10);
  await sweep.verified('test', false, (await sweep.toVerify('test', 10, false)).cursor);
  await sweep.redispatch([]);
  await sweep.workersOffline(1_000);
  await sweep.choreDue('test', 1_000);
  await sweep.retention(90, 10);
  await sweep.unnamed([{ key: 'runs/x/y/1/z', uri: 'file:///z' }]);
  await ledger.bye(worker, { seq: 2, counters: { done: 2 }, gauges: {} });
  expect(await owner.query('select * from worker_totals')).toEqual([{ key: 'done', total: '2' }]);
});

test.each([
  'select * from public.tasks',
  'select * from public.videos',
  "update public.tasks set status = 'completed'",
  'delete from public.task_audit',
  'select * from public.worker_totals',
  'update public.worker_totals set total = 0',
  "insert into public.channels (name, brand_niche) values ('x', 'y')",
  'truncate public.pipeline_runs cascade',
  'create table public.mine (a int)',
  'create table reelfleet.mine (a int)',
  "select reelfleet.enqueue('[]', 'me')",
  "select reelfleet.operator_cancel('me', '{}', '{}')",
  "select reelfleet.operator_retry('me', '{}', '{}')",
  "select reelfleet.pause_stage('music', 'me', null)",
  "select reelfleet.apply_records('[]')",
  "select reelfleet.advance('{}', '{}', 'me')",
  'select * from reelfleet.migrations',
  "create function reelfleet.next_status() returns int language sql as 'select 1'",
])('it may not: %s', async (statement) => {
  await expect(login.query(statement)).rejects.toThrow(/permission denied/);
});

test('the functions it calls do not look where it could put something of its own', async () => {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  const rows = await client.query<{ name: string }>(
    `select p.proname as name from pg_proc p join pg_namespace n on n.oid = p.pronamespace
     where n.nspname = 'reelfleet' and p.prosecdef and not coalesce(array_to_string(p.proconfig, ',') ~ 'search_path=(public|pg_catalog), pg_temp', false)`,
  );
  await client.end();
  expect(rows.rows).toEqual([]);
});
