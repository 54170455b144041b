/** 26: cancels that come at the worst moment. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault, Yard } from '../fault.ts';
import { caught } from './ghosts.ts';
import { type Course, healing, mustHold } from './healing.ts';
import { recoveryMs, unpaused } from './kill.ts';
import { inLanes, pausedAt, pausePoints } from './pausing.ts';
import { standing, trailOf } from './trail.ts';

const LANES = 3;
const RACES = 12;
const RACE_MS = 300;

export const cancels: Fault = {
  number: 26,
  name: 'cancel at each pause point, racing settle, of a ghost',
  promise: 'what was not completed first ends cancelled, whoever holds it, and is neither done nor started again',
  takesMs: 170_000,
  run: healing(async (its) => {
    const points = its.chance.some(pausePoints(), pausePoints().length);
    await atPoints(its, points);
    const raced = await racingSettle(its);
    const ghosts = await ofAGhost(its);
    return { cancels: points.length + RACES + 1, points: points.join(', '), ...raced, ghosts };
  }),
};

const cancel = async (yard: Yard, run: string) => {
  // A run that has ended already stays as it is.
  yard.expectEnd(run, 'cancelled', 'completed');
  await yard.operator.cancel('chaos', { runs: [run] });
};

async function atPoints({ yard, heal, promised }: Course, points: readonly string[]): Promise<void> {
  heal(() => unpaused(yard));
  const lanes = Math.min(LANES, Math.max(1, yard.workers.length - 1));
  await inLanes(points, lanes, async (point, lane) => {
    const place = yard.workers[lane];
    if (!place) return;
    const { worker, task, version, run } = await pausedAt(yard, place, point);
    await cancel(yard, run);
    if (point === 'after-settle') {
      const settled = (await trailOf(yard.db, [task])).find((entry) => entry.version === version + 1);
      mustHold(settled?.action === 'complete', `what was settled before its cancel to stay completed`, settled?.action);
      // It stands there for good: its attempt is over, so no signal reaches it.
      worker.process.kill('SIGKILL', { group: true });
      await yard.replace(worker);
    } else {
      // By its worker as a rule; by the sweep, when something else took the worker's lease meanwhile.
      await promised(
        `the task paused at ${point} to be cancelled`,
        async () => (await standing(yard.db, [task]))[0]?.status === 'cancelled',
        15_000 + 2 * yard.leaseMs,
      );
      await yard.replace(worker);
    }
    const ended = await yard.ended([run], 30_000);
    mustHold(['cancelled', 'completed'].includes(ended.get(run) ?? ''), 'a cancelled run to end', ended.get(run));
  });
}

/** Cancels sent about when their tasks end: one of the two comes first, and the other changes nothing. */
async function racingSettle({ yard, chance }: Course) {
  const runs = await yard.enqueue('hold', { ms: RACE_MS }, RACES);
  await Promise.all(
    runs.map(async (run) => {
      await sleep(chance.integer(0, 6 * RACE_MS));
      await cancel(yard, run);
    }),
  );
  const ended = await yard.ended(runs, 60_000);
  const of = (status: string) => [...ended.values()].filter((found) => found === status).length;
  const rows = await yard.db.query<{ id: string }>(
    `select t.id from tasks t where t.run_id in (${runs.map((run) => `'${run}'`).join(',')})`,
  );
  const trail = await trailOf(
    yard.db,
    rows.map(({ id }) => id),
  );
  for (const { id } of rows) {
    const ends = trail.filter((entry) => entry.task === id && ['complete', 'cancel'].includes(entry.action));
    mustHold(ends.length <= 1, 'a task to end once', ends.map(({ action }) => action).join(', '));
  }
  return { 'cancel came first': of('cancelled'), 'settle came first': of('completed') };
}

/** A cancel of what a frozen worker holds: its lease expires into `cancelled`, and it wakes up to nothing. */
async function ofAGhost({ yard, chance, heal, promised }: Course): Promise<number> {
  const { worker, held } = await caught({ yard, chance }, (one) => one.process.freeze());
  heal(() => worker.process.wake());
  const runs = [...new Set(held.map(({ runId }) => runId))];
  for (const run of runs) await cancel(yard, run);
  const ghost = await worker.id();
  for (const { id, key, version } of held) {
    const end = await promised(
      `${key} of a frozen worker to be cancelled`,
      async () => (await trailOf(yard.db, [id])).find((entry) => entry.version === version + 1),
      2 * recoveryMs(yard.leaseMs) + 5_000,
    );
    mustHold(end.actor !== ghost, 'the ghost to write nothing', end.action);
    const [now] = await standing(yard.db, [id]);
    mustHold(now?.status === 'cancelled', `${key} to be cancelled when its lease is over`, now?.status);
  }
  worker.process.wake();
  await yard.ended(runs, 30_000);
  await promised(
    `${worker.name} to notice`,
    () => held.every(({ id }) => worker.process.lines.some((line) => line.includes('lease lost') && line.includes(id))),
    15_000,
  );
  return held.length;
}
