/**
 * What a watcher is sent first: how its run stands, and what it has missed since its cursor. Too much, or a cursor that
 * this trail has never had, and it is asked to start over (`reset`). Reads only; the hub sends.
 */
import { type RunRow, runRow } from '@reelfleet/catalog';
import { missedChanges, missedRuns, type ReadHandle, runsByIds } from '@reelfleet/db';
import type { Watcher } from './audience.ts';
import { cursorFrame, frame, type ResetEvent, taskEvent } from './shapes.ts';

/** About a megabyte, and more than any album has. */
const MOST_CHANGES = 2_000;
/** Of all runs: how far back the trail is read, and how many summaries are worth sending. */
const MOST_ENTRIES = 5_000;
const MOST_RUNS = 200;

/** Where the hub is in the trail: everything up to `high` is known, no id above `lastId` is taken. */
export interface Place {
  readonly high: number;
  readonly lastId: number;
}

export interface Welcome {
  readonly watcher: Watcher;
  readonly bytes: Buffer;
  /** It has everything up to here. */
  readonly from: number;
  /** How the run it watches stands; null when there is no such run, or when it watches all. */
  readonly run: RunRow | null;
}

/** One welcome for each, in order. */
export async function welcome(
  db: ReadHandle,
  coming: readonly { watcher: Watcher; cursor: number | null }[],
  place: Place,
): Promise<Welcome[]> {
  const ids = new Set(coming.flatMap(({ watcher }) => watcher.runId ?? []));
  const rows = new Map((await runsByIds(db, [...ids])).map((run) => [run.id, runRow(run)]));
  const welcomes: Welcome[] = [];
  for (const { watcher, cursor } of coming) {
    const { runId } = watcher;
    const run = runId === null ? null : (rows.get(runId) ?? null);
    if (runId === null) {
      welcomes.push({ watcher, run, from: place.high, bytes: Buffer.from(await toAllRuns(db, cursor, place)) });
    } else if (run === null) {
      welcomes.push({ watcher, run, from: place.high, bytes: Buffer.alloc(0) });
    } else {
      const { text, from } = await toOneRun(db, run, cursor, place);
      welcomes.push({ watcher, run, from, bytes: Buffer.from(text) });
    }
  }
  return welcomes;
}

async function toOneRun(db: ReadHandle, run: RunRow, cursor: number | null, { high, lastId }: Place) {
  const startOver = (reason: ResetEvent['reason']) => ({
    text: frame('reset', { reason }, high) + frame('run', run, high),
    from: high,
  });
  if (cursor === null) return { text: frame('run', run, high), from: high };
  if (cursor > lastId) return startOver('rewound');
  const missed =
    cursor < high ? await missedChanges(db, { runId: run.id, after: cursor, upTo: high, limit: MOST_CHANGES + 1 }) : [];
  if (missed.length > MOST_CHANGES) return startOver('behind');
  const tasks = missed.map(({ id, change }) => frame('task', taskEvent(run.id, change), id));
  return { text: frame('run', run, cursor) + tasks.join(''), from: Math.max(cursor, high) };
}

async function toAllRuns(db: ReadHandle, cursor: number | null, { high, lastId }: Place): Promise<string> {
  if (cursor === null) return cursorFrame(high);
  if (cursor > lastId) return frame('reset', { reason: 'rewound' }, high);
  if (high - cursor > MOST_ENTRIES) return frame('reset', { reason: 'behind' }, high);
  const ids = cursor < high ? await missedRuns(db, { after: cursor, upTo: high }) : [];
  if (ids.length > MOST_RUNS) return frame('reset', { reason: 'behind' }, high);
  const runs = await runsByIds(db, ids);
  if (runs.length === 0) return cursorFrame(high);
  // The cursor moves with the last one: a connection that is cut before it misses none.
  return runs.map((run, index) => frame('run', runRow(run), index === runs.length - 1 ? high : undefined)).join('');
}
