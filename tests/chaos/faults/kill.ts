/** 1: workers killed exactly where it hurts. */
import type { Fault, Yard } from '../fault.ts';
import { healing, mustHold } from './healing.ts';
import { inLanes, pausedAt, pausePoints } from './pausing.ts';
import { trailOf } from './trail.ts';

/** So many workers stand still at once; the others carry the load. */
const LANES = 3;
/** The goal for a worker's death: its lease, and two seconds for a lease of three. */
export const recoveryMs = (leaseMs: number): number => Math.round((leaseMs * 5) / 3);
/** For a slot to come free, where all are taken. */
const SLOT_MS = 20_000;

export const killAtPoints: Fault = {
  number: 1,
  name: 'kill -9 of a worker at each pause point',
  promise: 'its task is given to others within the lease and two seconds, and completes',
  takesMs: 120_000,
  run: healing(async ({ yard, chance, heal, promised }) => {
    const points = pausePoints();
    const took: number[] = [];
    heal(() => unpaused(yard));
    const lanes = Math.min(LANES, Math.max(1, yard.workers.length - 1));
    await inLanes(chance.some(points, points.length), lanes, async (point, lane) => {
      const place = yard.workers[lane];
      if (!place) return;
      const { worker, task, version, run } = await pausedAt(yard, place, point);
      worker.process.kill('SIGKILL', { group: true });
      const killedAt = Date.now();
      await yard.replace(worker);
      if (point !== 'after-settle') {
        const claim = await promised(
          `the task held at ${point} to be claimed by another worker`,
          async () =>
            (await trailOf(yard.db, [task])).find((entry) => entry.action === 'claim' && entry.version > version),
          recoveryMs(yard.leaseMs) + SLOT_MS,
        );
        const expiry = (await trailOf(yard.db, [task])).find((entry) => entry.version === version + 1);
        const seconds = ((expiry?.at ?? Number.NaN) - Math.max(killedAt, await sweepingSince(yard))) / 1_000;
        mustHold(expiry?.action === 'expire', `the lease held at ${point} to expire`, expiry?.action ?? 'nothing');
        mustHold(
          seconds * 1_000 <= recoveryMs(yard.leaseMs),
          `the task held at ${point} to be queued again within ${recoveryMs(yard.leaseMs) / 1_000} s`,
          `${seconds.toFixed(1)} s`,
        );
        took.push((claim.at - killedAt) / 1_000);
      }
      const ended = await yard.ended([run], 90_000);
      mustHold(ended.get(run) === 'completed', `the run killed at ${point} to complete`, ended.get(run));
    });
    return {
      kills: points.length,
      points: points.join(', '),
      'claimed elsewhere after at most': `${Math.max(...took).toFixed(1)} s`,
    };
  }),
};

/** Since when sweeps have gone on without a gap: before they have for a lease, nothing expires (after an outage, say). */
async function sweepingSince(yard: Yard): Promise<number> {
  const rows = await yard.db.query<{ since: number }>(
    'select (extract(epoch from since) * 1000)::float8 as since from sweep_turn',
  );
  return rows[0]?.since ?? 0;
}

/** Ordinary workers in the places of those that would stop at a point for ever. */
export async function unpaused(yard: Yard): Promise<void> {
  await Promise.all(
    yard.workers
      .filter(({ process }) => process.lines.some((line) => line.startsWith('paused at ')) || hasEnded(process.child))
      .map((worker) => yard.replace(worker)),
  );
}
export const hasEnded = (child: { exitCode: number | null; signalCode: string | null }): boolean =>
  child.exitCode !== null || child.signalCode !== null;
