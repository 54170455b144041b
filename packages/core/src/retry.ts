/**
 * Backoff between the attempts of a task: exponential with full jitter, so that a fleet that failed together does not
 * come back together (M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
 */
export interface Backoff {
  backoffMs: number;
  backoffMaxMs: number;
}

/** Milliseconds to wait after the `failures`-th error (1 = the first). `random` gives a number in [0, 1). */
export function backoffMs(policy: Backoff, failures: number, random: () => number): number {
  const ceiling = Math.min(policy.backoffMaxMs, policy.backoffMs * 2 ** Math.max(0, failures - 1));
  return Math.round(random() * ceiling);
}
