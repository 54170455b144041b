/** A window from inside, and the small comforts on its sill: mug, books, plant, lamp, cat. */
import { type Canvas, dab, glow, polygon, stroke } from '../canvas.ts';
import { clamp, hex, lerp, mix, type RGB, scale } from '../colour.ts';
import type { Light } from '../light.ts';
import { makeNoise, type Rng } from '../noise.ts';
import type { Feature } from '../prompt.ts';

const LAMP: RGB = [1, 0.6, 0.28];

export function paintSill(c: Canvas, rng: Rng, light: Light, features: ReadonlySet<Feature>): void {
  const lampSide = rng.sign();
  const lampX = lampSide > 0 ? c.aspect - 0.24 : 0.24;
  const wood = mix(hex('#4a2c1a'), light.shadow, 0.35);
  const sill = 0.86;
  // How the desk lamp falls on a thing at (x, y), with a little of the street's light.
  const lit = (colour: RGB, x: number, y: number, k = 1): RGB => {
    const d2 = (x - lampX) ** 2 + (y - 0.78) ** 2;
    const warm = 0.9 / (1 + d2 * 5);
    return [0, 1, 2].map(
      (i) =>
        (colour[i as 0] as number) *
        k *
        (0.14 * (light.ambient[i as 0] as number) + 0.1 + warm * (LAMP[i as 0] as number)),
    ) as unknown as RGB;
  };
  const frame = (x0: number, y0: number, x1: number, y1: number) =>
    polygon(c, [x0, y0, x1, y0, x1, y1, x0, y1], (u, v, out) => {
      const tone = lit(wood, u, v, 0.75);
      const across = x1 - x0 < y1 - y0 ? (u - x0) / (x1 - x0) : (v - y0) / (y1 - y0);
      const round = 0.7 + 0.5 * Math.sin(clamp(across) * Math.PI);
      for (let k = 0; k < 3; k++) out[k] = (tone[k as 0] as number) * round;
    });
  frame(0, 0, c.aspect, 0.035);
  for (const t of [0, 1 / 3, 2 / 3, 1]) {
    const x = c.aspect * t;
    const w = t === 0 || t === 1 ? 0.035 : 0.012;
    frame(x - w, 0, x + w, sill);
  }
  frame(0, 0.36, c.aspect, 0.376);
  const grain = makeNoise(rng.seed);
  polygon(c, [0, sill, c.aspect, sill, c.aspect, 1, 0, 1], (x, y, out) => {
    const t = (y - sill) / (1 - sill);
    const pool = lit(wood, x, y, 1.5 * (0.85 + 0.3 * grain.fbm(x * 2.2, y * 40, 4)));
    const edge = t < 0.03 ? 1.5 : 1;
    for (let k = 0; k < 3; k++) out[k] = (pool[k as 0] as number) * edge * lerp(1, 0.55, t);
  });
  paintLamp(c, lampX, sill + 0.055, light);
  const cosy = (name: Feature) => features.has(name);
  const slots = [0.24, 0.4, 0.55, 0.7].map((t) => (lampSide > 0 ? t : 1 - t) * c.aspect - lampSide * 0.1);
  const [a, b, d, e] = slots as [number, number, number, number];
  if (cosy('cat') || rng.chance(0.5)) paintCat(c, a, sill + 0.02, 0.27, lampSide, light, lit);
  else paintPlant(c, rng, a, sill + 0.04, lit);
  if (cosy('books') || rng.chance(0.7)) paintBooks(c, rng, b, sill + 0.06, lit);
  paintMug(c, rng, d, sill + 0.075, lampSide, lit);
  if (rng.chance(0.7)) paintPlant(c, rng, e, sill + 0.03, lit);
  paintFairyLights(c, rng.fork('string'));
}

type Lit = (colour: RGB, x: number, y: number, k?: number) => RGB;

function paintLamp(c: Canvas, x: number, base: number, light: Light): void {
  const metal: RGB = [0.03, 0.028, 0.03];
  const head = { x, y: base - 0.27 };
  glow(c, head.x, head.y + 0.05, 0.75, LAMP, lerp(0.3, 0.42, light.night));
  dab(c, x, base, 0.07, 0.014, 0, metal, 1, 0.15);
  stroke(c, [x, base, x, head.y], [0.01, 0.008], metal);
  polygon(
    c,
    [x - 0.055, head.y - 0.06, x + 0.055, head.y - 0.06, x + 0.115, head.y + 0.07, x - 0.115, head.y + 0.07],
    (u, v, out) => {
      const t = clamp((v - head.y + 0.06) / 0.13);
      const s = 1 - 0.6 * Math.abs((u - x) / 0.115) ** 2;
      out[0] = (0.55 + 0.75 * t) * s;
      out[1] = (0.28 + 0.5 * t) * s;
      out[2] = (0.1 + 0.26 * t) * s;
    },
  );
  dab(c, x, head.y + 0.07, 0.11, 0.011, 0, [1.8, 1.35, 0.8], 1, 0.6);
}

function paintMug(c: Canvas, rng: Rng, x: number, base: number, lampSide: number, lit: Lit): void {
  const colour = rng.pick([hex('#d9cbb8'), hex('#c4675a'), hex('#5f8f93'), hex('#e0b060')]);
  const w = 0.036;
  const h = 0.082;
  dab(c, x, base, w * 1.5, 0.008, 0, lit([0.2, 0.13, 0.09], x, base, 0.3), 0.8, 0.9);
  stroke(
    c,
    [
      x - lampSide * w * 0.9,
      base - h * 0.25,
      x - lampSide * w * 1.65,
      base - h * 0.35,
      x - lampSide * w * 1.65,
      base - h * 0.7,
      x - lampSide * w * 0.9,
      base - h * 0.82,
    ],
    [0.008, 0.009, 0.009, 0.008],
    lit(colour, x, base, 0.55),
  );
  polygon(c, [x - w * 0.86, base, x - w, base - h, x + w, base - h, x + w * 0.86, base], (u, v, out) => {
    const t = ((u - x) / w) * lampSide;
    const tone = lit(colour, x, v, 0.35 + 0.85 * clamp(0.5 + 0.55 * t));
    out.set(tone);
  });
  dab(c, x, base - h, w, 0.0085, 0, lit(colour, x, base, 0.9), 1, 0.1);
  dab(c, x, base - h + 0.001, w * 0.86, 0.0062, 0, lit([0.18, 0.08, 0.04], x, base, 1), 1, 0.2);
  for (let strand = 0; strand < 3; strand++) {
    const phase = rng.range(0, 6);
    for (let i = 0; i < 46; i++) {
      const t = i / 46;
      const sx = x + (strand - 1) * 0.012 + Math.sin(t * 5 + phase) * 0.012 * (0.3 + t);
      dab(
        c,
        sx,
        base - h - 0.006 - t * 0.14,
        0.005 + 0.013 * t,
        0.007 + 0.008 * t,
        0,
        [0.75, 0.66, 0.6],
        0.035 * (1 - t) * Math.min(1, t * 8),
        1,
      );
    }
  }
}

function paintBooks(c: Canvas, rng: Rng, x: number, base: number, lit: Lit): void {
  const tones = ['#8a3324', '#2f5a52', '#c08a3a', '#3a4a7a', '#7a3a5a', '#d8c8a8'].map(hex);
  let y = base;
  const count = rng.int(3, 5);
  dab(c, x, base, 0.16, 0.012, 0, lit([0.2, 0.13, 0.09], x, base, 0.25), 0.8, 0.9);
  for (let i = 0; i < count; i++) {
    const w = rng.range(0.09, 0.13);
    const h = rng.range(0.02, 0.032);
    const bx = x + rng.range(-0.012, 0.012);
    const tone = rng.pick(tones);
    polygon(c, [bx - w, y, bx + w, y, bx + w, y - h, bx - w, y - h], (u, v, out) => {
      const across = (y - v) / h;
      const bulge = 0.55 + 0.5 * Math.sin(clamp(across) * Math.PI);
      out.set(lit(tone, u, v, bulge));
      if (Math.abs(Math.abs(u - bx) - w * 0.72) < 0.0035) out.set(lit([0.8, 0.6, 0.25], u, v, bulge * 0.9));
    });
    y -= h;
  }
}

function paintPlant(c: Canvas, rng: Rng, x: number, base: number, lit: Lit): void {
  const pot = rng.pick([hex('#b5653c'), hex('#d0c4b4'), hex('#56707c')]);
  polygon(c, [x - 0.038, base - 0.075, x + 0.038, base - 0.075, x + 0.028, base, x - 0.028, base], (u, v, out) =>
    out.set(lit(pot, u, v, 0.75)),
  );
  polygon(
    c,
    [x - 0.043, base - 0.088, x + 0.043, base - 0.088, x + 0.041, base - 0.07, x - 0.041, base - 0.07],
    (u, v, out) => out.set(lit(pot, u, v, 0.95)),
  );
  for (let i = 0; i < 15; i++) {
    const a = -Math.PI / 2 + ((i + 0.5) / 15 - 0.5) * 2.5 + rng.range(-0.1, 0.1);
    const r = rng.range(0.09, 0.2);
    const tipX = x + Math.cos(a) * r;
    const tipY = base - 0.085 + Math.sin(a) * r;
    const bendX = x + Math.cos(a) * r * 0.45;
    const bendY = base - 0.085 + Math.sin(a) * r * 0.75;
    stroke(
      c,
      [x, base - 0.085, bendX, bendY, tipX, tipY + 0.02],
      [0.003, 0.014, 0.002],
      lit(scale(hex('#4f8a4a'), rng.range(0.6, 1.2)), bendX, bendY, 1),
    );
  }
}

function paintCat(c: Canvas, x: number, base: number, s: number, facing: number, light: Light, lit: Lit): void {
  const coat: RGB = mix([0.05, 0.045, 0.05], light.shadow, 0.3);
  const p = (list: readonly (readonly [number, number])[]) =>
    list.flatMap(([dx, dy]) => [x + dx * s * facing, base - dy * s]);
  const ink = (u: number, v: number, out: Float64Array) => {
    const edge = clamp(((u - x) * facing) / (s * 0.3) + 0.35);
    out.set(lit(mix(coat, [0.3, 0.22, 0.18], 0.25 * edge), u, v, 0.5 + 0.6 * edge));
  };
  stroke(
    c,
    p([
      [-0.2, 0.03],
      [-0.36, 0.0],
      [-0.46, -0.06],
      [-0.44, -0.15],
      [-0.38, -0.18],
    ]),
    [0.05 * s, 0.06 * s, 0.055 * s, 0.05 * s, 0.03 * s],
    ink,
  );
  polygon(
    c,
    p([
      [-0.22, 0],
      [-0.27, 0.1],
      [-0.26, 0.25],
      [-0.19, 0.42],
      [-0.09, 0.54],
      [0.0, 0.58],
      [0.1, 0.56],
      [0.15, 0.48],
      [0.16, 0.36],
      [0.17, 0.2],
      [0.18, 0.06],
      [0.2, 0],
    ]),
    ink,
  );
  polygon(
    c,
    p([
      [-0.1, 0.55],
      [-0.115, 0.66],
      [-0.1, 0.74],
      [-0.105, 0.88],
      [-0.02, 0.79],
      [0.07, 0.79],
      [0.14, 0.89],
      [0.16, 0.74],
      [0.175, 0.66],
      [0.15, 0.58],
      [0.09, 0.53],
      [0, 0.51],
    ]),
    ink,
  );
}

function paintFairyLights(c: Canvas, rng: Rng): void {
  const spans = 4;
  for (let i = 0; i < spans; i++) {
    for (let k = 0; k < 9; k++) {
      const t = (k + 0.5) / 9;
      const x = ((i + t) / spans) * c.aspect;
      const y = 0.03 + 0.075 * 4 * t * (1 - t) + rng.range(-0.004, 0.004);
      glow(c, x, y, 0.032, [1, 0.66, 0.3], 0.55);
      dab(c, x, y, 0.0042, 0.0055, 0, [1.6, 1.15, 0.6], 1, 0.5);
    }
  }
}
