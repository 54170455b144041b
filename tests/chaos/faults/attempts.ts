/** What several faults do alike: give a worker something to do, and look at how an attempt of it ended. */
import type { Yard } from '../fault.ts';
import { type Course, mustHold } from './healing.ts';
import type { Harmed } from './media-shim.ts';
import { type Entry, trailOf, unfinished } from './trail.ts';

/** Longer than the load's stages may stand still, than SIGTERM may be ignored, and than a loaded machine dawdles. */
const NOTICED_MS = 32_000;
/** Between two orders for a worker that has nothing yet. */
const ORDER_MS = 2_500;

/** Something for an idle worker to do, whatever the load is just then. */
export const keepBusy = (yard: Yard): Promise<string[]> => yard.enqueue('shots', { shots: 4, seconds: 2 });

/** As `promised`, while one worker among many waits for its share: work is ordered again and again until the fact is there. */
export async function promisedAtWork<T>(
  { yard, promised }: Course,
  what: string,
  fact: () => T | Promise<T>,
  timeoutMs: number,
  order: (yard: Yard) => Promise<unknown> = keepBusy,
): Promise<Exclude<T, undefined | null | false>> {
  let orderedAt = Number.NEGATIVE_INFINITY;
  return promised(
    what,
    async () => {
      const value = await fact();
      if ((value === undefined || value === null || value === false) && performance.now() - orderedAt > ORDER_MS) {
        await order(yard);
        orderedAt = performance.now();
      }
      return value;
    },
    timeoutMs,
    100,
  );
}

/** How the attempt that was harmed ended: the entry after its claim. */
export async function endOf({ yard, promised }: Course, { task, version, harm }: Harmed): Promise<Entry> {
  mustHold(task.length === 36, 'the shim to know whose run it harmed', `a ${harm} of nobody`);
  return promised(
    `the attempt with ffmpeg ${harm} to end (task ${task}, version ${version})`,
    async () => (await trailOf(yard.db, [task])).find((entry) => entry.version === version + 1),
    NOTICED_MS,
    200,
  );
}

/** The harm is over: these tasks complete, wherever that is. */
export async function completed(
  { yard, promised }: Course,
  tasks: readonly string[],
  timeoutMs = 25_000,
): Promise<void> {
  await promised(
    'the tasks that suffered to complete',
    async () => {
      const open = await unfinished(yard.db, tasks);
      if (open.length > 0) throw new Error(open.join(', '));
      return true;
    },
    timeoutMs,
    200,
  );
}

export const completeInTheEnd = (its: Course, harmed: readonly Harmed[]): Promise<void> =>
  completed(its, [...new Set(harmed.map(({ task }) => task))]);

/** For messages. */
export const describe = ({ action, code, error }: Entry) => `${action} ${code ?? ''} ${error?.slice(0, 300) ?? ''}`;
