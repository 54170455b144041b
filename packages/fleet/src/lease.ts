/**
 * Keeps the leases of one worker process alive: one beat for all its tasks. If a beat finds a fence moved, or if no
 * beat has succeeded for five sixths of a lease (measured from when it was sent, on the monotonic clock), the task's
 * signal fires with `lease-lost`: from then on it belongs to someone else, or soon may. Also fires `cancelled` when a
 * beat brings the request, and `stalled` when nothing moved for as long as the stage's policy allows.
 */
import {
  type AbortReason,
  AttemptAborted,
  type BeatAnswer,
  type BeatItem,
  type Clock,
  type Ledger,
  type Logger,
  messageOf,
} from '@reelfleet/core';
import type { Meter } from './meter.ts';
import type { Reporter } from './report.ts';

export interface Lease {
  readonly id: string;
  readonly version: number;
  readonly signal: AbortSignal;
  /** Fires only when the lease is lost: what may go on after a cancel or a shutdown (settling) waits on this one. */
  readonly lost: AbortSignal;
  /** Why the signal fired, or null. */
  readonly aborted: AttemptAborted | null;
  abort(reason: AbortReason, message?: string): void;
  progress(fraction: number, step?: string): void;
  moved(): void;
  readonly percent: number;
  readonly step: string | null;
  /** The end is being written: the lease is still kept, but a fence that moves now is our own doing. */
  settling(): void;
  /** No longer beaten for; call when the attempt is settled. */
  end(): void;
}

export interface LeaseKeeper {
  /** Start beating for a task. `sentAt`: monotonic time when the claim was sent, from which its lease counts. */
  hold(
    task: { id: string; version: number },
    sentAt: number,
    stalledAfterMs: number,
    log: Logger,
    onProgress: (percent: number) => void,
  ): Lease;
  readonly held: number;
  /** Milliseconds since a beat last succeeded, or since the start. */
  readonly silence: number;
  /** Whether a lease that counts from `sentAt` is over already, by the margin that every attempt here keeps. */
  late(sentAt: number): boolean;
  /** Whether this very lease is held here already. */
  holds(task: { id: string; version: number }): boolean;
  /** Abort everything that is held, for shutdown. */
  abortAll(reason: AbortReason): void;
  /** One beat now; also what the timer does. */
  beat(): Promise<void>;
  /** No more beats; resolves when the one under way is done. */
  stop(): Promise<void>;
}

interface Held extends BeatItem {
  controller: AbortController;
  lost: AbortController;
  deadline: number;
  lastMotion: number;
  stalledAfterMs: number;
  log: Logger;
  onProgress(percent: number): void;
  shown: number;
  settling: boolean;
}

export interface LeaseOptions {
  workerId: string;
  leaseMs: number;
  heartbeatMs: number;
  clock: Clock;
  ledger: Pick<Ledger, 'beat'>;
  log: Logger;
  meter: Meter;
  reporter: Pick<Reporter, 'next' | 'arrived'>;
  draining(): boolean;
  onAnswer(answer: BeatAnswer): void;
  onRefused(error: unknown): void;
}

export function keepLeases(options: LeaseOptions): LeaseKeeper {
  const { workerId, leaseMs, heartbeatMs, clock, ledger, log } = options;
  const held = new Map<string, Held>();
  /** The lease minus a sixth: past it the worker stops before the database would let anyone else in. */
  const margin = leaseMs - leaseMs / 6;
  let beating: Promise<void> | null = null;
  let ending: AbortReason | null = null;
  let lastGood = clock.monotonic();

  function abort(entry: Held, reason: AbortReason, message?: string): void {
    if (reason === 'lease-lost' && !entry.lost.signal.aborted) {
      entry.lost.abort(new AttemptAborted(reason));
      options.meter.leasesLost.inc();
      entry.log.warn({ version: entry.version }, 'lease lost: the attempt stops and writes nothing more');
    }
    if (!entry.controller.signal.aborted) entry.controller.abort(new AttemptAborted(reason, message));
  }

  function watch(): void {
    const now = clock.monotonic();
    for (const entry of held.values()) {
      if (now > entry.deadline) abort(entry, 'lease-lost');
      else if (!entry.settling && now - entry.lastMotion > entry.stalledAfterMs)
        abort(
          entry,
          'stalled',
          `stalled: nothing moved for ${Math.round((now - entry.lastMotion) / 1000)} s (at ${entry.step ?? 'start'})`,
        );
    }
  }

  async function send(): Promise<void> {
    // A beat matters more than what it would have told.
    const report = await options.reporter.next().catch((error) => {
      log.warn({ error: messageOf(error) }, 'no report with this beat');
      return undefined;
    });
    // What is lost is let go: extended again, it would keep others from the task for another lease, with nobody at work.
    const entries = [...held.values()].filter((entry) => !entry.lost.signal.aborted);
    const sentAt = clock.monotonic();
    if (sentAt - lastGood > heartbeatMs * 2) options.meter.beatsLate.inc();
    try {
      const answer = await ledger.beat(
        workerId,
        leaseMs,
        entries.map(({ id, version, progressPercent, step }) => ({ id, version, progressPercent, step })),
        { draining: options.draining(), ...(report ? { report } : {}) },
      );
      lastGood = clock.monotonic();
      if (report) options.reporter.arrived(report);
      for (const entry of entries) {
        const verdict = answer.tasks[entry.id];
        if (verdict === 'held' || verdict === 'cancel') entry.deadline = Math.max(entry.deadline, sentAt + margin);
        if (verdict === 'cancel') abort(entry, 'cancelled');
        if (verdict === 'lost' && held.get(entry.id) === entry && !entry.settling) abort(entry, 'lease-lost');
        if (entry.progressPercent !== entry.shown) {
          entry.shown = entry.progressPercent;
          entry.onProgress(entry.progressPercent);
        }
      }
      options.onAnswer(answer);
    } catch (error) {
      log.warn({ error: messageOf(error) }, 'beat failed');
      options.onRefused(error);
    }
  }

  // A beat that is still under way is not joined by a second one: its own deadline ends it.
  const beat = (): Promise<void> => {
    beating ??= send().finally(() => {
      beating = null;
    });
    return beating;
  };
  const beatTimer = setInterval(() => void beat(), heartbeatMs);
  const watchTimer = setInterval(watch, Math.max(20, Math.min(250, leaseMs / 20)));

  return {
    get held() {
      return held.size;
    },
    get silence() {
      return clock.monotonic() - lastGood;
    },
    late: (sentAt) => clock.monotonic() > sentAt + margin,
    holds: ({ id, version }) => held.get(id)?.version === version,
    hold(task, sentAt, stalledAfterMs, taskLog, onProgress) {
      const entry: Held = {
        id: task.id,
        version: task.version,
        progressPercent: 0,
        step: null,
        controller: new AbortController(),
        lost: new AbortController(),
        deadline: sentAt + margin,
        lastMotion: clock.monotonic(),
        stalledAfterMs,
        log: taskLog,
        onProgress,
        shown: 0,
        settling: false,
      };
      held.set(task.id, entry);
      // A claim that was answered after everything was told to stop.
      if (ending) abort(entry, ending);
      return {
        id: task.id,
        version: task.version,
        signal: entry.controller.signal,
        lost: entry.lost.signal,
        get aborted() {
          // Also true for a deadline that passed while the event loop was blocked and no timer could say so.
          if (clock.monotonic() > entry.deadline) abort(entry, 'lease-lost');
          return ((entry.lost.signal.reason ?? entry.controller.signal.reason) as AttemptAborted | undefined) ?? null;
        },
        abort: (reason, message) => abort(entry, reason, message),
        progress(fraction, step) {
          entry.lastMotion = clock.monotonic();
          // Lossy, never backwards within an attempt, and never 100 before completion.
          entry.progressPercent = Math.max(entry.progressPercent, Math.min(99, Math.floor(fraction * 100)));
          if (step !== undefined) entry.step = step;
        },
        moved() {
          entry.lastMotion = clock.monotonic();
        },
        get percent() {
          return entry.progressPercent;
        },
        get step() {
          return entry.step;
        },
        settling() {
          entry.settling = true;
        },
        end() {
          if (held.get(task.id) === entry) held.delete(task.id);
        },
      };
    },
    abortAll(reason) {
      ending = reason;
      for (const entry of held.values()) abort(entry, reason);
    },
    beat,
    async stop() {
      clearInterval(beatTimer);
      clearInterval(watchTimer);
      await beating;
    },
  };
}
