/** Faults of the wires between a worker and its two stores: 14, partitions, and 15, slowness (network-latency.ts). */
import type { Fault, YardWorker } from '../fault.ts';
import { completed, promisedAtWork } from './attempts.ts';
import { type Course, healing, mustHold } from './healing.ts';
import { openShim, runs } from './media-shim.ts';
import { latency } from './network-latency.ts';
import { databaseNow, deedsOf, trailOf } from './trail.ts';

/** A lease and a sweep, and its turn among what else is waiting. */
const CLAIMED_MS = 35_000;

type Wire = 'postgres' | 'redis';
type Way = 'hang' | 'refuse' | 'dropReplies' | 'dropRequests' | 'halfOpen';

const partition: Fault = {
  number: 14,
  name: 'worker cut off from Postgres, from Redis, from both, one way, half open',
  promise:
    'cut off from Postgres, the worker stops its work before the database lets another in, and the work is done elsewhere; cut off from Redis only, or by connections that died on one side, it loses nothing; healed, it works (each run: one cut that costs the lease, one that must not; the seed picks wires and ways)',
  takesMs: 60_000,
  run: healing(async (its) => {
    const { yard, chance, heal } = its;
    const harsh: { wires: readonly Wire[]; way: Way } = {
      wires: chance.pick([['postgres'], ['postgres', 'redis']] as const),
      way: chance.pick(['hang', 'refuse', 'dropReplies', 'dropRequests'] as const),
    };
    const mild = chance.pick([
      { wires: ['redis'], way: 'hang' },
      { wires: ['redis'], way: 'refuse' },
      { wires: ['redis'], way: 'dropReplies' },
      { wires: ['redis'], way: 'dropRequests' },
      { wires: ['redis'], way: 'halfOpen' },
      { wires: ['postgres'], way: 'halfOpen' },
      { wires: ['postgres', 'redis'], way: 'halfOpen' },
    ] as const);
    const shim = openShim(yard.folder);
    heal(() => shim.close());
    const worker = await yard.extra({ env: shim.env });
    heal(() => yard.dismiss(worker));
    heal(() => {
      worker.postgres.heal();
      worker.redis.heal();
    });
    const marginMs = await losesItsLease(its, worker, shim, harsh);
    const backMs = await losesNothing(its, worker, mild);
    return {
      harsh: `${harsh.wires.join('+')} ${harsh.way}`,
      stoppedBeforeMs: Math.round(marginMs),
      mild: `${mild.wires.join('+')} ${mild.way}`,
      backMs,
    };
  }),
};

function cutOff(worker: YardWorker, { wires, way }: { wires: readonly Wire[]; way: Way }): void {
  for (const wire of wires) worker[wire][way]();
}

/** Answers how long before the next claim its work had stopped, in milliseconds. */
async function losesItsLease(
  its: Course,
  worker: YardWorker,
  shim: ReturnType<typeof openShim>,
  cut: { wires: readonly Wire[]; way: Way },
): Promise<number> {
  const { yard, promised } = its;
  shim.arm('dawdle');
  const [victim] = await promisedAtWork(
    its,
    'the worker to be at work',
    () => shim.harmed().length > 0 && shim.harmed(),
    20_000,
  );
  mustHold(victim !== undefined && runs(victim.pid), 'its ffmpeg to run', 'it has ended');
  const id = await worker.id();
  const cutAt = await databaseNow(yard.db);
  cutOff(worker, cut);

  // Its ffmpeg, looked at all the time, and the next claim of its task, by the same clock.
  let lastAlive = Date.now();
  const watch = setInterval(() => {
    if (runs(victim.pid)) lastAlive = Date.now();
  }, 10);
  try {
    const claim = await promised(
      'its task to be claimed again',
      async () =>
        (await trailOf(yard.db, [victim.task])).find(
          ({ version, action }) => version > victim.version && action === 'claim',
        ),
      CLAIMED_MS,
    );
    mustHold(
      lastAlive < claim.at,
      'its ffmpeg to have ended before the next claim',
      `it ran ${Math.round(lastAlive - claim.at)} ms longer`,
    );
    const line = await promised(
      'the worker to say that it lost the lease',
      () => worker.process.lines.find((text) => text.includes('lease lost') && text.includes(victim.task)),
      2_000,
    );
    const saidAt = Date.parse(JSON.parse(line).time);
    mustHold(saidAt < claim.at, 'it to say so before the next claim', `${saidAt - claim.at} ms after it`);
    await promised(
      'another worker to claim it',
      async () =>
        (await trailOf(yard.db, [victim.task])).some(
          ({ version, action, actor }) => version > victim.version && action === 'claim' && actor !== id,
        ),
      CLAIMED_MS,
    );
    await completed(its, [victim.task]);
    const wrote = (await deedsOf(yard.db, id, cutAt)).filter(
      ({ task, version, actor }) => task === victim.task && version === victim.version + 1 && actor === id,
    );
    mustHold(
      wrote.length === 0,
      'nothing more of the lost attempt to be written',
      wrote.map((entry) => entry.action),
    );
    for (const wire of cut.wires) worker[wire].heal();
    await worksAgain(its, worker, 20_000);
    return claim.at - lastAlive;
  } finally {
    clearInterval(watch);
  }
}

/** Answers how long it took to work again, in milliseconds. */
async function losesNothing(
  its: Course,
  worker: YardWorker,
  cut: { wires: readonly Wire[]; way: Way },
): Promise<number> {
  const { yard, promised } = its;
  const id = await worker.id();
  // A claim that was held up by the first cut may have come too late: what it took is held by nobody until it expires.
  const from = await databaseNow(yard.db);
  const held = await promisedAtWork(
    its,
    'the worker to hold a task',
    async () => {
      const claimed = new Set(
        (await deedsOf(yard.db, id, from)).filter(({ action }) => action === 'claim').map(({ task }) => task),
      );
      const tasks = (await worker.holds()).filter((task) => claimed.has(task.id));
      return tasks.length > 0 && tasks;
    },
    15_000,
  );
  const cutAt = await databaseNow(yard.db);
  cutOff(worker, cut);
  const began = performance.now();
  const ids = held.map((task) => task.id);
  if (cut.way !== 'halfOpen') {
    await completed(its, ids);
    await promised('a whole lease to pass', () => performance.now() - began > 1.5 * yard.leaseMs, 3 * yard.leaseMs);
    for (const wire of cut.wires) worker[wire].heal();
  }
  // A connection that died on one side is never told so: the worker has to find out by itself.
  await worksAgain(its, worker, 30_000);
  const backMs = Math.round(performance.now() - began);
  await completed(its, ids);
  const lost = (await deedsOf(yard.db, id, cutAt)).filter(
    ({ action, holder, task }) => action === 'expire' && holder === id && ids.includes(task),
  );
  mustHold(lost.length === 0, `no lease to be lost by ${cut.wires.join('+')} ${cut.way}`, `${lost.length} expired`);
  for (const wire of cut.wires) worker[wire].heal();
  return backMs;
}

/** It claims a task anew, and completes it. */
async function worksAgain(its: Course, worker: YardWorker, timeoutMs: number): Promise<void> {
  const { yard } = its;
  const id = await worker.id();
  const from = await databaseNow(yard.db);
  await promisedAtWork(
    its,
    `${worker.name} to claim and complete a task again`,
    async () => {
      const deeds = (await deedsOf(yard.db, id, from)).filter(({ actor }) => actor === id);
      const claimed = new Set(deeds.filter(({ action }) => action === 'claim').map(({ task }) => task));
      return deeds.some(({ action, task }) => action === 'complete' && claimed.has(task));
    },
    timeoutMs,
  );
}

export const networkFaults: readonly Fault[] = [partition, latency];
