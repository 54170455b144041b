/**
 * What happens to the sum of all voices: a room (feedback delay network with damping), filters that take away rumble and
 * glare, a loudness meter, and a limiter that sees peaks coming. Everything works on blocks in place and keeps its state
 * between them.
 */
import { SAMPLE_RATE } from './strike.ts';

/** Samples in one block; every delay line of the room is longer, which lets it be computed line by line. */
export const BLOCK = 1024;

/** Prime lengths between 25 and 80 ms: no two echoes meet. */
const LINES = [1129, 1301, 1511, 1733, 1987, 2311, 2671, 3163] as const;

/** A room: eight echoes feeding each other, losing treble on the way. Mono-compatible and wide. */
export class Room {
  readonly #lines = LINES.map((length) => new Float32Array(length));
  readonly #heads = new Int32Array(LINES.length);
  readonly #damped = new Float64Array(LINES.length);
  readonly #gains: readonly number[];
  readonly #taps = LINES.map(() => new Float64Array(BLOCK));
  readonly #damping: number;
  readonly #diffusers = [new Allpass(223), new Allpass(367), new Allpass(241), new Allpass(389)] as const;

  /** `seconds` until the echo has fallen by 60 dB; `ceilingHz` is how bright its first echoes are. */
  constructor(seconds: number, ceilingHz: number) {
    this.#gains = LINES.map((length) => 10 ** ((-3 * length) / SAMPLE_RATE / seconds));
    this.#damping = 1 - Math.exp((-2 * Math.PI * Math.min(ceilingHz * 0.55, 6000)) / SAMPLE_RATE);
  }

  /** Replace the sent signal by its echo. */
  process(left: Float64Array, right: Float64Array, count: number): void {
    this.#diffusers[0].process(left, count);
    this.#diffusers[1].process(left, count);
    this.#diffusers[2].process(right, count);
    this.#diffusers[3].process(right, count);
    for (let k = 0; k < LINES.length; k++) this.#listen(k, count);
    this.#mingle(left, right, count);
    for (let k = 0; k < LINES.length; k++) this.#speak(k, count);
  }

  /** Read a line into its tap, duller and weaker than it went in. */
  #listen(k: number, count: number): void {
    const line = this.#lines[k] as Float32Array;
    const tap = this.#taps[k] as Float64Array;
    const gain = this.#gains[k] as number;
    const damping = this.#damping;
    let damped = this.#damped[k] as number;
    let head = this.#heads[k] as number;
    for (let i = 0; i < count; i++) {
      damped += damping * ((line[head] as number) - damped);
      tap[i] = damped * gain;
      if (++head === line.length) head = 0;
    }
    // A denormal costs a hundred times a normal number; silence must be zero.
    this.#damped[k] = Math.abs(damped) < 1e-15 ? 0 : damped;
  }

  /** Householder: each line hears all others, no energy is made. The input comes in, the echo goes out. */
  #mingle(left: Float64Array, right: Float64Array, count: number): void {
    const taps = this.#taps;
    const t0 = taps[0] as Float64Array;
    const t1 = taps[1] as Float64Array;
    const t2 = taps[2] as Float64Array;
    const t3 = taps[3] as Float64Array;
    const t4 = taps[4] as Float64Array;
    const t5 = taps[5] as Float64Array;
    const t6 = taps[6] as Float64Array;
    const t7 = taps[7] as Float64Array;
    for (let i = 0; i < count; i++) {
      const a = t0[i] as number;
      const b = t1[i] as number;
      const c = t2[i] as number;
      const d = t3[i] as number;
      const e = t4[i] as number;
      const f = t5[i] as number;
      const g = t6[i] as number;
      const h = t7[i] as number;
      const l = left[i] as number;
      const r = right[i] as number;
      const shared = (a + b + c + d + e + f + g + h) * 0.25;
      t0[i] = a - shared + l;
      t1[i] = b - shared + r;
      t2[i] = c - shared - l;
      t3[i] = d - shared - r;
      t4[i] = e - shared + l;
      t5[i] = f - shared + r;
      t6[i] = g - shared - l;
      t7[i] = h - shared - r;
      left[i] = (a - c + e - g) * 0.5;
      right[i] = (b - d + f - h) * 0.5;
    }
  }

  #speak(k: number, count: number): void {
    const line = this.#lines[k] as Float32Array;
    const tap = this.#taps[k] as Float64Array;
    const head = this.#heads[k] as number;
    const first = Math.min(count, line.length - head);
    line.set(first === tap.length ? tap : tap.subarray(0, first), head);
    if (first < count) line.set(tap.subarray(first, count), 0);
    this.#heads[k] = (head + count) % line.length;
  }
}

/** Smears a click into a murmur without colouring it. */
class Allpass {
  readonly #line: Float32Array;
  #head = 0;

  constructor(length: number) {
    this.#line = new Float32Array(length);
  }

  process(signal: Float64Array, count: number): void {
    const line = this.#line;
    let head = this.#head;
    for (let i = 0; i < count; i++) {
      const old = line[head] as number;
      const x = (signal[i] as number) + 0.6 * old;
      line[head] = Math.abs(x) < 1e-15 ? 0 : x;
      signal[i] = old - 0.6 * x;
      if (++head === line.length) head = 0;
    }
    this.#head = head;
  }
}

type Coefficients = readonly [b0: number, b1: number, b2: number, a1: number, a2: number];

/** A second-order filter for one channel. */
export class Biquad {
  readonly #c: Coefficients;
  #s1 = 0;
  #s2 = 0;

  constructor(coefficients: Coefficients) {
    this.#c = coefficients;
  }

  process(signal: Float64Array, count: number): void {
    const [b0, b1, b2, a1, a2] = this.#c;
    let s1 = this.#s1;
    let s2 = this.#s2;
    for (let i = 0; i < count; i++) {
      const x = signal[i] as number;
      const y = b0 * x + s1;
      s1 = b1 * x - a1 * y + s2;
      s2 = b2 * x - a2 * y;
      signal[i] = y;
    }
    this.#s1 = Math.abs(s1) < 1e-15 ? 0 : s1;
    this.#s2 = Math.abs(s2) < 1e-15 ? 0 : s2;
  }
}

export function highPass(hz: number): Biquad {
  const { cos, alpha } = angles(hz, Math.SQRT1_2);
  const a0 = 1 + alpha;
  return new Biquad([(1 + cos) / 2 / a0, -(1 + cos) / a0, (1 + cos) / 2 / a0, (-2 * cos) / a0, (1 - alpha) / a0]);
}

export function lowPass(hz: number): Biquad {
  const { cos, alpha } = angles(hz, 0.6);
  const a0 = 1 + alpha;
  return new Biquad([(1 - cos) / 2 / a0, (1 - cos) / a0, (1 - cos) / 2 / a0, (-2 * cos) / a0, (1 - alpha) / a0]);
}

function highShelf(hz: number, decibels: number): Biquad {
  const { cos, alpha } = angles(hz, Math.SQRT1_2);
  const a = 10 ** (decibels / 40);
  const root = 2 * Math.sqrt(a) * alpha;
  const a0 = a + 1 - (a - 1) * cos + root;
  return new Biquad([
    (a * (a + 1 + (a - 1) * cos + root)) / a0,
    (-2 * a * (a - 1 + (a + 1) * cos)) / a0,
    (a * (a + 1 + (a - 1) * cos - root)) / a0,
    (2 * (a - 1 - (a + 1) * cos)) / a0,
    (a + 1 - (a - 1) * cos - root) / a0,
  ]);
}

function angles(hz: number, q: number): { cos: number; alpha: number } {
  const w = (2 * Math.PI * hz) / SAMPLE_RATE;
  return { cos: Math.cos(w), alpha: Math.sin(w) / (2 * q) };
}

/** Loudness as ITU-R BS.1770 hears it (K-weighting), gated relatively at -10 LU over blocks. */
export class LoudnessMeter {
  readonly #filters = [highShelf(1681, 4), highPass(38), highShelf(1681, 4), highPass(38)] as const;
  readonly #left = new Float64Array(BLOCK);
  readonly #right = new Float64Array(BLOCK);
  readonly #powers: number[] = [];

  hear(left: Float64Array, right: Float64Array, count: number): void {
    this.#left.set(left.subarray(0, count));
    this.#right.set(right.subarray(0, count));
    this.#filters[0].process(this.#left, count);
    this.#filters[1].process(this.#left, count);
    this.#filters[2].process(this.#right, count);
    this.#filters[3].process(this.#right, count);
    let power = 0;
    for (let i = 0; i < count; i++) power += (this.#left[i] as number) ** 2 + (this.#right[i] as number) ** 2;
    this.#powers.push(power / count);
  }

  /** LUFS of what was heard; -Infinity for silence. */
  get loudness(): number {
    const mean = (list: readonly number[]): number =>
      list.reduce((sum, power) => sum + power, 0) / Math.max(1, list.length);
    const gate = mean(this.#powers) * 0.1;
    return -0.691 + 10 * Math.log10(mean(this.#powers.filter((power) => power > gate)) + 1e-30);
  }
}

/** Samples the limiter looks ahead; its output is late by as much. */
export const LIMITER_DELAY = 128;

/**
 * Keeps every sample below a ceiling by turning down before a peak arrives and up again slowly. It answers each block
 * one limiter step ({@link LIMITER_DELAY} samples) late.
 */
export class Limiter {
  readonly #ceiling: number;
  readonly #held = [new Float64Array(LIMITER_DELAY), new Float64Array(LIMITER_DELAY)] as const;
  #heldNeed = 1;
  #gain = 1;

  constructor(ceiling: number) {
    this.#ceiling = ceiling;
  }

  /** In place; `left.length` must be a multiple of the delay. */
  process(left: Float64Array, right: Float64Array): void {
    const [heldLeft, heldRight] = this.#held;
    for (let at = 0; at < left.length; at += LIMITER_DELAY) {
      let peak = 0;
      for (let i = at; i < at + LIMITER_DELAY; i++)
        peak = Math.max(peak, Math.abs(left[i] as number), Math.abs(right[i] as number));
      const need = peak > this.#ceiling ? this.#ceiling / peak : 1;
      // The gain at the seam suits both neighbours, so the straight line between seams never lets a peak through.
      const before = this.#gain;
      const recovered = before + (1 - before) * 0.012;
      const after = Math.min(need, this.#heldNeed, recovered);
      for (let i = 0; i < LIMITER_DELAY; i++) {
        const gain = before + ((after - before) * i) / LIMITER_DELAY;
        const l = left[at + i] as number;
        const r = right[at + i] as number;
        left[at + i] = (heldLeft[i] as number) * gain;
        right[at + i] = (heldRight[i] as number) * gain;
        heldLeft[i] = l;
        heldRight[i] = r;
      }
      this.#gain = after;
      this.#heldNeed = need;
    }
  }
}
