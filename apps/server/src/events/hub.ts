/**
 * Watches the audit trail for everybody who watches runs. One loop per process, and only while somebody watches: a look
 * reads what is new for all watchers at once, an event is encoded once and the same bytes go to everyone it concerns.
 *
 * Between two looks the loop does, in this order: hand on the changes (`task`), welcome who has come meanwhile, and once
 * a second a round of summaries (`run`, `progress`). Since only the loop sends, nothing can come between what a watcher
 * has missed and what it is sent from then on. When the database is away the loop tries again until it is back; its place
 * in the trail moves only with what it has read, so nothing is lost. Promises are in watermark.ts and round.ts.
 */
import { type RunRow, runRow } from '@reelfleet/catalog';
import { type Logger, messageOf } from '@reelfleet/core';
import {
  type AuditEntry,
  auditWritersBefore,
  causeOf,
  lastChanges,
  lookAtAudit,
  type ReadHandle,
  type RunningTask,
  runningTasks,
  runsByIds,
} from '@reelfleet/db';
import { Audience, type Watcher } from './audience.ts';
import { movedSince, newUntold, note, ROUND_MS, tellingOf, told } from './round.ts';
import { frame, isEndedRun, progressEvent, taskEvent } from './shapes.ts';
import { advance, unknownWatermark } from './watermark.ts';
import { type Place, welcome } from './welcome.ts';

const LOOK_EVERY_MS = 400;
/** While a gap holds rows back, or the beginning is not known yet. */
const LOOK_SOON_MS = 50;
const AFTER_FAILURE_MS = 1_000;
const MOST_ENTRIES = 1_000;
const MOST_RUNNING = 5_000;
/** Each one costs a query or two, and those who watch already should not wait for all of a server's old clients. */
const WELCOMES_PER_TURN = 50;
/** When a gap is older than this, the locks are asked who could still fill it, and again as often: some other transaction may be long. */
const STUCK_AFTER_MS = 2_000;

/** `run` has said that it ended; `end` waits until its last change, `after`, has been handed on. Null: not looked up yet. */
interface Ending {
  readonly runId: string;
  readonly status: RunRow['status'];
  readonly watchers: readonly Watcher[];
  after: number | null;
}

export interface Hub {
  readonly watchers: number;
  /** From now on `watcher` is sent what it watches. */
  watch(watcher: Watcher): void;
  unwatch(watcher: Watcher): void;
  /** Ends all streams; at once, whatever the database does. */
  close(): void;
}

export function openHub({ db, log, heartbeatMs = 15_000 }: { db: ReadHandle; log: Logger; heartbeatMs?: number }): Hub {
  const audience = new Audience();
  let watermark = unknownWatermark;
  let stuckSince: number | null = null;
  let untold = newUntold();
  let changedWatched = new Set<string>();
  let running: ReadonlyMap<string, RunningTask> = new Map();
  let lastRound = Number.NEGATIVE_INFINITY;
  let endings: Ending[] = [];
  const endTold = new WeakMap<Watcher, RunRow['status']>();
  let looping = false;
  let closed = false;
  let wake = () => {};

  const heart = setInterval(() => audience.toAll(Buffer.from(':\n\n')), heartbeatMs);
  heart.unref();

  async function loop(): Promise<void> {
    looping = true;
    let failures = 0;
    while (!closed && audience.size > 0) {
      let waitMs = AFTER_FAILURE_MS;
      try {
        waitMs = await turn();
        if (failures > 0) log.info({ failures }, 'events are read again');
        failures = 0;
      } catch (error) {
        failures += 1;
        if (failures === 1 && !closed)
          log.warn({ error: messageOf(causeOf(error)) }, 'events cannot be read; watchers wait');
      }
      if (waitMs > 0 && !closed) await pause(waitMs);
    }
    // Nobody watches: whoever comes next begins where the trail then is.
    watermark = unknownWatermark;
    forget();
    looping = false;
  }

  function forget(): void {
    stuckSince = null;
    untold = newUntold();
    changedWatched = new Set();
    running = new Map();
    endings = [];
  }

  function pause(ms: number): Promise<void> {
    return new Promise((done) => {
      const timer = setTimeout(done, ms);
      wake = () => {
        clearTimeout(timer);
        done();
      };
    });
  }

  /** One look and what follows from it; returns how long to wait before the next. */
  async function turn(): Promise<number> {
    const cleared = await clearedMark();
    const { high: after, wantsMark: mark } = watermark;
    const look = await lookAtAudit(db, { after, limit: MOST_ENTRIES, detail: audience.runIds(), mark });
    const step = advance(watermark, look, cleared);
    watermark = step.watermark;
    if (step.rewound) {
      forget();
      audience.startAgain();
    }
    const stuck = (step.held || watermark.high === null) && step.entries.length === 0;
    stuckSince = stuck ? (stuckSince ?? performance.now()) : null;
    // Finding the beginning takes three looks; only the last may have to wait for somebody.
    if (watermark.high === null) return watermark.wantsMark || look.mark !== null ? 0 : LOOK_SOON_MS;

    handOn(step.entries);
    await welcomeNew({ high: watermark.high, lastId: look.lastId });
    if (performance.now() - lastRound >= ROUND_MS) await round(watermark.high);
    await sendEndings(watermark.high);
    if (step.entries.length === MOST_ENTRIES || audience.waiting > 0) return 0;
    return stuck ? LOOK_SOON_MS : LOOK_EVERY_MS;
  }

  async function clearedMark(): Promise<number | null> {
    if (watermark.mark === null || stuckSince === null) return null;
    if (performance.now() - stuckSince < STUCK_AFTER_MS) return null;
    stuckSince = performance.now();
    return (await auditWritersBefore(db, watermark.mark.xid)) ? null : watermark.mark.xid;
  }

  function handOn(entries: readonly AuditEntry[]): void {
    const byRun = new Map<string, { id: number; text: string }[]>();
    for (const { id, runId, change } of entries) {
      if (runId === null) continue;
      if (audience.watchesAll) note(untold, runId);
      if (change === null) continue;
      changedWatched.add(runId);
      const list = byRun.get(runId) ?? [];
      if (list.length === 0) byRun.set(runId, list);
      list.push({ id, text: frame('task', taskEvent(runId, change), id) });
    }
    for (const [runId, events] of byRun) audience.toRun(runId, events);
  }

  async function sendEndings(high: number): Promise<void> {
    const fresh = endings.filter(({ after }) => after === null);
    if (fresh.length > 0) {
      const last = await lastChanges(db, [...new Set(fresh.map(({ runId }) => runId))]);
      for (const ending of fresh) ending.after = last.get(ending.runId) ?? 0;
    }
    const isDue = ({ after }: Ending) => after !== null && after <= high;
    for (const { runId, status, watchers } of endings.filter(isDue)) {
      const bytes = Buffer.from(frame('end', { runId, status }));
      for (const watcher of watchers) watcher.stream.write(bytes);
    }
    endings = endings.filter((ending) => !isDue(ending));
  }

  async function welcomeNew(place: Place): Promise<void> {
    const coming = audience.coming(WELCOMES_PER_TURN);
    if (coming.length === 0) return;
    for (const { watcher, bytes, from, run } of await welcome(db, coming, place)) {
      if (run === null && watcher.runId !== null) {
        // Deleted since it was asked for: the client's next attempt is told so.
        audience.leave(watcher);
        watcher.stream.end();
        continue;
      }
      audience.seat(watcher, from);
      watcher.stream.write(bytes);
      if (run !== null) noteEnd(run, [watcher]);
    }
  }

  /** The summaries of what has changed, and how far the running tasks are. */
  async function round(high: number): Promise<void> {
    const now = performance.now();
    const tasks = await runningTasks(db, MOST_RUNNING);
    const moved = movedSince(running, tasks);
    const changed = new Set([...changedWatched, ...moved.keys()].filter((runId) => audience.watches(runId)));
    if (audience.watchesAll) for (const runId of moved.keys()) note(untold, runId);
    const telling = tellingOf(untold, now);
    const runs = await runsByIds(db, [...new Set([...changed, ...telling.runs])]);
    const rows = new Map(runs.map((run) => [run.id, runRow(run)]));

    for (const runId of changed) {
      const progress = moved.get(runId);
      const row = rows.get(runId);
      if (!progress && !row) continue;
      const text = (progress ? frame('progress', progressEvent(runId, progress)) : '') + (row ? frame('run', row) : '');
      const watchers = audience.toRun(runId, [{ id: Number.POSITIVE_INFINITY, text }]);
      if (row) noteEnd(row, watchers);
    }
    if (audience.watchesAll) {
      const news = telling.runs.flatMap((runId) => rows.get(runId) ?? []);
      // The cursor moves with the last frame of a round: a connection that is cut before it misses none.
      const idOf = (index: number) =>
        telling.settled && !telling.reset && index === news.length - 1 ? high : undefined;
      const texts = news.map((row, index) => frame('run', row, idOf(index)));
      if (telling.reset) texts.push(frame('reset', { reason: 'busy' }, high));
      if (texts.length > 0) audience.toWatchersOfAll(Buffer.from(texts.join('')));
    }
    told(untold, telling, now);
    changedWatched = new Set();
    running = new Map(tasks.map((task) => [task.id, task]));
    lastRound = now;
  }

  /** Once per watcher, until the run comes back to life or ends otherwise. */
  function noteEnd({ id, status }: RunRow, watchers: readonly Watcher[]): void {
    const fresh = watchers.filter((watcher) => endTold.get(watcher) !== status);
    for (const watcher of watchers) endTold.set(watcher, status);
    if (isEndedRun(status) && fresh.length > 0) endings.push({ runId: id, status, watchers: fresh, after: null });
  }

  return {
    get watchers() {
      return audience.size;
    },
    watch(watcher) {
      if (closed) return watcher.stream.end();
      audience.enter(watcher);
      if (looping) wake();
      else void loop();
    },
    unwatch: (watcher) => audience.leave(watcher),
    close() {
      closed = true;
      clearInterval(heart);
      wake();
      audience.endAll();
    },
  };
}
