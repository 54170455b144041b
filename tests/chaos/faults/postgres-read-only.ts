/**
 * Postgres turns read-only under its sessions, as a replica is that was taken for the primary, or a provider's server
 * whose disk is nearly full. What is written has to wait; what waits is written afterwards.
 */
import type { Database } from '@reelfleet/db';
import { BrokenPromise, type Fault, type Yard } from '../fault.ts';
import { complete, firstClaim, ledgerTime, pass, promised, secondsSince, uncaught } from './outage.ts';

export const readOnly: Fault = {
  number: 16,
  name: 'Postgres read-only',
  promise: 'Nothing is written and nothing fails of it: an enqueue waits and is accepted, and work goes on afterwards.',
  takesMs: 40_000,
  alone: true,
  async run(yard, chance, signal) {
    const [onMs, askAt] = [chance.integer(3_000, 7_000), chance.integer(100, 1_500)];
    const seed = chance.integer(1, 999);
    const began = new Date();
    const from = await ledgerTime(yard.db);
    await promised('tasks to be at work', 15_000, () => working(yard));
    let refused = 0;
    let asked: Promise<string[]> | undefined;
    const startedAt = performance.now();
    try {
      await setReadOnly(yard.db, true);
      await promised('Postgres to refuse writes', 5_000, () => refusesWrites(yard.db));
      await pass(askAt, signal);
      asked = yard.enqueue('shots', { shots: 2, seconds: 2, seed });
      asked.catch(() => {}); // awaited below
      while (performance.now() - startedAt < onMs && !signal.aborted) {
        if (await refusesWrites(yard.db)) refused += 1;
        await pass(200, signal);
      }
    } finally {
      await setReadOnly(yard.db, false);
    }
    const onS = secondsSince(startedAt);
    if (signal.aborted) return {};
    const healed = await ledgerTime(yard.db);
    const runs = await asked;
    if (runs === undefined)
      throw new BrokenPromise('expected the enqueue to be accepted when Postgres takes writes again');
    const firstClaimS = await firstClaim(yard.db, healed, 20_000);
    await complete(yard, runs, 60_000);
    const blamed = await refusalsBlamed(yard, from);
    if (blamed > 0)
      throw new BrokenPromise(`expected no attempt to fail because Postgres was read-only; ${blamed} did`);
    const { lines, expired } = await yard.since(began);
    const died = uncaught(lines);
    if (died.length > 0) throw new BrokenPromise(`expected no process to end of it; ${died.slice(0, 2).join(' · ')}`);
    return { readOnlyS: onS, refusedWrites: refused, leasesExpired: expired, firstClaimS, ownRuns: runs.length };
  },
};

/** For the sessions that are open, too: they read it at their next statement. */
async function setReadOnly(db: Database, on: boolean): Promise<void> {
  await db.query(
    `alter system ${on ? 'set default_transaction_read_only = on' : 'reset default_transaction_read_only'}`,
  );
  await db.query('select pg_reload_conf()');
}

/** Whether a write is refused just now; it would change nothing. */
async function refusesWrites(db: Database): Promise<boolean> {
  return db.query(`update queue_stores set epoch = epoch where false`).then(
    () => false,
    (error) => /read-only/.test(String(error)),
  );
}

async function working(yard: Yard): Promise<boolean> {
  return (await yard.db.query(`select 1 from tasks where status = 'running' limit 1`)).length > 0;
}

async function refusalsBlamed(yard: Yard, since: string): Promise<number> {
  const rows = await yard.db.query<{ n: number }>(
    `select count(*)::int as n from task_audit where action in ('retry', 'fail') and "timestamp" >= '${since}'
       and (state_after->>'error' ~* 'read-only' or state_after->>'errorCode' = 'refused-by-ledger')`,
  );
  return rows[0]?.n ?? 0;
}
