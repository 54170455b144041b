/**
 * The postmaster of a cluster as seen from outside: its lock file, whether it is alive and whose child it is, how to
 * end it. Everything here works on a postmaster that another process started, because ours may have been killed and
 * have left one behind.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, readlinkSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '@reelfleet/core';
import { throwIfStopped } from './lifeline.ts';

export interface LockFile {
  readonly pid: number;
  readonly ready: boolean;
}

/** Reads the text of a postmaster.pid: the first line is the pid, the eighth says how far the start has come. */
export function parseLockFile(text: string): LockFile | undefined {
  const lines = text.split('\n');
  const pid = Number(lines[0]);
  // A postmaster of a single-user session writes a negative pid; it is as good as none here.
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  return { pid, ready: lines[7]?.trim() === 'ready' };
}

export function readLockFile(clusterDir: string): LockFile | undefined {
  try {
    return parseLockFile(readFileSync(join(clusterDir, 'postmaster.pid'), 'utf8'));
  } catch {
    return undefined;
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  // A zombie still has its pid: nothing runs there, its parent has only not looked yet.
  return process.platform !== 'linux' || statOf(pid)?.state !== 'Z';
}

/** The parent's pid, or undefined when the process has gone. */
export function parentOf(pid: number): number | undefined {
  if (process.platform === 'linux') return statOf(pid)?.ppid;
  try {
    return Number(execFileSync('ps', ['-o', 'ppid=', '-p', String(pid)], { encoding: 'utf8' }));
  } catch (error) {
    throwIfStopped(error, 'looking for the owner of a Postgres');
    return undefined;
  }
}

function statOf(pid: number): { state: string; ppid: number } | undefined {
  try {
    // The command name stands in brackets and may itself hold spaces and brackets.
    const [state = '', ppid] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
    return { state, ppid: Number(ppid) };
  } catch {
    return undefined;
  }
}

/** Is `pid` the postmaster of this cluster, rather than a stranger who was given the same number after a reboot? */
function servesCluster(pid: number, clusterDir: string): boolean {
  try {
    const dir = realpathSync(clusterDir);
    if (process.platform === 'linux') return readlinkSync(`/proc/${pid}/cwd`) === dir;
    return execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).includes(dir);
  } catch (error) {
    throwIfStopped(error, 'looking for a Postgres that is still running');
    return false;
  }
}

/**
 * Makes room for a new postmaster on this cluster. An orphan is shut down; a lock file whose number now belongs to a
 * stranger is defused. `ownerPid` is who last started this cluster: while the postmaster is its child, somebody else
 * is using the cluster, and this throws UserError.
 */
export async function clearStalePostmaster(
  clusterDir: string,
  ownerPid: number | undefined,
  log: (message: string) => void,
): Promise<void> {
  const lock = readLockFile(clusterDir);
  if (lock === undefined || !isAlive(lock.pid)) return; // a dead one's file is Postgres's own business
  if (!servesCluster(lock.pid, clusterDir)) {
    // Postgres would refuse to start because that pid is alive. The file is not removed, only its pid is replaced by one
    // that no system gives out, so that Postgres still checks the shared memory named further down in it.
    log('the Postgres lock file is from before a crash; recovering');
    const path = join(clusterDir, 'postmaster.pid');
    writeFileSync(path, readFileSync(path, 'utf8').replace(/^\d+/, '2147483646'));
    return;
  }
  // Looked at for a moment: an owner that was just killed needs some milliseconds to be gone.
  const inUse = () => ownerPid !== undefined && isAlive(ownerPid) && parentOf(lock.pid) === ownerPid;
  for (const until = Date.now() + 500; inUse(); await sleep(20)) {
    if (Date.now() < until) continue;
    throw new UserError(
      `the database in ${clusterDir} is in use by process ${ownerPid}: stop that one first, or choose another folder with --data`,
    );
  }
  log(`stopping the Postgres that an earlier run left behind (process ${lock.pid})`);
  await endPostmaster(lock.pid);
}

/**
 * Ends a postmaster: fast shutdown (sessions are cut, a checkpoint is written), after `patienceMs` an immediate one,
 * from which the next start recovers. Returns when it has gone.
 */
export async function endPostmaster(pid: number, patienceMs = 30_000): Promise<void> {
  for (const [signal, ms] of [
    ['SIGINT', patienceMs],
    ['SIGQUIT', 10_000],
    ['SIGKILL', 10_000],
  ] as const) {
    try {
      process.kill(pid, signal);
    } catch {
      return;
    }
    for (const until = Date.now() + ms; Date.now() < until; await sleep(20)) {
      if (!isAlive(pid)) return;
    }
  }
  throw new Error(`Postgres (process ${pid}) could not be ended`);
}
