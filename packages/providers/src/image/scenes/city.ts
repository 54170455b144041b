/** A city after dark: towers of lit windows over water, or the same behind a window in the rain with a sill of small comforts. */
import { type Canvas, columns, dab, glow, makeCanvas, polygon, sample, shade, stroke } from '../canvas.ts';
import { clamp, hex, lerp, mix, type RGB, scale, smooth } from '../colour.ts';
import { blurred, defocus } from '../film.ts';
import type { Light } from '../light.ts';
import { hashPoint, makeNoise, type Rng } from '../noise.ts';
import { paintSill } from '../parts/sill.ts';
import { paintMist, paintRain, paintSky, paintSnowfall } from '../parts/sky.ts';
import { paintWater } from '../parts/water.ts';
import type { Scene, Sitting } from './scene.ts';

export const city: Scene = { paint, bloom: 0.55 };

const windowLights = ['#ffb861', '#ffcf8a', '#ff9c4a', '#ffe2b0', '#9fd8ff', '#ffd27a', '#ff7fae', '#7ff0e0'].map(hex);

function paint(sitting: Sitting): void {
  const { canvas: c, brief, light, rng } = sitting;
  const indoors =
    brief.features.has('window') ||
    brief.features.has('cat') ||
    brief.features.has('mug') ||
    brief.features.has('books');
  const wet = brief.weather === 'rain' || brief.weather === 'storm';
  const street = indoors ? 0.8 : 0.7;
  paintSky(c, light, rng, {
    horizon: street,
    x: c.aspect * rng.range(0.25, 0.75),
    y: brief.time === 'night' ? 0.2 : street - 0.12,
    clouds: wet ? 0.85 : 0.45,
    disc: brief.time === 'night' && !wet && !indoors,
  });
  // The city's own light on its sky.
  const glowColour = mix(light.horizon, hex('#ff8f5a'), 0.25);
  for (let i = 0; i < 3; i++) glow(c, c.aspect * rng.range(0.1, 0.9), street, 0.75, glowColour, 0.32, 0.5);
  paintSkyline(sitting, street);
  if (indoors) {
    paintPane(sitting, wet);
    paintSill(c, rng.fork('sill'), light, brief.features);
    return;
  }
  paintWater(c, rng.fork('water'), { top: street, deep: scale(light.zenith, 0.5), ripple: 0.9 });
  paintMist(c, makeNoise(rng.fork('haze').seed), mix(light.haze, glowColour, 0.5), street - 0.09, street + 0.05, 0.45);
  paintTerrace(c, rng.fork('terrace'), light);
  if (wet) paintRain(c, rng.fork('rain'), light);
  if (brief.weather === 'snow') paintSnowfall(c, rng.fork('flakes'), light, 0.8);
}

function paintSkyline({ canvas: c, light, rng }: Sitting, street: number): void {
  const layers = 4;
  const centre = c.aspect * rng.range(0.38, 0.62);
  for (let i = 0; i < layers; i++) {
    const t = i / (layers - 1);
    const place = rng.fork(`blocks ${i}`);
    const body = mix(mix(light.haze, light.horizon, 0.2), light.shadow, 0.42 + 0.46 * t);
    const lit = lerp(0.35, 0.55, t);
    let x = -0.06;
    while (x < c.aspect + 0.05) {
      const width = place.range(0.045, 0.1) * lerp(0.75, 1.35, t);
      const middle = Math.exp(-(((x + width / 2 - centre) / 0.55) ** 2));
      const height = lerp(0.2, 0.1, t) + place.next() ** 1.8 * lerp(0.34, 0.26, t) * (0.45 + 0.8 * middle);
      paintTower(c, place, {
        x,
        width,
        top: street - height,
        street,
        body: scale(body, place.range(0.85, 1.15)),
        haze: light.haze,
        lit: lit * place.range(0.5, 1.15),
        cell: lerp(0.0085, 0.0165, t),
        depth: t,
      });
      x += width * place.range(0.92, 1.18) + (place.chance(0.15) ? 0.03 : 0);
    }
    if (i < layers - 1)
      paintMist(c, makeNoise(place.seed), mix(light.haze, light.horizon, 0.35), street - 0.2, street + 0.08, 0.4);
  }
}

interface Tower {
  x: number;
  width: number;
  top: number;
  street: number;
  body: RGB;
  haze: RGB;
  lit: number;
  cell: number;
  depth: number;
}

function paintTower(c: Canvas, rng: Rng, tower: Tower): void {
  const { x, width, top, street, body } = tower;
  const seed = Math.floor(rng.next() * 1e9);
  const cool = rng.chance(0.25);
  const columnsWide = Math.max(3, Math.round(width / tower.cell));
  const cw = width / columnsWide;
  const ch = tower.cell * rng.pick([1.15, 1.4, 1.7]);
  const strip = rng.chance(0.2);
  const face = (x0: number, y0: number, x1: number) =>
    polygon(c, [x0, y0, x1, y0, x1, street + 0.01, x0, street + 0.01], (u, v, out) => {
      const a = (u - x) / cw;
      const b = (v - top) / ch;
      const column = Math.floor(a);
      const row = Math.floor(b);
      const side = clamp((u - x0) / (x1 - x0));
      const shadeSide = 0.82 + 0.3 * side;
      const fog = smooth(0.5, 1.15, (v - top) / (street - top)) * 0.35;
      for (let k = 0; k < 3; k++)
        out[k] = lerp((body[k as 0] as number) * shadeSide, tower.haze[k as 0] as number, fog);
      const inX = strip ? 0.5 - Math.abs(a - column - 0.5) + 0.06 : 0.34 - Math.abs(a - column - 0.5);
      const inY = 0.3 - Math.abs(b - row - 0.5);
      const edge = Math.min(clamp(inX * (cw / c.px) + 0.5), clamp(inY * (ch / c.px) + 0.5));
      if (edge <= 0) return;
      // Whole floors are at work or at home together; single rooms differ.
      const floor = hashPoint(row, 7, seed);
      const room = hashPoint(column, row, seed);
      const on = room < tower.lit * (0.35 + 0.9 * floor) ? 1 : 0;
      const bright = 0.25 + 1.15 * hashPoint(column + 91, row, seed) ** 2;
      const pick = windowLights[
        Math.floor(hashPoint(column, row + 57, seed) ** (cool ? 0.5 : 1.7) * windowLights.length)
      ] as RGB;
      const dim = lerp(0.55, 1, tower.depth);
      for (let k = 0; k < 3; k++) {
        const value = on ? (pick[k as 0] as number) * bright * dim : (out[k] as number) * 0.72 + 0.002;
        out[k] = lerp(out[k] as number, value, edge);
      }
    });
  face(x, top, x + width);
  const crown = rng.next();
  if (crown < 0.35) {
    const step = width * 0.2;
    face(x + step, top - width * 0.35, x + width - step);
    if (rng.chance(0.6)) face(x + step * 1.8, top - width * 0.6, x + width - step * 1.8);
  } else if (crown < 0.5) {
    polygon(c, [x, top, x + width / 2, top - width * 0.7, x + width, top], body);
  } else if (crown < 0.62) {
    const tank = x + width * rng.range(0.25, 0.6);
    polygon(
      c,
      [tank, top - 0.022, tank + 0.009, top - 0.029, tank + 0.018, top - 0.022, tank + 0.018, top, tank, top],
      scale(body, 0.8),
    );
  }
  if (rng.chance(0.3)) {
    const mx = x + width * rng.range(0.35, 0.65);
    const tall = rng.range(0.03, 0.1);
    const foot = top - (crown < 0.35 ? width * 0.35 : crown < 0.5 ? width * 0.5 : 0);
    stroke(c, [mx, foot, mx, foot - tall], [c.px * 1.8, c.px], scale(body, 0.7));
    glow(c, mx, foot - tall, 0.016, [1, 0.15, 0.1], 1.4);
  }
}

/** A railing and plants in front of the river: somebody's balcony. */
function paintTerrace(c: Canvas, rng: Rng, light: Light): void {
  const dark = scale(light.shadow, 0.5);
  const noise = makeNoise(rng.seed);
  columns(
    c,
    (x) => 0.972 + 0.002 * noise.at(x * 4, 1),
    (_x, _y, _d, out) => out.set(dark),
  );
  stroke(c, [-0.1, 0.87, c.aspect + 0.1, 0.87], [0.011, 0.011], dark);
  stroke(c, [-0.1, 0.868, c.aspect + 0.1, 0.868], [0.0016, 0.0016], mix(dark, light.halo, 0.25));
  for (let x = 0.02; x < c.aspect; x += 0.034) stroke(c, [x, 0.87, x, 0.98], [0.0034, 0.0034], dark);
  for (let i = 0; i < 3; i++) {
    const x = i === 0 ? rng.range(0.05, 0.2) : c.aspect - rng.range(0.04, 0.34);
    polygon(c, [x - 0.04, 0.92, x + 0.04, 0.92, x + 0.03, 1, x - 0.03, 1], scale(dark, 0.9));
    for (let leaf = 0; leaf < 42; leaf++) {
      const a = rng.range(-2.8, -0.34);
      const r = rng.range(0.03, 0.13);
      dab(
        c,
        x + Math.cos(a) * r * 0.8,
        0.925 + Math.sin(a) * r,
        rng.range(0.012, 0.024),
        rng.range(0.004, 0.007),
        a,
        scale(mix(dark, light.haze, 0.06), rng.range(0.7, 1.7)),
        1,
        0.3,
      );
    }
  }
}

/** The same city through wet glass: out of focus, lights as discs, drops that hold it upside down. */
function paintPane({ canvas: c, light, rng }: Sitting, wet: boolean): void {
  const sharp = makeCanvas(c.width, c.height);
  sharp.data.set(c.data);
  const lights = brightSpots(c, rng.fork('bokeh'), 190);
  const soft = blurred(c, wet ? 0.011 : 0.006);
  defocus(c, soft, () => 1);
  const place = rng.fork('discs');
  for (const spot of lights) {
    const r = place.range(0.008, wet ? 0.027 : 0.019);
    dab(c, spot.x, spot.y, r, r, 0, mix(spot.colour, light.haze, 0.25), place.range(0.12, 0.36), 0.16);
    dab(c, spot.x, spot.y, r * 0.86, r * 0.86, 0, spot.colour, place.range(0.05, 0.16), 0.3);
  }
  if (!wet) return;
  const fog = mix(light.haze, light.middle, 0.5);
  const noise = makeNoise(rng.fork('fog').seed);
  shade(c, (x, y, out) => {
    const k0 = 0.1 + 0.14 * smooth(0.2, 1, y) * (0.7 + 0.6 * noise.fbm(x * 2, y * 2, 2));
    for (let k = 0; k < 3; k++) out[k] = lerp(out[k] as number, fog[k as 0] as number, k0);
  });
  const drops = rng.fork('drops');
  const view = blurred(sharp, 0.004);
  for (let i = 0; i < 26; i++) {
    // A run: the path of a drop that gathered its neighbours.
    let x = drops.range(0, c.aspect);
    let y = drops.range(-0.05, 0.5);
    const end = y + drops.range(0.12, 0.5);
    while (y < end) {
      const r = drops.range(0.0012, 0.0034);
      paintDrop(c, view, x, y, r, r * 1.2);
      y += drops.range(0.004, 0.02);
      x += drops.range(-0.0016, 0.0016);
    }
    paintDrop(c, view, x, y, drops.range(0.005, 0.0085), drops.range(0.008, 0.013));
  }
  for (let i = 0; i < 900; i++) {
    const r = lerp(0.001, 0.0075, drops.next() ** 5);
    paintDrop(c, view, drops.range(0, c.aspect), drops.range(0, 0.9), r, r * drops.range(0.95, 1.35));
  }
}

function brightSpots(c: Canvas, rng: Rng, count: number): { x: number; y: number; colour: RGB }[] {
  const found: { x: number; y: number; colour: RGB }[] = [];
  const out = new Float64Array(3);
  for (let i = 0; i < count * 60 && found.length < count; i++) {
    const x = rng.next() * c.aspect;
    const y = rng.range(0.2, 0.85);
    sample(c, x, y, out);
    const [r, g, b] = out as unknown as [number, number, number];
    if (Math.max(r, g, b) > 0.42) found.push({ x, y, colour: [r * 1.15, g * 1.15, b * 1.15] });
  }
  return found;
}

function paintDrop(c: Canvas, view: Canvas, x: number, y: number, rx: number, ry: number): void {
  const out = new Float64Array(3);
  const points: number[] = [];
  for (let i = 0; i < 14; i++) points.push(x + Math.cos((i / 14) * 6.2832) * rx, y + Math.sin((i / 14) * 6.2832) * ry);
  polygon(
    c,
    points,
    (u, v, into) => {
      const dx = (u - x) / rx;
      const dy = (v - y) / ry;
      // The whole street, upside down, in a bead of water.
      sample(view, x - dx * 0.13, clamp(0.56 - dy * 0.26, 0, 1), out);
      const rim = 1 - 0.55 * smooth(0.55, 1, Math.hypot(dx, dy)) * (dy < 0 ? 1 : 0.3);
      const glint = 0.55 * Math.exp(-((dx + 0.35) ** 2 + (dy + 0.4) ** 2) * 14);
      for (let k = 0; k < 3; k++) into[k] = (out[k] as number) * 1.15 * rim + glint * 0.5 + 0.012;
    },
    0.92,
  );
}
