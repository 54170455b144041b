/** A library by lamplight: walls of books, a tall window at the end, a long table with green lamps, a rug. */
import { type Canvas, dab, glow, polygon, stroke } from '../canvas.ts';
import { clamp, hex, lerp, mix, type RGB, scale, smooth } from '../colour.ts';
import { hashPoint, makeNoise, type Rng } from '../noise.ts';
import { paintCandle, paintChandelier } from '../parts/lamps.ts';
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
import type { Tint } from '../prompt.ts';
import type { Scene, Sitting } from './scene.ts';

export const library: Scene = { paint, bloom: 0.42 };

const woods: Record<Tint, string> = {
  neutral: '#6b4428',
  warm: '#74421f',
  golden: '#7a4c22',
  cold: '#4a4038',
  emerald: '#4f4028',
  pastel: '#8a6650',
  violet: '#50343c',
  rose: '#6a3426',
};

const bindings = [
  '#6e1f1f',
  '#7c3b1d',
  '#8a5a22',
  '#2c4a36',
  '#23395e',
  '#3b2450',
  '#4b2a18',
  '#a07a3c',
  '#5c5248',
  '#174848',
  '#7a2340',
  '#b59a6a',
].map(hex);

function paint({ canvas: c, brief, light, rng }: Sitting): void {
  const wood = hex(woods[brief.tint]);
  const shape: RoomShape = {
    half: rng.range(4.2, 5),
    height: rng.range(5.4, 6.4),
    depth: rng.range(13, 17),
    vault: rng.fork('vault').chance(0.55),
    eye: rng.range(1.65, 1.9),
    lens: rng.range(1.02, 1.14),
    stand: rng.fork('stand').range(-0.7, 0.7),
    level: 0.58,
  };
  const day = 1 - smooth(0.2, 0.8, light.night);
  const warm: RGB = [1, 0.62, 0.3];
  const lamps: Lamp[] = [
    { x: 0, y: shape.height * 0.8, z: shape.depth * 0.5, colour: scale(warm, 5.5) },
    { x: 0, y: shape.height * 0.8, z: shape.depth * 0.85, colour: scale(warm, 2.5) },
    { x: 0, y: 1.5, z: 5.4, colour: scale(warm, 1.5) },
    { x: 0, y: 1.5, z: 8.4, colour: scale(warm, 1.5) },
    { x: -shape.half + 1, y: 2.4, z: 4, colour: scale(warm, 1.4) },
    { x: shape.half - 1, y: 2.4, z: 4, colour: scale(warm, 1.4) },
    { x: 0, y: 3, z: shape.depth - 0.8, colour: scale(light.source, 2.5 * day + 0.5) },
  ];
  const room = paintRoom(
    c,
    shape,
    lamps,
    scale(mix(light.ambient, warm, 0.6), 0.06),
    walls({ canvas: c, brief, light, rng }, shape, wood, day),
  );
  const globe = brief.seed % 2 === 0;
  paintChandelier(c, rng.fork('chandelier'), room, 0, shape.height * 0.74, shape.depth * 0.5, 0.9, [0.6, 0.4, 0.16]);
  paintTable(c, rng.fork('table'), room, wood, brief.features.has('candles') || rng.fork('candles').chance(0.4));
  paintLadder(c, room, wood, globe ? 1 : -1);
  paintGlobe(c, room, globe ? -1 : 1, wood);
}

function walls(
  { brief, light, rng }: Sitting,
  shape: RoomShape,
  wood: RGB,
  day: number,
): (hit: Hit, into: Look) => void {
  const noise = makeNoise(rng.fork('wood').seed);
  const seed = rng.fork('books').seed;
  const bay = 2.05;
  const shelf = 0.46;
  const rug = brief.tint === 'emerald' ? hex('#1f4a3a') : brief.tint === 'cold' ? hex('#1f3560') : hex('#6a1a1c');
  const skyLow = scale(mix(light.horizon, light.halo, 0.3), 0.45 + 0.75 * day);
  const skyTop = scale(mix(light.middle, light.zenith, 0.5), 0.4 + 0.5 * day);

  function books(into: Look, u: number, v: number, fu: number, fv: number, wall: number): void {
    const row = Math.floor(v / shelf);
    const y = v - row * shelf;
    setLook(into, scale(wood, 0.16));
    // Books stand shoulder to shoulder: slots of varying width from a hashed walk along the shelf.
    const slot = 0.062;
    const cell = Math.floor(u / slot);
    const width = slot * (0.72 + 0.26 * hashPoint(cell, row, seed + wall));
    const x = u - cell * slot;
    const group = hashPoint(Math.floor(cell / 5), row, seed + wall + 7);
    const tall =
      shelf * lerp(0.58, 0.84, hashPoint(Math.floor(cell / (2 + group * 5)), row + 31, seed + wall)) +
      0.02 * (hashPoint(cell, row + 77, seed) - 0.5);
    const missing = hashPoint(cell >> 2, row + 9, seed + wall) < 0.06;
    const tone = bindings[
      Math.floor(hashPoint(group < 0.5 ? Math.floor(cell / 4) : cell, row + 3, seed + wall) * bindings.length)
    ] as RGB;
    const far = smooth(0.3, 1.1, fu / slot);
    if (!missing) {
      const round = 0.62 + 0.55 * Math.sin(clamp(x / width) * Math.PI);
      const cover =
        lerp(inside(Math.abs(x - width / 2) - width / 2, fu), 0.8, far) * inside(y - tall, fv) * inside(-y + 0.035, fv);
      overLook(into, scale(tone, round * (0.7 + 0.6 * hashPoint(cell, row + 50, seed))), cover);
      const band = Math.abs(y - tall * 0.78) - 0.012;
      overLook(into, [0.7, 0.48, 0.18], cover * inside(band, fv) * (group > 0.35 ? 0.8 : 0) * (1 - far * 0.6));
    }
    overLook(into, scale(wood, 0.85), inside(y - 0.035, fv));
    const local = Math.abs(u - Math.round(u / bay) * bay);
    overLook(into, scale(wood, 1.05 + 0.2 * noise.at(u * 2, v * 14)), inside(local - 0.1, fu));
    overLook(into, scale(wood, 0.5), inside(Math.abs(local - 0.1) - 0.012, fu));
  }

  return (hit, into) => {
    const { u, v, fu, fv } = hit;
    const grain = 0.85 + 0.3 * noise.fbm(u * 1.2, v * 9, 3);
    switch (hit.face) {
      case 'floor': {
        const plank = 0.34;
        const column = Math.floor(u / plank);
        const tone = 0.75 + 0.4 * hashPoint(column, Math.floor(v / 2.1 + hashPoint(column, 3, seed) * 2), seed);
        setLook(into, wood, tone * (0.85 + 0.25 * noise.fbm(u * 9, v * 1.1, 3)));
        overLook(into, scale(wood, 0.3), inside(Math.abs(u / plank - Math.round(u / plank)) * plank - 0.008, fu) * 0.7);
        into.gloss = 0.3;
        const edge = Math.max(Math.abs(u) - 2.1, Math.abs(v - 7) - 4.6);
        const on = inside(edge, Math.max(fu, fv * 0.5));
        if (on > 0) {
          const motif = 0.5 + 0.5 * Math.sin(u * 9 + 2 * Math.sin(v * 4)) * Math.sin(v * 7);
          overLook(into, mix(scale(rug, 0.75), [0.55, 0.36, 0.16], smooth(0.7, 0.95, motif) * 0.7), on);
          overLook(into, [0.5, 0.33, 0.14], on * inside(Math.abs(edge + 0.28) - 0.05, fu));
          into.gloss *= 1 - on;
        }
        return;
      }
      case 'ceiling': {
        setLook(into, scale(wood, 0.75), grain);
        const beam = Math.abs(v / bay - Math.round(v / bay)) * bay;
        const cross = Math.abs(u / 1.5 - Math.round(u / 1.5)) * 1.5;
        overLook(into, scale(wood, 1.15), Math.max(inside(beam - 0.13, fv), inside(cross - 0.07, fu)));
        return;
      }
      case 'back': {
        books(into, u, v, fu, fv, 5);
        const half = shape.half * 0.36;
        const d = archDistance(u, v, half, 1.0, shape.height * 0.68, false);
        overLook(into, scale(wood, 1.2), inside(d - 0.3, fu));
        overLook(into, scale(wood, 0.6), inside(d - 0.06, fu));
        const t = clamp((v - 1) / shape.height);
        const cover = inside(d, fu);
        overLook(into, mix(skyLow, skyTop, t + 0.25 * noise.fbm(u, v, 3)), cover, 1);
        const hills = inside(v - 1.75 - 0.5 * noise.fbm(u * 1.3, 2, 4), fv);
        overLook(into, scale(mix(light.shadow, light.haze, 0.35), 0.8), cover * hills, 1);
        const stars = light.night > 0.6 && hashPoint(Math.floor(u * 14), Math.floor(v * 14), seed) > 0.975 ? 1 : 0;
        const near = Math.hypot(u * 14 - Math.floor(u * 14) - 0.5, v * 14 - Math.floor(v * 14) - 0.5);
        overLook(into, [0.8, 0.85, 1], cover * (1 - hills) * stars * smooth(0.35, 0.1, near), 1);
        const bars = Math.abs(u / (half * 0.5) - Math.round(u / (half * 0.5))) * half * 0.5;
        const rails = Math.abs(v / 0.85 - Math.round(v / 0.85)) * 0.85;
        overLook(into, scale(wood, 0.5), cover * Math.max(inside(bars - 0.035, fu), inside(rails - 0.03, fv)));
        break;
      }
      case 'left':
        books(into, u, v, fu, fv, 1);
        break;
      case 'right':
        books(into, u, v, fu, fv, 2);
        break;
      default:
        hit.face satisfies never;
    }
    // A gallery half-way up, and the cornice.
    overLook(into, scale(wood, grain), inside(Math.abs(v - 3.1) - 0.13, fv));
    overLook(into, [0.5, 0.33, 0.13], inside(Math.abs(v - 3.2) - 0.02, fv));
    overLook(into, scale(wood, grain), inside(Math.abs(v - shape.height) - 0.2, fv));
    overLook(into, scale(wood, 0.9 * grain), inside(v - 0.18, fv));
  };
}

function paintTable(c: Canvas, rng: Rng, room: Room, wood: RGB, candles: boolean): void {
  const p = room.project;
  const near = 3.5;
  const far = 9.6;
  const y = 0.85;
  for (const [x, z] of [
    [-0.95, far - 0.2],
    [0.95, far - 0.2],
    [-0.98, near + 0.15],
    [0.98, near + 0.15],
  ] as const) {
    const a = p(x, 0, z);
    const b = p(x, y, z);
    const w = 0.06 * a.k;
    polygon(c, [a.x - w, a.y, b.x - w, b.y, b.x + w, b.y, a.x + w, a.y], scale(wood, 0.13));
  }
  const a = p(-1.1, y, near);
  const b = p(1.1, y, near);
  const d = p(1.1, y, far);
  const e = p(-1.1, y, far);
  const lip = 0.1 * a.k;
  polygon(c, [a.x, a.y, b.x, b.y, b.x, b.y + lip, a.x, a.y + lip], scale(wood, 0.22));
  const noise = makeNoise(rng.seed);
  polygon(c, [a.x, a.y, b.x, b.y, d.x, d.y, e.x, e.y], (u, v, out) => {
    const t = clamp((v - e.y) / (a.y - e.y));
    const z = 1 / lerp(1 / far, 1 / near, t);
    const x = (u - c.aspect / 2) * z * room.shape.lens + room.shape.stand;
    const pool = Math.exp(-((z - 5.4) ** 2) * 0.7 - x * x * 1.2) + Math.exp(-((z - 8.2) ** 2) * 0.7 - x * x * 1.2);
    const k0 = (0.45 + 0.9 * pool) * (0.88 + 0.25 * noise.fbm(x * 9, z * 1.4, 3));
    out[0] = wood[0] * k0 + 0.05 * pool;
    out[1] = wood[1] * k0 + 0.03 * pool;
    out[2] = wood[2] * k0 + 0.012 * pool;
  });
  const things = [8.2, 7, 6.2, 5.4, 4.6, 4];
  for (const z of things) {
    const side = rng.sign();
    const q = p(side * rng.range(0.45, 0.8), y, z);
    if (z === 8.2 || z === 5.4) {
      const l = p(0, y, z);
      if (candles)
        for (const dx of [-0.12, 0.02, 0.15])
          paintCandle(c, l.x + dx * l.k, l.y, (0.3 + 0.1 * Math.sin(dx * 30)) * l.k, [0.9, 0.8, 0.62]);
      else paintDeskLamp(c, l.x, l.y, l.k);
      continue;
    }
    let top = q.y;
    const count = rng.int(2, 4);
    for (let i = 0; i < count; i++) {
      const tone = rng.pick(bindings);
      const w = rng.range(0.16, 0.24) * q.k;
      const h = rng.range(0.045, 0.075) * q.k;
      const x = q.x + rng.range(-0.03, 0.03) * q.k;
      polygon(c, [x - w, top, x + w, top, x + w, top - h, x - w, top - h], scale(tone, 0.85));
      polygon(
        c,
        [
          x - w * 0.97,
          top - h * 0.2,
          x + w * 0.2,
          top - h * 0.2,
          x + w * 0.2,
          top - h * 0.8,
          x - w * 0.97,
          top - h * 0.8,
        ],
        scale([0.75, 0.66, 0.48], 0.6),
        0.85,
      );
      top -= h;
    }
  }
  const open = p(rng.range(-0.3, 0.3), y, 3.9);
  const w = 0.3 * open.k;
  for (const s of [-1, 1]) {
    polygon(
      c,
      [
        open.x,
        open.y - w * 0.06,
        open.x + s * w * 0.5,
        open.y - w * 0.14,
        open.x + s * w,
        open.y - w * 0.05,
        open.x + s * w * 1.08,
        open.y + w * 0.28,
        open.x + s * w * 0.5,
        open.y + w * 0.2,
        open.x,
        open.y + w * 0.27,
      ],
      scale([0.8, 0.68, 0.48], s > 0 ? 0.8 : 0.65),
    );
    for (let i = 0; i < 6; i++) {
      const ly = open.y - w * 0.02 + i * w * 0.042;
      stroke(
        c,
        [open.x + s * w * 0.12, ly, open.x + s * w * 0.5, ly - w * 0.05, open.x + s * w * 0.9, ly + w * 0.01],
        [c.px, c.px, c.px],
        [0.25, 0.18, 0.1],
        0.5,
      );
    }
  }
}

function paintDeskLamp(c: Canvas, x: number, y: number, k: number): void {
  const brass: RGB = [0.5, 0.33, 0.12];
  dab(c, x, y, 0.12 * k, 0.03 * k, 0, brass, 1, 0.15);
  polygon(c, [x - 0.015 * k, y, x - 0.015 * k, y - 0.4 * k, x + 0.015 * k, y - 0.4 * k, x + 0.015 * k, y], brass);
  glow(c, x, y - 0.3 * k, 1.3 * k, [1, 0.68, 0.32], 0.6);
  polygon(
    c,
    [x - 0.25 * k, y - 0.34 * k, x - 0.21 * k, y - 0.46 * k, x + 0.21 * k, y - 0.46 * k, x + 0.25 * k, y - 0.34 * k],
    (u, v, out) => {
      const t = clamp((v - (y - 0.46 * k)) / (0.12 * k));
      const s = 1 - 0.5 * ((u - x) / (0.25 * k)) ** 2;
      out[0] = 0.05 * s + 0.25 * t * t;
      out[1] = 0.32 * s + 0.5 * t * t;
      out[2] = 0.16 * s + 0.12 * t * t;
    },
  );
  dab(c, x, y - 0.33 * k, 0.2 * k, 0.022 * k, 0, [1.7, 1.3, 0.75], 1, 0.6);
}

function paintLadder(c: Canvas, room: Room, wood: RGB, side: number): void {
  const foot = [
    room.project(side * (room.shape.half - 0.95), 0, 5.6),
    room.project(side * (room.shape.half - 0.95), 0, 6.2),
  ] as const;
  const head = [
    room.project(side * (room.shape.half - 0.12), 4.1, 5.7),
    room.project(side * (room.shape.half - 0.12), 4.1, 6.3),
  ] as const;
  const tone = scale(wood, 0.5);
  for (let i = 0; i <= 13; i++) {
    const t = i / 13;
    const w = 0.035 * foot[0].k;
    stroke(
      c,
      [
        lerp(foot[0].x, head[0].x, t),
        lerp(foot[0].y, head[0].y, t),
        lerp(foot[1].x, head[1].x, t),
        lerp(foot[1].y, head[1].y, t),
      ],
      [w, w],
      tone,
    );
  }
  for (const i of [0, 1] as const)
    stroke(c, [foot[i].x, foot[i].y, head[i].x, head[i].y], [0.06 * foot[i].k, 0.06 * foot[i].k], scale(wood, 0.7));
}

function paintGlobe(c: Canvas, room: Room, side: number, wood: RGB): void {
  const q = room.project(side * 2.75, 1.0, 5.2);
  const r = 0.42 * q.k;
  const foot = room.project(side * 2.75, 0, 5.2);
  const noise = makeNoise(77);
  stroke(c, [q.x, q.y + r, foot.x, foot.y], [0.07 * q.k, 0.1 * q.k], scale(wood, 0.4));
  stroke(
    c,
    [foot.x - 0.3 * q.k, foot.y + 0.02 * q.k, foot.x, foot.y - 0.1 * q.k, foot.x + 0.3 * q.k, foot.y + 0.02 * q.k],
    [0.05 * q.k, 0.07 * q.k, 0.05 * q.k],
    scale(wood, 0.4),
  );
  const circle: number[] = [];
  for (let i = 0; i < 48; i++)
    circle.push(q.x + Math.cos((i / 48) * 6.2832) * r, q.y + Math.sin((i / 48) * 6.2832) * r);
  polygon(c, circle, (x, y, out) => {
    const dx = (x - q.x) / r;
    const dy = (y - q.y) / r;
    const z = Math.sqrt(Math.max(0, 1 - dx * dx - dy * dy));
    const land = smooth(0, 0.08, noise.fbm(dx * 1.6 + 4, dy * 1.6, 5));
    const lit = 0.12 + 0.75 * Math.max(0, -dx * side * 0.5 - dy * 0.4 + z * 0.6);
    const colour = mix([0.22, 0.25, 0.2], [0.62, 0.42, 0.2], land);
    for (let k = 0; k < 3; k++) out[k] = (colour[k as 0] as number) * lit;
  });
  const ring: number[] = [];
  for (let i = 0; i <= 40; i++)
    ring.push(q.x + Math.cos((i / 40) * 6.2832) * r * 1.13, q.y + Math.sin((i / 40) * 6.2832) * r * 0.2);
  stroke(
    c,
    ring.slice(0, 42),
    ring.slice(0, 21).map(() => 0.045 * q.k),
    [0.3, 0.19, 0.08],
  );
}
