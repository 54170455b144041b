/** Candle flames, chandeliers, columns: the furniture of lit rooms, placed in a traced room. */
import { type Canvas, dab, glow, polygon, stroke } from '../canvas.ts';
import { clamp, mix, type RGB, scale } from '../colour.ts';
import type { Rng } from '../noise.ts';
import type { Room } from './room.ts';

/** A flame of height `h` (units) whose foot is at (x, y). */
export function paintFlame(c: Canvas, x: number, y: number, h: number, strength = 1): void {
  glow(c, x, y - h * 0.5, h * 6, [1, 0.55, 0.18], 0.24 * strength);
  const points: number[] = [];
  for (let i = 0; i <= 14; i++) {
    const t = (i / 14) * Math.PI * 2;
    const up = (1 - Math.cos(t)) / 2;
    points.push(x + Math.sin(t) * h * 0.24 * (1 - up) ** 0.5 * 1.25, y + h * 0.05 - up * h);
  }
  polygon(c, points, scale([1.5, 0.85, 0.32], 0.8 + 0.6 * strength));
  dab(c, x, y - h * 0.3, h * 0.11, h * 0.25, 0, [1.9, 1.5, 0.9], 0.95, 0.7);
}

export function paintCandle(c: Canvas, x: number, base: number, height: number, wax: RGB, strength = 1): void {
  const w = height * 0.16;
  polygon(c, [x - w, base, x - w, base - height, x + w, base - height, x + w, base], (_u, v, out) => {
    const t = clamp((base - v) / height);
    for (let k = 0; k < 3; k++) out[k] = (wax[k as 0] as number) * (0.3 + 0.9 * t * t);
  });
  paintFlame(c, x, base - height, height * 0.42, strength);
}

/** A tiered chandelier hung from the ceiling at (x, z), its lowest ring at height `y` metres, `r` metres wide. */
export function paintChandelier(
  c: Canvas,
  rng: Rng,
  room: Room,
  x: number,
  y: number,
  z: number,
  r: number,
  metal: RGB,
): void {
  const top = room.project(x, room.shape.height + (room.shape.vault ? room.shape.half : 0), z);
  const { k } = room.project(x, y, z);
  const at = (dx: number, dy: number, dz: number) => room.project(x + dx, y + dy, z + dz);
  const thin = Math.max(c.px * 0.8, 0.016 * k);
  const hub = at(0, r * 1.25, 0);
  stroke(c, [top.x, top.y, hub.x, hub.y], [thin, thin], scale(metal, 0.5));
  const tiers = [
    { r, y: 0, n: 14 },
    { r: r * 0.62, y: r * 0.5, n: 10 },
    { r: r * 0.3, y: r * 0.92, n: 6 },
  ];
  glow(c, hub.x, at(0, r * 0.4, 0).y, r * 3.4 * k, [1, 0.62, 0.26], 0.2);
  const lights: { x: number; y: number; h: number; z: number }[] = [];
  for (const tier of tiers) {
    const ring: number[] = [];
    for (let i = 0; i <= 40; i++) {
      const a = (i / 40) * Math.PI * 2;
      const p = at(Math.cos(a) * tier.r, tier.y, Math.sin(a) * tier.r);
      ring.push(p.x, p.y);
    }
    stroke(
      c,
      ring,
      ring.filter((_, i) => i % 2 === 0).map(() => Math.max(c.px, 0.035 * k)),
      metal,
    );
    for (let i = 0; i < tier.n; i++) {
      const a = ((i + 0.5) / tier.n) * Math.PI * 2;
      const foot = at(Math.cos(a) * tier.r, tier.y, Math.sin(a) * tier.r);
      // An arm curls from the stem under the ring and up to its candle.
      const arm: number[] = [];
      for (let s = 0; s <= 8; s++) {
        const t = s / 8;
        const p = at(
          Math.cos(a) * tier.r * t,
          tier.y - Math.sin(t * Math.PI) * tier.r * 0.28,
          Math.sin(a) * tier.r * t,
        );
        arm.push(p.x, p.y);
      }
      stroke(
        c,
        arm,
        arm.filter((_, j) => j % 2 === 0).map(() => thin * 0.9),
        scale(metal, 0.85),
      );
      const drop = at(Math.cos(a) * tier.r, tier.y - r * 0.16, Math.sin(a) * tier.r);
      dab(c, drop.x, drop.y, 0.022 * k, 0.05 * k, 0, [1, 0.9, 0.75], 0.75, 0.5);
      lights.push({ x: foot.x, y: foot.y, h: r * 0.14 * k, z: Math.sin(a) });
    }
    // Strings of crystal swing from ring to ring.
    for (let i = 0; i < tier.n * 2; i++) {
      const a = (i / (tier.n * 2)) * Math.PI * 2;
      for (let s = 1; s < 7; s++) {
        const t = s / 7;
        const reach = tier.r * (1 - t * 0.42);
        const p = at(
          Math.cos(a) * reach,
          tier.y + t * r * 0.46 - Math.sin(t * Math.PI) * r * 0.12,
          Math.sin(a) * reach,
        );
        const spark = rng.next() ** 5;
        dab(
          c,
          p.x,
          p.y,
          Math.max(c.px * 0.55, 0.011 * k),
          Math.max(c.px * 0.55, 0.014 * k),
          0,
          scale([1, 0.84, 0.6], 0.4 + 1.8 * spark),
          0.65,
          0.6,
        );
      }
    }
  }
  const stem = [at(0, -r * 0.3, 0), hub];
  stroke(c, [stem[0]?.x ?? 0, stem[0]?.y ?? 0, hub.x, hub.y], [thin * 1.5, thin * 2.4], metal);
  const ball = at(0, -r * 0.34, 0);
  dab(c, ball.x, ball.y, 0.07 * k, 0.09 * k, 0, mix(metal, [1.2, 0.95, 0.6], 0.5), 1, 0.4);
  lights.sort((a, b) => b.z - a.z);
  for (const light of lights) {
    const w = light.h * 0.16;
    polygon(
      c,
      [
        light.x - w,
        light.y,
        light.x - w,
        light.y - light.h * 0.8,
        light.x + w,
        light.y - light.h * 0.8,
        light.x + w,
        light.y,
      ],
      [0.95, 0.8, 0.58],
    );
    paintFlame(c, light.x, light.y - light.h * 0.8, light.h, 0.42);
  }
}

/** A round column from floor to capital, with its faint mirror in the floor. */
export function paintColumn(
  c: Canvas,
  room: Room,
  x: number,
  z: number,
  radius: number,
  height: number,
  stone: RGB,
  gold: RGB,
  bright: number,
): void {
  const foot = room.project(x, 0, z);
  const head = room.project(x, height, z);
  const w = radius * foot.k;
  const towardsMiddle = x > 0 ? -1 : 1;
  const shaft = (u: number, out: Float64Array, k0: number, colour: RGB) => {
    const t = clamp((u - foot.x) / w, -1, 1);
    const round = 0.22 + 0.78 * Math.max(0, Math.cos((t - towardsMiddle * 0.35) * 1.45));
    const flute = 1 - 0.1 * (0.5 + 0.5 * Math.cos(Math.asin(t) * 18));
    for (let k = 0; k < 3; k++) out[k] = (colour[k as 0] as number) * round * flute * bright * k0;
  };
  polygon(
    c,
    [foot.x - w, foot.y, foot.x - w * 0.88, head.y, foot.x + w * 0.88, head.y, foot.x + w, foot.y],
    (u, _v, out) => shaft(u, out, 1, stone),
  );
  const tall = (foot.y - head.y) * 0.5;
  polygon(
    c,
    [foot.x - w, foot.y, foot.x - w, foot.y + tall, foot.x + w, foot.y + tall, foot.x + w, foot.y],
    (u, v, out) => {
      const r = out[0] as number;
      const g = out[1] as number;
      const b = out[2] as number;
      shaft(u, out, 0.8, stone);
      const k0 = 0.34 * (1 - clamp((v - foot.y) / tall)) ** 1.5;
      out[0] = r + ((out[0] as number) - r) * k0;
      out[1] = g + ((out[1] as number) - g) * k0;
      out[2] = b + ((out[2] as number) - b) * k0;
    },
  );
  const block = (y0: number, y1: number, wide: number, colour: RGB) => {
    const a = room.project(x, y0, z).y;
    const b = room.project(x, y1, z).y;
    polygon(
      c,
      [foot.x - w * wide, a, foot.x - w * wide * 1.06, b, foot.x + w * wide * 1.06, b, foot.x + w * wide, a],
      (u, _v, out) => shaft(u, out, 1.05, colour),
    );
  };
  block(0, radius * 0.6, 1.35, stone);
  block(radius * 0.6, radius * 0.9, 1.18, gold);
  block(height - radius * 1.5, height - radius * 0.6, 1.25, gold);
  block(height - radius * 0.6, height, 1.5, stone);
}
