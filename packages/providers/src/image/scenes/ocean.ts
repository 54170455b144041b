/** Open sea to the horizon: swell in perspective under sun or moon, with headlands, a ship, a lighthouse or palms. */
import { type Canvas, columns, dab, glow, polygon, shade, stroke } from '../canvas.ts';
import { clamp, lerp, mix, type RGB, scale, smooth } from '../colour.ts';
import type { Light } from '../light.ts';
import { makeNoise, type Noise, type Rng } from '../noise.ts';
import { paintPalm } from '../parts/flora.ts';
import { paintRain, paintSky } from '../parts/sky.ts';
import type { Scene, Sitting } from './scene.ts';

export const ocean: Scene = { paint, bloom: 0.4 };

function paint({ canvas: c, brief, light, rng }: Sitting): void {
  const { features } = brief;
  const horizon = rng.range(0.48, 0.58);
  const rough = brief.weather === 'storm' ? 1.7 : brief.weather === 'rain' ? 1.2 : 0.85;
  const sunX = c.aspect * rng.pick([rng.range(0.28, 0.42), rng.range(0.58, 0.72)]);
  const sunY =
    light.night > 0.6 ? horizon - rng.range(0.22, 0.34) : brief.time === 'day' ? 0.1 : horizon - rng.range(0.05, 0.14);
  const side = sunX > c.aspect / 2 ? 1 : -1;
  paintSky(c, light, rng, {
    horizon,
    x: sunX,
    y: sunY,
    clouds: brief.weather === 'clear' ? rng.range(0.4, 0.6) : 0.9,
    disc: brief.weather === 'clear' && brief.time !== 'day',
    aurora: features.has('aurora'),
  });
  paintHeadlands(c, light, rng.fork('headland'), horizon, side);
  if (features.has('boat') || rng.fork('ship').chance(0.4)) {
    paintShip(c, sunX - side * rng.range(0.18, 0.4), horizon + 0.012, 0.11, mix(light.shadow, light.haze, 0.18));
  }
  paintSwell(c, light, rng.fork('swell'), {
    horizon,
    sunX,
    sunY,
    rough,
    strength: brief.weather === 'clear' ? 1 : 0.25,
  });
  const beach = features.has('palms') || rng.fork('beach').chance(0.35);
  if (features.has('lighthouse')) paintLighthouse(c, light, rng.fork('lighthouse'), -side);
  else if (beach) paintBeach(c, light, rng.fork('sand'), -side, features.has('palms') || brief.time === 'golden');
  else paintRocks(c, light, rng.fork('rocks'), -side);
  if (brief.weather === 'rain' || brief.weather === 'storm') paintRain(c, rng.fork('rain'), light);
}

function paintHeadlands(c: Canvas, light: Light, rng: Rng, horizon: number, side: number): void {
  for (let i = 0; i < 3; i++) {
    const noise = makeNoise(rng.fork(`land ${i}`).seed);
    const reach = lerp(0.62, 0.26, i / 2);
    const high = lerp(0.05, 0.13, i / 2);
    const colour = mix(light.haze, light.shadow, 0.22 + 0.22 * i);
    columns(
      c,
      (x) => {
        const u = side > 0 ? x / c.aspect : 1 - x / c.aspect;
        const shape = smooth(reach, reach * 0.3, u);
        return horizon + 0.004 - shape * (high * (0.55 + 0.6 * noise.ridged(x * 2.2, i * 7, 5)));
      },
      (x, y, depth, out) => {
        const t = clamp(depth / high) * 0.6 + 0.12 * noise.fbm(x * 8, y * 16, 3);
        for (let k = 0; k < 3; k++) out[k] = lerp(colour[k as 0] as number, light.haze[k as 0] as number, clamp(t));
      },
      horizon + 0.004,
    );
  }
}

/** The sea: every pixel looks along a wave's slope up into the sky, or down into the water. */
function paintSwell(
  c: Canvas,
  light: Light,
  rng: Rng,
  wish: { horizon: number; sunX: number; sunY: number; rough: number; strength: number },
): void {
  const { horizon, sunX, rough } = wish;
  const noise = makeNoise(rng.seed);
  const day = 1 - light.night;
  const deep = mix(mix(scale(light.zenith, 0.4), light.shadow, 0.3), [0.005, 0.09, 0.11], 0.3 * day + 0.05);
  const far = mix(light.horizon, light.haze, 0.5);
  const glint = light.night > 0.6 ? scale(light.source, 0.9) : mix(light.source, light.halo, 0.35);
  shade(
    c,
    (x, y, out) => {
      const d = y - horizon;
      const z = 1 / (d + 0.012);
      const u = (x - c.aspect / 2) * z * 0.55;
      const v = z * 1.25;
      const warp = noise.at(u * 0.35, v * 0.4);
      const swell = noise.fbm(u * 0.5 + warp, v * 1.1, 3);
      const chop = noise.fbm(u * 2.1 + swell, v * 3.7, 4);
      const calm = smooth(0, 0.06, d);
      const slope = (swell * 0.9 + chop * 0.7) * rough * (0.35 + 0.65 * calm);
      const t = clamp(d / (1 - horizon));
      // Grazing view mirrors the bright low sky; steep view shows the deep.
      const fresnel = clamp(0.92 - 0.78 * t ** 0.6 + 0.42 * slope);
      const lift = clamp(0.12 + 0.5 * t + 0.6 * Math.max(0, slope));
      const dx = (x - sunX) / (0.05 + 0.42 * t ** 0.9);
      const road = Math.exp(-dx * dx);
      const facet = smooth(0.02, 0.55, chop + 0.35 * swell + 0.1 * road);
      const broad = Math.exp(-(((x - sunX) / (0.35 + 0.5 * t)) ** 2));
      const sparkle = wish.strength * (road * facet * (1.5 - 1.05 * t) + 0.16 * broad * (1 - 0.6 * t));
      const foam = rough > 1.1 ? smooth(0.42, 0.7, swell + chop * 0.7) * calm * 0.45 : 0;
      for (let k = 0; k < 3; k++) {
        const sky = lerp(
          far[k as 0] as number,
          lerp(light.middle[k as 0] as number, light.zenith[k as 0] as number, lift),
          clamp(lift * 1.3),
        );
        let value = lerp(deep[k as 0] as number, sky, fresnel);
        value += sparkle * (glint[k as 0] as number) * 0.85;
        out[k] = lerp(value, (light.haze[k as 0] as number) * 0.9 + 0.1, foam);
      }
      const mist = Math.exp(-d * 40) * 0.45;
      for (let k = 0; k < 3; k++) out[k] = lerp(out[k] as number, light.horizon[k as 0] as number, mist);
    },
    horizon,
    1,
  );
}

function paintShip(c: Canvas, x: number, y: number, s: number, colour: RGB): void {
  polygon(
    c,
    [
      x - s * 0.46,
      y - s * 0.14,
      x - s * 0.36,
      y,
      x + s * 0.36,
      y,
      x + s * 0.52,
      y - s * 0.17,
      x + s * 0.3,
      y - s * 0.11,
      x - s * 0.34,
      y - s * 0.1,
    ],
    colour,
  );
  for (const [mx, top, wide] of [
    [-0.22, 0.72, 0.22],
    [0.05, 0.9, 0.27],
    [0.28, 0.66, 0.19],
  ] as const) {
    const m = x + mx * s;
    polygon(
      c,
      [
        m - s * 0.008,
        y - s * 0.08,
        m - s * 0.006,
        y - s * top,
        m + s * 0.006,
        y - s * top,
        m + s * 0.008,
        y - s * 0.08,
      ],
      colour,
    );
    for (const [a, b] of [
      [0.2, 0.52],
      [0.55, 0.82],
    ] as const) {
      const y0 = y - s * top * b;
      const y1 = y - s * top * a;
      const w = s * wide * (1.1 - b * 0.45);
      polygon(
        c,
        [
          m - w * 0.42,
          y0,
          m + w * 0.5,
          y0 + s * 0.01,
          m + w * 0.66,
          (y0 + y1) / 2,
          m + w * 0.56,
          y1,
          m - w * 0.5,
          y1,
          m - w * 0.36,
          (y0 + y1) / 2,
        ],
        colour,
        0.93,
      );
    }
  }
  stroke(c, [x + s * 0.4, y - s * 0.12, x + s * 0.68, y - s * 0.26], [s * 0.012, s * 0.006], colour);
}

function paintRocks(c: Canvas, light: Light, rng: Rng, side: number): void {
  const noise = makeNoise(rng.seed);
  paintRockMass(c, light, side, noise, (x) => {
    const u = side > 0 ? 1 - x / c.aspect : x / c.aspect;
    return (
      1.03 -
      0.34 *
        smooth(0.42, 0.02, u + 0.05 * noise.fbm(x * 4, 1, 4)) *
        (0.3 + 0.6 * noise.ridged(x * 3.3, 5, 6) + 0.22 * noise.fbm(x * 16, 2, 5)) -
      0.05 * smooth(0.8, 1, u)
    );
  });
}

function paintRockMass(c: Canvas, light: Light, side: number, noise: Noise, line: (x: number) => number): void {
  const colour = scale(light.shadow, 0.6);
  const rim = mix(light.shadow, light.halo, 0.4);
  columns(c, line, (x, y, depth, out) => {
    const a = noise.ridged(x * 7, y * 5, 6);
    const facet = clamp(3.5 * (a - noise.ridged(x * 7 - 0.06 * side, y * 5 - 0.06, 6)));
    const k0 = facet * (0.25 + 0.6 * Math.exp(-depth * 14));
    for (let k = 0; k < 3; k++) out[k] = lerp(colour[k as 0] as number, rim[k as 0] as number, k0);
  });
}

function paintBeach(c: Canvas, light: Light, rng: Rng, side: number, palms: boolean): void {
  const noise = makeNoise(rng.seed);
  const sand = mix(mix([0.55, 0.4, 0.24], light.ambient, 0.35), light.shadow, 0.35 + 0.4 * light.night);
  const line = (x: number) => {
    const u = side > 0 ? 1 - x / c.aspect : x / c.aspect;
    return 0.97 - 0.2 * smooth(0.95, 0, u) + 0.02 * noise.fbm(x * 2.2, 3, 3);
  };
  const foam = mix(light.horizon, [0.95, 0.95, 0.95], 0.35);
  columns(c, line, (x, y, depth, out) => {
    const wet = smooth(0.07, 0, depth);
    const edge = smooth(0.02, 0.002, Math.abs(depth - 0.012 - 0.008 * noise.fbm(x * 9, y * 9, 3)));
    const grain = 1 + 0.14 * noise.fbm(x * 14, y * 40, 3);
    for (let k = 0; k < 3; k++) {
      const dry = (sand[k as 0] as number) * grain * (1 - depth * 1.4);
      const v = lerp(dry, lerp(dry * 0.6, light.horizon[k as 0] as number, 0.3), wet);
      out[k] = lerp(v, foam[k as 0] as number, edge * 0.65);
    }
  });
  if (!palms) return;
  for (let i = 0; i < 3; i++) {
    const x = side > 0 ? c.aspect * rng.range(0.8, 0.97) : c.aspect * rng.range(0.03, 0.2);
    paintPalm(c, rng, x, line(x) + 0.05, rng.range(0.5, 0.8), -side * rng.range(0.06, 0.18), scale(light.shadow, 0.8));
  }
}

function paintLighthouse(c: Canvas, light: Light, rng: Rng, side: number): void {
  const x = side > 0 ? c.aspect * 0.84 : c.aspect * 0.16;
  const base = 0.82;
  const top = 0.3;
  const wall = mix(mix([0.8, 0.78, 0.75], light.ambient, 0.5), light.shadow, 0.3 + 0.35 * light.night);
  const half = (y: number) => lerp(0.022, 0.04, (y - top) / (base - top));
  polygon(c, [x - half(top), top, x + half(top), top, x + half(base), base, x - half(base), base], (u, v, out) => {
    const t = (u - x) / half(v);
    const band = Math.floor(((v - top) / (base - top)) * 5) % 2 === 1 ? 0.4 : 1;
    const round = clamp(0.62 - 0.45 * t * side);
    out[0] = wall[0] * round * (band === 1 ? 1 : 0.95);
    out[1] = wall[1] * round * band;
    out[2] = wall[2] * round * band;
  });
  const islet = makeNoise(rng.fork('islet').seed);
  paintRockMass(
    c,
    light,
    side,
    islet,
    (u) =>
      1.02 -
      0.27 *
        smooth(0.5, 0.06, Math.abs(u - x) + 0.03 * islet.fbm(u * 7, 2, 4)) *
        (0.85 + 0.25 * islet.ridged(u * 4, 3, 5)),
  );
  const dark = scale(light.shadow, 0.8);
  polygon(c, [x - 0.034, top + 0.006, x + 0.034, top + 0.006, x + 0.034, top - 0.004, x - 0.034, top - 0.004], dark);
  polygon(c, [x - 0.017, top, x + 0.017, top, x + 0.017, top - 0.04, x - 0.017, top - 0.04], scale(light.lamp, 1.5));
  polygon(c, [x - 0.024, top - 0.038, x, top - 0.07, x + 0.024, top - 0.038], dark);
  const reach = -side * c.aspect;
  for (const [spread, k] of [
    [0.2, 0.09],
    [0.1, 0.1],
    [0.05, 0.12],
  ] as const) {
    polygon(c, [x, top - 0.022, x + reach, top - 0.12 - spread, x + reach, top - 0.12 + spread], (u, v, out) => {
      const fade = k * Math.exp(-Math.abs(u - x) * 1.3) * lerp(0.4, 1, light.night) * (v > 0 ? 1 : 0);
      for (let j = 0; j < 3; j++) out[j] = (out[j] as number) + (light.lamp[j as 0] as number) * fade * 2;
    });
  }
  glow(c, x, top - 0.02, 0.3, light.lamp, 1.4);
  dab(c, x, top - 0.02, 0.012, 0.014, 0, [1.6, 1.3, 0.9], 1, 0.6);
}
