/**
 * Redis is there and does not do its work: it hangs, or it has no memory left. Beats never touch it, so leases hold; an
 * enqueue answers; tickets follow when it can take them again.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Database, uuids } from '@reelfleet/db';
import type { Redis } from 'ioredis';
import { BrokenPromise, type Fault, type Yard } from '../fault.ts';
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
import { withAdmin } from './redis-admin.ts';
import { ENQUEUE_MS } from './redis-lost.ts';

/** How long Redis hangs. */
const HUNG_MS = 20_000;
/** The command line starts a process of its own and takes leave of its connections: some seconds on a busy machine. */
const COMMAND_MS = 20_000;
/** What the command line can ask for and the yard's workers can make in a moment. */
const STILL = JSON.stringify({
  orderIndex: 1,
  title: 'Still',
  prompt: 'a quiet lake',
  seed: 7,
  width: 64,
  height: 64,
  fps: 1,
});

export const hung: Fault = {
  number: 9,
  name: 'Redis hung (SIGSTOP, 20 s)',
  promise:
    'An enqueue still answers, every worker goes on beating and keeps its leases, and work goes on when Redis wakes.',
  takesMs: 45_000,
  alone: true,
  async run(yard, chance, signal) {
    const gate = join(yard.folder, `redis-hung-${process.hrtime.bigint()}`);
    const [askAt, seed] = [chance.integer(200, 4_000), chance.integer(1, 999)];
    const held = await yard.enqueue('hold', { ms: 60_000, until: gate }, 3);
    await promised('three held tasks to be at work', 15_000, () => allRunning(yard, held));
    const workers = await Promise.all(yard.workers.map((worker) => worker.id()));
    const began = new Date();
    const runs: string[] = [];
    let [enqueueS, commandS, longestSilenceS] = [0, 0, 0];
    yard.redis.pause();
    const hungAt = performance.now();
    try {
      const listening = new AbortController();
      const listened = longestSilence(yard.db, workers, AbortSignal.any([listening.signal, signal]));
      try {
        await pass(askAt, signal);
        const [shots, seconds] = await answers(
          'enqueue with Redis hung',
          ENQUEUE_MS,
          yard.enqueue('shots', { shots: 2, seconds: 2, seed }),
        );
        runs.push(...shots);
        enqueueS = seconds;
        const [said, took] = await answers(
          'reelfleet enqueue with Redis hung',
          COMMAND_MS,
          yard.cli('enqueue', 'stage', 'image', '--input', STILL, '--json'),
        );
        if (said.code !== 0)
          throw new BrokenPromise(`expected reelfleet enqueue to end with 0; ${said.code}: ${said.stderr}`);
        runs.push((JSON.parse(said.stdout) as { runId: string }).runId);
        commandS = took;
        await pass(HUNG_MS - (performance.now() - hungAt), signal);
      } finally {
        listening.abort();
        longestSilenceS = await listened;
      }
    } finally {
      yard.redis.resume();
      await writeFile(gate, '');
    }
    if (signal.aborted) return {};
    const woke = await ledgerTime(yard.db);
    const hungS = secondsSince(hungAt);
    if (longestSilenceS * 1_000 > yard.leaseMs)
      throw new BrokenPromise(`expected beats to go on without Redis; a worker was silent for ${longestSilenceS} s`);
    const { expired } = await yard.since(began);
    if (expired > 0) throw new BrokenPromise(`expected no lease to expire because of Redis; ${expired} did`);
    await complete(yard, held, 15_000);
    const again = triedAgain(await tasksOf(yard.db, held));
    if (again.length > 0)
      throw new BrokenPromise(`expected held tasks to end in their first attempt; ${again.join('; ')}`);
    const firstClaimS = await firstClaim(yard.db, woke, 15_000);
    await complete(yard, runs, 60_000);
    return { hungS, enqueueS, commandS, longestSilenceS, firstClaimS, ownRuns: runs.length };
  },
};

/** The longest that any of these workers went without a beat, looked at until the signal fires. */
async function longestSilence(db: Database, workers: readonly string[], signal: AbortSignal): Promise<number> {
  let longest = 0;
  while (!signal.aborted) {
    const rows = await db.query<{ seconds: number }>(
      `select extract(epoch from max(clock_timestamp() - last_heartbeat))::float as seconds
       from workers where id = any($1::text::uuid[])`,
      [uuids(workers)],
    );
    longest = Math.max(longest, rows[0]?.seconds ?? 0);
    await pass(250, signal);
  }
  return Math.round(longest * 10) / 10;
}

export const full: Fault = {
  number: 10,
  name: 'Redis out of memory (noeviction)',
  promise:
    'With no memory left in Redis an enqueue answers, and tickets follow when there is memory again; nothing is lost.',
  takesMs: 40_000,
  alone: true,
  async run(yard, chance, signal) {
    const [room, fullMs, count] = [chance.integer(8, 128) * 1_024, chance.integer(5, 9) * 1_000, chance.integer(5, 20)];
    const seed = chance.integer(1, 999);
    const runs: string[] = [];
    let [enqueueS, refusals, unsent] = [0, 0, 0];
    await withAdmin(yard.redis, async (admin) => {
      const [, limitBefore = '0'] = (await admin.config('GET', 'maxmemory')) as string[];
      try {
        await admin.config('SET', 'maxmemory', (await memoryUsed(admin)) + room);
        const fullAt = performance.now();
        // Workers that take tickets give memory back: until one was left out, nothing was tried.
        for (let tries = 1; unsent === 0 && tries <= 5 && !signal.aborted; tries += 1) {
          refusals += await fill(admin);
          const [held, seconds] = await answers(
            'enqueue with Redis full',
            ENQUEUE_MS,
            yard.enqueue('hold', { ms: 200 }, count),
          );
          enqueueS = Math.max(enqueueS, seconds);
          unsent = await withoutTicket(yard, admin, held);
          runs.push(...held);
        }
        if (unsent === 0) throw new Error('Redis took every ticket: it was never full when one came');
        runs.push(...(await yard.enqueue('shots', { shots: 2, seconds: 2, seed })));
        // Tickets that are taken give memory back; it does not stay free for long.
        while (performance.now() - fullAt < fullMs && !signal.aborted) {
          refusals += await fill(admin);
          await pass(250, signal);
        }
      } finally {
        await admin.config('SET', 'maxmemory', limitBefore);
        await empty(admin);
      }
    });
    if (signal.aborted) return {};
    const healed = await ledgerTime(yard.db);
    const firstClaimS = await firstClaim(yard.db, healed, 15_000);
    await complete(yard, runs, 60_000);
    return {
      fullS: fullMs / 1_000,
      refusals,
      ticketsLeftToTheSweep: unsent,
      enqueueS,
      firstClaimS,
      ownRuns: runs.length,
    };
  },
};

/** How many of these runs of one task have no ticket in Redis, neither waiting nor done. */
async function withoutTicket(yard: Yard, admin: Redis, runs: readonly string[]): Promise<number> {
  const tasks = await tasksOf(yard.db, runs);
  const there = await Promise.all(tasks.map(({ id }) => admin.exists(`bull:hold:${id}-1-1`)));
  return there.filter((found) => found === 0).length;
}

const BALLAST = 'chaos:ballast:';
let pieces = 0;

async function memoryUsed(admin: Redis): Promise<number> {
  const used = /^used_memory:(\d+)/m.exec(await admin.info('memory'))?.[1];
  if (used === undefined) throw new Error('this Redis does not say how much memory it uses');
  return Number(used);
}

/** Put ballast into Redis until it takes no more; answers with the number of refusals it gave, one. */
async function fill(admin: Redis): Promise<number> {
  for (let size = 16_384; ; ) {
    try {
      pieces += 1;
      await admin.set(`${BALLAST}${pieces}`, 'x'.repeat(size));
    } catch (error) {
      if (!/OOM/.test((error as Error).message)) throw error;
      if (size <= 64) return 1;
      size /= 4;
    }
  }
}

async function empty(admin: Redis): Promise<void> {
  const names = await admin.keys(`${BALLAST}*`);
  if (names.length > 0) await admin.unlink(...names);
}
