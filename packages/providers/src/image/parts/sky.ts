/**
 * Skies: gradient, sun or moon with its halo, clouds, stars, aurora. A scene says where the horizon is and what it
 * wants up there; the sky answers where its light comes from.
 */
import { type Canvas, dab, glow, shade } from '../canvas.ts';
import { add, clamp, hex, lerp, mix, type RGB, scale, smooth } from '../colour.ts';
import type { Light } from '../light.ts';
import { makeNoise, type Noise, type Rng } from '../noise.ts';

export interface SkyWish {
  /** Where sky meets land or sea, in units. */
  horizon: number;
  /** Where the source stands; below the horizon is allowed. */
  x: number;
  y: number;
  /** 0 clear … 1 overcast. */
  clouds: number;
  /** Draw the disc of sun or moon. */
  disc: boolean;
  aurora?: boolean;
  /** 0..1, how many stars; by default as the night goes. */
  stars?: number;
  milkyWay?: boolean;
}

/** A scalar field worked out on a coarser grid and read between its points: clouds do not need every pixel. */
export function field(
  c: Canvas,
  factor: number,
  at: (x: number, y: number) => number,
): (x: number, y: number) => number {
  const step = Math.max(1, Math.min(factor, Math.floor(c.height / 90)));
  const width = Math.ceil(c.width / step) + 2;
  const height = Math.ceil(c.height / step) + 2;
  const size = step * c.px;
  const values = new Float32Array(width * height);
  for (let j = 0; j < height; j++) for (let i = 0; i < width; i++) values[j * width + i] = at(i * size, j * size);
  return (x, y) => {
    const fx = clamp(x / size, 0, width - 1.001);
    const fy = clamp(y / size, 0, height - 1.001);
    const i = Math.floor(fx);
    const j = Math.floor(fy);
    const u = fx - i;
    const v = fy - j;
    const o = j * width + i;
    const top = lerp(values[o] as number, values[o + 1] as number, u);
    return lerp(top, lerp(values[o + width] as number, values[o + width + 1] as number, u), v);
  };
}

export function paintSky(c: Canvas, light: Light, rng: Rng, wish: SkyWish): void {
  const noise = makeNoise(rng.fork('sky').seed);
  gradient(c, light, wish, noise);
  const stars = wish.stars ?? smooth(0.4, 1, light.night);
  if (wish.milkyWay) paintMilkyWay(c, rng.fork('milky'), noise);
  if (stars > 0) paintStars(c, rng.fork('stars'), stars, wish.horizon);
  if (wish.aurora) paintAurora(c, rng.fork('aurora'), wish.horizon);
  if (wish.disc) paintDisc(c, light, wish, noise);
  if (wish.clouds > 0) paintClouds(c, light, rng.fork('clouds'), wish, noise);
}

function gradient(c: Canvas, light: Light, wish: SkyWish, noise: Noise): void {
  const { zenith, middle, horizon, halo } = light;
  const strength = lerp(0.72, 0.22, light.night);
  shade(
    c,
    (x, y, out) => {
      // A little unevenness, or a sky is a bare gradient.
      const e = clamp((wish.horizon - y) / Math.max(0.3, wish.horizon) + 0.035 * noise.fbm(x * 0.8, y * 1.6, 2));
      const low = smooth(0.5, 0, e) ** 1.3;
      const high = smooth(0.3, 1.05, e);
      const dx = x - wish.x;
      const dy = (y - wish.y) * 1.25;
      const d = Math.sqrt(dx * dx + dy * dy);
      const near = strength * (0.75 * Math.exp(-d * 3.4) + 0.35 * Math.exp(-d * 1.25));
      for (let k = 0; k < 3; k++) {
        const m = middle[k as 0] as number;
        let v = m + ((zenith[k as 0] as number) - m) * high;
        v += ((horizon[k as 0] as number) - v) * low;
        v += ((halo[k as 0] as number) - v) * Math.min(1, near);
        out[k] = v;
      }
    },
    0,
    Math.min(1, wish.horizon + 0.06),
  );
}

function paintDisc(c: Canvas, light: Light, wish: SkyWish, noise: Noise): void {
  const isMoon = light.night > 0.6;
  if (!isMoon) {
    glow(c, wish.x, wish.y, 0.55, light.source, 0.5);
    dab(c, wish.x, wish.y, 0.034, 0.034, 0, scale(light.source, 1.9), 1, 0.12);
    return;
  }
  const r = 0.046;
  glow(c, wish.x, wish.y, 0.42, light.source, 0.26);
  const out = new Float64Array(3);
  dab(c, wish.x, wish.y, r, r, 0, hex('#f4efe0'), 1, 0.06);
  // Maria: grey patches, kept inside the disc.
  const { px } = c;
  for (let y = wish.y - r; y < wish.y + r; y += px) {
    for (let x = wish.x - r; x < wish.x + r; x += px) {
      const d = Math.hypot(x - wish.x, y - wish.y) / r;
      if (d > 0.95) continue;
      const dark = 0.4 * smooth(-0.05, 0.5, noise.fbm((x / r) * 0.9, (y / r) * 0.9, 4)) + 0.25 * d ** 4;
      const i = (Math.floor(y / px) * c.width + Math.floor(x / px)) * 3;
      if (i < 0 || i + 2 >= c.data.length || x < 0 || x >= c.aspect) continue;
      for (let k = 0; k < 3; k++) out[k] = (c.data[i + k] as number) * (1 - dark);
      c.data.set(out, i);
    }
  }
}

export function paintStars(c: Canvas, rng: Rng, amount: number, horizon: number): void {
  const count = Math.round(1700 * amount * c.aspect * horizon);
  for (let i = 0; i < count; i++) {
    const x = rng.next() * c.aspect;
    const y = rng.next() * horizon;
    // Few bright, many faint; fainter towards the horizon's thicker air.
    const magnitude = rng.next() ** 14 * (0.4 + 0.6 * smooth(horizon, horizon * 0.4, y));
    const heat = rng.next();
    const colour: RGB = heat < 0.25 ? [0.75, 0.85, 1.2] : heat > 0.85 ? [1.2, 0.9, 0.65] : [1, 1, 1.05];
    const size = 0.0012 + 0.0009 * magnitude;
    glow(c, x, y, size * 2, colour, 0.12 + 0.4 * rng.next() ** 2 + 1.3 * magnitude);
    if (magnitude > 0.6) glow(c, x, y, 0.011, colour, 0.25 * magnitude);
  }
}

function paintMilkyWay(c: Canvas, rng: Rng, noise: Noise): void {
  const angle = rng.range(0.5, 0.95) * rng.sign();
  const cx = c.aspect * rng.range(0.35, 0.65);
  const cos = Math.cos(angle);
  const sin = Math.sin(angle);
  const dust = field(c, 3, (x, y) => noise.fbm(x * 3.2 + 5, y * 3.2, 5));
  const glowField = field(c, 3, (x, y) => noise.fbm(x * 1.7, y * 1.7 + 11, 4));
  const distance = (x: number, y: number) => (y - 0.4) * cos - (x - cx) * sin * 0.9;
  const heart: RGB = [0.16, 0.12, 0.13];
  const rim: RGB = [0.05, 0.065, 0.14];
  shade(c, (x, y, out) => {
    const d = distance(x, y) + 0.06 * glowField(x, y);
    const band = Math.exp(-d * d * 18);
    const lane = smooth(-0.05, 0.5, dust(x, y)) * Math.exp(-((d - 0.01) ** 2) * 90);
    const k = band * (0.55 + 0.6 * glowField(x, y)) * (1 - 0.85 * lane);
    const t = Math.exp(-d * d * 60);
    for (let j = 0; j < 3; j++)
      out[j] = (out[j] as number) + k * lerp(rim[j as 0] as number, heart[j as 0] as number, t);
  });
  for (let i = 0; i < 2600; i++) {
    const x = rng.next() * c.aspect;
    const y = rng.next();
    const d = distance(x, y);
    if (rng.next() > Math.exp(-d * d * 22)) continue;
    glow(c, x, y, 0.0026, [0.9, 0.92, 1.1], rng.range(0.1, 0.5));
  }
}

function paintAurora(c: Canvas, rng: Rng, horizon: number): void {
  const noise = makeNoise(rng.seed);
  const low: RGB = rng.chance(0.8) ? [0.06, 0.72, 0.34] : [0.05, 0.55, 0.6];
  const high: RGB = rng.pick([
    [0.42, 0.1, 0.6],
    [0.6, 0.1, 0.35],
    [0.1, 0.25, 0.7],
  ] as const);
  const curtains = Array.from({ length: 3 }, (_, i) => ({
    base: horizon * (0.42 + 0.2 * i) + rng.range(-0.05, 0.05),
    tilt: rng.range(-0.12, 0.12),
    phase: rng.range(0, 40),
    power: [0.9, 0.7, 0.45][i] as number,
  }));
  for (const { base, tilt, phase, power } of curtains) {
    // Everything that depends on x alone is worked out once per column.
    const columns = Array.from({ length: Math.ceil(c.aspect / 0.002) + 2 }, (_, i) => {
      const x = i * 0.002;
      const fold = x + 0.1 * noise.at(x * 2.1 + phase, 3.3);
      return {
        foot: base + tilt * (x - c.aspect / 2) + 0.13 * noise.fbm(x * 0.9 + phase, 1.7, 3),
        rays: 0.45 + 0.55 * noise.fbm(fold * 16 + phase, 8.1, 3) + 0.25 * noise.at(fold * 60, phase),
        reach: 0.2 + 0.12 * noise.fbm(fold * 2.3, phase + 4, 2),
        veil: smooth(-0.45, 0.35, noise.fbm(x * 0.8 + phase * 2, 6.6, 2)),
      };
    });
    shade(
      c,
      (x, y, out) => {
        const column = columns[Math.floor(x / 0.002)];
        if (!column) return;
        const up = column.foot - y;
        if (up < -0.05) return;
        const rise = up < 0 ? Math.exp(-up * up * 1500) : 1;
        const fade = Math.exp(-Math.max(0, up) / column.reach);
        const soft = lerp(column.rays, 0.7, clamp(up / 0.5));
        const k = power * rise * fade * column.veil * Math.max(0, soft) * 0.9;
        const t = smooth(0.04, 0.34, up);
        for (let j = 0; j < 3; j++)
          out[j] = (out[j] as number) + k * lerp(low[j as 0] as number, high[j as 0] as number, t);
      },
      0,
      horizon + 0.05,
    );
  }
}

function paintClouds(c: Canvas, light: Light, rng: Rng, wish: SkyWish, noise: Noise): void {
  const drift = rng.range(0, 50);
  const bands = rng.range(1.5, 2.6);
  const density = field(c, 2, (x, y) => {
    // Clouds lie on a ceiling: nearer the horizon they crowd together and flatten.
    const e = Math.max(0, wish.horizon - y);
    const v = 1 / (e + 0.16);
    const u = (x - c.aspect / 2) * v * 0.55 + drift;
    const wx = u + 0.35 * noise.at(u * 0.9, v * 0.7 + drift);
    return noise.fbm(wx, v * bands * 0.55 + drift, 6) * smooth(-0.02, 0.1, e);
  });
  const open = lerp(0.42, -0.3, wish.clouds);
  const lit = mix(light.halo, light.source, 0.35);
  const heavy = smooth(0.7, 1, wish.clouds) * (1 - 0.5 * light.night);
  const under = scale(mix(mix(light.middle, light.zenith, 0.35), light.horizon, 0.25), 1 - 0.5 * heavy);
  const grazing = light.night > 0.6 ? 0.5 : 1;
  shade(
    c,
    (x, y, out) => {
      const d = density(x, y);
      const cover = smooth(open, open + 0.5, d);
      if (cover <= 0.002) return;
      const dx = wish.x - x;
      const dy = wish.y - y;
      const away = Math.hypot(dx, dy) + 1e-4;
      const towards = density(x + (dx / away) * 0.03, y + (dy / away) * 0.03);
      const near = Math.exp(-away * 1.5);
      // Edges that face the light burn; bellies keep the colour of the upper sky.
      const shine = clamp(0.3 + 1.7 * (d - towards) + 0.45 * near - 0.25 * cover) * grazing;
      const veil = cover * (0.82 - 0.25 * smooth(0.14, 0, wish.horizon - y));
      for (let k = 0; k < 3; k++) {
        const target = lerp(under[k as 0] as number, lit[k as 0] as number, shine);
        out[k] = lerp(out[k] as number, target, veil);
      }
    },
    0,
    wish.horizon + 0.02,
  );
}

/** A low veil of mist between `top` and `bottom`, thickest in the middle of the band. */
export function paintMist(c: Canvas, noise: Noise, colour: RGB, top: number, bottom: number, amount: number): void {
  const mid = (top + bottom) / 2;
  const half = (bottom - top) / 2;
  const wisps = field(c, 4, (x, y) => noise.fbm(x * 1.5 + mid * 31, y * 5 + mid * 17, 4));
  shade(
    c,
    (x, y, out) => {
      const t = 1 - Math.abs(y - mid) / half;
      if (t <= 0) return;
      const k = clamp(amount * t * t * (3 - 2 * t) * (0.75 + 0.8 * wisps(x, y)));
      for (let j = 0; j < 3; j++) out[j] = lerp(out[j] as number, colour[j as 0] as number, k);
    },
    Math.max(0, top),
    Math.min(1, bottom),
  );
}

/** Snow in the air: near flakes big and soft, far ones fine. */
export function paintSnowfall(c: Canvas, rng: Rng, light: Light, amount = 1): void {
  const white = add(scale(light.ambient, 0.6), scale([0.75, 0.8, 0.9], lerp(0.9, 0.55, light.night)));
  for (let i = 0; i < 900 * amount; i++) {
    const near = rng.next() ** 5;
    const r = lerp(0.0011, 0.0075, near);
    dab(c, rng.next() * c.aspect, rng.next(), r, r * 1.1, 0, white, lerp(0.75, 0.3, near), lerp(0.5, 1, near));
  }
}

/** Slanting rain, seen against the picture. */
export function paintRain(c: Canvas, rng: Rng, light: Light): void {
  const colour = mix(light.haze, [0.8, 0.85, 0.95], 0.35);
  for (let i = 0; i < 420; i++) {
    const x = rng.next() * c.aspect;
    const y = rng.next();
    const length = rng.range(0.02, 0.06);
    dab(c, x, y, length, 0.0006, 1.45, colour, rng.range(0.08, 0.22), 0.8);
  }
}
