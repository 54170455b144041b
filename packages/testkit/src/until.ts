/** Waiting for facts, not for time. */
import { setTimeout as sleep } from 'node:timers/promises';

export interface UntilOptions {
  /** What is waited for, as it should read in "waited 10 s for …". */
  readonly what: string;
  /** Default 10 000. */
  readonly timeoutMs?: number;
  /** Between two looks; default 25. */
  readonly everyMs?: number;
}

/**
 * Looks until `fact` gives something other than undefined, null or false, and returns it. On time-out it throws an
 * Error that says what was awaited and what the last look gave or threw; a look that throws counts as "not yet".
 */
export async function until<T>(
  fact: () => T | Promise<T>,
  { what, timeoutMs = 10_000, everyMs = 25 }: UntilOptions,
): Promise<Exclude<T, undefined | null | false>> {
  const deadline = performance.now() + timeoutMs;
  let last: { gave: unknown } | { threw: unknown };
  for (;;) {
    try {
      const value = await fact();
      if (value !== undefined && value !== null && value !== false) {
        return value as Exclude<T, undefined | null | false>;
      }
      last = { gave: value };
    } catch (error) {
      last = { threw: error };
    }
    if (performance.now() >= deadline) break;
    await sleep(everyMs);
  }
  const seen =
    'threw' in last ? `the last look failed: ${String(last.threw)}` : `the last look gave ${String(last.gave)}`;
  throw new Error(`waited ${timeoutMs / 1000} s for ${what}; ${seen}`, 'threw' in last ? { cause: last.threw } : {});
}
