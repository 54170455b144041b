/** Things that grow: pines, broad-leaved crowns of brush dabs, grass, flowers. All are silhouettes that take light. */
import { type Canvas, dab, polygon, stroke } from '../canvas.ts';
import { lerp, mix, type RGB, scale } from '../colour.ts';
import type { Rng } from '../noise.ts';

/** A conifer standing at (x, base): ragged tiers, `snow` lays white on its boughs. */
export function paintPine(c: Canvas, rng: Rng, x: number, base: number, height: number, colour: RGB, snow?: RGB): void {
  const tiers = Math.max(5, Math.min(16, Math.round(height / 0.022)));
  const half = height * rng.range(0.17, 0.23);
  const lean = rng.range(-0.02, 0.02) * height;
  const left: number[] = [];
  const right: number[] = [];
  for (let i = 0; i <= tiers; i++) {
    const t = i / tiers;
    const y = base - height + height * 0.96 * t;
    const wide = half * t ** 0.85;
    const cx = x + lean * (1 - t);
    left.push(cx - wide * rng.range(0.2, 0.5), y);
    right.push(cx + wide * rng.range(0.2, 0.5), y);
    if (i < tiers) {
      const droop = (height / tiers) * rng.range(1.0, 1.35);
      left.push(cx - wide * rng.range(0.85, 1.15) - half * 0.06, y + droop);
      right.push(cx + wide * rng.range(0.85, 1.15) + half * 0.06, y + droop);
    }
  }
  const outline: number[] = [x + lean, base - height * 1.03, ...right];
  for (let i = left.length - 2; i >= 0; i -= 2) outline.push(left[i] as number, left[i + 1] as number);
  const trunk = height * 0.016;
  polygon(
    c,
    [
      x - trunk,
      base + height * 0.02,
      x - trunk,
      base - height * 0.1,
      x + trunk,
      base - height * 0.1,
      x + trunk,
      base + height * 0.02,
    ],
    colour,
  );
  polygon(c, outline, colour);
  if (snow) {
    for (let i = 1; i < tiers; i++) {
      const t = i / tiers;
      const wide = half * t ** 0.85;
      const y = base - height + height * 0.96 * t;
      for (const side of [-1, 1]) {
        const tip = rng.range(0.6, 0.95);
        const cx = x + lean * (1 - t);
        const drop = (height / tiers) * 0.8;
        polygon(
          c,
          [
            cx + side * wide * 0.08,
            y - drop * 0.2,
            cx + side * wide * tip,
            y + drop * 0.75,
            cx + side * wide * tip * 0.55,
            y + drop * 0.62,
            cx + side * wide * 0.1,
            y + drop * 0.35,
          ],
          snow,
          rng.range(0.55, 0.95),
        );
      }
    }
  }
}

/** A row of conifers along a skyline `ground(x)`. */
export function paintTreeline(
  c: Canvas,
  rng: Rng,
  ground: (x: number) => number,
  wish: { height: number; density: number; colour: RGB; snow?: RGB; from?: number; to?: number },
): void {
  const from = wish.from ?? -0.05;
  const to = wish.to ?? c.aspect + 0.05;
  const step = wish.height * 0.3 * (1 / wish.density);
  for (let x = from; x < to; x += step * rng.range(0.5, 1.5)) {
    const height = wish.height * rng.range(0.55, 1.15);
    const tone = scale(wish.colour, rng.range(0.85, 1.2));
    paintPine(c, rng, x, ground(x) + wish.height * 0.08, height, tone, wish.snow);
  }
}

export interface Foliage {
  /** Leaves in shade, in open light, and touched by the source. */
  dark: RGB;
  mid: RGB;
  lit: RGB;
}

/** A mass of leaves: overlapping dabs, darker below and inside, lit on the side of the light. */
export function paintCrown(
  c: Canvas,
  rng: Rng,
  x: number,
  y: number,
  rx: number,
  ry: number,
  leaves: Foliage,
  lightSide: number,
  leaf = 0.007,
): void {
  const clumps = Array.from({ length: 9 }, () => {
    const angle = rng.range(0, Math.PI * 2);
    const r = Math.sqrt(rng.next()) * 0.72;
    return { x: x + Math.cos(angle) * r * rx, y: y + Math.sin(angle) * r * ry, size: rng.range(0.32, 0.5) };
  });
  clumps.sort((a, b) => a.y - b.y);
  for (const clump of clumps) {
    const cx = rx * clump.size;
    const cy = ry * clump.size;
    dab(c, clump.x, clump.y + cy * 0.15, cx, cy, 0, leaves.dark, 0.9, 0.5);
    const count = Math.min(260, Math.round(((cx * cy) / (leaf * leaf)) * 1.7));
    for (let i = 0; i < count; i++) {
      const angle = rng.range(0, Math.PI * 2);
      const r = Math.sqrt(rng.next()) * 1.12;
      const u = Math.cos(angle) * r;
      const v = Math.sin(angle) * r;
      const sun = (-v * 0.75 + u * lightSide * 0.65) * 0.5 + 0.5 + rng.range(-0.28, 0.28);
      const colour =
        sun < 0.5
          ? mix(leaves.dark, leaves.mid, Math.max(0, sun * 2))
          : mix(leaves.mid, leaves.lit, Math.min(1, sun * 2 - 1));
      const size = leaf * rng.range(0.6, 1.25);
      dab(c, clump.x + u * cx, clump.y + v * cy, size, size * rng.range(0.5, 0.9), rng.range(0, 3), colour, 0.92, 0.35);
    }
  }
}

/** A trunk that forks; answers where its boughs end, for crowns to sit on. */
export function paintTrunk(
  c: Canvas,
  rng: Rng,
  x: number,
  base: number,
  height: number,
  width: number,
  colour: RGB,
): { x: number; y: number }[] {
  const ends: { x: number; y: number }[] = [];
  const grow = (sx: number, sy: number, angle: number, length: number, girth: number, level: number) => {
    const points: number[] = [];
    const widths: number[] = [];
    let a = angle;
    let px = sx;
    let py = sy;
    for (let i = 0; i <= 6; i++) {
      points.push(px, py);
      widths.push(lerp(girth, girth * 0.6, i / 6) * (level === 0 && i === 0 ? 1.5 : 1));
      if (i === 6) break;
      a += rng.range(-0.13, 0.13);
      px += (Math.sin(a) * length) / 6;
      py -= (Math.cos(a) * length) / 6;
    }
    stroke(c, points, widths, colour);
    if (level >= 3) {
      ends.push({ x: px, y: py });
      return;
    }
    const forks = level === 0 ? 3 : 2;
    for (let i = 0; i < forks; i++) {
      const spread = (i / (forks - 1) - 0.5) * rng.range(1.1, 1.5);
      grow(px, py, a + spread, length * rng.range(0.55, 0.75), girth * 0.58, level + 1);
    }
  };
  grow(x, base, rng.range(-0.08, 0.08), height * 0.42, width, 0);
  return ends;
}

/** A palm whose trunk leans by `sway` (units at the top), with drooping feathered fronds. */
export function paintPalm(
  c: Canvas,
  rng: Rng,
  x: number,
  base: number,
  height: number,
  sway: number,
  colour: RGB,
): void {
  const points: number[] = [];
  const widths: number[] = [];
  for (let i = 0; i <= 10; i++) {
    const t = i / 10;
    points.push(x + sway * t * t, base - height * t);
    widths.push(lerp(0.026, 0.012, t) * (0.7 + height * 0.5));
  }
  stroke(c, points, widths, colour);
  const hx = x + sway;
  const hy = base - height;
  const fronds = 13;
  for (let f = 0; f < fronds; f++) {
    const angle = -Math.PI / 2 + (f / (fronds - 1) - 0.5) * 4.3 + rng.range(-0.1, 0.1);
    const length = height * rng.range(0.32, 0.42);
    const spine: number[] = [];
    const girth: number[] = [];
    const steps = 16;
    for (let i = 0; i <= steps; i++) {
      const t = i / steps;
      spine.push(hx + Math.cos(angle) * length * t, hy + Math.sin(angle) * length * t * 0.75 + length * 0.6 * t * t);
      girth.push(length * 0.035 * (1 - t) + 0.0015);
    }
    stroke(c, spine, girth, colour);
    for (let i = 1; i < steps; i++) {
      const sx = spine[i * 2] as number;
      const sy = spine[i * 2 + 1] as number;
      const heading = Math.atan2((spine[i * 2 + 3] as number) - sy, (spine[i * 2 + 2] as number) - sx);
      const leaf = length * 0.34 * Math.sin((Math.PI * (i + 2)) / (steps + 3));
      const root = (length / steps) * 0.55;
      for (const side of [-1, 1]) {
        const dir = heading + side * 0.75;
        const tipX = sx + Math.cos(dir) * leaf * 0.8;
        const tipY = sy + Math.sin(dir) * leaf * 0.55 + leaf * 0.3;
        polygon(
          c,
          [
            sx - Math.cos(heading) * root,
            sy - Math.sin(heading) * root,
            tipX,
            tipY,
            sx + Math.cos(heading) * root,
            sy + Math.sin(heading) * root,
          ],
          colour,
        );
      }
    }
  }
}

/** Blades along a skyline, as a dark fringe in front of everything. */
export function paintGrass(
  c: Canvas,
  rng: Rng,
  ground: (x: number) => number,
  height: number,
  colours: readonly RGB[],
  density = 1,
): void {
  const step = 0.0042 / density;
  for (let x = -0.02; x < c.aspect + 0.02; x += step * rng.range(0.4, 1.6)) {
    const tall = height * rng.range(0.35, 1.1);
    const bend = tall * rng.range(-0.45, 0.45);
    const y = ground(x) + height * 0.12;
    const w = Math.max(c.px * 0.9, height * 0.022);
    polygon(
      c,
      [
        x - w,
        y,
        x + bend * 0.35 - w * 0.5,
        y - tall * 0.6,
        x + bend,
        y - tall,
        x + bend * 0.35 + w * 0.6,
        y - tall * 0.58,
        x + w,
        y,
      ],
      rng.pick(colours),
    );
  }
}
