/**
 * How long the bucket driver tries, and how long it waits for a sign of life. Every request that is tried again can be
 * repeated without harm: reads and deletions are what they are, and puts carry `ifGenerationMatch=0`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { GcsFailure, worthAnotherTry } from './gcs-errors.ts';

export interface Patience {
  /** Tries without any progress in between. */
  tries: number;
  /** Before the first repetition; doubles with each, up to `longestMs`, and a random part of it is waited. */
  firstMs: number;
  longestMs: number;
  /** Nothing came for this long: a download, or the answer to a request without a body. */
  silenceMs: number;
  /**
   * Nothing went for this long: an upload. Longer than `silenceMs`, because the system takes bytes into its buffers long
   * before they are gone: 256 KiB, the least that the store keeps of an interrupted upload, take 1 kB/s over 4 minutes.
   */
  uploadSilenceMs: number;
}

/** Eight tries ride out half a minute to a minute; after that the task's own retry policy takes over. */
export const PATIENCE: Patience = {
  tries: 8,
  firstMs: 500,
  longestMs: 20_000,
  silenceMs: 60_000,
  uploadSilenceMs: 300_000,
};

/** What a service may ask for with Retry-After; longer is no longer waiting but giving the task back. */
const LONGEST_REQUESTED_MS = 60_000;

/** How long to wait after the `failures`th failure in a row. `chance` is 0..1. */
export function waitMs(patience: Patience, failures: number, retryAfterMs: number | null, chance: number): number {
  // "Full jitter": a fleet that was refused at once does not come back at once.
  const backoff = chance * Math.min(patience.longestMs, patience.firstMs * 2 ** (failures - 1));
  return Math.max(backoff, Math.min(retryAfterMs ?? 0, LONGEST_REQUESTED_MS));
}

/** The tries of one operation. */
export class Tries {
  private readonly patience: Patience;
  private readonly signal: AbortSignal | undefined;
  private failures = 0;

  constructor(patience: Patience, signal?: AbortSignal) {
    this.patience = patience;
    this.signal = signal;
  }

  /** Something went well: as many tries as at the start are left again. */
  progressed(): void {
    this.failures = 0;
  }

  /** Waits before the next try; throws `error` when there is to be none, and the signal's reason when it fires. */
  async after(error: unknown): Promise<void> {
    this.signal?.throwIfAborted();
    this.failures += 1;
    if (!worthAnotherTry(error) || this.failures >= this.patience.tries) throw error;
    const ms = waitMs(this.patience, this.failures, error.retryAfterMs, Math.random());
    await sleep(ms, undefined, this.signal ? { signal: this.signal } : {}).catch(() => this.signal?.throwIfAborted());
  }

  async run<T>(attempt: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await attempt();
      } catch (error) {
        await this.after(error);
      }
    }
  }
}

/** Watches one request: `signal` fires when nothing moved for `silenceMs` while somebody waited. */
export class Watchdog {
  private readonly controller = new AbortController();
  private readonly silenceMs: number;
  private timer: NodeJS.Timeout | null = null;

  constructor(silenceMs: number) {
    this.silenceMs = silenceMs;
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** Something moved, or waiting begins. */
  readonly moved = (): void => {
    if (this.timer) this.timer.refresh();
    else this.timer = setTimeout(() => this.controller.abort(this.failure()), this.silenceMs).unref();
  };

  /** Nobody waits any more. */
  readonly rest = (): void => {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
  };

  private failure(): GcsFailure {
    return new GcsFailure('stalled', `nothing moved for ${this.silenceMs / 1000} s`);
  }
}
