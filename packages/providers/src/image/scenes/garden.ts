/** Gardens and meadows: flowers in drifts, blossom trees that frame a path to a pagoda, a pavilion or a fountain. */
import { type Canvas, columns, dab, glow, polygon, stroke } from '../canvas.ts';
import { clamp, hex, lerp, mix, type RGB, scale, smooth } from '../colour.ts';
import type { Light } from '../light.ts';
import { makeNoise, type Rng } from '../noise.ts';
import { paintCastle, paintLantern, paintPagoda } from '../parts/buildings.ts';
import { type Foliage, paintCrown, paintGrass, paintTrunk } from '../parts/flora.ts';
import { paintFountain, paintPavilion } from '../parts/follies.ts';
import { paintMist, paintRain, paintSky } from '../parts/sky.ts';
import { paintWater } from '../parts/water.ts';
import type { Scene, Sitting } from './scene.ts';

export const garden: Scene = { paint, bloom: 0.38 };

const bouquets: readonly (readonly string[])[] = [
  ['#e8556a', '#f4a0b0', '#ffffff', '#c43a5e'],
  ['#8a6ad8', '#b79af0', '#e6dcff', '#6a48b8'],
  ['#ffc23c', '#ff9a3c', '#fff0b8', '#e8663c'],
  ['#ff9ac0', '#ffd6e4', '#c86aa8', '#ffffff'],
  ['#5a8ae8', '#a8c8ff', '#ffffff', '#e8b0d8'],
];

function paint({ canvas: c, brief, light, rng }: Sitting): void {
  const { features } = brief;
  const night = light.night;
  const k = lerp(1, 0.26, night);
  const tone = (code: string) => scale(mix(hex(code), light.ambient, 0.18 + 0.3 * night), k);
  const grass = tone(features.has('autumn') ? '#9a7a34' : '#5c9140');
  const leaves: Foliage = {
    dark: mix(scale(grass, 0.3), light.shadow, 0.4),
    mid: scale(grass, 0.75),
    lit: mix(grass, light.halo, 0.4),
  };
  const pinkish =
    features.has('blossom') || features.has('pagoda') || (!features.has('autumn') && rng.fork('bloom').chance(0.4));
  const crown = features.has('autumn') ? '#d0661e' : pinkish ? '#f0a0bc' : '#6a9a48';
  const blossom: Foliage = {
    dark: mix(scale(tone(crown), 0.42), light.shadow, 0.3),
    mid: scale(tone(crown), 0.85),
    lit: mix(tone(crown), mix(light.halo, light.source, 0.4), 0.5),
  };
  const horizon = rng.range(0.54, 0.6);
  const sunX = c.aspect * rng.pick([rng.range(0.24, 0.4), rng.range(0.6, 0.76)]);
  const side = sunX > c.aspect / 2 ? 1 : -1;
  paintSky(c, light, rng, {
    horizon,
    x: sunX,
    y: night > 0.6 ? 0.2 : brief.time === 'day' ? 0.12 : horizon - rng.range(0.08, 0.16),
    clouds: brief.weather === 'clear' ? rng.range(0.4, 0.62) : 0.8,
    disc: brief.weather === 'clear' && brief.time !== 'day',
  });
  paintHills(c, light, rng.fork('hills'), horizon, leaves, features.has('castle') ? side : 0);
  const focus = c.aspect * (side > 0 ? rng.range(0.4, 0.48) : rng.range(0.52, 0.6));
  const pond = features.has('lake') || (features.has('pagoda') && rng.fork('pond').chance(0.7));
  const shore = horizon + (pond ? 0.08 : 0.12);
  const back = rng.fork('back trees');
  for (let i = 0; i < 16; i++) {
    const x = ((i + back.next()) / 16) * c.aspect;
    if (Math.abs(x - focus) < 0.2) continue;
    const size = back.range(0.045, 0.085);
    const kind = back.chance(0.4) ? blossom : leaves;
    const far: Foliage = {
      dark: mix(kind.dark, light.haze, 0.3),
      mid: mix(kind.mid, light.haze, 0.25),
      lit: mix(kind.lit, light.haze, 0.15),
    };
    stroke(c, [x, horizon + 0.05, x, horizon + 0.02 - size], [0.008, 0.006], far.dark);
    paintCrown(c, back, x, horizon + 0.015 - size * 0.9, size * 1.2, size * 0.9, far, Math.sign(sunX - x), 0.0048);
  }
  paintLawn({ canvas: c, brief, light, rng }, { horizon: horizon + 0.03, focus, grass, pond, sunX });
  const lamps = lerp(0.12, 1, smooth(0, 0.6, night));
  const dark = mix(light.shadow, light.haze, 0.12);
  const litStone = mix(mix(hex('#cbbba4'), light.ambient, 0.4), light.shadow, 0.15 + 0.45 * night);
  if (features.has('pagoda')) {
    const foot = mix(litStone, dark, 0.35);
    const step = shore - 0.034;
    const sides = [focus - 0.16, shore + 0.002, focus - 0.15, step, focus + 0.15, step, focus + 0.16, shore + 0.002];
    polygon(c, sides, (_x, y, out) => out.set(scale(foot, y < step + 0.006 ? 1.2 : 0.6)));
    paintPagoda(
      c,
      rng.fork('pagoda'),
      focus,
      shore - 0.035,
      0.36,
      rng.fork('storeys').pick([1, 3, 3]),
      dark,
      mix(dark, light.halo, 0.35),
      light.lamp,
      lamps,
    );
  } else if (features.has('fountain') || rng.fork('fountain').chance(0.35))
    paintFountain(c, rng.fork('water'), focus, horizon + 0.17, 0.2, litStone, light);
  else paintPavilion(c, focus, horizon + 0.11, 0.24, litStone, light, lamps);
  if (pond) {
    paintMist(c, makeNoise(rng.fork('m').seed), light.haze, shore - 0.06, shore + 0.03, 0.25);
    paintWater(c, rng.fork('pond'), {
      top: shore,
      deep: mix(scale(leaves.dark, 0.8), scale(light.zenith, 0.4), 0.5),
      ripple: 0.35,
      path: { x: sunX, colour: light.halo, strength: 0.25 },
    });
    paintLilies(c, rng.fork('lilies'), shore, tone('#5f9a4c'), tone('#f6c6d8'));
  }
  if (pond) {
    // The bank we stand on; flowers do not grow on water.
    const edge = makeNoise(rng.fork('bank').seed);
    columns(
      c,
      (x) => 0.905 - 0.03 * smooth(0.2, 1, Math.abs(x / c.aspect - 0.5) * 2) + 0.012 * edge.fbm(x * 4, 2, 4),
      (x, y, depth, out) => {
        const tuft = 0.75 + 0.4 * edge.fbm(x * 18, y * 30, 3);
        for (let i = 0; i < 3; i++) out[i] = (leaves.mid[i as 0] as number) * tuft * (0.8 - clamp(depth * 3, 0, 0.5));
      },
    );
  }
  const palette = rng.pick(bouquets).map(tone);
  paintFlowers(c, rng.fork('flowers'), { from: pond ? 0.9 : horizon + 0.07, focus, palette, leaves, light, pond });
  paintFramingTree(
    c,
    rng.fork('tree'),
    side,
    blossom,
    scale(mix(light.shadow, hex('#3a241a'), 0.3), 0.6),
    features.has('lanterns') || features.has('pagoda') || night > 0.4 ? light.lamp : null,
    night,
  );
  paintPetals(c, rng.fork('petals'), pinkish ? blossom.lit : light.source, pinkish ? 90 : 40, night > 0.4);
  if (brief.weather === 'rain') paintRain(c, rng.fork('rain'), light);
}

function paintHills(c: Canvas, light: Light, rng: Rng, horizon: number, leaves: Foliage, castle: number): void {
  for (let i = 0; i < 3; i++) {
    const noise = makeNoise(rng.fork(`hill ${i}`).seed);
    const colour = mix(light.haze, mix(leaves.mid, light.shadow, 0.25), 0.22 + 0.24 * i);
    const line = (x: number) =>
      horizon + 0.03 * i - (0.12 - 0.025 * i) * (0.6 + 0.7 * noise.fbm(x * (1.1 + 0.5 * i), i * 5, 4));
    if (castle !== 0 && i === 1) {
      const x = c.aspect * (castle > 0 ? 0.7 : 0.3);
      paintCastle(
        c,
        rng.fork('castle'),
        x,
        line(x) + 0.01,
        0.26,
        mix(light.shadow, light.haze, 0.42),
        mix(light.halo, light.haze, 0.4),
        castle,
        light.lamp,
        light.night,
      );
    }
    columns(
      c,
      line,
      (x, y, depth, out) => {
        const wood = 0.85 + 0.35 * noise.fbm(x * 22, y * 34, 4);
        const fog = clamp(depth * 5) * 0.55;
        for (let k = 0; k < 3; k++) out[k] = lerp((colour[k as 0] as number) * wood, light.haze[k as 0] as number, fog);
      },
      horizon + 0.12,
    );
  }
  paintMist(c, makeNoise(rng.seed), mix(light.haze, light.horizon, 0.6), horizon - 0.08, horizon + 0.08, 0.5);
}

function paintLawn(
  { canvas: c, light, rng }: Sitting,
  wish: { horizon: number; focus: number; grass: RGB; pond: boolean; sunX: number },
): void {
  const noise = makeNoise(rng.fork('lawn').seed);
  const { horizon, focus, grass } = wish;
  const gravel = mix(mix(hex('#d8c4a0'), light.halo, 0.25), light.shadow, 0.12 + 0.6 * light.night);
  const bend = rng.sign() * rng.range(0.06, 0.16);
  columns(
    c,
    (x) => horizon + 0.006 * noise.fbm(x * 3, 1, 3),
    (x, y, _depth, out) => {
      const d = Math.max(0.003, y - horizon);
      const t = clamp(d / (1 - horizon));
      const z = 1 / (d + 0.05);
      const centre = focus + bend * Math.sin(t * 3.1) * (0.4 + t);
      const half = 0.016 + 0.17 * t ** 1.2;
      const edge = Math.abs(x - centre) / half + 0.16 * noise.fbm(x * z * 1.4, z * 3, 3);
      const on = smooth(1.08, 0.92, edge);
      const sweep = 0.82 + 0.32 * noise.fbm(x * z * 0.5, z * 1.1, 4) + 0.1 * noise.fbm(x * z * 5, z * 8, 2);
      const sun =
        Math.exp(-(((x - wish.sunX) / (0.35 + 0.5 * t)) ** 2)) *
        (1 - 0.6 * t) *
        0.4 *
        (1 - 0.6 * smooth(0.1, 0.5, light.night));
      for (let k = 0; k < 3; k++) {
        const lawn =
          (grass[k as 0] as number) * sweep * (1 - 0.38 * t) +
          (light.halo[k as 0] as number) * (grass[k as 0] as number) * sun * 2.6;
        const path = (gravel[k as 0] as number) * (0.85 + 0.18 * noise.fbm(x * z * 6, z * 9, 3)) * (1 - 0.3 * t);
        out[k] = lerp(lawn, path, on * (wish.pond ? 0 : 0.92));
      }
    },
  );
}

function paintLilies(c: Canvas, rng: Rng, shore: number, leaf: RGB, flower: RGB): void {
  for (let i = 0; i < 46; i++) {
    const t = rng.next() ** 0.7;
    const y = lerp(shore + 0.03, 0.98, t);
    const x = rng.next() * c.aspect;
    const r = lerp(0.008, 0.036, t) * rng.range(0.6, 1.1);
    dab(c, x, y + r * 0.08, r * 1.03, r * 0.3, 0, scale(leaf, 0.35), 0.8, 0.3);
    dab(c, x, y, r, r * 0.28, 0, scale(leaf, rng.range(0.6, 1)), 1, 0.1);
    if (rng.chance(0.28))
      for (let p = 0; p < 9; p++)
        dab(
          c,
          x + (p / 8 - 0.5) * r * 0.8,
          y - r * 0.22 - Math.sin((p / 8) * Math.PI) * r * 0.22,
          r * 0.12,
          r * 0.24,
          (p / 8 - 0.5) * 1.3,
          scale(flower, rng.range(0.8, 1.15)),
          1,
          0.3,
        );
  }
}

function paintFlowers(
  c: Canvas,
  rng: Rng,
  wish: { from: number; focus: number; palette: readonly RGB[]; leaves: Foliage; light: Light; pond: boolean },
): void {
  const noise = makeNoise(rng.seed);
  const rows = 34;
  for (let row = 0; row < rows; row++) {
    const t = row / (rows - 1);
    const y = lerp(wish.from, 1.03, t ** 1.35);
    const size = lerp(0.0026, 0.0155, t ** 1.5) * (wish.pond ? 1.1 : 1);
    const count = Math.round(lerp(150, 52, t));
    const half = 0.03 + 0.21 * ((y - wish.from) / (1 - wish.from)) ** 1.1;
    for (let i = 0; i < count; i++) {
      const x = ((i + rng.next()) / count) * c.aspect;
      if (!wish.pond && Math.abs(x - wish.focus) < half * rng.range(0.95, 1.35)) continue;
      const drift = noise.fbm(x * 1.7, y * 4.5, 3);
      const stem = size * rng.range(1.2, 3.2);
      if (rng.chance(0.55)) {
        const blade = mix(wish.leaves.dark, wish.leaves.mid, rng.next());
        polygon(
          c,
          [x - size * 0.16, y + size, x + rng.range(-1, 1) * size, y - stem * 1.2, x + size * 0.16, y + size],
          blade,
        );
      }
      if (drift < -0.12 || rng.chance(0.3)) continue;
      const pick = Math.floor(
        clamp(0.5 + 0.9 * noise.fbm(x * 2.6 + 9, y * 5, 2) + rng.range(-0.25, 0.25), 0, 0.999) * wish.palette.length,
      );
      const petal = scale(wish.palette[pick] as RGB, rng.range(0.75, 1.2) * lerp(1, 0.8, t));
      const fy = y - stem;
      if (size < 0.006) {
        dab(c, x, fy, size * 0.85, size * 0.65, 0, petal, 0.95, 0.4);
        continue;
      }
      const turn = rng.range(0, 6);
      for (let p = 0; p < 6; p++) {
        const a = turn + (p / 6) * 6.2832;
        dab(
          c,
          x + Math.cos(a) * size * 0.55,
          fy + Math.sin(a) * size * 0.42,
          size * 0.48,
          size * 0.28,
          a,
          scale(petal, 0.85 + 0.3 * (Math.sin(a) < 0 ? 1 : 0)),
          0.95,
          0.3,
        );
      }
      dab(
        c,
        x,
        fy,
        size * 0.24,
        size * 0.2,
        0,
        mix([0.9, 0.6, 0.12], wish.light.shadow, 0.6 * wish.light.night),
        1,
        0.4,
      );
    }
  }
  paintGrass(
    c,
    rng.fork('near'),
    () => 1.01,
    0.055,
    [wish.leaves.dark, mix(wish.leaves.dark, wish.leaves.mid, 0.4), scale(wish.leaves.dark, 0.6)],
    0.7,
  );
}

function paintFramingTree(
  c: Canvas,
  rng: Rng,
  side: number,
  blossom: Foliage,
  bark: RGB,
  lamp: RGB | null,
  night: number,
): void {
  const x = side > 0 ? c.aspect * 0.07 : c.aspect * 0.93;
  const ends = paintTrunk(c, rng, x, 1.0, 0.86, 0.062, bark);
  for (const end of ends) paintCrown(c, rng, end.x, end.y - 0.01, 0.095, 0.065, blossom, side, 0.0085);
  for (let i = 0; i < 5; i++)
    paintCrown(c, rng, x + side * rng.range(-0.1, 0.42), rng.range(-0.03, 0.09), 0.13, 0.075, blossom, side, 0.0095);
  if (!lamp) return;
  for (let i = 0; i < 4; i++) {
    const lx = x + side * (0.1 + i * 0.11);
    const ly = 0.28 + 0.07 * Math.sin(i * 2.1) + rng.range(0, 0.05);
    stroke(c, [lx, -0.01, lx, ly], [c.px, c.px], bark);
    paintLantern(c, lx, ly, 0.021, scale(lamp, lerp(0.75, 1, night)));
  }
}

function paintPetals(c: Canvas, rng: Rng, colour: RGB, count: number, fireflies: boolean): void {
  for (let i = 0; i < count; i++) {
    const near = rng.next() ** 3;
    const r = lerp(0.0018, 0.0075, near);
    dab(
      c,
      rng.next() * c.aspect,
      rng.range(0.1, 1),
      r,
      r * 0.5,
      rng.range(0, 3),
      scale(colour, rng.range(0.8, 1.1)),
      lerp(0.85, 0.5, near),
      lerp(0.35, 0.9, near),
    );
  }
  if (!fireflies) return;
  for (let i = 0; i < 36; i++)
    glow(c, rng.next() * c.aspect, rng.range(0.5, 0.95), rng.range(0.012, 0.03), [0.95, 0.9, 0.4], 0.7);
}
