/** A great night sky over a dark land: stars and milky way or aurora, mirrored in water, a tree, a tent or an observatory. */
import { type Canvas, columns, dab, glow, polygon } from '../canvas.ts';
import { clamp, lerp, mix, scale, smooth } from '../colour.ts';
import { makeNoise, type Rng } from '../noise.ts';
import { paintCastle } from '../parts/buildings.ts';
import { paintGrass, paintPine, paintTreeline, paintTrunk } from '../parts/flora.ts';
import { paintMist, paintSky, paintSnowfall } from '../parts/sky.ts';
import { paintWater } from '../parts/water.ts';
import type { Scene, Sitting } from './scene.ts';

export const nightsky: Scene = { paint, bloom: 0.35 };

function paint({ canvas: c, brief, light, rng }: Sitting): void {
  const { features } = brief;
  const aurora = features.has('aurora');
  const snowy = brief.weather === 'snow';
  const shore = rng.range(0.74, 0.8);
  const moonX = c.aspect * rng.pick([0.2, 0.8]);
  paintSky(c, light, rng, {
    horizon: shore,
    x: features.has('moon') ? moonX : c.aspect * rng.range(0.3, 0.7),
    y: features.has('moon') ? 0.2 : shore + 0.04,
    clouds: aurora ? 0 : 0.12,
    disc: features.has('moon'),
    aurora,
    stars: aurora ? 0.7 : 1,
    milkyWay: !aurora && !features.has('moon'),
  });
  if (!aurora) paintMeteors(c, rng.fork('meteors'));
  const snow = mix(light.horizon, [0.35, 0.42, 0.6], 0.4);
  for (let i = 0; i < 3; i++) {
    const noise = makeNoise(rng.fork(`hill ${i}`).seed);
    const base = shore - 0.015 - 0.03 * (2 - i);
    const body = mix(light.haze, light.shadow, 0.45 + 0.2 * i);
    columns(
      c,
      (x) => base - (0.17 - 0.04 * i) * noise.ridged(x * (0.9 + 0.5 * i), i * 9, 6),
      (x, y, depth, out) => {
        const a = noise.ridged(x * 4 + depth, y * 4, 5);
        const face = clamp(0.4 + 3 * (a - noise.ridged(x * 4 + depth + 0.03, y * 4, 5)));
        const white = snowy || i === 0 ? 0.5 * face * smooth(0.14, 0.0, depth) : 0.05 * face;
        const k0 = clamp(depth * 4) * 0.5;
        for (let k = 0; k < 3; k++)
          out[k] = lerp(lerp(body[k as 0] as number, snow[k as 0] as number, white), light.haze[k as 0] as number, k0);
      },
      shore + 0.004,
    );
  }
  const noise = makeNoise(rng.fork('near').seed);
  const firs = mix(light.shadow, light.haze, 0.12);
  paintTreeline(c, rng.fork('firs'), (x) => shore - 0.006 + 0.01 * noise.fbm(x * 3, 1, 2), {
    height: 0.055,
    density: 1.5,
    colour: firs,
  });
  paintMist(c, noise, light.horizon, shore - 0.08, shore + 0.03, 0.35);
  paintWater(c, rng.fork('water'), { top: shore, deep: scale(light.zenith, 0.6), ripple: 0.3 });
  paintLand({ canvas: c, brief, light, rng }, snowy, snow);
  if (snowy) paintSnowfall(c, rng.fork('flakes'), light, 0.5);
}

function paintMeteors(c: Canvas, rng: Rng): void {
  for (let i = 0; i < rng.int(1, 3); i++) {
    const x = rng.range(0.1, 0.8) * c.aspect;
    const y = rng.range(0.08, 0.4);
    const length = rng.range(0.08, 0.2);
    const angle = rng.range(0.35, 0.7);
    const steps = 60;
    for (let s = 0; s < steps; s++) {
      const t = s / steps;
      glow(
        c,
        x + Math.cos(angle) * length * t,
        y + Math.sin(angle) * length * t,
        0.003,
        [0.9, 0.95, 1.1],
        0.28 * t * t,
      );
    }
  }
}

function paintLand(
  { canvas: c, brief, light, rng }: Sitting,
  snowy: boolean,
  snow: readonly [number, number, number],
): void {
  const noise = makeNoise(rng.fork('land').seed);
  const flip = rng.fork('flip').chance(0.5);
  const edge = (u: number) => (flip ? 1 - u : u) * c.aspect;
  const dark = scale(light.shadow, 0.85);
  const ground = (x: number) => {
    const u = flip ? 1 - x / c.aspect : x / c.aspect;
    return 1.0 - 0.16 * smooth(0.75, 0.1, u) - 0.03 * smooth(0.7, 1, u) + 0.014 * noise.fbm(x * 3, 2, 4);
  };
  const place = rng.fork('place');
  const kind = brief.features.has('castle')
    ? 'castle'
    : brief.features.has('cabin')
      ? 'tent'
      : place.pick(['tree', 'tent', 'tree', 'pines']);
  if (kind === 'castle') {
    paintCastle(
      c,
      place.fork('castle'),
      edge(0.22),
      ground(edge(0.22)) + 0.02,
      0.4,
      scale(dark, 1.6),
      mix(dark, light.horizon, 0.35),
      flip ? -1 : 1,
      light.lamp,
      0.9,
    );
  }
  if (kind === 'tree') {
    const x = edge(0.2);
    const ends = paintTrunk(c, place, x, ground(x) + 0.02, 0.52, 0.03, dark);
    for (const end of ends) {
      for (let i = 0; i < 46; i++) {
        const a = place.range(0, 6.3);
        const r = place.next() ** 0.6 * 0.05;
        dab(
          c,
          end.x + Math.cos(a) * r,
          end.y + Math.sin(a) * r * 0.8,
          place.range(0.004, 0.009),
          place.range(0.003, 0.005),
          place.range(0, 3),
          scale(dark, place.range(0.8, 1.8)),
          0.95,
        );
      }
    }
  }
  for (let i = 0; i < (kind === 'pines' ? 6 : 3); i++) {
    const x = edge(kind === 'pines' ? place.range(0, 0.26) : place.range(0.9, 1.02));
    paintPine(
      c,
      place,
      x,
      ground(x) + 0.03,
      place.range(0.22, kind === 'pines' ? 0.6 : 0.38),
      scale(dark, place.range(0.8, 1.3)),
      snowy ? scale(snow, 0.7) : undefined,
    );
  }
  columns(c, ground, (_x, _y, depth, out) => {
    for (let k = 0; k < 3; k++)
      out[k] = snowy
        ? lerp((snow[k as 0] as number) * 0.9, dark[k as 0] as number, clamp(depth * 5))
        : (dark[k as 0] as number);
  });
  if (kind === 'tent') {
    const x = edge(0.24);
    const y = ground(x) + 0.012;
    glow(c, x, y - 0.02, 0.3, light.lamp, 0.35, 0.5);
    polygon(c, [x - 0.075, y, x - 0.008, y - 0.085, x + 0.008, y - 0.085, x + 0.075, y], (u, v, out) => {
      const k = 0.35 + 0.75 * Math.exp(-((u - x) ** 2 + (v - y + 0.02) ** 2) * 900);
      for (let j = 0; j < 3; j++) out[j] = (light.lamp[j as 0] as number) * k;
    });
    polygon(c, [x - 0.003, y, x, y - 0.085, x + 0.003, y], scale(light.lamp, 0.25));
  }
  if (!snowy) paintGrass(c, rng.fork('grass'), ground, 0.035, [dark, scale(dark, 1.6), scale(dark, 0.7)]);
}
