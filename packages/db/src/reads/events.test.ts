/** What the stream of events reads costs what is new, not what there is. */
import { randomUUID } from 'node:crypto';
import { drizzle } from 'drizzle-orm/pg-proxy';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { migratedDatabase, type TestDatabase } from '../testing.ts';
import { lastChanges, lookAtAudit, missedChanges, missedRuns, type ReadHandle, runningTasks } from './index.ts';

const RUNS = 4_000;
let database: TestDatabase;
let client: pg.Client;
const run = randomUUID();
beforeAll(async () => {
  database = await migratedDatabase();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
  await client.query(`insert into pipeline_runs (id, identifier, template)
    select gen_random_uuid(), 'run ' || n, 'single' from generate_series(2, ${RUNS}) n union all select '${run}', 'run 1', 'single'`);
  await client.query(
    `insert into tasks (run_id, key, stage) select id, 'probe/' || n, 'probe' from pipeline_runs, generate_series(1, 5) n`,
  );
});
let some: string[];
beforeAll(async () => {
  const { rows } = await client.query<{ id: string }>('select id from pipeline_runs limit 50');
  some = rows.map(({ id }) => id);
});
afterAll(async () => {
  await client.end();
  await database.drop();
});

/** Does a read, and tells what its statements touched: the scans of its plan, and how many blocks they read. */
async function costOf(read: (db: ReadHandle) => Promise<unknown>) {
  const scans = new Set<string>();
  let blocks = 0;
  const db: ReadHandle = drizzle(async (statement, values) => {
    const text = (value: unknown) => value as string;
    const { rows } = await client.query(`explain (analyze, buffers, format json) ${statement}`, values.map(text));
    const plan = rows[0]['QUERY PLAN'][0].Plan;
    blocks += plan['Shared Hit Blocks'] + plan['Shared Read Blocks'];
    const walk = (node: { [field: string]: unknown; Plans?: never[] }) => {
      if (/Scan$/.test(String(node['Node Type'])) && node['Relation Name'])
        scans.add(`${node['Node Type']} ${node['Relation Name']}`);
      for (const child of node.Plans ?? []) walk(child);
    };
    walk(plan);
    return { rows: [{ entries: null, xmin: '1', lastId: '1', mark: null, id: '1', change: '{}', open: false }] };
  });
  await read(db);
  return { scans: [...scans].sort(), blocks };
}

test.each(['young', 'analyzed'])(
  'every read goes by an index, with the statistics of a table that is %s',
  async (age) => {
    if (age === 'analyzed') await client.query('analyze');
    const after = RUNS * 5 - 100;
    const look = await costOf((db) => lookAtAudit(db, { after, limit: 1_000, detail: [run], mark: true }));
    const missed = await costOf((db) => missedChanges(db, { runId: run, after: 0, upTo: 1_000_000, limit: 100 }));
    const runs = await costOf((db) => missedRuns(db, { after, upTo: after + 50 }));
    // As many as may end in one round.
    const last = await costOf((db) => lastChanges(db, some));
    const scans = [look, missed, runs, last].flatMap((cost) => cost.scans);
    // Of the workers there are never many; they are looked up for the few changes somebody watches.
    expect(scans.filter((scan) => /^Seq Scan/.test(scan) && !/ (workers|task_audit_id_seq)$/.test(scan))).toEqual([]);
    expect(scans).toEqual(expect.arrayContaining(['Index Scan task_audit', 'Index Scan tasks']));
    // A few blocks per new row: the trail has 20,000.
    expect(look.blocks).toBeLessThan(100 * 10);
    expect(missed.blocks).toBeLessThan(100);
    expect(runs.blocks).toBeLessThan(50 * 10);
    expect(last.blocks).toBeLessThan(some.length * 5 * 10);
  },
);

test('the running tasks are found without the others', async () => {
  await client.query('analyze');
  const { scans } = await costOf((db) => runningTasks(db, 100));
  expect(scans).toEqual(['Index Scan tasks']);
});
