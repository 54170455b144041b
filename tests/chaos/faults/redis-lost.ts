/**
 * Redis loses what it held: all of it every second, all of it and itself for a while, or what came after an old dump.
 * What a fault enqueues meanwhile must complete all the same, and what was finished stays so.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Database, text } from '@reelfleet/db';
import { BrokenPromise, type Fault } from '../fault.ts';
import {
  allRunning,
  answers,
  complete,
  firstClaim,
  ledgerTime,
  pass,
  promised,
  secondsSince,
  tasksOf,
  triedAgain,
} from './outage.ts';
import { dumpFile, dumpKeys, waitingTickets, withAdmin } from './redis-admin.ts';

/** An enqueue sends its tickets for so long at most: two seconds to be connected and two to be answered, on a busy machine. */
export const ENQUEUE_MS = 10_000;

export const flushed: Fault = {
  number: 6,
  name: 'FLUSHALL every second',
  promise:
    'Tasks go on being completed while Redis forgets everything every second, and nothing enqueued meanwhile is lost.',
  takesMs: 40_000,
  async run(yard, chance, signal) {
    const rounds = chance.integer(8, 11);
    const before = await yard.completed();
    const runs: string[] = [];
    let keys = 0;
    await withAdmin(yard.redis, async (admin) => {
      for (let round = 1; round <= rounds && !signal.aborted; round += 1) {
        if (round === 2)
          runs.push(...(await yard.enqueue('shots', { shots: 2, seconds: 2, seed: chance.integer(1, 999) })));
        if (round % 2 === 0) runs.push(...(await yard.enqueue('hold', { ms: 200 })));
        keys += await admin.dbsize();
        await admin.flushall();
        await pass(1_000, signal);
      }
    });
    if (signal.aborted) return {};
    const meanwhile = (await yard.completed()) - before;
    if (meanwhile < 1) throw new BrokenPromise(`expected tasks to be completed in ${rounds} s of FLUSHALL; none was`);
    const healed = performance.now();
    await complete(yard, runs, 60_000);
    return {
      flushes: rounds,
      keysLost: keys,
      completedMeanwhile: meanwhile,
      ownRuns: runs.length,
      drainedS: secondsSince(healed),
    };
  },
};

/** How long Redis stays away. */
const AWAY_MS = 25_000;

export const killed: Fault = {
  number: 7,
  name: 'Redis kill -9, away for 25 s',
  promise:
    'What runs is settled without Redis and keeps its lease, an enqueue still answers, and the rest follows within seconds of its return.',
  takesMs: 50_000,
  alone: true,
  async run(yard, chance, signal) {
    const gate = join(yard.folder, `redis-away-${process.hrtime.bigint()}`);
    const [enqueueAt, openAt] = [chance.integer(500, 4_000), chance.integer(6_000, 14_000)];
    const seed = chance.integer(1, 999);
    const held = await yard.enqueue('hold', { ms: 60_000, until: gate }, 3);
    await promised('three held tasks to be at work', 15_000, () => allRunning(yard, held));
    const runs: string[] = [];
    let enqueueS = 0;
    await yard.redis.kill();
    const killedAt = performance.now();
    const at = (ms: number) => pass(ms - (performance.now() - killedAt), signal);
    try {
      await at(enqueueAt);
      const [shots, seconds] = await answers(
        'enqueue without Redis',
        ENQUEUE_MS,
        yard.enqueue('shots', { shots: 2, seconds: 2, seed }),
      );
      runs.push(...shots, ...(await yard.enqueue('hold', { ms: 200 }, 5)));
      enqueueS = seconds;
      await at(openAt);
      await writeFile(gate, '');
      await complete(yard, held, 10_000);
      const again = triedAgain(await tasksOf(yard.db, held));
      if (again.length > 0)
        throw new BrokenPromise(`expected running tasks to outlast Redis in one attempt; ${again.join('; ')}`);
      await at(AWAY_MS);
    } finally {
      await writeFile(gate, '');
      await yard.redis.restart();
    }
    if (signal.aborted) return {};
    const back = await ledgerTime(yard.db);
    const awayS = secondsSince(killedAt);
    const firstClaimS = await firstClaim(yard.db, back, 15_000);
    await complete(yard, runs, 60_000);
    return { awayS, enqueueS, heldSettled: held.length, firstClaimS, ownRuns: runs.length };
  },
};

export const rewound: Fault = {
  number: 8,
  name: 'Redis back from an old dump',
  promise:
    'Tickets of finished tasks are refused as stale, no finished task runs again, and what the dump does not know is issued anew.',
  takesMs: 40_000,
  alone: true,
  async run(yard, chance, signal) {
    const [how, dump] = chance.pick([['dump file', dumpFile] as const, ['restored keys', dumpKeys] as const]);
    const count = chance.integer(30, 45);
    const params = { shots: 2, seconds: 2, seed: chance.integer(1, 999) };
    // More than the fleet has slots for, so that some of their tickets still wait when the dump is made.
    const first = await yard.enqueue('hold', { ms: 600 }, count);
    const kept = await dump(yard.redis);
    await complete(yard, first, 60_000);
    if (signal.aborted) return {};
    const second = await yard.enqueue('hold', { ms: 100 }, 5);
    second.push(...(await yard.enqueue('shots', params)));
    const staleBefore = await staleTickets(yard.db);
    const rewoundAt = await ledgerTime(yard.db);
    await kept.restore();
    const returned = await waitingTickets(yard.redis, 'hold');
    const healed = performance.now();
    await complete(yard, second, 60_000);
    const drainedS = secondsSince(healed);
    // Workers say what they dropped with a beat every two seconds.
    const refused = await promised('tickets of finished tasks to be refused as stale', 15_000, async () => {
      const more = (await staleTickets(yard.db)) - staleBefore;
      return more > 0 ? more : undefined;
    });
    const ran = await ranAfterTheirEnd(yard.db, rewoundAt);
    if (ran.length > 0)
      throw new BrokenPromise(
        `expected no finished task to run again; ${ran.length} did: ${ran.slice(0, 3).join(', ')}`,
      );
    return {
      how,
      keys: kept.keys,
      ticketsReturned: returned,
      finished: first.length,
      refusedStale: refused,
      drainedS,
    };
  },
};

/** Stale tickets that workers have dropped, over the fleet and for ever. */
async function staleTickets(db: Database): Promise<number> {
  const rows = await db.query<{ n: number }>(
    `select (coalesce((select sum(c.value) from workers w, reelfleet.worker_counts(w.metadata) c where c.key = $1::text), 0)
      + coalesce((select total from worker_totals where key = $1::text), 0))::int as n`,
    [text('reelfleet_tickets_dropped_total{"reason":"stale"}')],
  );
  return rows[0]?.n ?? 0;
}

/** Tasks that were completed by then, and of which the audit trail has something later. */
async function ranAfterTheirEnd(db: Database, moment: string): Promise<string[]> {
  const rows = await db.query<{ task: string }>(
    `select distinct later.task_id || ' (' || later.action || ')' as task from task_audit done
     join task_audit later on later.task_id = done.task_id and later.state_version > done.state_version
     where done.state_after->>'status' = 'completed' and done."timestamp" <= $1::text::timestamptz`,
    [text(moment)],
  );
  return rows.map(({ task }) => task);
}
