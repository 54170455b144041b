/** What stands by a fire: the flames, the mantel, an armchair, a round table with candles and mugs, wall lanterns. */
import { type Canvas, dab, glow, polygon, shade, stroke } from '../canvas.ts';
import { hex, mix, type RGB, scale, smooth } from '../colour.ts';
import type { Light } from '../light.ts';
import { makeNoise, type Rng } from '../noise.ts';
import { paintCandle } from './lamps.ts';
import type { Room } from './room.ts';

export const FIRE: RGB = [1, 0.46, 0.14];

const glass = ['#3f6a4a', '#8a4a22', '#b08a52', '#5a2a2a', '#4a5a70', '#c0a882'].map(hex);

/** The colour of a bottle or jar, by a number from 0 to 1. */
export function bottle(pick: number): RGB {
  return glass[Math.floor(pick * 97) % glass.length] as RGB;
}

/** Flames as rising noise, brightest at the logs. */
export function paintFire(c: Canvas, rng: Rng, x: number, base: number, half: number, height: number): void {
  const noise = makeNoise(rng.seed);
  glow(c, x, base - height * 0.35, height * 3.4, FIRE, 0.55);
  for (const [dx, dy, tilt] of [
    [-0.3, 0.02, 0.12],
    [0.28, 0.03, -0.15],
    [0, -0.06, 0.05],
  ] as const) {
    const lx = x + dx * half;
    const ly = base + dy * height;
    stroke(
      c,
      [lx - half * 0.62, ly + tilt * half * 0.5, lx + half * 0.62, ly - tilt * half * 0.5],
      [height * 0.13, height * 0.11],
      [0.05, 0.022, 0.012],
    );
    stroke(
      c,
      [
        lx - half * 0.55,
        ly + tilt * half * 0.5 - height * 0.03,
        lx + half * 0.55,
        ly - tilt * half * 0.5 - height * 0.03,
      ],
      [height * 0.02, height * 0.02],
      [1.2, 0.35, 0.06],
      0.7,
    );
  }
  shade(
    c,
    (px, py, out) => {
      const u = (px - x) / half;
      if (u < -1.2 || u > 1.2) return;
      const v = (base - py) / height;
      if (v < -0.06) return;
      const sway = 0.34 * v * noise.at(u * 1.6, v * 1.5 - 3);
      const tongue = noise.fbm((u + sway) * 2.6, v * 1.15 + 9, 4);
      const body = 1 - Math.abs(u + sway) * (0.95 + 0.25 * v) - v * 0.98 + 0.62 * tongue;
      const heat = smooth(0.02, 0.75, body) * smooth(-0.06, 0.05, v);
      if (heat <= 0) return;
      const k0 = heat * (1 - 0.15 * v);
      out[0] = (out[0] as number) + 1.9 * k0;
      out[1] = (out[1] as number) + 1.25 * k0 ** 1.7;
      out[2] = (out[2] as number) + 0.62 * k0 ** 3.4;
    },
    Math.max(0, base - height * 1.5),
    Math.min(1, base + height * 0.1),
  );
  for (let i = 0; i < 26; i++) {
    const t = rng.next();
    glow(
      c,
      x + rng.range(-1, 1) * half * (0.5 + t * 0.5),
      base - height * (0.6 + t * 1.1),
      0.005,
      [1, 0.5, 0.15],
      1.2 * (1 - t),
    );
  }
}

export function paintMantel(c: Canvas, rng: Rng, room: Room, x: number, wood: RGB): void {
  const z = room.shape.depth - 0.18;
  const y = 1.83;
  for (let i = 0; i < 7; i++) {
    const q = room.project(x - 1.35 + i * 0.45 + rng.range(-0.06, 0.06), y, z);
    const kind = rng.int(0, 3);
    if (kind <= 1) paintCandle(c, q.x, q.y, rng.range(0.14, 0.3) * q.k, [0.9, 0.78, 0.58], 0.8);
    else if (kind === 2) {
      const w = 0.07 * q.k;
      polygon(
        c,
        [
          q.x - w,
          q.y,
          q.x - w * 1.1,
          q.y - w * 1.5,
          q.x - w * 0.4,
          q.y - w * 2.3,
          q.x - w * 0.5,
          q.y - w * 3.1,
          q.x + w * 0.5,
          q.y - w * 3.1,
          q.x + w * 0.4,
          q.y - w * 2.3,
          q.x + w * 1.1,
          q.y - w * 1.5,
          q.x + w,
          q.y,
        ],
        scale(bottle(rng.next()), 0.55),
      );
    } else {
      for (let b = 0; b < 3; b++) {
        const w = 0.03 * q.k;
        const bx = q.x + (b - 1) * w * 2;
        polygon(
          c,
          [bx - w, q.y, bx - w, q.y - 0.24 * q.k, bx + w, q.y - 0.24 * q.k, bx + w, q.y],
          scale(rng.pick([hex('#6e1f1f'), hex('#2c4a36'), hex('#23395e'), hex('#8a5a22')]), 0.5),
        );
      }
    }
  }
  const picture = room.project(x, 2.55, z);
  const w = 0.5 * picture.k;
  polygon(
    c,
    [
      picture.x - w,
      picture.y - w * 0.62,
      picture.x + w,
      picture.y - w * 0.62,
      picture.x + w,
      picture.y + w * 0.62,
      picture.x - w,
      picture.y + w * 0.62,
    ],
    scale([0.6, 0.4, 0.15], 0.4),
  );
  const noise = makeNoise(rng.seed);
  polygon(
    c,
    [
      picture.x - w * 0.88,
      picture.y - w * 0.5,
      picture.x + w * 0.88,
      picture.y - w * 0.5,
      picture.x + w * 0.88,
      picture.y + w * 0.5,
      picture.x - w * 0.88,
      picture.y + w * 0.5,
    ],
    (u, v, out) => {
      const hill = picture.y + w * 0.12 + w * 0.25 * noise.fbm(u * 12, 3, 3);
      const tone: RGB = v > hill ? mix([0.07, 0.08, 0.04], wood, 0.2) : [0.3, 0.22, 0.13];
      for (let k = 0; k < 3; k++) out[k] = (tone[k as 0] as number) * 0.55;
    },
  );
}

export function paintLanternOnWall(c: Canvas, room: Room, x: number, light: Light): void {
  const q = room.project(x, 2.1, 4.4);
  const w = 0.09 * q.k;
  glow(c, q.x, q.y, 1.0 * q.k, light.lamp, 0.5);
  polygon(
    c,
    [q.x - w, q.y + w * 1.4, q.x - w, q.y - w * 1.2, q.x + w, q.y - w * 1.2, q.x + w, q.y + w * 1.4],
    scale(light.lamp, 1.3),
  );
  for (const dx of [-1, 0, 1])
    stroke(c, [q.x + dx * w, q.y + w * 1.5, q.x + dx * w, q.y - w * 1.3], [w * 0.2, w * 0.2], [0.02, 0.014, 0.01]);
  polygon(c, [q.x - w * 1.3, q.y - w * 1.2, q.x, q.y - w * 2.3, q.x + w * 1.3, q.y - w * 1.2], [0.025, 0.018, 0.012]);
  polygon(
    c,
    [
      q.x - w * 1.2,
      q.y + w * 1.4,
      q.x + w * 1.2,
      q.y + w * 1.4,
      q.x + w * 1.2,
      q.y + w * 1.75,
      q.x - w * 1.2,
      q.y + w * 1.75,
    ],
    [0.025, 0.018, 0.012],
  );
}

export function paintArmchair(c: Canvas, room: Room, x: number, z: number, facing: number, cloth: RGB): void {
  const p = (dx: number, dy: number) => {
    const q = room.project(x + dx * facing, dy, z);
    return [q.x, q.y] as const;
  };
  const shape = (points: readonly (readonly [number, number])[], k: number) => {
    const [x0, y0] = p(1.2, 0.6);
    polygon(
      c,
      points.flatMap(([dx, dy]) => p(dx, dy)),
      (u, v, out) => {
        const warm = Math.exp(-((u - x0) ** 2 + (v - y0) ** 2) * 22);
        for (let j = 0; j < 3; j++)
          out[j] = (cloth[j as 0] as number) * k * (0.3 + 1.5 * warm * (FIRE[j as 0] as number));
      },
    );
  };
  shape(
    [
      [-0.62, 0.15],
      [-0.72, 1.0],
      [-0.66, 1.42],
      [-0.5, 1.55],
      [-0.3, 1.5],
      [-0.16, 1.1],
      [-0.1, 0.5],
      [-0.1, 0.15],
    ],
    0.75,
  );
  shape(
    [
      [-0.3, 0.15],
      [-0.3, 0.55],
      [0.62, 0.6],
      [0.68, 0.5],
      [0.66, 0.15],
    ],
    1.05,
  );
  shape(
    [
      [-0.36, 0.2],
      [-0.38, 0.85],
      [-0.24, 0.95],
      [0.42, 0.92],
      [0.56, 0.84],
      [0.56, 0.7],
      [0.42, 0.68],
      [0.4, 0.2],
    ],
    0.9,
  );
  for (const dx of [-0.5, 0.5]) {
    const [lx, ly] = p(dx, 0);
    const [, uy] = p(dx, 0.18);
    polygon(c, [lx - 0.008, uy, lx + 0.008, uy, lx + 0.005, ly, lx - 0.005, ly], [0.02, 0.012, 0.008]);
  }
}

export function paintTable(c: Canvas, rng: Rng, room: Room, x: number, wood: RGB): void {
  const z = 3.3;
  const top = room.project(x, 0.86, z);
  const rx = 1.15 * top.k;
  const ry = 0.3 * top.k;
  const base = room.project(x, 0, z);
  polygon(
    c,
    [
      top.x - 0.1 * top.k,
      top.y,
      top.x + 0.1 * top.k,
      top.y,
      top.x + 0.16 * top.k,
      base.y,
      top.x - 0.16 * top.k,
      base.y,
    ],
    scale(wood, 0.12),
  );
  const noise = makeNoise(rng.seed);
  const disc = (dy: number, k0: number) => {
    const points: number[] = [];
    for (let i = 0; i < 64; i++)
      points.push(top.x + Math.cos((i / 64) * 6.2832) * rx, top.y + dy + Math.sin((i / 64) * 6.2832) * ry);
    polygon(c, points, (u, v, out) => {
      const pool = Math.exp(-(((u - top.x) / rx) ** 2) * 2 - ((v - top.y) / ry) ** 2);
      const k1 = k0 * (0.3 + 0.85 * pool) * (0.85 + 0.3 * noise.fbm(u * 60, v * 9, 3));
      out[0] = wood[0] * k1 * 1.15;
      out[1] = wood[1] * k1;
      out[2] = wood[2] * k1 * 0.85;
    });
  };
  disc(0.07 * top.k, 0.3);
  disc(0, 1);
  const k = top.k;
  for (const [dx, dy, h] of [
    [0.08, -0.02, 0.34],
    [-0.08, -0.08, 0.24],
    [0.2, -0.08, 0.2],
  ] as const)
    paintCandle(c, top.x + dx * k, top.y + dy * k, h * k, [0.9, 0.78, 0.58], 0.95);
  for (const [dx, dy] of [
    [-0.58, 0.06],
    [0.62, 0.02],
  ] as const) {
    const mx = top.x + dx * k;
    const my = top.y + dy * k;
    const w = 0.13 * k;
    const towards = -Math.sign(dx);
    const tankard = (u: number, out: Float64Array) => {
      const t = ((u - mx) / w) * towards;
      const shine = 0.12 + 0.55 * Math.max(0, t) ** 1.5 + 0.25 * Math.exp(-((t + 0.3) ** 2) * 30);
      out[0] = 0.5 * shine;
      out[1] = 0.3 * shine;
      out[2] = 0.13 * shine;
    };
    stroke(
      c,
      [
        mx - towards * w,
        my - w * 0.5,
        mx - towards * w * 1.7,
        my - w * 0.7,
        mx - towards * w * 1.7,
        my - w * 1.5,
        mx - towards * w,
        my - w * 1.8,
      ],
      [w * 0.2, w * 0.22, w * 0.22, w * 0.2],
      [0.06, 0.035, 0.016],
    );
    polygon(c, [mx - w, my, mx - w * 0.9, my - w * 2.3, mx + w * 0.9, my - w * 2.3, mx + w, my], (u, _v, out) =>
      tankard(u, out),
    );
    for (const band of [0.3, 1.8])
      polygon(
        c,
        [mx - w, my - w * band, mx + w, my - w * band, mx + w, my - w * (band + 0.2), mx - w, my - w * (band + 0.2)],
        [0.05, 0.03, 0.014],
        0.7,
      );
    dab(c, mx, my - w * 2.32, w * 0.95, w * 0.26, 0, [0.72, 0.6, 0.42], 1, 0.3);
    dab(c, mx - w * 0.3, my - w * 2.5, w * 0.45, w * 0.26, 0, [0.8, 0.68, 0.5], 1, 0.5);
    dab(c, mx + w * 0.35, my - w * 2.45, w * 0.4, w * 0.24, 0, [0.76, 0.63, 0.45], 1, 0.5);
  }
}
