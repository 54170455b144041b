/**
 * Runs and their tasks as people look at them. Lists page by id: ids are made in order of time, so the primary key
 * serves, however many runs there are.
 */
import type { RunStatus } from '@reelfleet/core';
import { type AnyColumn, and, asc, count, desc, eq, inArray, lt, type SQL, sql } from 'drizzle-orm';
import { videos } from '../schema/catalog.ts';
import { artifacts, pipelineRuns, taskAudit, taskDependencies, tasks, workers } from '../schema/engine.ts';
import type { ReadHandle } from './client.ts';

const runColumns = {
  id: pipelineRuns.id,
  identifier: pipelineRuns.identifier,
  template: pipelineRuns.template,
  videoTitle: videos.title,
  status: pipelineRuns.status,
  phase: pipelineRuns.phase,
  priority: pipelineRuns.priority,
  openTasks: pipelineRuns.openTasks,
  errorStage: pipelineRuns.errorStage,
  errorMessage: pipelineRuns.errorMessage,
  cancelRequestedAt: pipelineRuns.cancelRequestedAt,
  cancelRequestedBy: pipelineRuns.cancelRequestedBy,
  createdAt: pipelineRuns.createdAt,
  startedAt: pipelineRuns.startedAt,
  completedAt: pipelineRuns.completedAt,
  durationSeconds: pipelineRuns.durationSeconds,
  videoId: pipelineRuns.videoId,
  channelId: pipelineRuns.channelId,
};

export type RunRecord = Awaited<ReturnType<typeof readRuns>>[number];

/** The runs are chosen first, then each one's tasks are summed up through their index: one statement for a page of both. */
async function readRuns(db: ReadHandle, where: SQL | undefined, limit: number) {
  const run = db
    .select(runColumns)
    .from(pipelineRuns)
    .leftJoin(videos, eq(videos.id, pipelineRuns.videoId))
    .where(where)
    .orderBy(desc(pipelineRuns.id))
    .limit(limit)
    .as('run');
  const sums = db
    .select({
      tasksTotal: count().as('tasks_total'),
      tasksEnded:
        sql<number>`count(*) filter (where ${tasks.status} in ('completed', 'failed', 'cancelled', 'skipped'))`
          .mapWith(Number)
          .as('tasks_ended'),
      progressPercent:
        sql<number>`floor(coalesce(avg(case when ${tasks.status} in ('completed', 'skipped') then 100 else ${tasks.progressPercent} end), 0))`
          .mapWith(Number)
          .as('mean_progress'),
      firstTitle: sql<string | null>`(array_agg(${tasks.title} order by ${tasks.position}, ${tasks.key}))[1]`.as(
        'first_title',
      ),
    })
    .from(tasks)
    .where(eq(tasks.runId, run.id))
    .as('sums');
  const rows = await db.select().from(run).innerJoinLateral(sums, sql`true`).orderBy(desc(run.id));
  return rows.map(({ run, sums: { firstTitle, ...sums } }) => ({
    ...run,
    ...sums,
    title: run.videoTitle ?? firstTitle,
  }));
}

/**
 * No index knows the status of a run, since that would make each of its changes dearer. Those that ended badly stand in
 * one of their own; unfinished ones are those with open tasks; and those that completed are most of them.
 */
function ofStatus(status: RunStatus | undefined): SQL | undefined {
  switch (status) {
    case undefined:
    case 'completed':
      return status && eq(pipelineRuns.status, status);
    case 'queued':
    case 'running':
      return and(
        eq(pipelineRuns.status, status),
        sql`${pipelineRuns.id} in (
          select run_id from tasks where status = 'queued' union all select run_id from tasks where status = 'running'
          union all select run_id from tasks where status = 'waiting')`,
      );
    case 'failed':
    case 'partial':
    case 'cancelled':
      return eq(pipelineRuns.trouble, status);
    default:
      return status satisfies never;
  }
}

/** Runs, newest first; `before` is the id of the last run already seen. */
export function listRuns(
  db: ReadHandle,
  filter: {
    status?: RunStatus | undefined;
    template?: string | undefined;
    channelId?: string | undefined;
    videoId?: string | undefined;
    limit: number;
    before?: string | undefined;
  },
) {
  const is = <C extends AnyColumn>(column: C, value: unknown) => (value === undefined ? undefined : eq(column, value));
  const where = and(
    ofStatus(filter.status),
    is(pipelineRuns.template, filter.template),
    is(pipelineRuns.channelId, filter.channelId),
    is(pipelineRuns.videoId, filter.videoId),
    filter.before === undefined ? undefined : lt(pipelineRuns.id, filter.before),
  );
  return readRuns(db, where, filter.limit);
}

/** One run by its id, or null. */
export async function runById(db: ReadHandle, id: string): Promise<RunRecord | null> {
  return (await readRuns(db, eq(pipelineRuns.id, id), 1))[0] ?? null;
}

/** The runs with these ids, newest first; what is not there is left out. */
export function runsByIds(db: ReadHandle, ids: readonly string[]): Promise<RunRecord[]> {
  return ids.length === 0 ? Promise.resolve([]) : readRuns(db, inArray(pipelineRuns.id, [...ids]), ids.length);
}

/** What an id means, or null. */
export async function findById(db: ReadHandle, id: string): Promise<{ kind: 'run' | 'task'; runId: string } | null> {
  const [run] = await db.select({ id: pipelineRuns.id }).from(pipelineRuns).where(eq(pipelineRuns.id, id));
  if (run) return { kind: 'run', runId: run.id };
  const [task] = await db.select({ runId: tasks.runId }).from(tasks).where(eq(tasks.id, id));
  return task ? { kind: 'task', runId: task.runId } : null;
}

export async function findRunByIdentifier(db: ReadHandle, identifier: string): Promise<string | null> {
  const [run] = await db
    .select({ id: pipelineRuns.id })
    .from(pipelineRuns)
    .where(eq(pipelineRuns.identifier, identifier));
  return run?.id ?? null;
}

/** The runs that hold these idempotency keys, by key. */
export async function runsByKey(db: ReadHandle, keys: readonly string[]): Promise<Map<string, string>> {
  if (keys.length === 0) return new Map();
  const rows = await db
    .select({ id: pipelineRuns.id, key: pipelineRuns.idempotencyKey })
    .from(pipelineRuns)
    .where(inArray(pipelineRuns.idempotencyKey, [...keys]));
  return new Map(rows.flatMap(({ id, key }) => (key === null ? [] : [[key, id] as const])));
}

const taskColumns = {
  id: tasks.id,
  runId: tasks.runId,
  key: tasks.key,
  stage: tasks.stage,
  title: tasks.title,
  status: tasks.status,
  stateVersion: tasks.stateVersion,
  attemptNumber: tasks.attemptNumber,
  progressPercent: tasks.progressPercent,
  currentStep: tasks.currentStep,
  // Who works on it, or who ended it.
  workerName: sql<
    string | null
  >`coalesce(${workers.workerName}, case when ${tasks.workerId} is null then ${tasks.processedByWorkerName} end)`,
  workerLastHeartbeat: workers.lastHeartbeat,
  failures: tasks.failures,
  maxAttempts: tasks.maxAttempts,
  crashes: tasks.crashes,
  maxCrashes: tasks.maxCrashes,
  optional: tasks.optional,
  priority: tasks.priority,
  dispatchedAt: tasks.dispatchedAt,
  dispatches: tasks.dispatches,
  runAfter: tasks.runAfter,
  claimExpiresAt: tasks.claimExpiresAt,
  cancelRequestedAt: tasks.cancelRequestedAt,
  cancelRequestedBy: tasks.cancelRequestedBy,
  updatedBy: tasks.updatedBy,
  errorCode: tasks.errorCode,
  lastError: tasks.lastError,
  startedAt: tasks.startedAt,
  completedAt: tasks.completedAt,
};

export type TaskRecord = Awaited<ReturnType<typeof readTasks>>[number];

function readTasks(db: ReadHandle, where: SQL) {
  return db
    .select(taskColumns)
    .from(tasks)
    .leftJoin(workers, eq(workers.id, tasks.workerId))
    .where(where)
    .orderBy(asc(tasks.position), asc(tasks.key));
}

export const tasksOfRun = (db: ReadHandle, runId: string): Promise<TaskRecord[]> =>
  readTasks(db, eq(tasks.runId, runId));

export async function taskById(db: ReadHandle, id: string): Promise<TaskRecord | null> {
  return (await readTasks(db, eq(tasks.id, id)))[0] ?? null;
}

/** Failed tasks, in the backward order of their index; `before` is the last one already seen. */
export async function failedTasks(
  db: ReadHandle,
  filter: { stage?: string | undefined; before?: { stage: string; id: string } | undefined; limit: number },
): Promise<TaskRecord[]> {
  const { stage, before, limit } = filter;
  return await db
    .select(taskColumns)
    .from(tasks)
    .leftJoin(workers, eq(workers.id, tasks.workerId))
    .where(
      and(
        eq(tasks.status, sql`'failed'`),
        stage === undefined ? undefined : eq(tasks.stage, stage),
        before && sql`(${tasks.stage}, ${tasks.id}) < (${before.stage}, ${before.id}::uuid)`,
      ),
    )
    .orderBy(desc(tasks.stage), desc(tasks.id))
    .limit(limit);
}

/** What the tasks of a run need: by the dependant's id, with what each need has come to. */
export async function needsOfRun(db: ReadHandle, runId: string) {
  const needed = db
    .select({
      id: tasks.id,
      key: tasks.key,
      status: tasks.status,
      progressPercent: tasks.progressPercent,
      position: tasks.position,
    })
    .from(tasks)
    .where(eq(tasks.runId, runId))
    .as('needed');
  return await db
    .select({
      taskId: taskDependencies.taskId,
      kind: taskDependencies.kind,
      key: needed.key,
      status: needed.status,
      progressPercent: needed.progressPercent,
    })
    .from(taskDependencies)
    .innerJoin(needed, eq(needed.id, taskDependencies.dependsOnId))
    .orderBy(asc(needed.position), asc(needed.key));
}

/** The files a run's completed tasks stored, in the order they came. */
export async function artifactsOfRun(db: ReadHandle, runId: string) {
  return await db
    .select({
      id: artifacts.id,
      kind: artifacts.kind,
      uri: artifacts.uri,
      sha256: artifacts.sha256,
      sizeBytes: artifacts.sizeBytes,
      contentType: artifacts.contentType,
      taskKey: tasks.key,
    })
    .from(artifacts)
    .leftJoin(tasks, eq(tasks.id, artifacts.taskId))
    .where(eq(artifacts.runId, runId))
    .orderBy(asc(tasks.position), asc(tasks.key), asc(artifacts.createdAt), asc(artifacts.uri));
}

/** What the audit trail keeps of a state. */
export interface AuditState {
  status: (typeof tasks.status.enumValues)[number];
  error: string | null;
}

/** The audit trail of a task, oldest first; workers among the actors with their names. */
export async function auditOfTask(db: ReadHandle, taskId: string) {
  const trail = await db
    .select()
    .from(taskAudit)
    .where(eq(taskAudit.taskId, taskId))
    .orderBy(asc(taskAudit.stateVersion));
  const actors = [...new Set(trail.map((row) => row.actor))].filter((actor) => /^[0-9a-f-]{36}$/.test(actor));
  const names =
    actors.length === 0
      ? []
      : await db.select({ id: workers.id, name: workers.workerName }).from(workers).where(inArray(workers.id, actors));
  const byId = new Map(names.map(({ id, name }) => [id, name]));
  return trail.map((row) => ({
    stateVersion: row.stateVersion,
    actor: row.actor,
    actorName: byId.get(row.actor) ?? null,
    action: row.action,
    before: row.stateBefore as AuditState | null,
    after: row.stateAfter as AuditState,
    at: row.timestamp,
  }));
}

/** How many tickets of its stage are to be taken before this one. */
export async function ticketsBefore(
  db: ReadHandle,
  task: Pick<TaskRecord, 'id' | 'stage' | 'priority' | 'dispatchedAt'>,
): Promise<number> {
  if (task.dispatchedAt === null) return 0;
  const [row] = await db
    .select({ ahead: count() })
    .from(tasks)
    .where(
      and(
        eq(tasks.status, 'queued'),
        eq(tasks.stage, task.stage),
        sql`${tasks.dispatchedAt} is not null`,
        sql`(${tasks.priority} > ${task.priority} or (${tasks.priority} = ${task.priority} and (${tasks.dispatchedAt}, ${tasks.id})
          < (select m.dispatched_at, m.id from tasks m where m.id = ${task.id})))`,
      ),
    );
  return row?.ahead ?? 0;
}

/** Ended runs that retention would remove. */
export async function runsOlderThan(db: ReadHandle, days: number): Promise<number> {
  const [row] = await db
    .select({ n: count() })
    .from(pipelineRuns)
    .where(
      and(
        inArray(pipelineRuns.status, ['completed', 'failed', 'partial', 'cancelled']),
        sql`${pipelineRuns.completedAt} < now() - make_interval(days => ${days})`,
      ),
    );
  return row?.n ?? 0;
}

/** The database's clock: every "in 12 s" is said by it. */
export async function databaseNow(db: ReadHandle): Promise<Date> {
  const rows = await db.execute<{ now: string }>(sql`select now() as now`);
  return new Date((rows[0] as { now: string }).now);
}
