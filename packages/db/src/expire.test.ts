/** Whom the sweep blames for a lease that ran out. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Database, text, uuid } from './client.ts';
import { openLedger, openOperatorLedger, openSweepLedger } from './ledger.ts';
import { bareRun, migratedDatabase, type TestDatabase } from './testing.ts';

let database: TestDatabase;
let db: Database;
const worker = randomUUID();

beforeAll(async () => {
  database = await migratedDatabase();
  db = new Database(database.url, { name: 'test' });
  await openLedger(db, db).hello({ id: worker, name: 'tester', type: 'local', capabilities: {}, metadata: {} });
  await db.query(`update sweep_turn set since = pg_postmaster_start_time() - interval '1 hour'`);
});
afterAll(async () => {
  await db.end();
  await database.drop();
});

/** A task at work for the last time it may crash. */
async function atWork(): Promise<string> {
  const [run, task] = [randomUUID(), randomUUID()];
  await openOperatorLedger(db).enqueue(
    [
      {
        run: bareRun(run),
        tasks: [
          {
            id: task,
            key: 'only',
            stage: 'probe',
            title: 'only',
            phase: 'p',
            position: 0,
            payload: {},
            optional: false,
            maxAttempts: 3,
            maxCrashes: 1,
          },
        ],
        edges: [],
        before: [],
        after: [],
      },
    ],
    'test',
  );
  await openLedger(db, db).claim(worker, 60_000, [{ id: task, version: 1, refusal: null }]);
  return task;
}

test('a lease that no beat could extend since Postgres started is given back without blame; any other is a crash', async () => {
  // Half of the time that Postgres has been up: so a lease can have run out in it, before or after it was extended.
  const [row] = await db.query<{ age: number }>(
    'select extract(epoch from clock_timestamp() - pg_postmaster_start_time())::float * 1000 as age',
  );
  const leaseMs = Math.floor((row as { age: number }).age / 2);
  const endsAt = (task: string, leases: number) =>
    db.query(
      `update tasks set claim_expires_at = pg_postmaster_start_time() + make_interval(secs => $2::text::float) where id = $1::text::uuid`,
      [uuid(task), text(String((leases * leaseMs) / 1_000))],
    );
  const [cutOff, crashed] = [await atWork(), await atWork()];
  await endsAt(cutOff, 0.9);
  await endsAt(crashed, 1.1);
  expect(await openSweepLedger(db).expire('sweeper', leaseMs, 100)).toMatchObject({ expired: 2 });
  const facts = (task: string) =>
    db.query(
      `select status, crashes, error_code as code, state_version as version, worker_id as worker, last_event as event
       from tasks where id = $1::text::uuid`,
      [uuid(task)],
    );
  const ended = { version: 3, worker: null };
  expect(await facts(cutOff)).toEqual([
    { ...ended, status: 'queued', crashes: 0, code: 'database-restarted', event: 'release' },
  ]);
  expect(await facts(crashed)).toEqual([
    { ...ended, status: 'failed', crashes: 1, code: 'lease-expired', event: 'expire' },
  ]);
});
