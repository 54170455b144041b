/**
 * What the metrics of the whole fleet ask. `workerCounts`, `presentWorkers` and `pausedStages` cost what the living fleet
 * costs, whatever lies in the tables; `backlogCounts` grows with the tasks that are not done, `historyCounts` with all
 * there ever were: whoever calls those two does it in the background and with a measure (apps/server/src/metrics).
 */
import type { RunStatus, TaskStatus } from '@reelfleet/core';
import { type SQL, sql } from 'drizzle-orm';
import type { ReadHandle } from './client.ts';

/** The statements, apart from what they answer: a test asks Postgres how it goes about them. */
export const metricStatements = {
  // Workers that are offline have left what they counted in worker_totals (sql/29-worker-totals.sql).
  workerCounts: sql`
    select s.key, sum(s.value)::float8 as value from (
      select t.key, t.total as value from worker_totals t
      union all
      select c.key, c.value from workers w cross join lateral reelfleet.worker_counts(w.metadata) c
      where w.status in ('active', 'draining', 'disabled')) s
    group by s.key`,
  // The status that workers write of each other is late when all of them are gone: then the beats alone tell.
  presentWorkers: sql`
    select w.id, w.worker_name as name, w.status, w.metadata->>'host' as host,
      extract(epoch from now() - w.last_heartbeat)::float8 as "beatAge",
      coalesce(w.last_heartbeat < now() - make_interval(secs =>
        case when jsonb_typeof(w.metadata->'offlineMs') = 'number' then (w.metadata->>'offlineMs')::float8 else 60000 end / 1000), true) as silent,
      (w.metadata->'gauges')::text as gauges, (w.capabilities->'stages')::text as stages
    from workers w where w.status in ('active', 'draining', 'disabled')`,
  backlogTasks: sql`
    select t.stage, 'queued' as status, count(*)::float8 as n,
      count(*) filter (where t.run_after is null or t.run_after <= now())::float8 as due,
      extract(epoch from now() - min(t.run_after) filter (where t.run_after <= now()))::float8 as oldest
    from tasks t where t.status = 'queued' group by t.stage
    union all
    select t.stage, 'running', count(*)::float8, 0, null from tasks t where t.status = 'running' group by t.stage
    union all
    select t.stage, 'failed', count(*)::float8, 0, null from tasks t where t.status = 'failed' group by t.stage`,
  historyTasks: sql`select t.stage, t.status, count(*)::float8 as n from tasks t group by t.stage, t.status`,
  historyRuns: sql`select r.status, count(*)::float8 as n from pipeline_runs r group by r.status`,
} as const;

const ask = async <T extends object>(db: ReadHandle, statement: SQL): Promise<T[]> =>
  (await db.execute(statement)) as unknown as T[];

/** What all workers together have counted since the database was made, by the key of their reports. */
export async function workerCounts(db: ReadHandle): Promise<Record<string, number>> {
  const rows = await ask<{ key: string; value: number }>(db, metricStatements.workerCounts);
  return Object.fromEntries(rows.map(({ key, value }) => [key, value]));
}

export interface PresentWorker {
  id: string;
  name: string;
  status: 'active' | 'draining' | 'disabled';
  /** No beat for longer than its own setting allows: gone, as far as anybody can tell. */
  silent: boolean;
  host: string | null;
  beatAge: number | null;
  gauges: Record<string, number>;
  stages: string[];
}

/** Workers that have not left. */
export async function presentWorkers(db: ReadHandle): Promise<PresentWorker[]> {
  const rows = await ask<Omit<PresentWorker, 'gauges' | 'stages'> & { gauges: string | null; stages: string | null }>(
    db,
    metricStatements.presentWorkers,
  );
  return rows.map(({ gauges, stages, ...row }) => ({
    ...row,
    gauges: JSON.parse(gauges ?? '{}') ?? {},
    stages: JSON.parse(stages ?? '[]') ?? [],
  }));
}

export interface BacklogCount {
  stage: string;
  status: 'queued' | 'running' | 'failed';
  n: number;
  /** Of the queued ones, those that may start now. */
  due: number;
  /** Seconds the longest of them has been due, or null. */
  oldest: number | null;
}

/** Tasks that are queued, running or dead letters, by stage. Reads partial indexes; grows with the backlog. */
export const backlogCounts = (db: ReadHandle): Promise<BacklogCount[]> =>
  ask<BacklogCount>(db, metricStatements.backlogTasks);

export interface HistoryCounts {
  tasks: { stage: string; status: TaskStatus; n: number }[];
  runs: { status: RunStatus; n: number }[];
}

/** All tasks by stage and status, all runs by status. Reads the whole table. */
export async function historyCounts(db: ReadHandle): Promise<HistoryCounts> {
  return {
    tasks: await ask<HistoryCounts['tasks'][number]>(db, metricStatements.historyTasks),
    runs: await ask<HistoryCounts['runs'][number]>(db, metricStatements.historyRuns),
  };
}
