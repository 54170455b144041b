/**
 * Faults of the tools: ffmpeg as it is on a bad day (18), and memory that ran out (19, media-memory.ts). The victim is a
 * worker beside the six with a shim before its ffmpeg; each harm befalls one run of it, so that what is asked afterwards
 * is asked of exactly that attempt.
 */
import { readFileSync } from 'node:fs';
import type { Fault } from '../fault.ts';
import { completeInTheEnd, describe, endOf, promisedAtWork } from './attempts.ts';
import { healing, mustHold } from './healing.ts';
import { outOfMemory } from './media-memory.ts';
import { type Harm, openShim, runs } from './media-shim.ts';
import type { Entry } from './trail.ts';

/** A flood of 100 MB may not stay in the worker's memory. */
const FLOOD_KEPT_MB = 80;

const badFfmpeg: Fault = {
  number: 18,
  name: 'ffmpeg hung, lying, crashing, flooding stderr, ignoring SIGTERM',
  promise:
    'no attempt completes on what a bad ffmpeg left: it ends as an error, its processes are gone, the worker lives and the task completes (each run: one that stands still, one that dies, two lies and a flood; the seed picks which)',
  takesMs: 60_000,
  run: healing(async (its) => {
    const { yard, chance, heal, promised } = its;
    const shim = openShim(yard.folder);
    heal(() => shim.close());
    const worker = await yard.extra({ env: { ...shim.env, REELFLEET_CONCURRENCY: '4' } });
    heal(() => yard.dismiss(worker));
    heal(() => shim.disarm());

    const still = chance.pick(['hang', 'stubborn'] as const);
    const dead = chance.pick(['crash', 'exit-139'] as const);
    const lies = chance.some(['lie-empty', 'lie-short', 'lie-noise'] as const, 2);
    const before = memoryMb(worker.process.pid);
    const harms = [still, dead, ...lies, 'flood' as const];
    shim.arm(...harms);
    await promisedAtWork(
      its,
      `${harms.length} runs of ffmpeg to be harmed`,
      () => shim.harmed().length === harms.length,
      25_000,
    );

    const ends = new Map<Harm, Entry>();
    for (const harmed of shim.harmed()) {
      const end = await endOf(its, harmed);
      ends.set(harmed.harm, end);
      if (harmed.harm === 'flood') continue;
      mustHold(end.action !== 'complete', `the attempt with ffmpeg ${harmed.harm} not to complete`, describe(end));
      await promised(`the ${harmed.harm} ffmpeg to be gone once its attempt has ended`, () => !runs(harmed.pid), 2_000);
    }
    const stalled = ends.get(still);
    // Another fault may have taken the lease meanwhile; if the watchdog spoke, it must have said what it saw.
    if (stalled?.action === 'retry')
      mustHold(stalled.code === 'stalled', 'the watchdog to call it stalled', describe(stalled));
    const kept = memoryMb(worker.process.pid) - before;
    mustHold(kept < FLOOD_KEPT_MB, `less than ${FLOOD_KEPT_MB} MB of the flood to stay in memory`, `${kept} MB`);
    await completeInTheEnd(its, shim.harmed());
    mustHold(
      worker.process.child.exitCode === null,
      'the worker to live',
      `exit code ${worker.process.child.exitCode}`,
    );
    return { harms: harms.join(' '), ends: harms.map((harm) => ends.get(harm)?.action).join(' '), memoryMb: kept };
  }),
};

/** What a process has in memory now; 0 where the system does not tell. */
function memoryMb(pid: number): number {
  try {
    return Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024);
  } catch {
    return 0;
  }
}

export const mediaFaults: readonly Fault[] = [badFfmpeg, outOfMemory];
