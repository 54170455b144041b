/**
 * What the stream of run events reads: the audit trail of tasks from some id on, what one run or all runs have missed
 * since then, and the running tasks. Every statement is reached by an index and costs what is new, not what there is:
 * the laterals are fenced by `offset 0`, since with the statistics of a young table the planner would rather read the
 * whole of `tasks` than a few hundred of its keys.
 *
 * Ids of the audit trail are JavaScript numbers here: at a million rows a second they stay exact for 285 years.
 */
import type { TaskStatus } from '@reelfleet/core';
import { sql } from 'drizzle-orm';
import type { ReadHandle } from './client.ts';
import type { AuditState } from './runs.ts';

/** A state as the guard trigger writes it: packages/db/sql/10-tasks-guard.sql. */
export interface AuditedState extends AuditState {
  status: TaskStatus;
  worker: string | null;
  attemptNumber: number;
  failures: number;
  crashes: number;
  runAfter: string | null;
  errorCode: string | null;
}

/** One change of one task, with what names the task. */
export interface AuditedChange {
  taskId: string;
  key: string;
  stage: string;
  title: string | null;
  action: string;
  actor: string;
  /** The worker's name, when the actor is one. */
  actorName: string | null;
  stateVersion: number;
  before: AuditedState | null;
  after: AuditedState;
  /** As Postgres writes a time in JSON. */
  at: string;
}

export interface AuditEntry {
  id: number;
  /** Null when the task has been deleted since. */
  runId: string | null;
  /** Only for the runs asked for. */
  change: AuditedChange | null;
}

/** One look at the audit trail, all of it from one snapshot. */
export interface AuditLook {
  /** In order of id, the first ones after the id given. */
  entries: AuditEntry[];
  /** Every transaction with a lower id had ended when this was looked at. */
  xmin: number;
  /** The highest id that any writer has taken by now, committed or not. */
  lastId: number;
  /** The id of a transaction begun after this look; null when none was asked for. */
  mark: number | null;
}

/** The error of a failing ffmpeg brings its last lines along; a list of events needs no more of them than this. */
const ERROR_LENGTH = 1_000;

const change = sql`json_build_object('taskId', t.id, 'key', t.key, 'stage', t.stage, 'title', t.title, 'action', a.action,
  'actor', a.actor,
  'actorName', case when a.actor ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then
    (select w.worker_name from workers w where w.id = a.actor::uuid) end,
  'stateVersion', a.state_version, 'before', ${short(sql`a.state_before`)}, 'after', ${short(sql`a.state_after`)},
  'at', a."timestamp")`;

function short(state: ReturnType<typeof sql>) {
  return sql`case when length(${state}->>'error') > ${sql.raw(String(ERROR_LENGTH))}
    then jsonb_set(${state}, '{error}', to_jsonb(left(${state}->>'error', ${sql.raw(String(ERROR_LENGTH))}))) else ${state} end`;
}

const uuidArray = (ids: readonly string[]) => sql`${`{${ids.join(',')}}`}::text::uuid[]`;

/**
 * The entries after an id (null: none, only where the trail stands), with the changes of the runs in `detail`. `mark`
 * spends a transaction id: ask for it only when there is a gap to be explained.
 */
export async function lookAtAudit(
  db: ReadHandle,
  asked: { after: number | null; limit: number; detail: readonly string[]; mark: boolean },
): Promise<AuditLook> {
  const entries = sql`select json_agg(json_build_array(e.id, e.run_id, e.change) order by e.id) from (
      select a.id, t.run_id, case when t.run_id = any(array(select unnest(${uuidArray(asked.detail)}))) then ${change} end as change
      from (select * from task_audit where id > ${asked.after}::bigint order by id limit ${asked.limit}::int) a
      left join lateral (select * from tasks where id = a.task_id offset 0) t on true) e`;
  const rows = (await db.execute(sql`select
      pg_snapshot_xmin(pg_current_snapshot())::text as xmin,
      (select case when is_called then last_value else last_value - 1 end from task_audit_id_seq)::text as "lastId",
      ${asked.mark ? sql`pg_current_xact_id()::text` : sql`null`} as mark,
      ${asked.after === null ? sql`null` : sql`(${entries})`} as entries`)) as unknown as {
    xmin: string;
    lastId: string;
    mark: string | null;
    entries: string | null;
  }[];
  const [row] = rows;
  if (row === undefined) throw new Error('a look at the audit trail answers one row, but Postgres sent none');
  const found =
    row.entries === null ? [] : (JSON.parse(row.entries) as [number, string | null, AuditedChange | null][]);
  return {
    entries: found.map(([id, runId, change]) => ({ id, runId, change })),
    xmin: Number(row.xmin),
    lastId: Number(row.lastId),
    mark: row.mark === null ? null : Number(row.mark),
  };
}

/**
 * Whether a transaction that writes the audit trail and began before `mark` is still open. Slower than comparing
 * snapshots, but not misled by a long transaction that has nothing to do with tasks.
 */
export async function auditWritersBefore(db: ReadHandle, mark: number): Promise<boolean> {
  const rows = (await db.execute(sql`select exists (
      select 1 from pg_locks w join pg_locks x on x.virtualtransaction = w.virtualtransaction
      where w.locktype = 'relation' and w.relation = 'public.task_audit'::regclass and w.mode = 'RowExclusiveLock'
        and w.database = (select oid from pg_database where datname = current_database())
        and x.locktype = 'transactionid' and x.mode = 'ExclusiveLock' and x.granted
        and age(x.transactionid) > age(${String(mark)}::text::xid8::xid)) as open`)) as unknown as { open: boolean }[];
  return rows[0]?.open !== false;
}

/**
 * The changes of one run in `after < id <= upTo`, oldest first, at most `limit`. Costs what the run has gone through:
 * `id + 0` keeps the planner from walking the trail of the whole fleet instead.
 */
export async function missedChanges(
  db: ReadHandle,
  asked: { runId: string; after: number; upTo: number; limit: number },
): Promise<{ id: number; change: AuditedChange }[]> {
  const rows = (await db.execute(sql`select a.id::text as id, ${change} as change
      from (select id, key, stage, title from tasks where run_id = ${asked.runId}::uuid) t
      cross join lateral (
        select * from task_audit where task_id = t.id and id + 0 > ${asked.after}::bigint and id + 0 <= ${asked.upTo}::bigint offset 0) a
      order by a.id limit ${asked.limit}::int`)) as unknown as { id: string; change: string }[];
  return rows.map((row) => ({ id: Number(row.id), change: JSON.parse(row.change) as AuditedChange }));
}

/** The runs that changed in `after < id <= upTo`. The caller bounds the distance. */
export async function missedRuns(db: ReadHandle, asked: { after: number; upTo: number }): Promise<string[]> {
  const rows = (await db.execute(sql`select distinct t.run_id as id
      from (select task_id from task_audit where id > ${asked.after}::bigint and id <= ${asked.upTo}::bigint offset 0) a
      cross join lateral (select run_id from tasks where id = a.task_id offset 0) t`)) as unknown as { id: string }[];
  return rows.map((row) => row.id);
}

/** The id of the last change of each of these runs. */
export async function lastChanges(db: ReadHandle, runIds: readonly string[]): Promise<Map<string, number>> {
  const rows =
    (await db.execute(sql`select r.id as run, max(a.id)::text as id from unnest(${uuidArray(runIds)}) as r(id)
      cross join lateral (select id from tasks where run_id = r.id offset 0) t
      cross join lateral (select id from task_audit where task_id = t.id order by state_version desc limit 1) a
      group by r.id`)) as unknown as { run: string; id: string }[];
  return new Map(rows.map(({ run, id }) => [run, Number(id)]));
}

/** What moves without leaving a line in the audit trail. */
export interface RunningTask {
  id: string;
  runId: string;
  progressPercent: number;
  currentStep: string | null;
  cancelAsked: boolean;
}

/** The running tasks of the whole fleet, which are never many; at most `limit`. */
export async function runningTasks(db: ReadHandle, limit: number): Promise<RunningTask[]> {
  return (await db.execute(sql`select id, run_id as "runId", progress_percent as "progressPercent",
      current_step as "currentStep", cancel_requested_at is not null as "cancelAsked"
      from tasks where status = 'running' order by worker_id limit ${limit}::int`)) as unknown as RunningTask[];
}
