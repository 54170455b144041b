/**
 * Workers that stop at a named point of their code. The points are read from the sources, so that a new one is killed
 * at, and cancelled at, from the day it is written.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BrokenPromise, type Yard, type YardWorker } from '../fault.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
/** Where attempts are made: the engine, the stages of the product, those of the yard. */
const PLACES = ['packages/fleet/src', 'packages/pipelines/src/stages', 'tests/chaos/stages'];

/** Every point of the code at which a worker can be stopped. */
export function pausePoints(): string[] {
  const points = PLACES.flatMap((place) =>
    readdirSync(join(root, place))
      .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
      .flatMap((name) => [
        ...readFileSync(join(root, place, name), 'utf8').matchAll(/\bpause(?:Point|At)\('([a-z-]+)'/g),
      ])
      .map(([, point]) => point as string),
  );
  return [...new Set(points)].sort();
}

export interface Paused {
  readonly worker: YardWorker;
  readonly task: string;
  /** The fence it holds; at `after-settle` the one it has just spent. */
  readonly version: number;
  readonly run: string;
}

const REACHES_MS = 40_000;

/** Puts a worker that stops at `point` into the place of another, and waits until it stands there. */
export async function pausedAt(yard: Yard, worker: YardWorker, point: string): Promise<Paused> {
  const next = await yard.replace(worker, { env: { REELFLEET_PAUSE_AT: point } });
  // Whatever else is going on, here is work that comes past every point.
  await yard.enqueue('shots', { shots: 4 }, 2);
  const line = await next.process.waitForLine(/^paused at /, { timeoutMs: REACHES_MS }).catch((error: Error) => {
    throw new BrokenPromise(`expected ${next.name} to reach ${point} within ${REACHES_MS / 1_000} s: ${error.message}`);
  });
  const [, task = '', version = ''] = /task (\S+) version (\d+)$/.exec(line) ?? [];
  const rows = await yard.db.query<{ run: string }>(`select run_id as run from tasks where id = '${task}'`);
  return { worker: next, task, version: Number(version), run: rows[0]?.run ?? '' };
}

/** Takes the items one by one, in so many lanes at once; the first to fail ends them all. */
export async function inLanes<T>(items: readonly T[], lanes: number, work: (item: T, lane: number) => Promise<void>) {
  const left = [...items];
  await Promise.all(
    Array.from({ length: lanes }, async (_, lane) => {
      for (let item = left.shift(); item !== undefined; item = left.shift()) {
        try {
          await work(item, lane);
        } catch (error) {
          left.length = 0;
          throw error;
        }
      }
    }),
  );
}
