/** Who works, on what, and which stages are paused. */
import { asc, desc, eq, inArray, isNotNull, sql } from 'drizzle-orm';
import { stageControls, tasks, workers } from '../schema/engine.ts';
import type { ReadHandle } from './client.ts';

/** Workers that retention has not forgotten yet: those at work first, then by their last beat. */
const MOST_WORKERS = 500;

/** Every worker with the stages it serves and what it works on. */
export async function listWorkers(db: ReadHandle) {
  const rows = await db
    .select({
      id: workers.id,
      name: workers.workerName,
      status: workers.status,
      lastHeartbeat: workers.lastHeartbeat,
      registeredAt: workers.registeredAt,
      capabilities: workers.capabilities,
    })
    .from(workers)
    .orderBy(sql`${workers.status} = 'offline'`, asc(workers.workerName), desc(workers.lastHeartbeat))
    .limit(MOST_WORKERS);
  if (rows.length === 0) return [];
  const held = await db
    .select({
      workerId: tasks.workerId,
      id: tasks.id,
      key: tasks.key,
      title: tasks.title,
      progressPercent: tasks.progressPercent,
    })
    .from(tasks)
    .where(eq(tasks.status, 'running'))
    .orderBy(asc(tasks.startedAt));
  const byWorker = Map.groupBy(held, (task) => task.workerId);
  return rows.map(({ capabilities, ...row }) => ({
    ...row,
    stages: stagesOf(capabilities),
    tasks: (byWorker.get(row.id) ?? []).map(({ workerId: _worker, ...task }) => task),
  }));
}

/** The host each worker runs on, as it said at its start. */
export async function workerHosts(db: ReadHandle): Promise<Map<string, string | null>> {
  const rows = await db
    .select({ id: workers.id, host: sql<string | null>`${workers.metadata} ->> 'host'` })
    .from(workers)
    .where(sql`${workers.status} <> 'offline'`);
  return new Map(rows.map(({ id, host }) => [id, host]));
}

export type WorkerRecord = Awaited<ReturnType<typeof listWorkers>>[number];

function stagesOf(capabilities: unknown): string[] {
  const stages = (capabilities as { stages?: unknown } | null)?.stages;
  return Array.isArray(stages) ? stages.filter((stage) => typeof stage === 'string') : [];
}

/** Per stage, how many of its tasks are queued and running. Reads the partial indexes, never the whole table. */
export async function countStages(db: ReadHandle): Promise<Map<string, { queued: number; running: number }>> {
  const counted = (status: 'queued' | 'running') =>
    db
      .select({ stage: tasks.stage, n: sql<number>`count(*)`.mapWith(Number) })
      .from(tasks)
      .where(eq(tasks.status, status))
      .groupBy(tasks.stage);
  const stages = new Map<string, { queued: number; running: number }>();
  for (const status of ['queued', 'running'] as const) {
    for (const { stage, n } of await counted(status)) {
      stages.set(stage, { ...(stages.get(stage) ?? { queued: 0, running: 0 }), [status]: n });
    }
  }
  return stages;
}

/** The pauses in force, of the given stages or of all. */
export async function pausedStages(db: ReadHandle, stages?: readonly string[]) {
  return await db
    .select()
    .from(stageControls)
    .where(stages === undefined ? isNotNull(stageControls.pausedAt) : inArray(stageControls.stage, [...stages]));
}
