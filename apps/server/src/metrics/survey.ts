/**
 * A count whose cost grows with the tables, made at a measure: in the background, never twice at once, and with a rest
 * of nineteen times what it took, so that it never has more than a twentieth of one connection's time. Whoever reads it
 * gives a count that is under way a moment, since on a small database that makes the answer fresh, and otherwise takes
 * the last one with its age. Only the very first is waited for.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Logger, messageOf } from '@reelfleet/core';

export interface Survey<T> {
  /** The latest result, or null while there is none. Starts a new count when the rest is over. */
  read(): Promise<{ value: T; ageSeconds: number; durationSeconds: number } | null>;
}

/** Of the time of one connection. */
const SHARE = 1 / 20;
const PATIENCE_MS = 150;
/** Below the ten seconds after which Prometheus gives a scrape up. */
const FIRST_PATIENCE_MS = 4_000;

export interface SurveyOptions<T> {
  name: string;
  count(): Promise<T>;
  /** The least time between two counts, however quick they are. */
  restMs: number;
  log: Logger;
  now?(): number;
}

export function openSurvey<T>({
  name,
  count,
  restMs,
  log,
  now = () => performance.now(),
}: SurveyOptions<T>): Survey<T> {
  let latest: { value: T; at: number; tookMs: number } | null = null;
  let underWay: Promise<void> | null = null;
  let notBefore = Number.NEGATIVE_INFINITY;

  async function once(): Promise<void> {
    const startedAt = now();
    try {
      const value = await count();
      // As old as the snapshot it was made on.
      latest = { value, at: startedAt, tookMs: now() - startedAt };
    } catch (error) {
      log.warn({ survey: name, error: messageOf(error) }, 'tasks could not be counted');
    } finally {
      notBefore = now() + Math.max(restMs, (now() - startedAt) * (1 / SHARE - 1));
      underWay = null;
    }
  }

  return {
    async read() {
      if (now() >= notBefore) underWay ??= once();
      if (underWay) {
        const enough = new AbortController();
        const patience = latest ? PATIENCE_MS : FIRST_PATIENCE_MS;
        await Promise.race([
          underWay,
          sleep(patience, undefined, { signal: enough.signal, ref: false }).catch(() => {}),
        ]);
        enough.abort();
      }
      return (
        latest && {
          value: latest.value,
          ageSeconds: (now() - latest.at) / 1_000,
          durationSeconds: latest.tookMs / 1_000,
        }
      );
    },
  };
}
