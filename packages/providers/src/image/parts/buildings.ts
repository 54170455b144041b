/** Things people built, seen from afar: castles, houses, pagodas, towers. Silhouettes with lit windows. */
import { type Canvas, dab, glow, type Ink, polygon } from '../canvas.ts';
import { mix, type RGB, scale } from '../colour.ts';
import type { Rng } from '../noise.ts';

function rect(c: Canvas, x0: number, y0: number, x1: number, y1: number, ink: Ink): void {
  polygon(c, [x0, y0, x1, y0, x1, y1, x0, y1], ink);
}

/** A small lit window with its glow. */
export function paintWindow(c: Canvas, x: number, y: number, w: number, h: number, lamp: RGB, strength: number): void {
  polygon(
    c,
    [x - w / 2, y + h / 2, x - w / 2, y - h * 0.25, x, y - h / 2, x + w / 2, y - h * 0.25, x + w / 2, y + h / 2],
    scale(lamp, 0.6 + strength),
  );
  glow(c, x, y, h * 5, lamp, 0.16 * strength);
}

/** A castle of many towers on its rock, centred on x, standing on `base`. */
export function paintCastle(
  c: Canvas,
  rng: Rng,
  x: number,
  base: number,
  size: number,
  colour: RGB,
  lit: RGB,
  side: number,
  lamp: RGB,
  lamps: number,
): void {
  const towers: { x: number; w: number; top: number; roof: number }[] = [];
  const count = rng.int(6, 9);
  for (let i = 0; i < count; i++) {
    const t = i / (count - 1) - 0.5;
    const rise = 1 - Math.abs(t) * 1.25 + rng.range(-0.16, 0.2);
    towers.push({
      x: x + t * size * 1.15 + rng.range(-0.02, 0.02) * size,
      w: size * rng.range(0.06, 0.11),
      top: base - size * (0.28 + 0.55 * rise),
      roof: size * rng.range(0.13, 0.26),
    });
  }
  const wall = base - size * 0.27;
  rect(c, x - size * 0.6, wall, x + size * 0.6, base + size * 0.05, colour);
  const tooth = size * 0.022;
  for (let u = x - size * 0.6; u < x + size * 0.6; u += tooth * 2) rect(c, u, wall - tooth, u + tooth, wall, colour);
  const keep = base - size * 0.52;
  rect(c, x - size * 0.22, keep, x + size * 0.2, base, colour);
  polygon(c, [x - size * 0.25, keep, x - size * 0.01, keep - size * 0.2, x + size * 0.23, keep], mix(colour, lit, 0.2));
  towers.sort((a, b) => a.top - b.top);
  for (const tower of towers) {
    const l = tower.x - tower.w / 2;
    const r = tower.x + tower.w / 2;
    rect(c, l, tower.top, r, base + size * 0.04, colour);
    // The flank that faces the light.
    const f = tower.w * 0.36;
    rect(c, side > 0 ? r - f : l, tower.top, side > 0 ? r : l + f, base, mix(colour, lit, 0.4));
    const e = tower.w * 0.2;
    rect(c, l - e, tower.top - tower.w * 0.12, r + e, tower.top + tower.w * 0.2, mix(colour, lit, 0.12));
    polygon(
      c,
      [l - e, tower.top - tower.w * 0.1, tower.x, tower.top - tower.roof, r + e, tower.top - tower.w * 0.1],
      scale(colour, 0.85),
    );
    polygon(
      c,
      [
        tower.x,
        tower.top - tower.w * 0.1,
        tower.x,
        tower.top - tower.roof,
        side > 0 ? r + e : l - e,
        tower.top - tower.w * 0.1,
      ],
      mix(colour, lit, 0.45),
    );
    if (rng.chance(0.5)) {
      const tip = tower.top - tower.roof;
      const flag = size * 0.05 * rng.sign();
      polygon(
        c,
        [
          tower.x - c.px * 0.6,
          tip + size * 0.01,
          tower.x - c.px * 0.6,
          tip - size * 0.06,
          tower.x + c.px * 0.6,
          tip - size * 0.06,
          tower.x + c.px * 0.6,
          tip + size * 0.01,
        ],
        colour,
      );
      polygon(
        c,
        [tower.x, tip - size * 0.06, tower.x + flag, tip - size * 0.048, tower.x, tip - size * 0.033],
        mix(colour, lit, 0.5),
      );
    }
  }
  if (lamps > 0.05) {
    for (let i = 0; i < 26; i++) {
      const tower = rng.pick(towers);
      const y = rng.range(tower.top + size * 0.05, base - size * 0.06);
      if (rng.chance(0.7))
        paintWindow(c, tower.x + rng.range(-0.2, 0.2) * tower.w, y, size * 0.014, size * 0.03, lamp, lamps);
    }
  }
}

export interface HouseColours {
  wall: RGB;
  roof: RGB;
  /** Laid on the roof when it has snowed. */
  snow?: RGB;
  lamp: RGB;
  /** 0 dark … 1 bright windows. */
  lamps: number;
}

/** A gabled house with its foot at (x, base). */
export function paintHouse(c: Canvas, rng: Rng, x: number, base: number, width: number, colours: HouseColours): void {
  const height = width * rng.range(0.5, 0.85);
  const roof = width * rng.range(0.55, 0.8);
  const l = x - width / 2;
  const r = x + width / 2;
  const eaves = base - height;
  const ridge = eaves - roof;
  const wall = scale(colours.wall, rng.range(0.8, 1.2));
  rect(c, l, eaves, r, base + width * 0.05, wall);
  polygon(c, [l, eaves + c.px, x, ridge, r, eaves + c.px], wall);
  // Half-timber, faint.
  const beam = scale(wall, 0.62);
  const b = width * 0.022;
  for (const t of [0.02, 0.5, 0.98]) rect(c, l + width * t - b, eaves, l + width * t + b, base, beam);
  rect(c, l, eaves - b, r, eaves + b, beam);
  const over = width * 0.09;
  const thick = width * 0.1;
  const chimney = x + width * rng.range(0.16, 0.28) * rng.sign();
  const chimneyTop = ridge + roof * 0.02;
  rect(c, chimney - width * 0.05, chimneyTop, chimney + width * 0.05, eaves - roof * 0.2, scale(wall, 0.7));
  const slope = (side: number, ink: RGB, lift: number, t: number) =>
    polygon(
      c,
      [
        x,
        ridge - lift,
        x + side * (width / 2 + over),
        eaves + over * 0.9 - lift * 0.7,
        x + side * (width / 2 + over),
        eaves + over * 0.9 - t - lift * 0.7,
        x,
        ridge - t * 1.15 - lift,
      ],
      ink,
    );
  for (const side of [-1, 1]) {
    slope(side, colours.roof, 0, thick);
    if (colours.snow) slope(side, side < 0 ? colours.snow : scale(colours.snow, 0.82), thick * 0.55, thick * 0.75);
  }
  if (colours.snow)
    rect(c, chimney - width * 0.06, chimneyTop - width * 0.03, chimney + width * 0.06, chimneyTop, colours.snow);
  const rows = height > width * 0.62 ? 2 : 1;
  const columns = width > 0.12 ? 3 : 2;
  for (let j = 0; j < rows; j++) {
    for (let i = 0; i < columns; i++) {
      const wx = l + (width * (i + 0.5)) / columns;
      const wy = eaves + (height * (j + 0.45)) / rows;
      const on = rng.chance(0.78) ? colours.lamps * rng.range(0.6, 1.1) : 0;
      litPane(c, wx, wy, width * 0.15, width * 0.17, colours, on, wall);
    }
  }
  litPane(c, x, eaves - roof * 0.32, width * 0.11, width * 0.15, colours, rng.chance(0.6) ? colours.lamps : 0, wall);
}

function litPane(
  c: Canvas,
  x: number,
  y: number,
  w: number,
  h: number,
  colours: HouseColours,
  on: number,
  wall: RGB,
): void {
  rect(c, x - w / 2 - w * 0.12, y - h / 2 - w * 0.12, x + w / 2 + w * 0.12, y + h / 2 + w * 0.12, scale(wall, 0.5));
  rect(
    c,
    x - w / 2,
    y - h / 2,
    x + w / 2,
    y + h / 2,
    mix(scale(wall, 0.35), scale(colours.lamp, 1.25), Math.min(1, on)),
  );
  const bar = w * 0.05;
  rect(c, x - bar, y - h / 2, x + bar, y + h / 2, scale(wall, 0.5));
  rect(c, x - w / 2, y - bar, x + w / 2, y + bar, scale(wall, 0.5));
  if (on > 0) {
    glow(c, x, y, w * 4.5, colours.lamp, 0.22 * on);
    glow(c, x, y + h * 2.2, w * 3, colours.lamp, 0.1 * on, 0.4);
  }
}

/** A pagoda or tea house of `storeys` curved roofs. */
export function paintPagoda(
  c: Canvas,
  rng: Rng,
  x: number,
  base: number,
  size: number,
  storeys: number,
  colour: RGB,
  lit: RGB,
  lamp: RGB,
  lamps: number,
): void {
  let y = base;
  let width = size * (storeys > 1 ? 0.62 : 1.0);
  const step = size * (storeys > 1 ? 0.27 : 0.36);
  for (let s = 0; s < storeys; s++) {
    const half = width / 2;
    const room = step * 0.55;
    rect(c, x - half * 0.62, y - room, x + half * 0.62, y, mix(colour, lit, 0.1));
    const panes = storeys > 1 ? 3 : 5;
    for (let i = 0; i < panes; i++) {
      const px = x + half * 1.08 * ((i + 0.5) / panes - 0.5);
      const w = (half * 1.08 * 0.8) / panes;
      rect(
        c,
        px - w / 2,
        y - room * 0.82,
        px + w / 2,
        y - room * 0.12,
        mix(scale(colour, 0.7), scale(lamp, 1.1), lamps * rng.range(0.5, 0.95)),
      );
      rect(c, px - w * 0.03, y - room * 0.82, px + w * 0.03, y - room * 0.12, colour);
      rect(c, px - w / 2, y - room * 0.5, px + w / 2, y - room * 0.45, colour);
    }
    if (lamps > 0.05) glow(c, x, y - room * 0.4, half * 1.3, lamp, 0.3 * lamps);
    const top = y - room;
    const roof: number[] = [];
    for (let i = 0; i <= 20; i++) {
      const t = i / 10 - 1;
      roof.push(x + half * 1.18 * t, top + step * 0.05 - step * 0.2 * Math.abs(t) ** 3);
    }
    for (let i = 20; i >= 0; i--) {
      const t = i / 10 - 1;
      roof.push(
        x + half * 1.18 * t,
        top - step * 0.2 * Math.abs(t) ** 3 - step * 0.46 * (1 - Math.abs(t)) ** 1.35 - step * 0.02,
      );
    }
    polygon(c, roof, (_u, v, out) => {
      const k = Math.min(1, Math.max(0, (top - v) / (step * 0.45)));
      for (let j = 0; j < 3; j++)
        out[j] =
          (colour[j as 0] as number) + ((lit[j as 0] as number) - (colour[j as 0] as number)) * (0.15 + 0.35 * k);
    });
    y = top - step * 0.3;
    width *= 0.8;
  }
  if (storeys > 1) polygon(c, [x - size * 0.012, y, x, y - size * 0.22, x + size * 0.012, y], colour);
}

/** A paper lantern that hangs or floats. */
export function paintLantern(c: Canvas, x: number, y: number, r: number, lamp: RGB): void {
  glow(c, x, y, r * 7, lamp, 0.45);
  dab(c, x, y, r * 0.85, r, 0, scale(lamp, 1.25), 1, 0.25);
  dab(c, x, y + r * 0.2, r * 0.45, r * 0.5, 0, [1.5, 1.1, 0.6], 0.7, 0.9);
  rect(c, x - r * 0.4, y - r * 1.12, x + r * 0.4, y - r * 0.92, scale(lamp, 0.18));
  rect(c, x - r * 0.35, y + r * 0.92, x + r * 0.35, y + r * 1.1, scale(lamp, 0.18));
}
