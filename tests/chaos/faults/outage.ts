/**
 * What the faults of Redis and Postgres have in common: bounded waiting that a Ctrl-C ends, the facts they ask the
 * ledger for, and the sentences of what was broken. No harm is done here.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Database, text, uuids } from '@reelfleet/db';
import { until } from '@reelfleet/testkit';
import { BrokenPromise, type Yard } from '../fault.ts';

/** Time goes by, unless the suite ends. */
export const pass = (ms: number, signal: AbortSignal): Promise<void> =>
  sleep(ms, undefined, { signal }).catch(() => undefined);

/** Seconds since a moment of `performance.now()`, to a tenth. */
export const secondsSince = (startedAt: number): number => Math.round((performance.now() - startedAt) / 100) / 10;

/** Wait for a fact; that it never came is a broken promise. */
export async function promised<T>(what: string, timeoutMs: number, fact: () => T | Promise<T>) {
  try {
    return await until(fact, { what, timeoutMs, everyMs: 50 });
  } catch (error) {
    throw new BrokenPromise(`expected ${what} within ${timeoutMs / 1_000} s: ${(error as Error).message}`);
  }
}

/** Do something that must not take longer, however ill a store is. Answers with its result and how long it took. */
export async function answers<T>(what: string, withinMs: number, work: Promise<T>): Promise<[T, number]> {
  const startedAt = performance.now();
  const result = await work;
  const seconds = secondsSince(startedAt);
  if (seconds * 1_000 > withinMs)
    throw new BrokenPromise(`expected ${what} to answer within ${withinMs / 1_000} s; it took ${seconds} s`);
  return [result, seconds];
}

/** These runs complete. Anything else they end as, or not at all, is accepted work that was lost. */
export async function complete(yard: Yard, runs: readonly string[], timeoutMs: number): Promise<void> {
  const ended = await yard.ended(runs, timeoutMs);
  const others = runs.filter((run) => ended.get(run) !== 'completed');
  if (others.length > 0)
    throw new BrokenPromise(
      `expected ${runs.length} runs to complete; ${others.map((run) => `${run} is ${ended.get(run) ?? 'unfinished'}`).join(', ')}`,
    );
}

/** The database's own time, with which its audit trail is compared. */
export async function ledgerTime(db: Database): Promise<string> {
  const rows = await db.query<{ now: string }>('select clock_timestamp()::text as now');
  return (rows[0] as { now: string }).now;
}

/** Wait until a worker has claimed a task after this moment (of `ledgerTime`), and say how many seconds it took from there. */
export async function firstClaim(db: Database, after: string, timeoutMs: number): Promise<number> {
  const found = await promised('a task to be claimed', timeoutMs, async () => {
    const rows = await db.query<{ seconds: number | null }>(
      `select extract(epoch from min("timestamp") - $1::text::timestamptz)::float as seconds
       from task_audit where action = 'claim' and "timestamp" > $1::text::timestamptz`,
      [text(after)],
    );
    return rows[0]?.seconds ?? undefined;
  });
  return Math.round(found * 10) / 10;
}

export interface TaskFacts {
  readonly id: string;
  readonly key: string;
  readonly status: string;
  readonly attempts: number;
  readonly crashes: number;
  readonly failures: number;
}

export const tasksOf = (db: Database, runs: readonly string[]): Promise<TaskFacts[]> =>
  db.query<TaskFacts>(
    `select id, key, status, attempt_number as attempts, crashes, failures from tasks
     where run_id = any($1::text::uuid[]) order by run_id, key`,
    [uuids(runs)],
  );

/** Every task of these runs is at work. */
export const allRunning = async (yard: Yard, runs: readonly string[]): Promise<boolean> => {
  const tasks = await tasksOf(yard.db, runs);
  return tasks.length > 0 && tasks.every((task) => task.status === 'running');
};

/** Tasks that were tried again, though nothing was to blame on them: a sentence each. */
export const triedAgain = (tasks: readonly TaskFacts[]): string[] =>
  tasks
    .filter(({ attempts, crashes, failures }) => attempts > 1 || crashes > 0 || failures > 0)
    .map(
      ({ key, attempts, crashes, failures }) =>
        `${key}: attempts ${attempts}, crashes ${crashes}, failures ${failures}`,
    );

/** What processes say when an exception nobody caught ends them. */
export const uncaught = (lines: readonly string[]): string[] =>
  lines.filter((line) => /uncaughtException|unhandledRejection/.test(line));
