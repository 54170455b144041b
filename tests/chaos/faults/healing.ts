/**
 * The frame of a fault: what it undid is done again whatever happens, a fact that does not come about is a broken
 * promise, and whoever ends the suite early gets an answer instead of an error.
 */
import { until } from '@reelfleet/testkit';
import { BrokenPromise, type Chance, type Fault, type Outcome, type Yard } from '../fault.ts';

export interface Course {
  readonly yard: Yard;
  readonly chance: Chance;
  /** Done at the end, the last one first, also when the fault was ended early or a promise was broken. */
  heal(work: () => unknown): void;
  /** Wait for a fact the fleet promised. Throws BrokenPromise when it does not come about in time. */
  promised<T>(
    what: string,
    fact: () => T | Promise<T>,
    timeoutMs: number,
    everyMs?: number,
  ): Promise<Exclude<T, undefined | null | false>>;
}

/** A fault's `run` out of its course. */
export function healing(course: (its: Course) => Promise<Outcome>): Fault['run'] {
  return async (yard, chance, signal) => {
    const undone: (() => unknown)[] = [];
    const heal = (work: () => unknown) => void undone.push(work);
    const outcome = await course({ yard, chance, heal, promised: promisedUntil(signal) }).catch((error: unknown) => {
      if (signal.aborted) return { ended: 'early' };
      return { threw: error };
    });
    const unhealed: unknown[] = [];
    for (const work of undone.reverse()) {
      await (async () => work())().catch((error: unknown) => unhealed.push(error));
    }
    if ('threw' in outcome) throw outcome.threw;
    if (unhealed.length > 0)
      throw new AggregateError(unhealed, `the fault could not be healed: ${unhealed.join('; ')}`);
    return outcome;
  };
}

function promisedUntil(signal: AbortSignal): Course['promised'] {
  return async (what, fact, timeoutMs, everyMs = 50) => {
    const looked = await until(
      async () => {
        if (signal.aborted) return { early: true } as const;
        const value = await fact();
        return value === undefined || value === null || value === false ? null : ({ value } as const);
      },
      { what, timeoutMs, everyMs },
    ).catch((error: Error) => {
      throw new BrokenPromise(`expected ${what} within ${timeoutMs / 1_000} s: ${error.message}`);
    });
    if ('early' in looked) throw signal.reason;
    return looked.value as never;
  };
}

/** A fact that must hold now. */
export function mustHold(holds: boolean, expected: string, seen: unknown): asserts holds {
  if (!holds) throw new BrokenPromise(`expected ${expected}; seen: ${String(seen)}`);
}
