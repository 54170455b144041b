/**
 * CPU time and memory of other processes, as Linux tells them in /proc. Elsewhere there is no such place: everything
 * answers null, and reports say "not measured".
 */
import { readdirSync, readFileSync } from 'node:fs';

/** Of one process: seconds in user and kernel mode; `waited` adds those of the children it has outlived and reaped. */
interface Spent {
  readonly parent: number;
  readonly own: number;
  readonly waited: number;
}

// USER_HZ: 100 on every architecture Node runs on.
const TICKS_PER_SECOND = 100;

function spentBy(pid: number): Spent | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name stands in brackets and may hold anything, brackets and spaces too.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const seconds = (from: number) => (Number(fields[from]) + Number(fields[from + 1])) / TICKS_PER_SECOND;
    return { parent: Number(fields[1]), own: seconds(11), waited: seconds(13) };
  } catch {
    return null;
  }
}

/** CPU seconds so far of one process, all its threads. */
export const cpuSecondsOf = (pid: number): number | null => spentBy(pid)?.own ?? null;

/**
 * CPU seconds so far of a process and everything below it, also of children that have ended and were waited for: of a
 * postmaster, all that its Postgres has done.
 */
export function cpuSecondsOfTree(root: number): number | null {
  let pids: number[];
  try {
    pids = readdirSync('/proc')
      .map(Number)
      .filter((pid) => pid > 0);
  } catch {
    return null;
  }
  const known = new Map<number, Spent>();
  for (const pid of pids) {
    const spent = spentBy(pid);
    if (spent) known.set(pid, spent);
  }
  if (!known.has(root)) return null;
  const below = (pid: number): boolean => {
    for (let at: number | undefined = pid; at !== undefined && at > 0; at = known.get(at)?.parent)
      if (at === root) return true;
    return false;
  };
  return [...known].reduce((sum, [pid, spent]) => (below(pid) ? sum + spent.own + spent.waited : sum), 0);
}

/** Resident memory of one process in bytes. */
export function memoryOf(pid: number): number | null {
  try {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
  } catch {
    return null;
  }
}
