/**
 * Fault 24: a worker's wall clock leaps by ten minutes, forwards and backwards, while it works. The database's clock is
 * the only one that counts, and the worker's own deadline is monotonic, so nothing may come of it.
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Fault, YardWorker } from '../fault.ts';
import { promisedAtWork } from './attempts.ts';
import { type Course, healing, mustHold } from './healing.ts';
import { databaseNow, deedsOf, trailOf } from './trail.ts';

const LEAP_SECONDS = 600;
/** The library looks at its file once a second. */
const NOTICED_MS = 6_000;

const places = ['x86_64-linux-gnu', 'aarch64-linux-gnu', '.'].map(
  (place) => `/usr/lib/${place}/faketime/libfaketimeMT.so.1`,
);
const library = (): string | undefined => places.find((path) => existsSync(path));

const wallClock: Fault = {
  number: 24,
  name: 'wall clock ten minutes off',
  promise: 'no lease expires or is taken early, and every time in the audit trail is the database’s',
  takesMs: 60_000,
  missing: () => (library() ? null : 'libfaketime is not installed: apt install faketime'),
  run: healing(async (its) => {
    const { yard, chance, heal, promised } = its;
    const folder = mkdtempSync(join(yard.folder, 'clock-'));
    heal(() => rmSync(folder, { recursive: true, force: true }));
    const file = join(folder, 'offset');
    const set = (seconds: number) => writeFileSync(file, `${seconds >= 0 ? '+' : ''}${seconds}\n`);
    set(0);
    const worker = await yard.extra({
      env: {
        LD_PRELOAD: library() as string,
        FAKETIME_TIMESTAMP_FILE: file,
        FAKETIME_CACHE_DURATION: '1',
        FAKETIME_DONT_FAKE_MONOTONIC: '1',
        DONT_FAKE_MONOTONIC: '1',
      },
    });
    heal(() => yard.dismiss(worker));
    const id = await worker.id();
    const from = await databaseNow(yard.db);
    const first = chance.pick([1, -1]) * LEAP_SECONDS;
    const claims: number[] = [];
    for (const leap of [first, -first, 0]) {
      await holdsWork(its, worker);
      const leapedAt = await databaseNow(yard.db);
      const said = worker.process.lines.length;
      set(leap);
      await promised(
        `its clock to be off by ${leap} s`,
        () => worker.process.lines.slice(said).some((line) => Math.abs(skewOf(line, leapedAt) - leap) < 60),
        NOTICED_MS,
      );
      // A whole lease under the wrong time, with work in it.
      await promisedAtWork(
        its,
        'it to claim and complete under that time',
        async () => {
          if ((await databaseNow(yard.db)) - leapedAt < 1.3 * yard.leaseMs) return false;
          const deeds = (await deedsOf(yard.db, id, leapedAt)).filter(({ actor }) => actor === id);
          if (deeds.some(({ action }) => action === 'complete') && deeds.some(({ action }) => action === 'claim')) {
            claims.push(deeds.filter(({ action }) => action === 'claim').length);
            return true;
          }
          return false;
        },
        15_000,
      );
    }
    const until = await databaseNow(yard.db);
    const deeds = await deedsOf(yard.db, id, from);
    const lost = deeds.filter(({ action, holder }) => action === 'expire' && holder === id);
    mustHold(lost.length === 0, 'no lease of it to expire', `${lost.length}`);
    const early = await takenEarly(
      its,
      deeds.filter(({ action, actor }) => action === 'expire' && actor === id),
    );
    mustHold(early.length === 0, 'it to take no lease before its time', early.join(', '));
    const off = deeds.filter(({ at }) => at < from || at > until);
    mustHold(off.length === 0, 'all times to be the database’s', `${off.length} are not`);
    mustHold(
      !worker.process.lines.some((line) => line.includes('lease lost')),
      'it to give no lease up',
      'it said "lease lost"',
    );
    return {
      leaps: `${first} s, ${-first} s, 0`,
      claims: claims.join(' '),
      expiredByIt: deeds.filter(({ action, actor }) => action === 'expire' && actor === id).length,
    };
  }),
};

/** Waits until it has a task to be surprised with. */
async function holdsWork(its: Course, worker: YardWorker): Promise<void> {
  await promisedAtWork(its, 'the worker to hold a task', async () => (await worker.holds()).length > 0, 15_000);
}

/** How far a log line of just now is off, in seconds; NaN when it is no log line. */
function skewOf(line: string, leapedAt: number): number {
  const time = /"time":"([^"]+)"/.exec(line)?.[1];
  return time === undefined ? Number.NaN : (Date.parse(time) - leapedAt) / 1_000;
}

/** Expiries that came sooner than a lease after the claim. */
async function takenEarly({ yard }: Course, expiries: readonly { task: string; version: number; at: number }[]) {
  const trails = await trailOf(yard.db, [...new Set(expiries.map(({ task }) => task))]);
  return expiries.flatMap(({ task, version, at }) => {
    const claim = trails.find((entry) => entry.task === task && entry.version === version - 1);
    return claim && at - claim.at < yard.leaseMs ? [`${task} after ${Math.round(at - claim.at)} ms`] : [];
  });
}

export const clockFaults: readonly Fault[] = [wallClock];
