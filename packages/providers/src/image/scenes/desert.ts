/** Dunes to the horizon: each with a lit and a shadowed flank along a winding crest, wind ripples, caravan, palms or pyramids. */
import { type Canvas, columns, dab, polygon, stroke } from '../canvas.ts';
import { clamp, hex, lerp, mix, type RGB, scale, smooth } from '../colour.ts';
import type { Light } from '../light.ts';
import { makeNoise, type Noise, type Rng } from '../noise.ts';
import { paintPalm } from '../parts/flora.ts';
import { paintMist, paintSky } from '../parts/sky.ts';
import type { Scene, Sitting } from './scene.ts';

export const desert: Scene = { paint, bloom: 0.35 };

function paint({ canvas: c, brief, light, rng }: Sitting): void {
  const { features } = brief;
  const horizon = rng.range(0.5, 0.56);
  const sunX = c.aspect * rng.pick([rng.range(0.18, 0.34), rng.range(0.66, 0.82)]);
  const side = sunX > c.aspect / 2 ? 1 : -1;
  paintSky(c, light, rng, {
    horizon: horizon + 0.04,
    x: sunX,
    y: light.night > 0.6 ? rng.range(0.14, 0.24) : brief.time === 'day' ? 0.1 : horizon - rng.range(0.06, 0.14),
    clouds: rng.range(0.15, 0.42),
    disc: brief.time !== 'day',
    milkyWay: brief.time === 'night' && !features.has('moon'),
  });
  const sand = mix(
    hex(brief.tint === 'rose' ? '#c9745a' : brief.tint === 'cold' ? '#a08a78' : '#cf9350'),
    light.ambient,
    0.12 + 0.2 * light.night,
  );
  const k = lerp(1, 0.24, light.night);
  const lit = scale(mix(sand, light.halo, 0.45), k * 1.05);
  const shade = mix(scale(mix(sand, light.zenith, 0.45), k * 0.36), light.shadow, 0.35);
  paintMesas(c, light, rng.fork('mesas'), horizon + 0.01);
  if (features.has('pyramids'))
    paintPyramids(
      c,
      rng.fork('pyramids'),
      horizon + 0.03,
      side,
      mix(lit, light.haze, 0.4),
      mix(shade, light.haze, 0.45),
    );
  const dunes = 6;
  let caravanLine: ((x: number) => number) | undefined;
  for (let i = 0; i < dunes; i++) {
    const t = i / (dunes - 1);
    const line = paintDune(c, rng.fork(`dune ${i}`), {
      t,
      horizon,
      side,
      lit: mix(mix(lit, light.haze, 0.62), lit, t ** 0.7),
      shade: mix(mix(shade, light.haze, 0.68), shade, t ** 0.7),
      haze: light.haze,
    });
    if (i === 2 || i === 3) caravanLine = line;
    if (i === 3 && caravanLine && (features.has('camels') || rng.fork('caravan').chance(0.5))) {
      paintCaravan(c, caravanLine, c.aspect * (side > 0 ? 0.26 : 0.6), 0.034, scale(light.shadow, 0.7), side);
    }
    if (i < dunes - 1)
      paintMist(
        c,
        makeNoise(rng.fork(`dust ${i}`).seed),
        mix(light.haze, light.horizon, 0.5),
        lerp(horizon, 0.86, t) - 0.05,
        lerp(horizon, 0.86, t) + 0.07,
        lerp(0.5, 0.08, t),
      );
  }
  if (features.has('palms')) {
    const place = rng.fork('palms');
    for (let i = 0; i < 4; i++)
      paintPalm(
        c,
        place,
        c.aspect * (side > 0 ? place.range(0.02, 0.22) : place.range(0.78, 0.98)),
        place.range(0.95, 1.02),
        place.range(0.4, 0.66),
        place.range(-0.1, 0.1),
        scale(light.shadow, 0.7),
      );
  }
}

function paintMesas(c: Canvas, light: Light, rng: Rng, base: number): void {
  for (let i = 0; i < 2; i++) {
    const noise = makeNoise(rng.fork(`mesa ${i}`).seed);
    const colour = mix(light.haze, light.shadow, 0.16 + 0.16 * i);
    columns(
      c,
      (x) => {
        const n = noise.fbm(x * (1.6 + i), i * 9, 4);
        const flat = smooth(0.02, 0.12, n) * 0.055 + smooth(0.2, 0.27, n) * 0.04;
        return base - flat - 0.012 * n;
      },
      (x, y, depth, out) => {
        const band = 0.06 * noise.fbm(x * 3, y * 70, 3);
        const fog = clamp(depth * 6);
        for (let k = 0; k < 3; k++)
          out[k] = lerp((colour[k as 0] as number) * (1 + band), light.haze[k as 0] as number, fog);
      },
      base + 0.05,
    );
  }
}

function paintPyramids(c: Canvas, rng: Rng, base: number, side: number, lit: RGB, shade: RGB): void {
  const x0 = c.aspect * (side > 0 ? 0.3 : 0.7);
  for (const [dx, s] of [
    [0.3, 0.15],
    [-0.2, 0.2],
    [0.05, 0.3],
  ] as const) {
    const x = x0 + dx * side * -1 + rng.range(-0.02, 0.02);
    const ridge = x + side * s * 0.18;
    const grain = makeNoise(rng.seed);
    const stone = (colour: RGB) => (u: number, v: number, out: Float64Array) => {
      const k0 = 0.93 + 0.1 * grain.fbm(u * 40, v * 160, 2);
      for (let k = 0; k < 3; k++) out[k] = (colour[k as 0] as number) * k0;
    };
    polygon(c, [x - s * 0.8, base, x, base - s, x + s * 0.8, base], stone(shade));
    polygon(
      c,
      side > 0 ? [ridge, base, x, base - s, x + s * 0.8, base] : [x - s * 0.8, base, x, base - s, ridge, base],
      stone(lit),
    );
  }
}

interface Dune {
  t: number;
  horizon: number;
  side: number;
  lit: RGB;
  shade: RGB;
  haze: RGB;
}

function paintDune(c: Canvas, rng: Rng, dune: Dune): (x: number) => number {
  const { t, horizon, side, lit, shade } = dune;
  const noise: Noise = makeNoise(rng.seed);
  const base = lerp(horizon + 0.035, 0.93, t ** 1.15);
  const amp = lerp(0.035, 0.2, t);
  const frequency = lerp(2.4, 0.72, t);
  const phase = rng.range(0, 60);
  // Wind piles sand gently on one side and lets it slip on the other: a leaning wave.
  const lean = (x: number) => {
    const n = noise.at(x * frequency + phase, phase) + 0.28 * noise.at(x * frequency * 2.3 + phase, 4);
    return Math.max(0, 0.5 + 0.62 * n) ** 1.35;
  };
  const line = (x: number) => base - amp * lean(x);
  const peaks: { x: number; y: number }[] = [];
  const step = 0.004;
  for (let x = -1.2; x < c.aspect + 1.2; x += step) {
    if (line(x) < line(x - step) && line(x) <= line(x + step)) peaks.push({ x, y: line(x) });
  }
  /** The peak this column belongs to, and how far its trough is on this side. */
  const nearest = (x: number) => {
    let best = peaks[0] ?? { x: c.aspect / 2, y: base - amp };
    let at = 0;
    for (let i = 0; i < peaks.length; i++) {
      const peak = peaks[i] as { x: number; y: number };
      if (Math.abs(peak.x - x) < Math.abs(best.x - x)) {
        best = peak;
        at = i;
      }
    }
    const other = peaks[x > best.x ? at + 1 : at - 1];
    return { peak: best, reach: other ? Math.abs(other.x - best.x) / 2 : 1 };
  };
  const meander = lerp(0.05, 0.26, t);
  columns(c, line, (x, y, depth, out) => {
    // The crest runs from each peak down towards us, winding; it parts light from shadow. Towards the troughs both
    // sides come to the same middle tone, so that neighbouring dunes meet without a seam.
    const { peak, reach } = nearest(x);
    const down = Math.max(0, y - peak.y);
    const fall = down / (amp * 1.2);
    const crestX =
      peak.x -
      side *
        meander *
        (0.7 * fall + 0.35 * Math.sin(fall * 3.1 + phase) * fall) *
        smooth(1, 0.3, Math.abs(x - peak.x) / reach);
    const d = (x - crestX) * side;
    const soft = c.px * 1.5 + 0.05 * fall * fall * (0.4 + t);
    const away = smooth(0.15, 0.95, Math.abs(x - peak.x) / reach);
    const flank = smooth(-soft, soft, d);
    const light = lerp(lerp(0.04, 0.78, away ** 1.5), lerp(1, 0.78, away), flank);
    const crest = Math.exp(-Math.abs(d) / (0.008 + 0.02 * t)) * Math.exp(-fall * 1.2) * (d > 0 ? 1 : 0) * (1 - away);
    const dx = (y - horizon) * 9;
    const wind = Math.sin((y * (150 - 60 * t) + 7 * noise.fbm(x * 3.2, y * 5, 3) + x * 16 * side) * lerp(2.2, 1, t));
    const ripple = wind * 0.05 * smooth(0.1, 0.6, t) * (0.45 + 0.8 * light) * smooth(0, 0.02, depth);
    const grain = 0.035 * noise.fbm(x * 34, y * 60 + dx, 2) + 0.06 * noise.fbm(x * 2.2, y * 3.2, 3);
    const fog = clamp(depth / (amp * 2.2)) * lerp(0.45, 0.0, t);
    const foot = 1 - 0.28 * clamp(depth * 1.6) * t;
    for (let k = 0; k < 3; k++) {
      let v = lerp(shade[k as 0] as number, lit[k as 0] as number, light);
      v *= (1 + ripple + grain) * foot;
      v += (lit[k as 0] as number) * crest * 0.3;
      out[k] = lerp(v, dune.haze[k as 0] as number, fog);
    }
  });
  return line;
}

function paintCaravan(c: Canvas, line: (x: number) => number, x0: number, s: number, colour: RGB, side: number): void {
  for (let i = 0; i < 6; i++) {
    const x = x0 + i * s * 1.75;
    const y = line(x) + s * 0.06;
    const p = (list: readonly (readonly [number, number])[]) =>
      list.flatMap(([dx, dy]) => [x - dx * s * side, y - dy * s]);
    for (const dx of [-0.3, -0.2, 0.22, 0.32])
      stroke(
        c,
        p([
          [dx, 0.55],
          [dx + 0.02, 0.28],
          [dx - 0.02, 0],
        ]),
        [s * 0.09, s * 0.055, s * 0.05],
        colour,
      );
    polygon(
      c,
      p([
        [-0.42, 0.62],
        [-0.3, 0.82],
        [-0.1, 0.86],
        [0.02, 1.06],
        [0.14, 0.86],
        [0.32, 0.84],
        [0.42, 0.68],
        [0.3, 0.5],
        [-0.3, 0.48],
      ]),
      colour,
    );
    stroke(
      c,
      p([
        [0.36, 0.7],
        [0.52, 0.66],
        [0.6, 0.86],
        [0.62, 1.06],
      ]),
      [s * 0.15, s * 0.12, s * 0.09, s * 0.08],
      colour,
    );
    polygon(
      c,
      p([
        [0.57, 1.04],
        [0.6, 1.14],
        [0.7, 1.13],
        [0.84, 1.04],
        [0.8, 0.99],
        [0.66, 1.0],
      ]),
      colour,
    );
    if (i % 2 === 0) {
      dab(c, x, y - s * 1.22, s * 0.13, s * 0.2, 0, colour, 1, 0.15);
      dab(c, x, y - s * 1.47, s * 0.09, s * 0.1, 0, colour, 1, 0.15);
    }
  }
}
