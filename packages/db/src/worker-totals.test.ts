/** Whatever becomes of a worker, what it counted is counted once, and no sum over the fleet ever falls. */
import { randomUUID } from 'node:crypto';
import type { WorkerReport } from '@reelfleet/core';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { Database, openLedger, openReads, openSweepLedger, type Reads, workerCounts } from './index.ts';
import { migratedDatabase, type TestDatabase } from './testing.ts';

let database: TestDatabase;
let db: Database;
let reads: Reads;
beforeAll(async () => {
  database = await migratedDatabase();
  db = new Database(database.url, { name: 'test', max: 8 });
  reads = openReads(database.url, { name: 'test' });
});
afterAll(async () => {
  await Promise.all([reads?.end(), db?.end()]);
  await database?.drop();
});
beforeEach(async () => {
  await db.query('delete from workers');
  await db.query('truncate worker_totals');
});

const ledger = () => openLedger(db, db);
const sweep = () => openSweepLedger(db);
const sum = () => workerCounts(reads.db);
const report = (seq: number, done: number): WorkerReport => ({ seq, counters: { done }, gauges: { busy: 1 } });
const beat = (id: string, seq: number, done: number) =>
  ledger().beat(id, 1_000, [], { draining: false, report: report(seq, done) });

async function born(name = 'w'): Promise<string> {
  const id = randomUUID();
  await ledger().hello({ id, name, type: 'remote', capabilities: {}, metadata: { host: 'h' } });
  return id;
}
const silence = (id: string) =>
  db.query(`update workers set last_heartbeat = now() - interval '1 hour' where id = '${id}'`);
const expectTotals = async (done: number) => {
  expect(await sum()).toEqual(done === 0 ? {} : { done });
};

test('the sum over two workers is the sum of their last reports, and what they know of themselves stays', async () => {
  const [a, b] = [await born(), await born()];
  await beat(a, 1, 3);
  await beat(b, 1, 4);
  await beat(b, 2, 5.25);
  await ledger().beat(b, 1_000, [], { draining: false });
  await expectTotals(8.25);
  const rows = await db.query<{ metadata: object }>(`select metadata from workers where id = '${b}'`);
  expect(rows[0]?.metadata).toMatchObject({ host: 'h', counters: { done: 5.25 }, gauges: { busy: 1 } });
});

test('a report that comes late, or twice, changes nothing', async () => {
  const a = await born();
  await beat(a, 2, 7);
  await beat(a, 1, 3);
  await beat(a, 2, 7);
  await expectTotals(7);
});

test('a worker that takes its leave is counted to its last report, then and after its row is gone', async () => {
  const a = await born();
  await beat(a, 1, 3);
  await ledger().bye(a, report(2, 10));
  await expectTotals(10);
  expect(await db.query(`select 1 from workers where metadata ? 'counters'`)).toEqual([]);
  await db.query(`update workers set last_heartbeat = now() - interval '100 days'`);
  expect(await sweep().retention(90, 10)).toBe(1);
  expect(await db.query('select 1 from workers')).toEqual([]);
  await expectTotals(10);
});

test('a killed worker counts to its last beat when it is written off, and when its row is removed before that', async () => {
  const [a, b] = [await born(), await born()];
  await beat(a, 1, 3);
  await beat(b, 1, 4);
  await silence(a);
  expect(await sweep().workersOffline(1_000)).toBe(1);
  await expectTotals(7);
  await db.query(`delete from workers where id = '${b}'`);
  await expectTotals(7);
});

test('a frozen worker that was written off and wakes up adds only what is new', async () => {
  const a = await born();
  await beat(a, 1, 3);
  for (let round = 0; round < 3; round++) {
    await silence(a);
    expect(await sweep().workersOffline(1_000)).toBe(1);
    await expectTotals(3 + round);
    await beat(a, 10 + round, 4 + round);
    await expectTotals(4 + round);
  }
  await ledger().bye(a, report(20, 50));
  await expectTotals(50);
  // A beat that was on its way when it left.
  await beat(a, 19, 49);
  await expectTotals(50);
  expect(await sweep().workersOffline(0)).toBe(1);
  await expectTotals(50);
});

test('a disabled worker that leaves stays disabled, and counted', async () => {
  const a = await born();
  await db.call(
    'worker_control',
    { sql: (n) => `$${n}::text`, value: 'w' },
    { sql: (n) => `$${n}::text`, value: 'disabled' },
  );
  await beat(a, 1, 3);
  await ledger().bye(a, report(2, 4));
  expect(await db.query('select status from workers')).toEqual([{ status: 'disabled' }]);
  await expectTotals(4);
  await db.query('delete from workers');
  await expectTotals(4);
});

test('what is no number in a report is left out, and harms no other', async () => {
  const a = await born();
  await ledger().beat(a, 1_000, [], {
    draining: false,
    report: { seq: 1, counters: { done: 2, odd: 'x', none: null } as never, gauges: {} },
  });
  const b = await born();
  await ledger().beat(b, 1_000, [], { draining: false, report: { seq: 1, counters: [1] as never, gauges: {} } });
  await expectTotals(2);
  await ledger().bye(a);
  await ledger().bye(b);
  await expectTotals(2);
});

test('many that leave at once, each by another door, are all counted, and none waits for another in a circle', async () => {
  const ids = await Promise.all(Array.from({ length: 24 }, () => born()));
  await Promise.all(ids.map((id, n) => beat(id, 1, n + 1)));
  await Promise.all(ids.filter((_, n) => n % 3 === 0).map(silence));
  await Promise.all([
    ...ids.filter((_, n) => n % 3 === 1).map((id) => ledger().bye(id)),
    ...ids.filter((_, n) => n % 3 === 2).map((id) => db.query(`delete from workers where id = '${id}'`)),
    sweep().workersOffline(1_000),
    sweep().workersOffline(1_000),
  ]);
  await expectTotals((24 * 25) / 2);
});

test('over any lives of workers no sum falls, and each ends up counted once', async () => {
  const step = fc.record({
    worker: fc.nat({ max: 2 }),
    what: fc.constantFrom('beat', 'late', 'bye', 'offline', 'delete' as const),
    done: fc.nat({ max: 5 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      await db.query('delete from workers');
      await db.query('truncate worker_totals');
      const crew = await Promise.all([0, 1, 2].map(async () => ({ id: await born(), seq: 0, told: 0, gone: 0 })));
      let last = 0;
      for (const { worker, what, done } of steps) {
        const one = crew[worker] as (typeof crew)[number];
        one.seq += 1;
        if (what === 'beat' || what === 'bye') one.told += done;
        if (what === 'beat') await beat(one.id, one.seq, one.told);
        if (what === 'late' && one.told > 0) await beat(one.id, 0, one.told - 1);
        if (what === 'bye') await ledger().bye(one.id, report(one.seq, one.told));
        if (what === 'offline') {
          await silence(one.id);
          await sweep().workersOffline(1_000);
        }
        if (what === 'delete') {
          await db.query(`delete from workers where id = '${one.id}'`);
          one.gone += one.told;
          Object.assign(one, { id: await born(), seq: 0, told: 0 });
        }
        const now = (await sum()).done ?? 0;
        expect(now).toBeGreaterThanOrEqual(last);
        last = now;
      }
      expect(last).toBe(crew.reduce((total, { told, gone }) => total + told + gone, 0));
    }),
    { numRuns: 30 },
  );
});

test('sums of many decimals are exact, so that rounding never looks like a restart', async () => {
  let last = 0;
  for (let n = 0; n < 40; n++) {
    const id = await born();
    await beat(id, 1, 0.1 + n / 1e6);
    const before = (await sum()).done ?? 0;
    expect(before).toBeGreaterThan(last);
    await ledger().bye(id);
    expect((await sum()).done).toBe(before);
    last = before;
  }
});
