/** Mountain ridges fading into haze, over a lake that mirrors them or a valley of firs; a castle when asked. */
import { type Canvas, columns, dab, glow, polygon } from '../canvas.ts';
import { clamp, lerp, mix, type RGB, scale, smooth } from '../colour.ts';
import { makeNoise } from '../noise.ts';
import { paintCastle, paintWindow } from '../parts/buildings.ts';
import { paintGrass, paintPine, paintTreeline } from '../parts/flora.ts';
import { paintMist, paintRain, paintSky, paintSnowfall } from '../parts/sky.ts';
import { paintWater } from '../parts/water.ts';
import type { Scene, Sitting } from './scene.ts';

export const mountains: Scene = { paint, bloom: 0.3 };

function paint({ canvas: c, brief, light, rng }: Sitting): void {
  const { features } = brief;
  const snowy = brief.weather === 'snow' || brief.tint === 'cold';
  const withLake = features.has('lake') || features.has('boat') || rng.fork('lake').chance(0.45);
  const shore = withLake ? rng.range(0.66, 0.74) : 0.86;
  const sunX = c.aspect * rng.pick([rng.range(0.22, 0.4), rng.range(0.6, 0.78)]);
  const sunY = light.night > 0.6 ? rng.range(0.12, 0.24) : brief.time === 'day' ? 0.1 : rng.range(0.3, 0.42);
  const side = sunX > c.aspect / 2 ? 1 : -1;
  paintSky(c, light, rng, {
    horizon: 0.62,
    x: sunX,
    y: sunY,
    clouds: brief.weather === 'clear' ? rng.range(0.3, 0.55) : brief.weather === 'storm' ? 0.95 : 0.75,
    disc: brief.weather === 'clear' && brief.time !== 'day',
    aurora: features.has('aurora'),
  });
  const ridges = paintRanges({ canvas: c, brief, light, rng }, shore, sunX, snowy);
  const noise = makeNoise(rng.fork('mist').seed);
  if (features.has('castle')) {
    const hill = ridges.at(-2);
    if (hill) {
      const x = c.aspect * (side > 0 ? rng.range(0.26, 0.36) : rng.range(0.64, 0.74));
      const colour = mix(light.shadow, light.haze, 0.2);
      const top = hill(x) + 0.012;
      columns(
        c,
        (u) => lerp(shore + 0.02, top, smooth(0.5, 0.09, Math.abs(u - x) + 0.05 * noise.fbm(u * 5, 2, 5))),
        (_u, _v, depth, out) => {
          for (let k = 0; k < 3; k++)
            out[k] = lerp(colour[k as 0] as number, light.haze[k as 0] as number, clamp(0.1 + depth * 2.6));
        },
        shore,
      );
      paintCastle(
        c,
        rng.fork('castle'),
        x,
        top + 0.01,
        0.24,
        colour,
        mix(light.halo, light.haze, 0.4),
        side,
        light.lamp,
        lerp(0.25, 1, light.night),
      );
      paintMist(c, noise, light.haze, top + 0.02, top + 0.2, 0.5);
    }
  }
  const firs = mix(light.shadow, light.haze, 0.22);
  const bank = (x: number) =>
    shore - 0.02 - 0.05 * smooth(0.25, 0.9, Math.abs(x / c.aspect - 0.5) * 2) + 0.012 * noise.fbm(x * 5, 4, 3);
  paintTreeline(c, rng.fork('far firs'), (x) => bank(x) - 0.012, {
    height: 0.05,
    density: 1.3,
    colour: mix(firs, light.haze, 0.3),
    ...(snowy ? { snow: mix(light.haze, [0.7, 0.75, 0.85], 0.3) } : {}),
  });
  columns(c, bank, (_x, _y, _d, out) => out.set(firs), withLake ? shore + 0.002 : 1);
  paintMist(
    c,
    noise,
    mix(light.haze, light.horizon, 0.4),
    shore - 0.13,
    shore + 0.06,
    brief.weather === 'mist' ? 0.95 : 0.6,
  );
  if (withLake) {
    paintWater(c, rng.fork('water'), {
      top: shore,
      deep: mix(scale(light.zenith, 0.35), light.shadow, 0.45),
      ripple: 0.55,
      path: { x: sunX, colour: light.halo, strength: light.night > 0.6 ? 0.35 : 0.5 },
    });
    paintMist(c, noise, light.haze, shore - 0.03, shore + 0.04, 0.45);
    if (features.has('boat'))
      paintBoat(c, c.aspect * (side > 0 ? 0.36 : 0.62), shore + 0.1, 0.09, light.shadow, light.lamp, light.night);
  } else {
    const slope = snowy
      ? mix(mix(light.haze, [0.75, 0.8, 0.9], 0.3), light.shadow, 0.15 + 0.3 * light.night)
      : mix(light.shadow, light.haze, 0.16);
    const meadow = (x: number) => 0.885 + 0.03 * noise.fbm(x * 2, 1, 3);
    paintTreeline(c, rng.fork('mid firs'), meadow, {
      height: 0.11,
      density: 1,
      colour: mix(light.shadow, light.haze, 0.14),
      ...(snowy ? { snow: mix(slope, [0.8, 0.84, 0.92], 0.2) } : {}),
    });
    columns(c, meadow, (x, y, depth, out) => {
      const roll = 0.85 + 0.3 * noise.fbm(x * 2.4, y * 9, 4);
      for (let k = 0; k < 3; k++) out[k] = (slope[k as 0] as number) * roll * (1 - clamp(depth * 2.5));
    });
    paintMist(c, noise, light.haze, 0.84, 0.94, 0.3);
  }
  paintForeground({ canvas: c, brief, light, rng }, side, snowy);
  if (brief.weather === 'snow') paintSnowfall(c, rng.fork('flakes'), light, 0.8);
  if (brief.weather === 'rain' || brief.weather === 'storm') paintRain(c, rng.fork('rain'), light);
}

/** Ridges from far to near; answers their skylines. */
function paintRanges(
  { canvas: c, brief, light, rng }: Sitting,
  shore: number,
  sunX: number,
  snowy: boolean,
): ((x: number) => number)[] {
  const count = rng.int(4, 5);
  const peakX = c.aspect * rng.range(0.35, 0.65);
  const lines: ((x: number) => number)[] = [];
  const fog = makeNoise(rng.fork('fog').seed);
  for (let i = 0; i < count; i++) {
    const t = i / (count - 1);
    const noise = makeNoise(rng.fork(`ridge ${i}`).seed);
    const base = lerp(0.53, shore - 0.02, t ** 0.9);
    const rise = lerp(0.4, 0.13, t);
    const frequency = lerp(1.15, 1.9, t);
    const phase = rng.range(0, 90);
    const line = (x: number): number => {
      const lift = i === 1 ? 0.5 + 0.8 * Math.exp(-(((x - peakX) / 0.42) ** 2)) : 1;
      const crest = noise.ridged(x * frequency + phase, phase, 7);
      const dip = i >= 2 ? 0.55 + 0.5 * smooth(0.1, 0.9, Math.abs(x - peakX) / (c.aspect / 2)) : 1;
      const jag =
        0.2 * noise.fbm(x * 5.5 * frequency + phase, 3.1, 6) +
        0.5 * Math.max(0, noise.ridged(x * 3.1 * frequency, phase, 5) - 0.5);
      return base - rise * lift * dip * (0.72 * crest + jag * (0.35 + 0.65 * crest));
    };
    lines.push(line);
    const near = mix(light.shadow, light.zenith, 0.25);
    const body = mix(light.haze, near, 0.34 + 0.56 * t);
    const lit = mix(body, mix(light.source, light.halo, 0.5), lerp(0.36, 0.16, t) * (light.night > 0.6 ? 0.35 : 1));
    const white = mix(mix(light.haze, [0.85, 0.88, 0.95], 0.5), light.halo, 0.3);
    const snow = scale(white, light.night > 0.6 ? 0.5 : 1);
    const depthToBase = Math.max(0.05, rise * 0.9);
    columns(
      c,
      line,
      (x, y, depth, out) => {
        // Rock leans along its gullies: the same noise sheared downhill gives faces that catch or lose the light.
        const shear = (x - sunX) * 0.12;
        const a = noise.ridged((x + depth * 0.35) * frequency * 2.6 + phase, (y + shear) * 3.1, 5);
        const b = noise.ridged((x + depth * 0.35 + 0.012) * frequency * 2.6 + phase, (y + shear) * 3.1 - 0.02, 5);
        const face = clamp(0.45 + (a - b) * 4.6 * clamp((sunX - x) * 3, -1, 1) - depth * 0.4);
        const haze =
          smooth(0, 1, depth / depthToBase) * lerp(0.8, 0.42, t) * (0.85 + 0.4 * fog.fbm(x * 2, y * 6 + i, 3));
        const cap =
          i <= 2
            ? smooth(
                lerp(0.16, 0.03, i / 2) * (snowy ? 1.9 : 1),
                0,
                depth + 0.09 * (1 - a) + (i === 2 && !snowy ? 1 : 0),
              )
            : 0;
        for (let k = 0; k < 3; k++) {
          let v = lerp(body[k as 0] as number, lit[k as 0] as number, face);
          v = lerp(v, lerp(v, snow[k as 0] as number, 0.35 + 0.6 * face), cap);
          out[k] = lerp(v, light.haze[k as 0] as number, clamp(haze));
        }
      },
      shore + 0.01,
    );
    if (i < count - 1)
      paintMist(
        c,
        fog,
        mix(light.haze, light.horizon, 0.5),
        base - 0.14,
        base + 0.06,
        brief.weather === 'mist' ? 0.8 : 0.42,
      );
  }
  return lines;
}

function paintForeground({ canvas: c, brief, light, rng }: Sitting, side: number, snowy: boolean): void {
  const noise = makeNoise(rng.fork('ground').seed);
  const dark = scale(mix(light.shadow, light.ambient, 0.06), 0.8);
  const ground = (x: number) => {
    const u = side > 0 ? x / c.aspect : 1 - x / c.aspect;
    return 0.965 - 0.11 * smooth(0.55, 0, u) - 0.05 * smooth(0.75, 1, u) + 0.018 * noise.fbm(x * 3, 2, 4);
  };
  const place = rng.fork('foreground pines');
  const edge = (u: number) => (side > 0 ? u : 1 - u) * c.aspect;
  const snow = snowy ? mix(mix(light.haze, [0.8, 0.85, 0.95], 0.4), light.shadow, 0.25 + 0.3 * light.night) : undefined;
  for (let i = 0; i < 4; i++) {
    const x = edge(place.range(-0.02, 0.2));
    paintPine(c, place, x, ground(x) + 0.03, place.range(0.28, 0.62), scale(dark, place.range(0.8, 1.3)), snow);
  }
  for (let i = 0; i < 2; i++) {
    const x = edge(place.range(0.93, 1.03));
    paintPine(c, place, x, ground(x) + 0.03, place.range(0.2, 0.42), scale(dark, place.range(0.8, 1.3)), snow);
  }
  columns(c, ground, (_x, _y, depth, out) => {
    for (let k = 0; k < 3; k++)
      out[k] =
        (snow
          ? lerp(snow[k as 0] as number, dark[k as 0] as number, clamp(0.25 + depth * 5))
          : (dark[k as 0] as number)) *
        (1 - clamp(depth * 2));
  });
  if (!snow) paintGrass(c, rng.fork('grass'), ground, 0.032, [dark, scale(dark, 1.5), mix(dark, light.haze, 0.1)]);
  if (brief.features.has('cabin')) {
    const x = edge(0.27);
    const y = ground(x) + 0.01;
    polygon(c, [x - 0.05, y, x - 0.05, y - 0.045, x + 0.05, y - 0.045, x + 0.05, y], dark);
    polygon(c, [x - 0.065, y - 0.04, x, y - 0.095, x + 0.065, y - 0.04], snow ?? scale(dark, 1.3));
    paintWindow(c, x - 0.018, y - 0.022, 0.014, 0.018, light.lamp, 1);
    paintWindow(c, x + 0.02, y - 0.022, 0.014, 0.018, light.lamp, 1);
    glow(c, x, y, 0.2, light.lamp, 0.3, 0.4);
  }
}

function paintBoat(c: Canvas, x: number, y: number, size: number, colour: RGB, lamp: RGB, night: number): void {
  dab(c, x, y + size * 0.12, size * 0.62, size * 0.06, 0, scale(colour, 0.7), 0.6, 0.9);
  polygon(
    c,
    [
      x - size * 0.5,
      y - size * 0.08,
      x - size * 0.34,
      y + size * 0.06,
      x + size * 0.34,
      y + size * 0.06,
      x + size * 0.52,
      y - size * 0.1,
      x + size * 0.3,
      y - size * 0.05,
      x - size * 0.3,
      y - size * 0.04,
    ],
    colour,
  );
  dab(c, x - size * 0.06, y - size * 0.2, size * 0.055, size * 0.11, 0, colour, 1, 0.2);
  dab(c, x - size * 0.05, y - size * 0.34, size * 0.045, size * 0.05, 0, colour, 1, 0.2);
  if (night > 0.3) {
    glow(c, x + size * 0.4, y - size * 0.16, size * 1.6, lamp, 0.8);
    glow(c, x + size * 0.4, y + size * 0.3, size * 0.9, lamp, 0.3, 1.6);
  }
}
