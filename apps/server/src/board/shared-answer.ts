/**
 * One answer for many askers: however many browsers poll, the question is asked once at a time, and its answer is good
 * for a while. An answer that took long to get is kept longer, so that asking never takes more than a tenth of the time.
 */
const SHARE = 10;
const LONGEST_MS = 30_000;

export interface SharedAnswer<T> {
  (): Promise<T>;
  /** The next asker gets a fresh one, for instance after a write. */
  forget(): void;
}

/** `now` is monotonic. A question that failed is asked again by whoever comes after the pause. */
export function sharedAnswer<T>(
  ask: () => Promise<T>,
  freshMs: number,
  now: () => number = () => performance.now(),
): SharedAnswer<T> {
  let held: Promise<T> | null = null;
  let until = Number.POSITIVE_INFINITY;
  const answer = () => {
    if (held !== null && now() < until) return held;
    const askedAt = now();
    const mine = ask();
    held = mine;
    until = Number.POSITIVE_INFINITY;
    const keep = (ms: number) => {
      if (held === mine) until = now() + ms;
    };
    mine.then(
      () => keep(Math.max(freshMs, Math.min((now() - askedAt) * SHARE, LONGEST_MS))),
      () => keep(freshMs),
    );
    return mine;
  };
  return Object.assign(answer, {
    forget: () => {
      held = null;
    },
  });
}
