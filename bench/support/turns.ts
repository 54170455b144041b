/**
 * Two programs that have one machine in turns, each with all it started stopped (SIGSTOP) while the other runs. How fast a machine
 * is changes within minutes, above all a virtual one; so it changes for both alike, where one after the other would measure it.
 */
import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';

/** The processes a side was started as; what they start is found. */
export type Side = () => readonly number[];

export interface Turns {
  /** Both go on: nobody is stopped any more. */
  end(): Promise<void>;
  /** Of the time between two moments (milliseconds since 1970) that in which a side was not stopped. */
  running(side: Side, from: number, to: number): number;
}

/**
 * `first` runs first. A turn takes `everyMs`; keep it below every deadline of either side: a worker that is stopped for longer
 * than it waits for an answer finds its beats failed when it wakes, and lets go of its leases.
 */
export function takeTurns(first: Side, second: Side, everyMs: number): Turns {
  const stops = new Map<Side, { from: number; to: number }[]>([
    [first, []],
    [second, []],
  ]);
  const over = new AbortController();
  /** How to wake the one that is stopped. */
  let wake = stop(second);

  function stop(side: Side): () => void {
    const stopped = { from: Date.now(), to: Number.POSITIVE_INFINITY };
    stops.get(side)?.push(stopped);
    const pids = stopTree(side());
    return () => {
      stopped.to = Date.now();
      for (const pid of pids) signal(pid, 'SIGCONT');
    };
  }

  const turning = (async () => {
    let [running, waiting] = [first, second];
    try {
      for (;;) {
        await sleep(everyMs, undefined, { signal: over.signal });
        const wakeNext = wake;
        wake = stop(running);
        wakeNext();
        [running, waiting] = [waiting, running];
      }
    } catch (error) {
      if (!over.signal.aborted) throw error;
    } finally {
      wake();
    }
  })();
  turning.catch(() => {});

  return {
    async end() {
      over.abort();
      await turning;
    },
    running: (side, from, to) =>
      (stops.get(side) ?? []).reduce(
        (left, stopped) => left - Math.max(0, Math.min(to, stopped.to) - Math.max(from, stopped.from)),
        to - from,
      ),
  };
}

/** Stop processes and all they started, parents first: what is stopped starts nothing. Answers all of them. */
function stopTree(roots: readonly number[]): number[] {
  const stopped = new Set<number>();
  // One that could not be started has the number -1, which to a signal means everybody.
  for (let found = roots.filter((pid) => pid > 1); found.length > 0; ) {
    for (const pid of found) {
      signal(pid, 'SIGSTOP');
      stopped.add(pid);
    }
    found = childrenOf(stopped);
  }
  return [...stopped];
}

function childrenOf(parents: ReadonlySet<number>): number[] {
  const rows = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' }).trim().split('\n');
  return rows
    .map((row) => row.trim().split(/\s+/).map(Number) as [number, number])
    .filter(([pid, parent]) => parents.has(parent) && !parents.has(pid))
    .map(([pid]) => pid);
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    // It ended meanwhile.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
