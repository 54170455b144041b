/** A village in its valley: rows of gabled houses with lit windows, a church, lanterns along the lane, snow when it is winter. */
import { type Canvas, columns, dab, glow, polygon, stroke } from '../canvas.ts';
import { clamp, hex, lerp, mix, type RGB, scale, smooth } from '../colour.ts';
import type { Light } from '../light.ts';
import { makeNoise, type Rng } from '../noise.ts';
import { type HouseColours, paintCastle, paintHouse } from '../parts/buildings.ts';
import { paintGrass, paintPine, paintTreeline } from '../parts/flora.ts';
import { paintMist, paintRain, paintSky, paintSnowfall } from '../parts/sky.ts';
import type { Scene, Sitting } from './scene.ts';

export const village: Scene = { paint, bloom: 0.5 };

function paint({ canvas: c, brief, light, rng }: Sitting): void {
  const snowy = brief.weather === 'snow' || (brief.weather === 'clear' && brief.tint === 'cold');
  const sunX = c.aspect * rng.pick([rng.range(0.18, 0.34), rng.range(0.66, 0.82)]);
  const side = sunX > c.aspect / 2 ? 1 : -1;
  paintSky(c, light, rng, {
    horizon: 0.58,
    x: sunX,
    y: light.night > 0.4 ? rng.range(0.14, 0.24) : 0.42,
    clouds: brief.weather === 'clear' ? 0.3 : 0.55,
    disc: brief.weather !== 'rain' && light.night > 0.4,
    aurora: brief.features.has('aurora'),
  });
  const white = mix(mix(light.ambient, light.horizon, 0.35), [0.72, 0.78, 0.92], lerp(0.45, 0.16, light.night));
  const green = mix(mix(hex('#4d7a3a'), light.ambient, 0.35), light.shadow, 0.25 + 0.4 * light.night);
  const land = snowy ? white : green;
  paintPeaks(c, light, rng.fork('peaks'), sunX, white);
  if (brief.features.has('castle')) {
    paintCastle(
      c,
      rng.fork('castle'),
      c.aspect * (side > 0 ? 0.3 : 0.7),
      0.5,
      0.24,
      mix(light.shadow, light.haze, 0.3),
      mix(light.halo, light.haze, 0.4),
      side,
      light.lamp,
      lerp(0.3, 1, light.night),
    );
  }
  const lamps = lerp(0.45, 1, light.night);
  const rows = 5;
  const lane = rng.range(0.42, 0.58) * c.aspect;
  for (let i = 0; i < rows; i++) {
    const t = i / (rows - 1);
    const place = rng.fork(`row ${i}`);
    const noise = makeNoise(place.seed);
    const base = lerp(0.53, 0.9, t ** 1.25);
    const ground = (x: number) =>
      base - lerp(0.03, 0.05, t) * Math.abs(x / c.aspect - 0.5) * 2 - 0.012 * noise.fbm(x * 2, i, 3);
    const tone = mix(mix(light.haze, land, 0.5), land, t);
    const firs = mix(light.haze, light.shadow, 0.4 + 0.5 * t);
    paintTreeline(c, place.fork('firs'), (x) => ground(x) - 0.004, {
      height: lerp(0.05, 0.12, t),
      density: lerp(0.8, 0.3, t),
      colour: firs,
      ...(snowy ? { snow: mix(white, light.haze, 0.5 - 0.4 * t) } : {}),
    });
    if (i > 0 && i < rows - 1) paintRow(c, place.fork('houses'), { t, ground, lane, lamps, light, white, snowy });
    if (i === 2)
      paintChurch(
        c,
        place.fork('church'),
        lane + place.sign() * c.aspect * 0.12,
        ground(lane) - 0.005,
        0.15,
        light,
        snowy ? white : undefined,
        lamps,
      );
    columns(
      c,
      (x) => ground(x) - 0.002,
      (x, y, depth, out) => {
        const drift = 0.88 + 0.2 * noise.fbm(x * 3, y * 9 + i, 4);
        const fall = clamp(depth * 3);
        const half = lerp(0.008, 0.12, smooth(0.53, 1, y));
        const centre = lane + 0.12 * Math.sin((y - 0.5) * 8);
        const path = smooth(1.2, 0.7, Math.abs(x - centre) / half + 0.2 * noise.fbm(x * 20, y * 30, 2));
        const warm = path * 0.35 * lamps;
        for (let k = 0; k < 3; k++) {
          const v = (tone[k as 0] as number) * drift * (1 - 0.35 * fall);
          out[k] = lerp(v, v * 0.8 + (light.lamp[k as 0] as number) * 0.16 * lamps, warm * 2);
        }
      },
    );
    if (i === 2 || i === 3)
      paintLanternPosts(
        c,
        place.fork('posts'),
        lane + 0.12 * Math.sin((base + 0.03 - 0.5) * 8),
        ground(lane) + lerp(0.02, 0.05, t),
        lerp(0.06, 0.13, t),
        lerp(0.07, 0.16, t),
        light,
        lamps,
      );
    if (i < rows - 1) paintMist(c, noise, light.haze, base - 0.1, base + 0.05, lerp(0.4, 0.12, t));
  }
  paintFrontage(c, rng.fork('front'), light, side, snowy, white);
  if (snowy) paintSnowfall(c, rng.fork('flakes'), light, brief.weather === 'snow' ? 1 : 0.4);
  if (brief.weather === 'rain') paintRain(c, rng.fork('rain'), light);
}

function paintPeaks(c: Canvas, light: Light, rng: Rng, sunX: number, white: RGB): void {
  for (let i = 0; i < 2; i++) {
    const noise = makeNoise(rng.fork(`peak ${i}`).seed);
    const body = mix(light.haze, light.shadow, 0.3 + 0.2 * i);
    columns(
      c,
      (x) =>
        0.56 - lerp(0.34, 0.2, i) * (0.8 * noise.ridged(x * (1.3 + 0.6 * i), i * 8, 6) + 0.12 * noise.fbm(x * 9, 2, 4)),
      (x, y, depth, out) => {
        const a = noise.ridged((x + depth * 0.4) * 3.4, y * 3.4, 5);
        const b = noise.ridged((x + depth * 0.4 + 0.012) * 3.4, y * 3.4 - 0.03, 5);
        const face = clamp(0.42 + 4 * (a - b) * clamp((sunX - x) * 3, -1, 1));
        const cap = smooth(0.26, 0.02, depth + 0.1 * (1 - a)) * (i === 0 ? 1 : 0.55);
        const fog = smooth(0, 0.34, depth) * 0.7;
        for (let k = 0; k < 3; k++) {
          const v = lerp(
            body[k as 0] as number,
            (white[k as 0] as number) * (0.5 + 0.6 * face),
            cap * (0.4 + 0.6 * face),
          );
          out[k] = lerp(v, light.haze[k as 0] as number, fog);
        }
      },
      0.6,
    );
  }
}

interface Row {
  t: number;
  ground: (x: number) => number;
  lane: number;
  lamps: number;
  light: Light;
  white: RGB;
  snowy: boolean;
}

function paintRow(c: Canvas, rng: Rng, row: Row): void {
  const { t, light } = row;
  const width = lerp(0.05, 0.2, t ** 1.3);
  const open = lerp(0.03, 0.2, t);
  const plaster = ['#8a7258', '#7a5a48', '#94826a', '#6f6258', '#8c6a5a'].map(hex);
  for (let x = rng.range(-0.05, 0.02); x < c.aspect + 0.05; x += width * rng.range(1.05, 1.9)) {
    if (Math.abs(x - row.lane) < open) continue;
    const wall = mix(mix(rng.pick(plaster), light.ambient, 0.45), light.shadow, lerp(0.15, 0.45, light.night));
    const colours: HouseColours = {
      wall: mix(wall, light.haze, lerp(0.4, 0.05, t)),
      roof: mix(
        mix(hex(rng.pick(['#6a3a2a', '#4a3a3a', '#5a4030'])), light.shadow, 0.4 + 0.2 * light.night),
        light.haze,
        lerp(0.3, 0.04, t),
      ),
      lamp: light.lamp,
      lamps: row.lamps,
      ...(row.snowy ? { snow: row.white } : {}),
    };
    const w = width * rng.range(0.75, 1.15);
    const y = row.ground(x) + 0.006;
    paintHouse(c, rng, x, y, w, colours);
    if (rng.chance(0.4)) paintSmoke(c, rng, x + w * 0.2, y - w * 1.35, w, mix(light.haze, row.white, 0.4));
  }
}

function paintSmoke(c: Canvas, rng: Rng, x: number, y: number, size: number, colour: RGB): void {
  const drift = rng.range(0.1, 0.4);
  for (let i = 0; i < 22; i++) {
    const t = i / 22;
    dab(
      c,
      x + size * drift * t * t + Math.sin(t * 7) * size * 0.05,
      y - size * 1.3 * t,
      size * (0.04 + 0.14 * t),
      size * (0.05 + 0.1 * t),
      0,
      colour,
      0.11 * (1 - t),
      1,
    );
  }
}

function paintChurch(
  c: Canvas,
  rng: Rng,
  x: number,
  base: number,
  s: number,
  light: Light,
  snow: RGB | undefined,
  lamps: number,
): void {
  const wall = mix(mix(hex('#8f8478'), light.ambient, 0.45), light.shadow, lerp(0.2, 0.5, light.night));
  const roof = mix(hex('#3c3038'), light.shadow, 0.5);
  paintHouse(c, rng, x + s * 0.35, base, s * 0.7, { wall, roof, lamp: light.lamp, lamps, ...(snow ? { snow } : {}) });
  const w = s * 0.13;
  polygon(c, [x - w, base + 0.01, x - w, base - s * 1.2, x + w, base - s * 1.2, x + w, base + 0.01], (u, _v, out) => {
    const k0 = 0.75 + 0.35 * clamp((u - x + w) / (2 * w));
    for (let k = 0; k < 3; k++) out[k] = (wall[k as 0] as number) * k0;
  });
  polygon(c, [x - w * 1.25, base - s * 1.18, x, base - s * 2.1, x + w * 1.25, base - s * 1.18], roof);
  if (snow) polygon(c, [x - w * 1.25, base - s * 1.18, x, base - s * 2.1, x - w * 0.15, base - s * 1.2], snow);
  stroke(c, [x, base - s * 2.08, x, base - s * 2.24], [c.px * 1.6, c.px * 1.6], roof);
  stroke(c, [x - s * 0.035, base - s * 2.18, x + s * 0.035, base - s * 2.18], [c.px * 1.6, c.px * 1.6], roof);
  for (const y of [0.95, 0.6]) {
    polygon(
      c,
      [
        x - w * 0.35,
        base - s * (y - 0.1),
        x - w * 0.35,
        base - s * y,
        x,
        base - s * (y + 0.07),
        x + w * 0.35,
        base - s * y,
        x + w * 0.35,
        base - s * (y - 0.1),
      ],
      scale(light.lamp, 0.5 + 0.8 * lamps),
    );
    glow(c, x, base - s * y, s * 0.4, light.lamp, 0.25 * lamps);
  }
}

function paintLanternPosts(
  c: Canvas,
  rng: Rng,
  lane: number,
  y: number,
  gap: number,
  tall: number,
  light: Light,
  lamps: number,
): void {
  for (const side of [-1, 1]) {
    const x = lane + side * gap + rng.range(-0.004, 0.004);
    const dark = scale(light.shadow, 0.5);
    stroke(c, [x, y, x, y - tall], [tall * 0.045, tall * 0.03], dark);
    glow(c, x, y - tall, tall * 2.4, light.lamp, 0.75 * lamps);
    glow(c, x, y + tall * 0.05, tall * 1.5, light.lamp, 0.4 * lamps, 0.28);
    const w = tall * 0.07;
    polygon(
      c,
      [x - w * 0.7, y - tall, x - w, y - tall - w * 2.2, x + w, y - tall - w * 2.2, x + w * 0.7, y - tall],
      scale(light.lamp, 0.7 + 0.9 * lamps),
    );
    polygon(c, [x - w * 1.3, y - tall - w * 2.1, x, y - tall - w * 3.5, x + w * 1.3, y - tall - w * 2.1], dark);
  }
}

function paintFrontage(c: Canvas, rng: Rng, light: Light, side: number, snowy: boolean, white: RGB): void {
  const noise = makeNoise(rng.seed);
  const dark = scale(light.shadow, 0.7);
  const ground = (x: number) => {
    const u = side > 0 ? x / c.aspect : 1 - x / c.aspect;
    return 1.01 - 0.13 * smooth(0.42, 0, u) - 0.09 * smooth(0.72, 1, u) + 0.01 * noise.fbm(x * 3, 1, 3);
  };
  const snow = snowy ? scale(white, 0.8) : undefined;
  for (let i = 0; i < 5; i++) {
    const u = i < 3 ? rng.range(-0.02, 0.13) : rng.range(0.92, 1.02);
    const x = (side > 0 ? u : 1 - u) * c.aspect;
    paintPine(c, rng, x, ground(x) + 0.03, rng.range(0.34, 0.72), scale(dark, rng.range(0.8, 1.35)), snow);
  }
  columns(c, ground, (_x, _y, depth, out) => {
    for (let k = 0; k < 3; k++)
      out[k] = snow
        ? lerp((snow[k as 0] as number) * 0.9, dark[k as 0] as number, clamp(depth * 4))
        : (dark[k as 0] as number);
  });
  if (!snowy) paintGrass(c, rng, ground, 0.03, [dark, scale(dark, 1.5)]);
}
