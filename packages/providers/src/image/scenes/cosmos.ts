/** Deep space: a nebula, a planet with its ring and moons, sometimes seen through the windows of a station. */
import { type Canvas, dab, glow, polygon, shade, stroke } from '../canvas.ts';
import { clamp, lerp, mix, type RGB, scale, smooth } from '../colour.ts';
import { makeNoise, type Rng } from '../noise.ts';
import { field, paintStars } from '../parts/sky.ts';
import type { Tint } from '../prompt.ts';
import type { Scene, Sitting } from './scene.ts';

export const cosmos: Scene = { paint, bloom: 0.42 };

/** Cloud colours of a nebula: thin, dense, heart. */
const gases: Record<Tint, readonly [RGB, RGB, RGB]> = {
  neutral: [
    [0.03, 0.07, 0.2],
    [0.3, 0.14, 0.34],
    [0.9, 0.6, 0.5],
  ],
  warm: [
    [0.12, 0.03, 0.06],
    [0.5, 0.17, 0.06],
    [1, 0.7, 0.4],
  ],
  golden: [
    [0.08, 0.05, 0.09],
    [0.5, 0.26, 0.08],
    [1, 0.8, 0.45],
  ],
  cold: [
    [0.01, 0.07, 0.18],
    [0.05, 0.28, 0.5],
    [0.55, 0.85, 1],
  ],
  emerald: [
    [0.01, 0.09, 0.11],
    [0.04, 0.36, 0.28],
    [0.6, 1, 0.75],
  ],
  pastel: [
    [0.12, 0.08, 0.22],
    [0.5, 0.28, 0.46],
    [1, 0.8, 0.85],
  ],
  violet: [
    [0.07, 0.02, 0.2],
    [0.3, 0.08, 0.5],
    [0.9, 0.55, 1],
  ],
  rose: [
    [0.1, 0.02, 0.14],
    [0.5, 0.08, 0.26],
    [1, 0.6, 0.65],
  ],
};

function paint({ canvas: c, brief, rng }: Sitting): void {
  const gas = gases[brief.tint];
  paintNebula(c, rng.fork('nebula'), gas);
  paintStars(c, rng.fork('stars'), 1.1, 1);
  for (let i = 0; i < 4; i++)
    paintSpark(c, rng.range(0, c.aspect), rng.range(0, 0.8), rng.range(0.05, 0.11), mix(gas[2], [1, 1, 1], 0.6));
  const side = rng.sign();
  const sun = { x: side > 0 ? -0.72 : 0.72, y: -0.42 };
  const big = rng.range(0.27, 0.4);
  const px = c.aspect * (side > 0 ? rng.range(0.6, 0.72) : rng.range(0.28, 0.4));
  const py = rng.range(0.48, 0.62);
  const ringed = brief.features.has('planet') ? rng.chance(0.75) : rng.chance(0.6);
  const station = brief.features.has('station');
  paintPlanet(c, rng.fork('planet'), {
    x: px,
    y: py,
    r: station ? big * 1.25 : big,
    sun,
    ringed,
    gas,
    bands: rng.chance(0.55),
  });
  const moons = rng.int(1, 2);
  for (let i = 0; i < moons; i++) {
    paintPlanet(c, rng.fork(`moon ${i}`), {
      x: px - side * rng.range(0.5, 0.85),
      y: py + rng.range(-0.36, 0.2),
      r: rng.range(0.025, 0.06),
      sun,
      ringed: false,
      gas: [gas[1], [0.4, 0.38, 0.4], [0.6, 0.58, 0.55]],
      bands: false,
    });
  }
  if (station) paintStation(c, rng.fork('station'), gas);
}

function paintNebula(c: Canvas, rng: Rng, gas: readonly [RGB, RGB, RGB]): void {
  const noise = makeNoise(rng.seed);
  const angle = rng.range(-0.5, 0.5);
  const cx = c.aspect * rng.range(0.35, 0.65);
  const cy = rng.range(0.35, 0.55);
  const density = field(c, 2, (x, y) => {
    const u = (x - cx) * Math.cos(angle) + (y - cy) * Math.sin(angle);
    const v = (y - cy) * Math.cos(angle) - (x - cx) * Math.sin(angle);
    const wx = noise.fbm(u * 1.3 + 3, v * 1.7, 3);
    const wy = noise.fbm(u * 1.3 + 9, v * 1.7 + 4, 3);
    const n = noise.fbm(u * 1.5 + wx * 1.2, v * 2.2 + wy * 1.2, 6);
    return n + 0.42 * Math.exp(-v * v * 7 - u * u * 0.9) - 0.12;
  });
  const dust = field(c, 2, (x, y) => noise.ridged(x * 1.6 + 0.3 * noise.fbm(x * 2, y * 2, 2), y * 1.9, 6));
  shade(c, (x, y, out) => {
    const d = density(x, y);
    const thin = smooth(-0.35, 0.35, d);
    const dense = smooth(0.08, 0.62, d);
    const heart = smooth(0.42, 0.95, d);
    const dark = 1 - 0.6 * smooth(0.55, 0.95, dust(x, y)) * smooth(-0.1, 0.4, d);
    for (let k = 0; k < 3; k++) {
      const base = 0.004 + 0.004 * (k === 2 ? 2 : 1);
      out[k] =
        base +
        ((gas[0][k as 0] as number) * thin * 0.75 +
          (gas[1][k as 0] as number) * dense * 0.8 +
          (gas[2][k as 0] as number) * heart * 0.7) *
          dark;
    }
  });
}

function paintSpark(c: Canvas, x: number, y: number, size: number, colour: RGB): void {
  glow(c, x, y, size, colour, 0.6);
  glow(c, x, y, size * 0.12, [1, 1, 1], 2.5);
  for (const squash of [0.02, 50]) {
    if (squash < 1) glow(c, x, y, size * 0.8, colour, 0.9, squash);
    else glow(c, x, y, size * 0.016, colour, 0.9, squash);
  }
}

interface PlanetWish {
  x: number;
  y: number;
  r: number;
  sun: { x: number; y: number };
  ringed: boolean;
  gas: readonly [RGB, RGB, RGB];
  bands: boolean;
}

function paintPlanet(c: Canvas, rng: Rng, wish: PlanetWish): void {
  const { x, y, r } = wish;
  const noise = makeNoise(rng.seed);
  const tilt = rng.range(-0.4, 0.4);
  const ct = Math.cos(tilt);
  const st = Math.sin(tilt);
  const [a, b, d] = wish.gas;
  const land = [
    mix(scale(a, 2), [0.05, 0.06, 0.1], 0.4),
    mix(b, [0.3, 0.25, 0.2], 0.5),
    mix(d, [0.75, 0.7, 0.65], 0.4),
  ] as const;
  const lz = 0.5;
  const ln = Math.hypot(wish.sun.x, wish.sun.y, lz);
  const light = [wish.sun.x / ln, wish.sun.y / ln, lz / ln] as const;
  const open = rng.range(0.22, 0.34);
  if (wish.ringed) paintRing(c, noise, wish, ct, st, open, light, -1);
  const rim = mix(d, [0.6, 0.8, 1], 0.35);
  // Air glows on the lit side, outside the disc.
  shade(
    c,
    (px, py, out) => {
      const dx = (px - x) / r;
      const dy = (py - y) / r;
      const m = Math.sqrt(dx * dx + dy * dy);
      if (m > 1.5) return;
      if (m >= 1) {
        const facing = clamp(0.25 + 0.9 * ((dx * light[0] + dy * light[1]) / m));
        const k0 = Math.exp(-(m - 1) * 16) * facing * 0.6;
        for (let k = 0; k < 3; k++) out[k] = (out[k] as number) + (rim[k as 0] as number) * k0;
      }
      const cover = clamp((1 - m) / (c.px / r) + 0.5);
      if (cover <= 0) return;
      const z = Math.sqrt(Math.max(0, 1 - m * m));
      const u = dx * ct + dy * st;
      const v = dy * ct - dx * st;
      let tone: number;
      if (wish.bands) {
        const flow = noise.fbm(u * 1.8, v * 5, 4);
        tone = 0.5 + 0.5 * noise.fbm(3.1, (v + 0.05 * flow) * 6, 4) + 0.25 * noise.fbm(u * 2.2 + 4 * flow, v * 14, 4);
      } else {
        const lon = u / (0.4 + z);
        const lat = v / (0.4 + z);
        tone = 0.45 + 0.75 * noise.fbm(lon * 1.9 + 3, lat * 1.9, 6);
      }
      const t = clamp(tone);
      const lambert = dx * light[0] + dy * light[1] + z * light[2];
      const day = smooth(-0.12, 0.95, lambert);
      const fresnel = (1 - z) ** 3;
      const ringShade = wish.ringed ? 1 - 0.45 * Math.exp(-(((v + 0.12) / 0.06) ** 2)) : 1;
      for (let k = 0; k < 3; k++) {
        const low = lerp(land[0][k as 0] as number, land[1][k as 0] as number, clamp(t * 2));
        const skin = lerp(low, land[2][k as 0] as number, clamp(t * 2 - 1));
        const value = skin * (0.006 + 1.25 * day * ringShade) + (rim[k as 0] as number) * fresnel * (0.04 + 0.75 * day);
        out[k] = lerp(out[k] as number, value, cover);
      }
    },
    y - r * 1.5,
    y + r * 1.5,
  );
  if (wish.ringed) paintRing(c, noise, wish, ct, st, open, light, 1);
}

/** The half of the ring behind (-1) or before (1) the planet. */
function paintRing(
  c: Canvas,
  noise: ReturnType<typeof makeNoise>,
  wish: PlanetWish,
  ct: number,
  st: number,
  open: number,
  light: readonly [number, number, number],
  half: number,
): void {
  const { x, y, r } = wish;
  const colour = mix(wish.gas[2], [0.8, 0.74, 0.66], 0.5);
  shade(
    c,
    (px, py, out) => {
      const dx = (px - x) / r;
      const dy = (py - y) / r;
      const u = dx * ct + dy * st;
      const v = (dy * ct - dx * st) / open;
      if (v * half < 0) return;
      const m = Math.sqrt(u * u + v * v);
      if (m < 1.25 || m > 2.25) return;
      const lanes = 0.55 + 0.45 * noise.fbm(m * 9, 1.5, 5) + 0.2 * noise.at(m * 60, 7);
      const gap = 1 - 0.85 * Math.exp(-(((m - 1.83) / 0.035) ** 2));
      const edge = smooth(1.25, 1.34, m) * smooth(2.25, 2.14, m);
      const density = clamp(lanes) * gap * edge;
      // The planet's shadow falls across the far side.
      const along = dx * light[0] + dy * light[1];
      const across = Math.abs(dx * light[1] - dy * light[0]) / Math.hypot(light[0], light[1]);
      const behind = 1 - 0.85 * smooth(0, -0.25, along) * smooth(1.02, 0.9, across);
      const cover = density * 0.82;
      for (let k = 0; k < 3; k++)
        out[k] = lerp(out[k] as number, (colour[k as 0] as number) * (0.25 + 0.75 * density) * behind, cover);
    },
    y - r * 2.3,
    y + r * 2.3,
  );
}

/** The inside of an observation deck: struts, sill, and the small lights of consoles. */
function paintStation(c: Canvas, rng: Rng, gas: readonly [RGB, RGB, RGB]): void {
  const w = c.aspect;
  const hull: RGB = [0.012, 0.014, 0.02];
  const edge = mix(hull, gas[2], 0.13);
  const cx = w / 2;
  const bar = (points: number[], width: number) => {
    stroke(
      c,
      points,
      points.filter((_, i) => i % 2 === 0).map(() => width * 1.16),
      edge,
    );
    stroke(
      c,
      points,
      points.filter((_, i) => i % 2 === 0).map(() => width),
      hull,
    );
  };
  // A vaulted window: ribs run from the sill up and over.
  for (const t of [-1.02, -0.5, 0, 0.5, 1.02]) {
    const points: number[] = [];
    for (let i = 0; i <= 16; i++) {
      const s = i / 16;
      points.push(cx + t * w * (0.5 + 0.03 * Math.sin(s * Math.PI)) * (1 - 0.36 * s * s * s), 0.86 - s * 0.92);
    }
    bar(points, Math.abs(t) > 0.9 ? 0.06 : 0.02);
  }
  bar([-0.1, 0.3, cx, 0.21, w + 0.1, 0.3], 0.014);
  polygon(c, [0, 0, w, 0, w, 0.045, cx, 0.028, 0, 0.045], hull);
  polygon(c, [0, 0.845, w * 0.2, 0.825, w * 0.8, 0.825, w, 0.845, w, 1, 0, 1], (_x, y, out) => {
    const t = smooth(0.82, 1, y);
    for (let k = 0; k < 3; k++) out[k] = lerp((edge[k as 0] as number) * 0.28, (hull[k as 0] as number) * 0.4, t);
  });
  polygon(
    c,
    [0, 0.849, w * 0.2, 0.829, w * 0.8, 0.829, w, 0.849, w, 0.846, w * 0.8, 0.8255, w * 0.2, 0.8255, 0, 0.846],
    mix(edge, gas[2], 0.5),
  );
  for (let i = 0; i < 9; i++) {
    const x = w * (0.06 + 0.11 * i) + rng.range(-0.01, 0.01);
    const y = 0.9 + 0.012 * Math.abs(i - 4);
    const wide = rng.range(0.04, 0.07);
    const colour = rng.pick([gas[2], [0.2, 0.75, 0.9], [1, 0.55, 0.2]] as const);
    polygon(
      c,
      [x - wide, y - 0.012, x + wide, y - 0.012, x + wide * 1.06, y + 0.03, x - wide * 1.06, y + 0.03],
      scale(colour, 0.1),
    );
    for (let k = 0; k < 7; k++) {
      const bx = x + wide * (k / 3 - 1) * 0.85;
      if (rng.chance(0.7))
        dab(c, bx, y + rng.range(-0.004, 0.02), 0.0035, 0.002, 0, scale(colour, rng.range(0.5, 1.3)), 1, 0.4);
    }
    glow(c, x, y, 0.12, colour, 0.12, 0.5);
  }
  // Someone who looks out.
  const px = cx + rng.range(-0.35, 0.35);
  dab(c, px, 0.655, 0.0135, 0.017, 0, hull, 1, 0.12);
  polygon(
    c,
    [
      px - 0.027,
      0.84,
      px - 0.029,
      0.715,
      px - 0.022,
      0.685,
      px - 0.007,
      0.676,
      px + 0.007,
      0.676,
      px + 0.022,
      0.685,
      px + 0.029,
      0.715,
      px + 0.027,
      0.84,
    ],
    hull,
  );
}
