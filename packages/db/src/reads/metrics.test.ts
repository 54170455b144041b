/** What a scrape costs must not follow what lies in the tables: Postgres is asked how it goes about each statement. */
import { sql } from 'drizzle-orm';
import { PgDialect } from 'drizzle-orm/pg-core';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { migratedDatabase, type TestDatabase } from '../testing.ts';
import { metricStatements } from './metrics.ts';

let database: TestDatabase;
let client: pg.Client;
beforeAll(async () => {
  database = await migratedDatabase();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
  // A long history, a short backlog, a few dead letters; many workers that have left, with what they had counted.
  await client.query(`
    set session_replication_role = replica;
    insert into pipeline_runs (id, identifier, template, status)
      select gen_random_uuid(), 'r' || n, 'single', 'completed' from generate_series(1, 2000) n;
    insert into tasks (run_id, key, stage, status, run_after, completed_at)
      select r.id, 'k' || n, 'music', 'completed', null, now() from pipeline_runs r, generate_series(1, 20) n;
    insert into tasks (run_id, key, stage, status, run_after)
      select r.id, 'q', 'render', 'queued', now() from pipeline_runs r limit 50;
    insert into tasks (run_id, key, stage, status, run_after)
      select r.id, 'f', 'render', 'failed', null from pipeline_runs r limit 50;
    insert into workers (worker_name, status, last_heartbeat, metadata)
      select 'w' || n, 'offline', now(), jsonb_build_object('folded', jsonb_build_object('a', n)) from generate_series(1, 5000) n;
    insert into workers (worker_name, status, last_heartbeat, metadata)
      select 'a' || n, 'active', now(), '{"counters": {"a": 1}}' from generate_series(1, 5) n;
    set session_replication_role = origin;
    analyze;`);
});
afterAll(async () => {
  await client?.end();
  await database?.drop();
});

const statement = (name: keyof typeof metricStatements) =>
  new PgDialect().sqlToQuery(sql`${metricStatements[name]}`).sql;
const planOf = async (name: keyof typeof metricStatements): Promise<string> =>
  (await client.query(`explain (analyze, costs off, timing off) ${statement(name)}`)).rows
    .map((row) => row['QUERY PLAN'])
    .join('\n');

test('the backlog is counted by its partial indexes, not by a look at every task', async () => {
  const plan = await planOf('backlogTasks');
  expect(plan).not.toMatch(/Seq Scan on tasks/);
  expect(plan).toContain('ix_tasks_failed');
  expect(plan).toMatch(/ix_tasks_dispatched|ix_tasks_due/);
  expect(plan).toContain('ix_tasks_worker_id');
  expect((await client.query(statement('backlogTasks'))).rows).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ stage: 'render', status: 'queued', n: 50, due: 50 }),
      expect.objectContaining({ stage: 'render', status: 'failed', n: 50 }),
    ]),
  );
});

test.each(['workerCounts', 'presentWorkers'] as const)(
  '%s reads the workers that are there, not those that left',
  async (name) => {
    const plan = await planOf(name);
    expect(plan).not.toMatch(/Seq Scan on workers/);
    expect(plan).toContain('ix_workers_status');
  },
);

test('completing a task never touches the index of dead letters', async () => {
  const { rows } = await client.query(
    `select pg_get_expr(indpred, indrelid) as where from pg_index where indexrelid = 'ix_tasks_failed'::regclass`,
  );
  expect(rows).toEqual([{ where: "(status = 'failed'::text)" }]);
});
