/**
 * What goes wrong at the bucket, drawn from a seed: the same seed and the same order of requests give the same faults.
 * Each kind that a request can suffer has its own chance; the first that comes up happens.
 */

/**
 * `429` (with Retry-After) and `503`: refused. `cut-upload`, `cut-download`: the connection breaks in the middle.
 * `lost-reply`: done, but the answer is lost. `corrupt-upload`: a byte changes on the way in, before the store compares it
 * with the checksum it was told. `corrupt-download`: a byte changes on the way out, of a whole object (a part has no
 * checksum, so nobody could know). `slow`: 1 kB/s. And, when asked for by name: `corrupt-stored`, a store that does not
 * compare, keeps a changed byte and reports the checksum of what it kept; `session-gone`: the upload's session is forgotten
 * (410), this time and ever after; `session-emptied`: the session is there, but all that it had kept is not; `empty-reply`
 * and `hollow-reply`: stored, but the answer to it is empty, or `{}`;
 * `no-length`: an object without a Content-Length; `401` and `403`.
 */
export type FaultKind =
  | '401'
  | '403'
  | '429'
  | '503'
  | 'cut-upload'
  | 'cut-download'
  | 'lost-reply'
  | 'corrupt-upload'
  | 'corrupt-stored'
  | 'corrupt-download'
  | 'session-gone'
  | 'session-emptied'
  | 'empty-reply'
  | 'hollow-reply'
  | 'no-length'
  | 'slow';

/** What a bucket and the way to it really do. */
export const USUAL_FAULTS: readonly FaultKind[] = [
  '429',
  '503',
  'cut-upload',
  'cut-download',
  'lost-reply',
  'corrupt-upload',
  'corrupt-download',
  'slow',
];

export interface FaultPlan {
  /** The chance of each kind, 0..1. */
  rate: number;
  /** Default {@link USUAL_FAULTS}. */
  kinds?: readonly FaultKind[];
  seed?: number;
  /** How long a slow request is slow; default a second, Infinity for ever. */
  slowForMs?: number;
  /** What a 429 asks for; default 1. */
  retryAfterSeconds?: number;
  /** Only this many faults in all; default no limit. */
  limit?: number;
}

export class Faults {
  readonly injected: Partial<Record<FaultKind, number>> = {};
  plan: FaultPlan = { rate: 0 };
  private next: () => number = generator(0);
  private left = 0;

  set(plan: FaultPlan | null): void {
    this.plan = plan ?? { rate: 0 };
    this.next = generator(this.plan.seed ?? 1);
    this.left = this.plan.limit ?? Number.POSITIVE_INFINITY;
  }

  /** What happens to a request that can suffer these kinds. */
  draw(possible: readonly FaultKind[]): FaultKind | null {
    const kinds = this.plan.kinds ?? USUAL_FAULTS;
    for (const kind of possible) {
      if (!kinds.includes(kind) || this.left <= 0 || this.next() >= this.plan.rate) continue;
      this.left -= 1;
      this.injected[kind] = (this.injected[kind] ?? 0) + 1;
      return kind;
    }
    return null;
  }

  /** A number from 0 up to, not including, `end`. */
  below(end: number): number {
    return Math.floor(this.next() * end);
  }
}

/** mulberry32: 32 bits of state are plenty for faults. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
