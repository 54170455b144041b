/** Inside a forest: trunks in depth, haze with shafts of light, a path or stream, fern and moss, fireflies at dusk. */
import { type Canvas, columns, dab, glow, polygon, shade, stroke } from '../canvas.ts';
import { clamp, hex, lerp, mix, type RGB, scale, smooth } from '../colour.ts';
import type { Light } from '../light.ts';
import { makeNoise, type Rng } from '../noise.ts';
import { type Foliage, paintCrown, paintGrass } from '../parts/flora.ts';
import { field, paintMist, paintRain, paintSnowfall } from '../parts/sky.ts';
import type { Scene, Sitting } from './scene.ts';

export const forest: Scene = { paint, bloom: 0.4 };

function leafColours(sitting: Sitting): Foliage {
  const { brief, light } = sitting;
  const base = brief.features.has('autumn')
    ? hex('#b5541c')
    : brief.tint === 'cold'
      ? hex('#3f6a66')
      : brief.tint === 'violet'
        ? hex('#54508a')
        : brief.features.has('blossom')
          ? hex('#d98aa8')
          : hex('#4f8a3c');
  const k = lerp(1, 0.28, light.night);
  const leaf = scale(mix(base, light.ambient, 0.2 + 0.25 * light.night), k);
  return { dark: mix(scale(leaf, 0.28), light.shadow, 0.45), mid: scale(leaf, 0.75), lit: mix(leaf, light.halo, 0.45) };
}

function paint(sitting: Sitting): void {
  const { canvas: c, brief, light, rng } = sitting;
  const leaves = leafColours(sitting);
  const sun = { x: c.aspect * rng.range(0.36, 0.64), y: rng.range(0.2, 0.34) };
  const horizon = rng.range(0.6, 0.66);
  const night = light.night;
  const air = mix(mix(light.horizon, light.halo, 0.35), leaves.mid, 0.3);
  const noise = makeNoise(rng.fork('air').seed);
  // Far away there is only light among leaves.
  const dapple = field(c, 3, (x, y) => noise.fbm(x * 6, y * 6, 5));
  shade(c, (x, y, out) => {
    const d = Math.hypot((x - sun.x) * 0.9, y - sun.y);
    const near = Math.exp(-d * 2.3) * lerp(brief.time === 'day' ? 0.78 : 0.95, 0.5, night);
    const far = smooth(0.9, 0.1, d);
    const leaf = smooth(-0.15, 0.4, dapple(x, y)) * (1 - 0.8 * near);
    for (let k = 0; k < 3; k++) {
      const base = lerp((leaves.dark[k as 0] as number) * 1.3, (air[k as 0] as number) * 0.55, far);
      const v = lerp(base, light.halo[k as 0] as number, near * 0.95);
      out[k] = lerp(v, leaves.mid[k as 0] as number, leaf * 0.35);
    }
  });
  glow(c, sun.x, sun.y, 0.6, light.source, lerp(0.4, 0.22, night));
  const path = {
    x: sun.x,
    bend: rng.sign() * rng.range(0.16, 0.34),
    stream: brief.features.has('stream') || brief.features.has('lake'),
  };
  const layers = 6;
  for (let i = 0; i < layers; i++) {
    const t = i / (layers - 1);
    const place = rng.fork(`layer ${i}`);
    const ground = horizon + 0.36 * t ** 1.9;
    const tone = mix(air, scale(light.shadow, 0.8), 0.3 + 0.66 * t ** 0.8);
    if (i === 1) paintGround(sitting, leaves, horizon, sun, path);
    paintTrunks(c, place, {
      t,
      ground,
      tone,
      rim: mix(tone, light.halo, lerp(0.55, 0.3, t)),
      sunX: sun.x,
      snow: brief.weather === 'snow',
    });
    paintUndergrowth(c, place, t, ground, leaves, air, sun.x);
    if (i < layers - 1) {
      paintMist(
        c,
        noise,
        mix(air, light.halo, 0.35),
        ground - 0.34,
        ground + 0.06,
        lerp(0.55, 0.12, t) * (brief.weather === 'mist' ? 1.6 : 1),
      );
      if (i < 4) paintCanopy(c, place, t, leaves, air, sun.x);
    }
  }
  paintShafts(c, rng.fork('shafts'), sun, mix(light.halo, light.source, 0.4), lerp(0.3, 0.16, night));
  paintFraming(c, rng.fork('frame'), leaves, light);
  const fireflies = brief.features.has('fireflies') || night > 0.4;
  paintMotes(c, rng.fork('motes'), fireflies ? [0.95, 0.9, 0.35] : light.source, fireflies);
  if (brief.weather === 'snow') paintSnowfall(c, rng.fork('flakes'), light, 0.8);
  if (brief.weather === 'rain') paintRain(c, rng.fork('rain'), light);
}

function paintGround(
  { canvas: c, brief, light, rng }: Sitting,
  leaves: Foliage,
  horizon: number,
  sun: { x: number },
  path: { x: number; bend: number; stream: boolean },
): void {
  const noise = makeNoise(rng.fork('ground').seed);
  const snowy = brief.weather === 'snow';
  const soil: RGB = snowy
    ? mix(light.ambient, [0.7, 0.75, 0.85], 0.5)
    : mix(scale(leaves.mid, 0.55), light.shadow, 0.35);
  const track: RGB = path.stream
    ? mix(light.halo, light.middle, 0.45)
    : mix(mix([0.3, 0.2, 0.12], light.halo, 0.3), light.shadow, 0.25);
  columns(
    c,
    (x) => horizon + 0.015 * noise.fbm(x * 2, 1, 3),
    (x, y, _depth, out) => {
      const d = Math.max(0.004, y - horizon);
      const t = clamp(d / (1 - horizon));
      const z = 1 / (d + 0.05);
      const centre = path.x + path.bend * Math.sin(t * 3.4) * (0.35 + t);
      const half = 0.018 + 0.25 * t ** 1.25;
      const edge = Math.abs(x - centre) / half + 0.5 * noise.fbm(x * z * 1.2, z * 2.2, 4);
      const on = smooth(1.15, 0.85, edge);
      const spot = smooth(0.05, 0.5, noise.fbm(x * z * 0.8 + 3, z * 1.2, 4)) * lerp(0.8, 0.25, light.night);
      const litness = Math.exp(-(((x - sun.x) / (0.25 + 0.5 * t)) ** 2)) * (1 - 0.75 * t);
      const grain = 0.8 + 0.4 * noise.fbm(x * z * 4, z * 7, 3);
      const wave = path.stream ? 0.75 + 0.5 * noise.fbm(x * z * 2, z * 14, 3) : grain;
      for (let k = 0; k < 3; k++) {
        let v = (soil[k as 0] as number) * grain * (1 - 0.45 * t);
        v = lerp(v, (track[k as 0] as number) * wave * (1 - 0.4 * t), on);
        v += (light.halo[k as 0] as number) * (litness * 0.35 + spot * 0.13 * (1 - 0.5 * t)) * (on > 0.5 ? 1 : 0.7);
        out[k] = v;
      }
    },
  );
}

function paintTrunks(
  c: Canvas,
  rng: Rng,
  wish: { t: number; ground: number; tone: RGB; rim: RGB; sunX: number; snow: boolean },
): void {
  const { t, ground } = wish;
  const count = Math.round(lerp(30, 4, t ** 0.6));
  const noise = makeNoise(rng.seed);
  for (let i = 0; i < count; i++) {
    let x = ((i + rng.range(0.1, 0.9)) / count) * c.aspect;
    // The way stays open; near trees stand aside.
    const open = lerp(0.02, 0.42, t);
    if (Math.abs(x - wish.sunX) < open) x = wish.sunX + Math.sign(x - wish.sunX || 1) * (open + rng.range(0, 0.12));
    const width = lerp(0.009, 0.085, t ** 1.4) * rng.range(0.6, 1.25);
    const lean = rng.range(-0.04, 0.04);
    const foot = ground + rng.range(-0.01, 0.02) + 0.05 * t;
    const points: number[] = [];
    const widths: number[] = [];
    for (let s = 0; s <= 14; s++) {
      const u = s / 14;
      points.push(x + lean * u + 0.014 * t * noise.at(u * 2.4, i * 3.7), foot - u * (foot + 0.06));
      widths.push(width * (1 - 0.32 * u) * (1 + 1.1 * Math.exp(-u * 22)));
    }
    const side = Math.sign(wish.sunX - x) || 1;
    stroke(c, points, widths, (u, v, out) => {
      const at = x + lean * ((foot - v) / (foot + 0.06));
      const r = ((u - at) / (width / 2)) * side;
      const bark = 0.78 + 0.4 * noise.fbm(u * (26 / (0.3 + t)), v * 5, 3);
      const edge = smooth(0.35, 1, r) * (0.75 + 0.25 * bark);
      for (let k = 0; k < 3; k++)
        out[k] = lerp(
          (wish.tone[k as 0] as number) * lerp(1, bark, 0.3 + 0.7 * t),
          wish.rim[k as 0] as number,
          edge * 0.8,
        );
    });
    const boughs = rng.int(2, 4);
    for (let b = 0; b < boughs; b++) {
      const u = rng.range(0.35, 0.95);
      const bx = x + lean * u;
      const by = foot - u * (foot + 0.06);
      const dir = rng.sign();
      const reach = width * rng.range(2.5, 6);
      stroke(
        c,
        [bx, by, bx + dir * reach * 0.45, by - reach * 0.16, bx + dir * reach, by - reach * rng.range(0.3, 0.6)],
        [width * 0.34, width * 0.2, width * 0.05],
        wish.tone,
      );
    }
  }
}

function paintUndergrowth(
  c: Canvas,
  rng: Rng,
  t: number,
  ground: number,
  leaves: Foliage,
  air: RGB,
  sunX: number,
): void {
  const fade = lerp(0.62, 0, t);
  const soften = (colour: RGB): RGB => mix(colour, air, fade);
  const clumps = Math.round(lerp(26, 9, t));
  const open = lerp(0.05, 0.46, t);
  for (let i = 0; i < clumps; i++) {
    const x = ((i + rng.next()) / clumps) * c.aspect;
    if (Math.abs(x - sunX) < open * rng.range(0.8, 1.2)) continue;
    const size = lerp(0.025, 0.1, t) * rng.range(0.6, 1.2);
    paintCrown(
      c,
      rng,
      x,
      ground + size * 0.2,
      size * 1.25,
      size * 0.6,
      { dark: soften(leaves.dark), mid: soften(leaves.mid), lit: soften(leaves.lit) },
      Math.sign(sunX - x),
      lerp(0.004, 0.0085, t),
    );
  }
}

function paintCanopy(c: Canvas, rng: Rng, t: number, leaves: Foliage, air: RGB, sunX: number): void {
  const fade = lerp(0.6, 0.1, t);
  const soften = (colour: RGB): RGB => mix(colour, air, fade);
  for (let i = 0; i < 9; i++) {
    const x = ((i + rng.next()) / 9) * c.aspect;
    const away = Math.abs(x - sunX);
    const size = lerp(0.07, 0.12, t) * rng.range(0.7, 1.3);
    paintCrown(
      c,
      rng,
      x,
      rng.range(-0.04, 0.12 + 0.22 * smooth(0.2, 0.8, away)),
      size * 1.5,
      size,
      { dark: soften(leaves.dark), mid: soften(leaves.mid), lit: soften(leaves.lit) },
      Math.sign(sunX - x),
      lerp(0.005, 0.009, t),
    );
  }
}

function paintShafts(c: Canvas, rng: Rng, sun: { x: number; y: number }, colour: RGB, strength: number): void {
  const noise = makeNoise(rng.seed);
  const beams = field(c, 3, (x, y) => {
    const dx = x - sun.x;
    const dy = y - (sun.y - 0.45);
    const angle = Math.atan2(dx, Math.max(0.01, dy));
    const d = Math.hypot(dx, dy);
    const ray = smooth(0.0, 0.75, 0.35 + noise.fbm(angle * 7, 3, 3) + 0.4 * noise.at(angle * 26, 1));
    return ray * smooth(0.15, 0.5, d) * Math.exp(-d * 1.25) * Math.exp(-angle * angle * 2.2);
  });
  shade(c, (x, y, out) => {
    const k0 = beams(x, y) * strength * 2.1;
    for (let k = 0; k < 3; k++) out[k] = (out[k] as number) + (colour[k as 0] as number) * k0;
  });
}

/** Near leaves and grass, dark, so that the eye goes in. */
function paintFraming(c: Canvas, rng: Rng, leaves: Foliage, light: Light): void {
  const dark: Foliage = {
    dark: scale(light.shadow, 0.55),
    mid: mix(scale(light.shadow, 0.9), leaves.dark, 0.5),
    lit: mix(leaves.dark, leaves.mid, 0.35),
  };
  for (const side of [0, 1]) {
    for (let i = 0; i < 5; i++)
      paintCrown(
        c,
        rng,
        side * c.aspect + (side ? -1 : 1) * rng.range(-0.08, 0.24),
        rng.range(-0.06, 0.16),
        0.17,
        0.11,
        dark,
        side ? -1 : 1,
        0.0105,
      );
    for (let i = 0; i < 3; i++)
      paintFern(c, rng, side * c.aspect + (side ? -1 : 1) * rng.range(0, 0.34), 1.02, rng.range(0.16, 0.26), dark);
  }
  paintGrass(
    c,
    rng,
    (x) => 1.005 - 0.035 * smooth(0.3, 1, Math.abs(x / c.aspect - 0.5) * 2),
    0.05,
    [dark.dark, dark.mid, scale(dark.dark, 0.7)],
    0.8,
  );
}

function paintFern(c: Canvas, rng: Rng, x: number, base: number, size: number, leaves: Foliage): void {
  for (let f = 0; f < 9; f++) {
    const a = -Math.PI / 2 + (f / 8 - 0.5) * 2.3 + rng.range(-0.12, 0.12);
    const tone = mix(leaves.dark, leaves.lit, rng.range(0.1, 0.8));
    for (let i = 1; i <= 18; i++) {
      const t = i / 18;
      const sx = x + Math.cos(a) * size * t;
      const sy = base + Math.sin(a) * size * t + size * 0.42 * t * t;
      const leaf = size * 0.2 * Math.sin(Math.PI * Math.min(1, t * 0.9 + 0.12));
      const lean = a + 0.85 * t * Math.sign(Math.cos(a));
      for (const s of [-1, 1]) {
        const dir = lean + s * 1.15;
        polygon(
          c,
          [
            sx - size * 0.012,
            sy,
            sx + Math.cos(dir) * leaf,
            sy + Math.sin(dir) * leaf,
            sx + size * 0.014,
            sy + size * 0.012,
          ],
          tone,
        );
      }
    }
  }
}

function paintMotes(c: Canvas, rng: Rng, colour: RGB, bright: boolean): void {
  for (let i = 0; i < (bright ? 70 : 60); i++) {
    const near = rng.next() ** 3;
    const x = rng.next() * c.aspect;
    const y = rng.range(0.3, 0.97);
    if (bright) {
      glow(c, x, y, lerp(0.012, 0.045, near), colour, lerp(0.5, 0.9, near));
      dab(c, x, y, lerp(0.0013, 0.0034, near), lerp(0.0013, 0.0034, near), 0, [1.4, 1.4, 0.7], 1, 0.8);
    } else dab(c, x, y, lerp(0.001, 0.004, near), lerp(0.001, 0.004, near), 0, colour, lerp(0.5, 0.16, near), 0.9);
  }
}
