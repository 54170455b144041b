/**
 * Fault 19: memory ran out. The kernel's way of saying so is SIGKILL, to ffmpeg or to the worker itself; an allocation that
 * is refused is ffmpeg's own error. Where this user may make a memory cgroup, the kernel really does it.
 */
import { accessSync, constants, existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Fault, YardWorker } from '../fault.ts';
import { completeInTheEnd, describe, endOf, promisedAtWork } from './attempts.ts';
import { type Course, healing, mustHold } from './healing.ts';
import { type Harm, openShim, runs, type Shim } from './media-shim.ts';
import { trailOf } from './trail.ts';

/** A lease and a sweep, and its turn among what else is waiting. */
const CLAIMED_MS = 30_000;

const CGROUP_BYTES = 12 * 2 ** 20;

export const outOfMemory: Fault = {
  number: 19,
  name: 'ffmpeg and worker killed for want of memory',
  promise:
    'an attempt that lost its ffmpeg is tried again by the same worker, one that lost its worker elsewhere after the lease; nobody else is harmed',
  takesMs: 60_000,
  run: healing(async (its) => {
    const { yard, heal } = its;
    const group = openCgroup();
    if (group) heal(() => group.close());
    const shim = openShim(yard.folder, { cgroup: group?.path ?? null });
    heal(() => shim.close());
    const worker = await yard.extra({ env: shim.env });
    heal(() => yard.dismiss(worker));
    heal(() => shim.disarm());

    const kinds: Harm[] = group ? ['starve', 'drown'] : ['starve'];
    shim.arm(...kinds);
    await promisedAtWork(its, 'runs of ffmpeg without memory', () => shim.harmed().length === kinds.length, 20_000);
    const ends: string[] = [];
    for (const harmed of shim.harmed()) {
      const end = await endOf(its, harmed);
      mustHold(end.action !== 'complete', `the attempt with ffmpeg ${harmed.harm} not to complete`, describe(end));
      ends.push(`${harmed.harm}: ${end.action}${/SIGKILL/.test(end.error ?? '') ? ' after SIGKILL' : ''}`);
    }

    const victim = await working(its, shim);
    process.kill(victim.pid, 'SIGKILL');
    const killed = await endOf(its, victim);
    mustHold(killed.action !== 'complete', 'the attempt whose ffmpeg was killed not to complete', describe(killed));
    if (killed.action === 'retry')
      mustHold(/SIGKILL/.test(killed.error ?? ''), 'its error to name the signal', describe(killed));
    ends.push(`ffmpeg killed: ${killed.action}`);
    mustHold(
      worker.process.child.exitCode === null,
      'the worker to live',
      `exit code ${worker.process.child.exitCode}`,
    );

    ends.push(`worker killed: ${await killWorker(its, worker, shim)}`);
    await completeInTheEnd(its, shim.harmed());
    return { ends: ends.join(', '), cgroup: group ? 'yes' : 'may not make one' };
  }),
};

/** A run of ffmpeg that is at work just now. */
async function working(its: Course, shim: Shim) {
  const before = shim.harmed().length;
  shim.arm('dawdle');
  await promisedAtWork(its, 'an ffmpeg at work', () => shim.harmed().length > before, 20_000);
  const seen = shim.harmed().find(({ harm, pid }) => harm === 'dawdle' && runs(pid));
  mustHold(seen !== undefined, 'that ffmpeg to run', 'it has ended');
  return seen;
}

/** SIGKILL to the worker itself: its ffmpeg goes with it, and its task comes back when the lease is over. */
async function killWorker(its: Course, worker: YardWorker, shim: Shim): Promise<string> {
  const { yard, promised } = its;
  const { pid, task, version } = await working(its, shim);
  const id = await worker.id();
  worker.process.kill('SIGKILL');
  await worker.process.exited;
  await promised('its ffmpeg to die with it', () => !runs(pid), 2_000);
  const again = await promised(
    'its task to be claimed elsewhere',
    async () => (await trailOf(yard.db, [task])).find((entry) => entry.version > version && entry.action === 'claim'),
    CLAIMED_MS,
  );
  mustHold(again.actor !== id, 'another worker to claim it', 'the dead one');
  // Whoever starts next clears the scratch of the dead.
  await yard.dismiss(await yard.extra());
  return 'claimed elsewhere';
}

/** A memory cgroup of our own, with next to nothing in it; null where we may not make one. */
function openCgroup(): { path: string; close(): void } | null {
  const root = '/sys/fs/cgroup';
  const version2 = existsSync(join(root, 'cgroup.controllers'));
  const parent = version2 ? root : join(root, 'memory');
  const path = join(parent, `reelfleet-chaos-${process.pid}`);
  try {
    accessSync(parent, constants.W_OK);
    mkdirSync(path, { recursive: true });
    const set = (name: string, value: number) => writeFileSync(join(path, name), String(value));
    if (version2) {
      set('memory.max', CGROUP_BYTES);
      set('memory.swap.max', 0);
      set('memory.oom.group', 1);
    } else {
      set('memory.limit_in_bytes', CGROUP_BYTES);
    }
    return { path, close: () => rmdirSync(path) };
  } catch {
    try {
      rmdirSync(path);
    } catch {
      // It was never made.
    }
    return null;
  }
}
