/**
 * Postgres goes away: backend by backend while it works, or all of it at once. Callers repeat what they cannot know the
 * end of; what was acknowledged is there afterwards; and an outage is no task's fault.
 */
import { int4, text } from '@reelfleet/db';
import { BrokenPromise, type Fault, type Yard } from '../fault.ts';
import { complete, firstClaim, ledgerTime, pass, promised, secondsSince, uncaught } from './outage.ts';

export const backendsTerminated: Fault = {
  number: 11,
  name: 'Postgres backends terminated, five a second',
  promise: 'Workers reconnect and repeat: no process ends of it, no attempt fails of it, and work goes on meanwhile.',
  takesMs: 40_000,
  async run(yard, chance, signal) {
    const victims = Array.from({ length: chance.integer(25, 45) }, () => chance.integer(0, 1_000_000));
    const seed = chance.integer(1, 999);
    const began = new Date();
    const from = await ledgerTime(yard.db);
    const before = await yard.completed();
    const runs: string[] = [];
    let terminated = 0;
    for (const [index, victim] of victims.entries()) {
      if (signal.aborted) break;
      if (await terminateOne(yard, victim)) terminated += 1;
      if (index === 5) runs.push(...(await yard.enqueue('shots', { shots: 2, seconds: 2, seed })));
      if (index % 10 === 8) runs.push(...(await yard.enqueue('hold', { ms: 200 })));
      await pass(200, signal);
    }
    if (signal.aborted) return {};
    const meanwhile = (await yard.completed()) - before;
    if (terminated === 0) throw new BrokenPromise('expected backends of workers to terminate; there was none');
    if (meanwhile < 1)
      throw new BrokenPromise(`expected work to go on; nothing was completed in ${victims.length / 5} s`);
    await complete(yard, runs, 60_000);
    const { lines, expired } = await yard.since(began);
    const died = uncaught(lines);
    if (died.length > 0) throw new BrokenPromise(`expected no process to end of it; ${died.slice(0, 2).join(' · ')}`);
    const blamed = await failedOfPostgres(yard, from);
    if (blamed.length > 0)
      throw new BrokenPromise(`expected no attempt to fail of a lost connection; ${blamed.slice(0, 2).join(' · ')}`);
    return { terminated, completedMeanwhile: meanwhile, leasesExpired: expired, ownRuns: runs.length };
  },
};

/** One backend of the fleet's, by its place in the order of their ages. */
async function terminateOne(yard: Yard, place: number): Promise<boolean> {
  const rows = await yard.db.query<{ done: boolean }>(
    `select pg_terminate_backend(pid) as done from (
       select pid from (
         select pid, row_number() over (order by backend_start, pid) - 1 as place, count(*) over () as of
         from pg_stat_activity where backend_type = 'client backend' and application_name like 'reelfleet%') fleet
       where place = $1::text::int % of) victim`,
    [int4(place)],
  );
  return rows[0]?.done ?? false;
}

/** Attempts that failed since with an error that speaks of Postgres. */
async function failedOfPostgres(yard: Yard, since: string): Promise<string[]> {
  const rows = await yard.db.query<{ said: string }>(
    `select left(state_after->>'error', 200) as said from task_audit
     where action in ('retry', 'fail') and "timestamp" >= $1::text::timestamptz
       and state_after->>'error' ~* 'postgres|terminat|57P0|CONNECTION_'`,
    [text(since)],
  );
  return rows.map(({ said }) => said);
}

export const serverKilled: Fault = {
  number: 12,
  name: 'Postgres restarted with -m immediate, and kill -9 of its postmaster',
  promise:
    'What was acknowledged is there, no task is blamed for the outage, and work goes on within seconds of its return.',
  takesMs: 60_000,
  alone: true,
  async run(yard, chance, signal) {
    const ways = chance.some(['stop -m immediate', 'kill -9'] as const, 2);
    // One that is over before any worker gives its work up, and one that is not before all have.
    const away = [chance.integer(0, 300), yard.leaseMs + chance.integer(1_500, 3_000)];
    const seed = chance.integer(1, 999);
    const outcome: Record<string, number | string> = {};
    for (const [index, way] of ways.entries()) {
      if (signal.aborted) break;
      const found = await outage(yard, way, away[index] as number, seed + index, signal);
      for (const [name, value] of Object.entries(found)) outcome[`${name}${index + 1}`] = value;
    }
    return outcome;
  },
};

/** One outage, from acknowledged work to work that goes on. */
async function outage(
  yard: Yard,
  way: 'stop -m immediate' | 'kill -9',
  awayMs: number,
  seed: number,
  signal: AbortSignal,
) {
  const began = new Date();
  const runs = [
    ...(await yard.enqueue('shots', { shots: 2, seconds: 2, seed })),
    ...(await yard.enqueue('hold', { ms: 500 }, 3)),
  ];
  await promised('tasks to be at work', 15_000, async () => (await atWork(yard)).length > 0);
  const [running, completed] = [await atWork(yard), await yard.completed()];
  const goneAt = performance.now();
  try {
    await (way === 'kill -9' ? yard.postgres.kill() : yard.postgres.stopImmediately());
    await pass(awayMs, signal);
  } finally {
    await yard.postgres.start();
  }
  const goneS = secondsSince(goneAt);
  const kept = await yard.completed();
  if (kept < completed)
    throw new BrokenPromise(`expected ${completed} completed tasks after the outage; ${kept} are there`);
  const firstClaimS = await firstClaim(yard.db, await ledgerTime(yard.db), 20_000);
  // Whoever ran then either still holds its task or has settled it, or somebody else may have it now.
  await promised('every task that was at work to have gone on', 3 * yard.leaseMs + 10_000, async () => {
    const now = await atWork(yard);
    const stuck = running.filter(({ id, version }) =>
      now.some((task) => task.id === id && task.version === version && task.late),
    );
    return stuck.length === 0;
  });
  const blamed = await expiredAt(yard, running);
  if (blamed > 0 && !onTheEdge(goneS * 1_000, yard.leaseMs))
    throw new BrokenPromise(
      `expected no task to be blamed for an outage of ${goneS} s (${way}); ${blamed} of ${running.length} at work then have a crash more`,
    );
  await complete(yard, runs, 60_000);
  const died = uncaught((await yard.since(began)).lines);
  if (died.length > 0) throw new BrokenPromise(`expected no process to end of it; ${died.slice(0, 2).join(' · ')}`);
  return { way, goneS, atWork: running.length, blamed, firstClaimS };
}

/**
 * Whether an outage ended just when workers gave up, five sixths of a lease after their last beat. A beat sent before and
 * done after extends a lease that nobody works under any more; that one costs a crash, and a machine that is busy decides
 * how many outages end there.
 */
const onTheEdge = (goneMs: number, leaseMs: number): boolean => goneMs > leaseMs / 2 && goneMs < leaseMs * 1.4;

interface AtWork {
  readonly id: string;
  readonly version: number;
  /** Its lease has run out, and nobody has extended it. */
  readonly late: boolean;
}

const atWork = (yard: Yard): Promise<AtWork[]> =>
  yard.db.query<AtWork>(
    `select id, state_version as version, claim_expires_at < now() as late from tasks where status = 'running' order by id`,
  );

/** How many of these attempts ended as an expired lease. */
async function expiredAt(yard: Yard, attempts: readonly AtWork[]): Promise<number> {
  const rows = await yard.db.query<{ n: number }>(
    `select count(*)::int as n from task_audit a
     join jsonb_to_recordset($1::text::jsonb) as h(id uuid, version int) on a.task_id = h.id and a.state_version = h.version + 1
     where a.action = 'expire'`,
    [text(JSON.stringify(attempts))],
  );
  return rows[0]?.n ?? 0;
}
