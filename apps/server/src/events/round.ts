/**
 * What a round tells: once a second at most, the runs that changed since the last one, in their newest state. Pure.
 *
 * A fleet can change more runs in a second than anybody can read. Then the newest are told, as lists show them, and
 * `reset` asks the client to read its list again: at most once per RESET_EVERY_MS, and always once after the last
 * change that was not told, so that what a client shows ends up true.
 */
import type { RunningTask } from '@reelfleet/db';

export const ROUND_MS = 1_000;
const MOST_RUNS = 100;
/** What is remembered between two rounds. */
const MOST_CHANGED = 5_000;
const RESET_EVERY_MS = 5_000;

/** Runs that changed and are not told yet, for those who watch all runs. */
export interface Untold {
  readonly runs: Set<string>;
  /** Changes were left out: a `reset` is owed. */
  owesReset: boolean;
  lastResetAt: number;
}

export const newUntold = (): Untold => ({ runs: new Set(), owesReset: false, lastResetAt: Number.NEGATIVE_INFINITY });

export function note(untold: Untold, runId: string): void {
  if (untold.runs.size < MOST_CHANGED) untold.runs.add(runId);
  else untold.owesReset = true;
}

export interface Telling {
  readonly runs: readonly string[];
  readonly reset: boolean;
  /** The client's cursor may move: nothing before it is untold. */
  readonly settled: boolean;
}

/** What to tell now. */
export function tellingOf(untold: Untold, now: number): Telling {
  // Ids of runs are made in order of time.
  const newest = [...untold.runs].sort().reverse();
  const owes = untold.owesReset || newest.length > MOST_RUNS;
  const reset = owes && now - untold.lastResetAt >= RESET_EVERY_MS;
  return { runs: newest.slice(0, MOST_RUNS), reset, settled: reset || !owes };
}

/** It has been told. */
export function told(untold: Untold, telling: Telling, now: number): void {
  untold.runs.clear();
  untold.owesReset = !telling.settled;
  if (telling.reset) untold.lastResetAt = now;
}

/** The running tasks that have moved since the last look, by run. A task that has just begun is told by its claim. */
export function movedSince(
  before: ReadonlyMap<string, RunningTask>,
  running: readonly RunningTask[],
): Map<string, RunningTask[]> {
  return Map.groupBy(
    running.filter((task) => {
      const was = before.get(task.id) ?? { progressPercent: 0, currentStep: null, cancelAsked: false };
      return (
        was.progressPercent !== task.progressPercent ||
        was.currentStep !== task.currentStep ||
        was.cancelAsked !== task.cancelAsked
      );
    }),
    (task) => task.runId,
  );
}
