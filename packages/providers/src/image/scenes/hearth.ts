/** By the fire: a low room with beams, a stone hearth, a table with candles and mugs, and weather behind small panes. */
import { type Canvas, dab } from '../canvas.ts';
import { clamp, hex, lerp, mix, type RGB, scale, smooth } from '../colour.ts';
import { hashPoint, makeNoise, type Rng } from '../noise.ts';
import {
  bottle,
  FIRE,
  paintArmchair,
  paintFire,
  paintLanternOnWall,
  paintMantel,
  paintTable,
} from '../parts/fireside.ts';
import {
  archDistance,
  type Hit,
  inside,
  type Lamp,
  type Look,
  overLook,
  paintRoom,
  type Room,
  type RoomShape,
  setLook,
} from '../parts/room.ts';
import type { Scene, Sitting } from './scene.ts';

export const hearth: Scene = { paint, bloom: 0.5 };

function paint({ canvas: c, brief, light, rng }: Sitting): void {
  const shape: RoomShape = {
    half: rng.range(4, 4.6),
    height: rng.range(3.0, 3.3),
    depth: rng.range(6.4, 7.2),
    vault: false,
    eye: 1.5,
    stand: rng.fork('stand').range(-0.5, 0.5),
    lens: rng.range(1, 1.1),
    level: rng.range(0.4, 0.44),
  };
  const hearthX = rng.pick([-1.2, 0, 1.2]) * rng.range(0.7, 1);
  const windowX = hearthX >= 0 ? hearthX - 3.0 : hearthX + 3.0;
  const lamps: Lamp[] = [
    { x: hearthX, y: 0.6, z: shape.depth - 0.9, colour: scale(FIRE, 4.6) },
    { x: hearthX, y: 1.6, z: shape.depth - 2.2, colour: scale(FIRE, 2.4) },
    { x: -shape.half + 0.7, y: 2.1, z: 4.4, colour: scale([1, 0.6, 0.28], 1.1) },
    { x: shape.half - 0.7, y: 2.1, z: 4.4, colour: scale([1, 0.6, 0.28], 1.1) },
    { x: -hearthX * 0.5, y: 1.6, z: 3.6, colour: scale([1, 0.6, 0.28], 0.8) },
    { x: windowX, y: 1.9, z: shape.depth - 0.5, colour: scale(mix(light.horizon, light.middle, 0.5), 0.7) },
  ];
  const wood = brief.tint === 'cold' ? hex('#5c4c40') : hex('#7a4d2a');
  const room = paintRoom(
    c,
    shape,
    lamps,
    scale(mix(light.ambient, FIRE, 0.5), 0.05),
    walls({ canvas: c, brief, light, rng }, shape, wood, hearthX, windowX),
  );
  const bed = room.project(hearthX, 0.16, shape.depth - 0.05);
  paintFire(c, rng.fork('fire'), bed.x, bed.y, 0.62 * bed.k, 0.95 * bed.k);
  paintMantel(c, rng.fork('mantel'), room, hearthX, wood);
  if (brief.weather === 'snow') paintPaneSnow(c, rng, room, windowX);
  paintLanternOnWall(c, room, -shape.half + 0.35, light);
  paintLanternOnWall(c, room, shape.half - 0.35, light);
  const tableX = hearthX >= 0 ? -1.55 : 1.55;
  paintArmchair(
    c,
    room,
    hearthX + (hearthX >= 0 ? 1.75 : -1.75),
    5.6,
    hearthX >= 0 ? -1 : 1,
    brief.tint === 'emerald'
      ? hex('#1f4a36')
      : hex(rng.fork('chair').pick(['#6a2018', '#5a3a1c', '#23405a', '#2f4a2c', '#5a2444'])),
  );
  paintTable(c, rng.fork('table'), room, tableX, wood);
}

function walls(
  { brief, light, rng }: Sitting,
  shape: RoomShape,
  wood: RGB,
  hearthX: number,
  windowX: number,
): (hit: Hit, into: Look) => void {
  const noise = makeNoise(rng.fork('stone').seed);
  const seed = rng.fork('bricks').seed;
  const plaster = mix(hex(rng.fork('plaster').pick(['#a98660', '#8f7a66', '#94604a', '#7c8068'])), light.ambient, 0.12);
  const [rugDark, rugPale] = rng
    .fork('rug')
    .pick([
      ['#7a2a1c', '#c79a5c'],
      ['#2c3f5c', '#b59a74'],
      ['#2f4a34', '#c2a468'],
      ['#5c2440', '#c48a78'],
    ] as const)
    .map(hex) as [RGB, RGB];
  const rock = brief.tint === 'cold' ? hex('#77757a') : hex('#7d6c5c');
  const night = scale(mix(light.middle, light.zenith, 0.4), 0.9);
  const low = scale(mix(light.horizon, light.middle, 0.3), 0.75);
  const timber = (into: Look, d: number, f: number, along: number, across: number) => {
    const cover = inside(d, f);
    // Grain is dear; most of a wall is not timber.
    if (cover > 0) overLook(into, scale(wood, 0.55 + 0.25 * noise.fbm(along * 1.2, across * 14, 3)), cover);
  };

  function stones(into: Look, u: number, v: number, f: number, size: number): void {
    const row = Math.floor(v / size);
    const shift = hashPoint(row, 5, seed) * size * 2;
    const x = (u + shift) / (size * 1.7);
    const column = Math.floor(x);
    const du = Math.abs(x - column - 0.5) * size * 1.7;
    const dv = Math.abs(v / size - row - 0.5) * size;
    const wobble = 0.04 * size * noise.fbm(u * 6, v * 6, 2);
    const d = Math.max(du - size * 0.85 + 0.03, dv - size * 0.5 + 0.03) + wobble;
    const tone = 0.6 + 0.6 * hashPoint(column, row, seed);
    setLook(into, scale(rock, 0.3));
    overLook(
      into,
      scale(mix(rock, wood, 0.3 * hashPoint(column, row, seed + 1)), tone * (0.85 + 0.35 * noise.fbm(u * 5, v * 5, 4))),
      inside(d, f * 1.5),
    );
  }

  return (hit, into) => {
    const { u, v, fu, fv } = hit;
    const f = Math.max(fu, fv);
    if (hit.face === 'floor') {
      const plank = 0.3;
      const column = Math.floor(u / plank);
      const tone = 0.65 + 0.5 * hashPoint(column, Math.floor(v / 1.7 + hashPoint(column, 3, seed) * 2), seed);
      setLook(into, wood, tone * (0.85 + 0.3 * noise.fbm(u * 9, v * 1.1, 4)));
      overLook(into, scale(wood, 0.2), inside(Math.abs(u / plank - Math.round(u / plank)) * plank - 0.01, fu) * 0.8);
      into.gloss = 0.16;
      const rug = Math.hypot((u - hearthX * 0.6) / 2.1, (v - 5.3) / 1.25) - 1;
      const on = inside(rug, fu * 0.7);
      const ring = 0.5 + 0.5 * Math.sin(rug * 26);
      overLook(into, mix(rugDark, rugPale, smooth(0.75, 0.95, ring) * 0.8), on);
      into.gloss *= 1 - on;
      return;
    }
    if (hit.face === 'ceiling') {
      setLook(into, scale(wood, 0.42), 0.8 + 0.35 * noise.fbm(u * 10, v, 3));
      timber(into, Math.abs(v / 1.5 - Math.round(v / 1.5)) * 1.5 - 0.17, fv, u, v);
      return;
    }
    setLook(into, plaster, 0.85 + 0.25 * noise.fbm(u * 1.3, v * 1.3, 4));
    if (hit.face === 'back') {
      const a = Math.abs(u - hearthX);
      if (a < 1.75 + f) {
        const held = { ...into };
        stones(into, u, v, f, 0.26);
        const breast = inside(a - lerp(1.7, 1.25, smooth(1.4, 2.6, v)), f);
        into.r = lerp(held.r, into.r, breast);
        into.g = lerp(held.g, into.g, breast);
        into.b = lerp(held.b, into.b, breast);
      }
      const mouth = archDistance(u - hearthX, v, 0.82, 0.08, 0.78, false);
      const arch = inside(mouth - 0.16, f);
      if (arch > 0) {
        const wedge = 0.75 + 0.25 * Math.sin(Math.atan2(v - 0.78, u - hearthX) * 16);
        overLook(into, scale(rock, 0.85), arch * wedge);
      }
      const soot = inside(mouth, f);
      const ember = Math.exp(-((u - hearthX) ** 2) * 3 - (v - 0.2) ** 2 * 4);
      overLook(into, scale(mix([0.03, 0.015, 0.01], [0.5, 0.16, 0.04], ember), 0.9), soot, 0.8);
      timber(into, Math.max(Math.abs(v - 1.72) - 0.11, a - 1.62), f, u, v);
      const w = Math.max(Math.abs(u - windowX) - 0.85, Math.abs(v - 1.85) - 0.72);
      timber(into, w - 0.14, f, v, u);
      const pane = inside(w, f);
      if (pane > 0) {
        overLook(into, mix(low, night, clamp((v - 1.15) / 1.3)), pane, 1);
        overLook(
          into,
          scale(mix(light.shadow, light.haze, 0.3), 0.9),
          pane * inside(v - 1.55 - 0.3 * noise.fbm(u * 2, 1, 4), f),
          1,
        );
        if (brief.weather === 'snow')
          overLook(
            into,
            scale(mix(light.horizon, [0.8, 0.85, 0.95], 0.5), 0.6),
            pane * inside(v - 1.3 - 0.06 * noise.at(u * 5, 1), f * 2),
            1,
          );
        const bars = Math.min(
          Math.abs((u - windowX) / 0.567 - Math.round((u - windowX) / 0.567)) * 0.567 - 0.028,
          Math.abs((v - 1.85) / 0.48 - Math.round((v - 1.85) / 0.48)) * 0.48 - 0.028,
        );
        overLook(into, scale(wood, 0.4), pane * inside(bars, f));
      }
    } else {
      // Shelves of jars, bottles and plates along the sides.
      const shelfAt = [1.45, 1.95, 2.45];
      for (const y of shelfAt) timber(into, Math.max(Math.abs(v - y) - 0.03, Math.abs(u - 4.6) - 1.7), fv, u, v);
      for (const y of shelfAt) {
        const cell = Math.floor(u / 0.24);
        const pick = hashPoint(cell, Math.round(y * 4), seed + (hit.face === 'left' ? 1 : 2));
        if (pick < 0.25 || Math.abs(u - 4.6) > 1.6) continue;
        const x = Math.abs(u / 0.24 - cell - 0.5) * 0.24;
        const tall = 0.14 + 0.2 * pick;
        const up = v - y - 0.03;
        const wide = up > tall * 0.62 && pick > 0.6 ? 0.03 : 0.08;
        const colour = bottle(pick);
        overLook(
          into,
          scale(colour, 0.7 + 0.8 * clamp(1 - x / 0.08)),
          inside(Math.max(x - wide, up - tall, -up), Math.max(fu, fv)),
        );
      }
    }
    timber(into, Math.abs(v - shape.height + 0.08) - 0.14, f, u, v);
    const post =
      hit.face === 'back'
        ? Math.abs(Math.abs(u) - shape.half + 0.1) - 0.12
        : Math.abs(u / 2.6 - Math.round(u / 2.6)) * 2.6 - 0.11;
    timber(into, post, f, v, u);
    overLook(into, scale(wood, 0.45), inside(v - 0.16, fv));
  };
}

function paintPaneSnow(c: Canvas, rng: Rng, room: Room, x: number): void {
  for (let i = 0; i < 90; i++) {
    const q = room.project(x + rng.range(-0.82, 0.82), 1.85 + rng.range(-0.7, 0.7), room.shape.depth);
    const r = rng.range(0.0012, 0.0028);
    dab(c, q.x, q.y, r, r, 0, [0.75, 0.8, 0.9], 0.7, 0.8);
  }
}
