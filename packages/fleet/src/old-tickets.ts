/**
 * How long the queue remembers finished tickets, for those who look at Bull Board: the newest of each stage, and none
 * for longer than days. On Redis each finish removes what is over the count, which costs microseconds. On Postgres the
 * same option makes BullMQ read every kept ticket at every finish (3 of 3.5 milliseconds at 1,000 kept), so there tickets
 * just stay and the sweep removes the old ones in bulk.
 */
import type { Queue } from 'bullmq';

const HOUR_MS = 3_600_000;
export type KeptTickets = Record<'completed' | 'failed', { count: number; ageMs: number }>;
const kept: KeptTickets = {
  completed: { count: 1_000, ageMs: 24 * HOUR_MS },
  failed: { count: 5_000, ageMs: 7 * 24 * HOUR_MS },
};
/** Removed by one command at most; on Redis nothing else goes on meanwhile. */
const AT_ONCE = 1_000;

/** What a consumer is told to remove at each finish. */
export const keepPerFinish = {
  redis: { removeOnComplete: { count: kept.completed.count }, removeOnFail: { count: kept.failed.count } },
  // Below nought: all of them.
  postgres: { removeOnComplete: { count: -1 }, removeOnFail: { count: -1 } },
};

/** Remove what is over the count or the age. `ask` waits for a connection and bounds each answer. */
export async function removeOldTickets(
  queue: Queue,
  ask: <T>(work: () => Promise<T>) => Promise<T>,
  limits: KeptTickets = kept,
): Promise<number> {
  let removed = 0;
  for (const state of ['completed', 'failed'] as const) {
    const { count, ageMs } = limits[state];
    // Newest first, so the one at this place is the first that goes.
    const [first] = await ask(() => queue.getJobs(state, count, count));
    const overAge = Date.now() - ageMs;
    const goes = Math.max(first?.finishedOn ?? overAge, overAge);
    for (;;) {
      const part = await ask(() => queue.clean(Math.max(0, Date.now() - goes), AT_ONCE, state));
      removed += part.length;
      if (part.length < AT_ONCE) break;
    }
  }
  return removed;
}
