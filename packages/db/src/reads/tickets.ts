/** What is known of the tasks that tickets name, for those who look at the queues. */
import type { TaskStatus } from '@reelfleet/core';
import { eq, inArray } from 'drizzle-orm';
import { tasks, workers } from '../schema/engine.ts';
import type { ReadHandle } from './client.ts';

export interface TicketTask {
  id: string;
  runId: string;
  key: string;
  status: TaskStatus;
  stateVersion: number;
  attemptNumber: number;
  currentStep: string | null;
  /** Who works on it now. */
  workerName: string | null;
}

/** The tasks with these ids, by id; what was deleted is not among them. */
export async function tasksOfTickets(db: ReadHandle, ids: readonly string[]): Promise<Map<string, TicketTask>> {
  if (ids.length === 0) return new Map();
  const rows = await db
    .select({
      id: tasks.id,
      runId: tasks.runId,
      key: tasks.key,
      status: tasks.status,
      stateVersion: tasks.stateVersion,
      attemptNumber: tasks.attemptNumber,
      currentStep: tasks.currentStep,
      workerName: workers.workerName,
    })
    .from(tasks)
    .leftJoin(workers, eq(workers.id, tasks.workerId))
    .where(inArray(tasks.id, [...new Set(ids)]));
  return new Map(rows.map((row) => [row.id, row]));
}
