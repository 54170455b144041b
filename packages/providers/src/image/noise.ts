/**
 * Chance and texture for the painter, both pure functions of a seed: a picture is the same on every machine and every
 * day. Owns the string hash, the random stream ({@link Rng}) and smooth gradient noise ({@link Noise}).
 */

/** FNV-1a with a final avalanche: 32 well-mixed bits of any text. */
export function hashText(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    h ^= text.charCodeAt(i);
    h = Math.imul(h, 0x01000193);
  }
  return avalanche(h);
}

function avalanche(value: number): number {
  let h = value;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** A number in [0, 1) for an integer lattice point: for dither, stars, lit windows, anything that has an address. */
export function hashPoint(x: number, y: number, seed: number): number {
  return avalanche(Math.imul(x, 0x1f123bb5) ^ Math.imul(y, 0x5f356495) ^ seed) / 4294967296;
}

/** A stream of random choices. `fork` opens an independent stream, so that one detail more does not move the others. */
export interface Rng {
  readonly seed: number;
  next(): number;
  range(low: number, high: number): number;
  /** An integer, both ends included. */
  int(low: number, high: number): number;
  chance(probability: number): boolean;
  /** -1 or 1. */
  sign(): number;
  pick<T>(items: readonly T[]): T;
  fork(label: string): Rng;
}

export function makeRng(seed: number): Rng {
  let state = seed >>> 0;
  // mulberry32: one multiply chain, passes the usual batteries, plenty for composition.
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  return {
    seed,
    next,
    range: (low, high) => low + (high - low) * next(),
    int: (low, high) => low + Math.floor(next() * (high - low + 1)),
    chance: (probability) => next() < probability,
    sign: () => (next() < 0.5 ? -1 : 1),
    pick: (items) => {
      const item = items[Math.floor(next() * items.length)];
      if (item === undefined) throw new RangeError('cannot pick from an empty list');
      return item;
    },
    fork: (label) => makeRng(avalanche(seed ^ hashText(label))),
  };
}

/** Smooth noise about -1..1 with feature size 1, and its sums over octaves. */
export interface Noise {
  at(x: number, y: number): number;
  /** Fractal sum, each octave half as big and twice as fine; stays about -1..1. */
  fbm(x: number, y: number, octaves: number): number;
  /** Sharp crests, 0..1: mountains, veins of light. */
  ridged(x: number, y: number, octaves: number): number;
}

export function makeNoise(seed: number): Noise {
  const rng = makeRng(seed);
  const perm = new Uint8Array(512);
  for (let i = 0; i < 256; i++) perm[i] = i;
  for (let i = 255; i > 0; i--) {
    const j = rng.int(0, i);
    const held = perm[i] as number;
    perm[i] = perm[j] as number;
    perm[j] = held;
  }
  const gx = new Float64Array(512);
  const gy = new Float64Array(512);
  for (let i = 0; i < 256; i++) {
    perm[i + 256] = perm[i] as number;
    const angle = rng.next() * Math.PI * 2;
    gx[i] = gx[i + 256] = Math.cos(angle);
    gy[i] = gy[i + 256] = Math.sin(angle);
  }

  function at(x: number, y: number): number {
    const fx = Math.floor(x);
    const fy = Math.floor(y);
    const dx = x - fx;
    const dy = y - fy;
    const ix = fx & 255;
    const iy = fy & 255;
    const a = (perm[ix] as number) + iy;
    const b = (perm[ix + 1] as number) + iy;
    const h00 = perm[a] as number;
    const h10 = perm[b] as number;
    const h01 = perm[a + 1] as number;
    const h11 = perm[b + 1] as number;
    const u = dx * dx * dx * (dx * (dx * 6 - 15) + 10);
    const v = dy * dy * dy * (dy * (dy * 6 - 15) + 10);
    const n00 = (gx[h00] as number) * dx + (gy[h00] as number) * dy;
    const n10 = (gx[h10] as number) * (dx - 1) + (gy[h10] as number) * dy;
    const n01 = (gx[h01] as number) * dx + (gy[h01] as number) * (dy - 1);
    const n11 = (gx[h11] as number) * (dx - 1) + (gy[h11] as number) * (dy - 1);
    const top = n00 + u * (n10 - n00);
    return 1.5 * (top + v * (n01 + u * (n11 - n01) - top));
  }

  // Each octave is turned by a fixed angle, or the lattice shows as streaks along the axes.
  function fbm(x: number, y: number, octaves: number): number {
    let sum = 0;
    let amplitude = 0.55;
    let px = x;
    let py = y;
    for (let i = 0; i < octaves; i++) {
      sum += amplitude * at(px, py);
      amplitude *= 0.5;
      const rx = 1.6 * px - 1.2 * py + 17.3;
      py = 1.2 * px + 1.6 * py + 9.1;
      px = rx;
    }
    return sum;
  }

  function ridged(x: number, y: number, octaves: number): number {
    let sum = 0;
    let amplitude = 0.5;
    let weight = 1;
    let px = x;
    let py = y;
    for (let i = 0; i < octaves; i++) {
      const crest = 1 - Math.abs(at(px, py));
      const value = crest * crest * weight;
      sum += amplitude * value;
      weight = value > 1 ? 1 : value;
      amplitude *= 0.5;
      const rx = 1.6 * px - 1.2 * py + 31.7;
      py = 1.2 * px + 1.6 * py + 5.9;
      px = rx;
    }
    return sum;
  }

  return { at, fbm, ridged };
}
