/** 2 and 3: workers that lose their leases without dying, and wake up as ghosts. */
import { setTimeout as sleep } from 'node:timers/promises';
import { BrokenPromise, type Fault, type HeldTask, type Yard, type YardWorker } from '../fault.ts';
import { type Course, healing, mustHold } from './healing.ts';
import { recoveryMs } from './kill.ts';
import { trailOf } from './trail.ts';

/** A statement that was on its way when its worker stopped has arrived by then. */
const ON_ITS_WAY_MS = 400;
/** For the tasks to end at another worker's, behind whatever else is queued. */
const ENDS_MS = 60_000;
const TRIES = 10;

export const frozenPastLease: Fault = {
  number: 2,
  name: 'SIGSTOP past the lease, then SIGCONT',
  promise:
    'others do the work; the ghost that wakes writes nothing, says once that its lease is lost, and goes on as a worker',
  takesMs: 75_000,
  run: healing(async (its) => {
    const { worker, held } = await caught(its, (one) => one.process.freeze());
    its.heal(() => worker.process.wake());
    await expired(its, worker, held);
    worker.process.wake();
    await laidToRest(its, worker, held);
    return { ghosts: 1, 'leases lost': held.length };
  }),
};

export const blockedEventLoop: Fault = {
  number: 3,
  name: 'event loop blocked for two leases',
  promise: 'the same: a watch on the monotonic clock notices before anything is settled',
  takesMs: 75_000,
  run: healing(async (its) => {
    const { worker, held } = await caught(its, (one) => process.kill(one.process.pid, 'SIGUSR2'), awakeAgain);
    await expired(its, worker, held);
    await its.promised('the event loop to run again', () => awake(worker), 3 * its.yard.leaseMs + 10_000);
    await laidToRest(its, worker, held);
    return { ghosts: 1, 'leases lost': held.length };
  }),
};

const said = ({ process: { lines } }: YardWorker, line: string) => lines.filter((text) => text === line).length;
const awake = (worker: YardWorker) => said(worker, 'event loop blocked') === said(worker, 'event loop runs again');
const awakeAgain = async (worker: YardWorker, yard: Yard) => {
  for (let waited = 0; !awake(worker) && waited < 3 * yard.leaseMs; waited += 100) await sleep(100);
};

/** A worker stopped while it held something, and what it held then. One that held nothing is let go on, and another taken. */
export async function caught(
  { yard, chance }: Pick<Course, 'yard' | 'chance'>,
  stop: (worker: YardWorker) => void,
  letGo: (worker: YardWorker, yard: Yard) => unknown = (worker) => worker.process.wake(),
): Promise<{ worker: YardWorker; held: readonly HeldTask[] }> {
  for (let tries = 0; tries < TRIES; tries += 1) {
    const worker = await busyOne(yard, chance.some(yard.workers, yard.workers.length));
    stop(worker);
    await sleep(ON_ITS_WAY_MS);
    const held = await worker.holds();
    if (held.length > 0) return { worker, held };
    await letGo(worker, yard);
  }
  throw new BrokenPromise(`expected a worker to hold a task; none of ${TRIES} that were stopped did`);
}

async function busyOne(yard: Yard, workers: readonly YardWorker[]): Promise<YardWorker> {
  await yard.enqueue('shots', { shots: 4 }, 2);
  for (let waited = 0; waited < 30_000; waited += 50) {
    for (const worker of workers) if ((await worker.holds()).length > 0) return worker;
    await sleep(50);
  }
  throw new BrokenPromise('expected a worker to hold a task within 30 s; none did');
}

/** Each of these leases has expired, and somebody else said so. */
export async function expired(
  { yard, promised }: Course,
  worker: YardWorker,
  held: readonly HeldTask[],
): Promise<void> {
  const ghost = await worker.id();
  for (const { id, key, version } of held) {
    const next = await promised(
      `the lease of ${key} to expire`,
      async () => (await trailOf(yard.db, [id])).find((entry) => entry.version === version + 1),
      // A gap between sweeps (a machine short of time) begins the lease that they must have run for anew.
      2 * recoveryMs(yard.leaseMs) + 5_000,
    );
    mustHold(
      next.action === 'expire' && next.actor !== ghost,
      `${key} to expire by a sweep of others`,
      `${next.action} by ${next.actor}`,
    );
  }
}

/** The ghost knows, has said so once per lease, has written nothing, and the work has been done once. */
async function laidToRest({ yard, promised }: Course, worker: YardWorker, held: readonly HeldTask[]): Promise<void> {
  // Stopped before it could read the answer to its claim, it finds that instead, and never begins.
  const lost = ({ id, version }: HeldTask) =>
    worker.process.lines.filter(
      (line) => /lease lost|claimed too late/.test(line) && line.includes(id) && line.includes(`"version":${version},`),
    ).length;
  for (const one of held) {
    await promised(`${worker.name} to say that it lost the lease of ${one.key}`, () => lost(one) > 0, 15_000);
  }
  await yard.ended([...new Set(held.map(({ runId }) => runId))], ENDS_MS);
  const ghost = await worker.id();
  for (const one of held) {
    const trail = await trailOf(yard.db, [one.id]);
    const under = trail.find((entry) => entry.version === one.version + 1);
    mustHold(
      under?.actor !== ghost,
      `nothing written under the lost lease of ${one.key}`,
      `${under?.action} by the ghost`,
    );
    const completions = trail.filter((entry) => entry.action === 'complete').length;
    mustHold(completions <= 1, `${one.key} to complete once`, `${completions} times`);
    mustHold(lost(one) === 1, `the lost lease of ${one.key} to be said once`, `${lost(one)} times`);
  }
}
