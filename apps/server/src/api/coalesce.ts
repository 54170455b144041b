/**
 * Many who ask the same thing get one answer, and never one that is older than their question: whoever comes while a read
 * is under way, or in the rest after it, waits for the next one, together with all others who came meanwhile. So a
 * hundred pages that ask all the time cost a few reads a second, however long a read takes, and a run somebody just
 * enqueued is in the list they ask for next.
 */
import { setTimeout as sleep } from 'node:timers/promises';

/** After a read the same question rests: this long, or as many times as long as the read took, whichever is more … */
const REST_MS = 200;
const REST_TIMES = 4;
/** … but never longer than this. */
const LONGEST_REST_MS = 2_000;

interface Flight<T> {
  readonly running: Promise<T>;
  /** When the next read of this may begin. */
  readonly rested: Promise<unknown>;
  next: Promise<T> | null;
}

/** How long what was asked rests: for tests. */
interface Rest {
  readonly restMs?: number;
  readonly longestMs?: number;
}

export function coalesced({
  restMs = REST_MS,
  longestMs = LONGEST_REST_MS,
}: Rest = {}): <T>(key: string, read: () => Promise<T>) => Promise<T> {
  const flights = new Map<string, Flight<unknown>>();

  function start<T>(key: string, read: () => Promise<T>): Promise<T> {
    const began = performance.now();
    const running = read();
    const rest = (ms: number) => sleep(Math.max(restMs, ms), undefined, { ref: false });
    // What failed cost nothing that a longer rest would spare: most often something was away, and may be back.
    const rested = running.then(
      () => rest(Math.min(longestMs, REST_TIMES * (performance.now() - began))),
      () => rest(0),
    );
    const flight: Flight<unknown> = { running, rested, next: null };
    flights.set(key, flight);
    void flight.rested.then(() => {
      if (flight.next === null) flights.delete(key);
    });
    return running;
  }

  return <T>(key: string, read: () => Promise<T>): Promise<T> => {
    const flight = flights.get(key);
    if (!flight) return start(key, read);
    flight.next ??= flight.rested.then(() => start(key, read));
    return flight.next as Promise<T>;
  };
}
