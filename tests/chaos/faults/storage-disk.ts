/**
 * Fault 17: a worker's scratch disk is full. The disk is a small tmpfs that only this worker sees (a mount namespace of its
 * own, so that it needs no root where users may make namespaces, and nothing stays mounted), the ballast a file in it.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Fault, Yard, YardWorker } from '../fault.ts';
import { completed, describe, keepBusy, promisedAtWork } from './attempts.ts';
import { type Course, healing, mustHold } from './healing.ts';
import { databaseNow, deedsOf } from './trail.ts';

const DISK_MB = 32;
/** The stages that write to the disk. */
const STAGES = ['shot', 'join', 'music', 'image', 'render', 'verify', 'thumbnail', 'probe'] as const;
type Stage = (typeof STAGES)[number];
/** An album has to be made first for some of them. */
const REACHED_MS = 45_000;
const KB = 1_024;

export const diskFull: Fault = {
  number: 17,
  name: 'worker disk full',
  promise:
    'an attempt without room ends as an error and completes later, a worker short of room takes no tickets, and both live (each run: one stage, which the seed picks)',
  takesMs: 70_000,
  missing: () =>
    spawnSync('unshare', ['-Urm', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'], { stdio: 'ignore' }).status === 0
      ? null
      : 'neither root nor user namespaces: nobody may mount a small disk',
  run: healing(async (its) => {
    const { chance } = its;
    const stage = chance.pick(STAGES);
    const left = chance.integer(0, 8) * KB;
    const full = await openDisk(its, { REELFLEET_STAGES: stage, REELFLEET_MIN_FREE_MB: '0' });
    const attempts = await runsOut(its, full, stage, left);
    const short = await openDisk(its, { REELFLEET_MIN_FREE_MB: '16' });
    await takesNothing(its, short);
    return { stage, leftKb: left / KB, ...attempts };
  }),
};

interface Disk {
  readonly worker: YardWorker;
  /** Leave so many bytes free; null: all of it. */
  fill(left: number | null): void;
}

/** A worker with a small disk of its own for scratch. */
async function openDisk({ yard, heal }: Course, env: Readonly<Record<string, string>>): Promise<Disk> {
  const folder = mkdtempSync(join(yard.folder, 'disk-'));
  heal(() => rmSync(folder, { recursive: true, force: true }));
  const worker = await yard.extra({
    env: { ...env, REELFLEET_SCRATCH: folder },
    prefix: ['unshare', '-Urm', 'sh', '-c', `mount -t tmpfs -o size=${DISK_MB}m tmpfs "$0" && exec "$@"`, folder],
  });
  heal(() => yard.dismiss(worker));
  // The worker's own view of its folder.
  const inside = `/proc/${worker.process.pid}/root${folder}`;
  const ballast = join(inside, 'ballast');
  const free = () => {
    const { bavail, bsize } = statfsSync(inside);
    return bavail * bsize;
  };
  return {
    worker,
    fill(left) {
      rmSync(ballast, { force: true });
      if (left !== null) writeFileSync(ballast, Buffer.alloc(Math.max(0, free() - left)));
    },
  };
}

/** Its work meets a full disk: error, no artifact; with room again, or elsewhere, it completes. */
async function runsOut(its: Course, { worker, fill }: Disk, stage: Stage, left: number) {
  const { yard } = its;
  const id = await worker.id();
  const from = await databaseNow(yard.db);
  fill(left);
  const ended = async () => {
    const deeds = await deedsOf(yard.db, id, from);
    return deeds.filter(({ actor, action }) => actor === id && action !== 'claim' && action !== 'expire');
  };
  const [first] = await promisedAtWork(
    its,
    `an attempt at ${stage} to end on a full disk`,
    async () => {
      const ends = await ended();
      return ends.length > 0 && ends;
    },
    REACHED_MS,
    orderOf(stage),
  );
  mustHold(
    first !== undefined && first.action !== 'complete',
    'no attempt to complete without room',
    first && describe(first),
  );
  const all = await ended();
  fill(null);
  const good = all.filter(({ action }) => action === 'complete');
  mustHold(
    good.length === 0,
    'no attempt to complete without room',
    good.map(({ task }) => task),
  );
  mustHold(worker.process.child.exitCode === null, 'the worker to live', worker.process.child.exitCode);
  await completed(its, [...new Set(all.map(({ task }) => task))]);
  return { failed: all.length, said: (first.error ?? '').split('\n')[0]?.slice(0, 120) ?? '' };
}

/** What brings a task of this stage to the fleet, as straight as there is a way. */
function orderOf(stage: Stage): (yard: Yard) => Promise<unknown> {
  const single = (yard: Yard, input: unknown) => yard.enqueue('single', { stage, input }, 2);
  const pair = { orderIndex: 1, title: 'Full', prompt: 'a full disk', seed: 7 };
  switch (stage) {
    case 'shot':
    case 'join':
      return keepBusy;
    case 'music':
      return (yard) => single(yard, { ...pair, seconds: 3 });
    case 'image':
      return (yard) => single(yard, { ...pair, width: 320, height: 180, fps: 10 });
    case 'thumbnail':
    case 'probe':
      return async (yard) => single(yard, { source: await someFilm(yard) });
    case 'render':
    case 'verify': {
      // Only at the end of an album; two are enough, more would only stand in the way.
      let ordered = 0;
      return async (yard) => {
        ordered += 1;
        if (ordered <= 2) await yard.enqueue('album', { tracks: 1, seconds: 3 });
      };
    }
    default:
      return stage satisfies never;
  }
}

/** A film that the load has made. */
async function someFilm(yard: Yard): Promise<unknown> {
  const [film] = await yard.db.query(
    `select id, kind, uri, sha256, size_bytes::int as "sizeBytes", content_type as "contentType" from artifacts
     where kind = 'render' order by created_at desc limit 1`,
  );
  mustHold(film !== undefined, 'the load to have made a film', 'none');
  return film;
}

/** Less room than it wants to have: it leaves the tickets to others, and takes some again when there is room. */
async function takesNothing(its: Course, { worker, fill }: Disk): Promise<void> {
  const { yard, promised } = its;
  const id = await worker.id();
  const claims = async (from: number) =>
    (await deedsOf(yard.db, id, from)).filter(({ actor, action }) => actor === id && action === 'claim');
  await promisedAtWork(its, 'the worker to work while it has room', async () => (await claims(0)).length > 0, 20_000);
  fill(8 * KB * KB);
  // It looks once a second, and what it had claimed by then it does.
  const filled = performance.now();
  await promised('its next look at the disk', () => performance.now() - filled > 2_000, 5_000);
  const from = await databaseNow(yard.db);
  const runs = await keepBusy(yard);
  await yard.ended(runs, 30_000);
  const taken = await claims(from);
  mustHold(taken.length === 0, 'a worker short of room to claim nothing', `${taken.length} claims`);
  fill(null);
  const again = await databaseNow(yard.db);
  await promisedAtWork(
    its,
    'it to claim again when there is room',
    async () => (await claims(again)).length > 0,
    20_000,
  );
}
