/** What stands in a great hall: a throne on its steps, a laid table, pews and an altar, candle stands. */
import { type Canvas, dab, glow, polygon } from '../canvas.ts';
import { clamp, lerp, mix, type RGB, scale, times } from '../colour.ts';
import type { Light } from '../light.ts';
import type { Rng } from '../noise.ts';
import { paintCandle } from './lamps.ts';
import type { Room } from './room.ts';

export type HallKind = 'ballroom' | 'throne' | 'chapel' | 'banquet';

export function furnish(
  c: Canvas,
  rng: Rng,
  room: Room,
  kind: HallKind,
  stuff: { stone: RGB; gold: RGB; cloth: RGB; light: Light; day: number },
): void {
  const { shape } = room;
  if (kind === 'throne') {
    const z = shape.depth * 0.86;
    for (let i = 0; i < 4; i++) {
      const wide = 3.6 - i * 0.5;
      const a = room.project(-wide, i * 0.22, z - 1 + i * 0.3);
      const b = room.project(wide, (i + 1) * 0.22, z - 1 + i * 0.3);
      polygon(c, [a.x, a.y, b.x, a.y, b.x, b.y, a.x, b.y], scale(mix(stuff.stone, stuff.cloth, 0.15), 0.3 + 0.08 * i));
      polygon(c, [a.x, b.y, b.x, b.y, b.x, b.y + 0.002, a.x, b.y + 0.002], scale(stuff.gold, 0.9));
    }
    paintThrone(c, room, z, stuff.gold, stuff.cloth);
  }
  if (kind === 'banquet') {
    const near = 4.2;
    const far = shape.depth * 0.72;
    const table = (x: number, y: number, z: number) => room.project(x, y, z);
    const corners = [table(-1.3, 0.95, near), table(1.3, 0.95, near), table(1.3, 0.95, far), table(-1.3, 0.95, far)];
    const drop = [table(-1.3, 0.25, near), table(1.3, 0.25, near)];
    const sideDrop = [table(-1.3, 0.25, far), table(1.3, 0.25, far)];
    const [a, b, d, e] = corners as [
      (typeof corners)[0],
      (typeof corners)[0],
      (typeof corners)[0],
      (typeof corners)[0],
    ] & { 0: { x: number; y: number } };
    if (!a || !b || !d || !e || !drop[0] || !drop[1] || !sideDrop[0] || !sideDrop[1]) return;
    const linen: RGB = [0.55, 0.46, 0.36];
    polygon(c, [a.x, a.y, e.x, e.y, sideDrop[0].x, sideDrop[0].y, drop[0].x, drop[0].y], scale(linen, 0.35));
    polygon(c, [b.x, b.y, d.x, d.y, sideDrop[1].x, sideDrop[1].y, drop[1].x, drop[1].y], scale(linen, 0.35));
    polygon(c, [a.x, a.y, b.x, b.y, drop[1].x, drop[1].y, drop[0].x, drop[0].y], scale(linen, 0.3));
    polygon(c, [a.x, a.y, b.x, b.y, d.x, d.y, e.x, e.y], (u, v, out) => {
      const t = clamp((v - e.y) / (a.y - e.y));
      const half = lerp(d.x - e.x, b.x - a.x, t) / 2;
      const across = Math.abs(u - lerp((d.x + e.x) / 2, (a.x + b.x) / 2, t)) / half;
      const k0 = 0.72 + 0.33 * Math.exp(-across * across * 2) - 0.2 * t;
      const runner = across < 0.25 ? 1 : 0;
      for (let k = 0; k < 3; k++)
        out[k] = lerp(linen[k as 0] as number, (stuff.cloth[k as 0] as number) * 1.3, runner) * k0;
    });
    for (let z = far - 0.6; z > near + 0.3; z -= 2.1) {
      for (const s of [-1, 1]) {
        const plate = room.project(s * 0.95, 0.97, z);
        dab(c, plate.x, plate.y, 0.2 * plate.k, 0.05 * plate.k, 0, [0.75, 0.66, 0.5], 1, 0.12);
        dab(c, plate.x, plate.y, 0.13 * plate.k, 0.032 * plate.k, 0, [0.5, 0.4, 0.28], 1, 0.3);
        const cup = room.project(s * 0.62, 0.97, z - 0.2);
        const w = 0.05 * cup.k;
        polygon(
          c,
          [
            cup.x - w * 0.8,
            cup.y,
            cup.x - w * 0.2,
            cup.y - w * 1.2,
            cup.x - w,
            cup.y - w * 2,
            cup.x - w * 0.9,
            cup.y - w * 3.4,
            cup.x + w * 0.9,
            cup.y - w * 3.4,
            cup.x + w,
            cup.y - w * 2,
            cup.x + w * 0.2,
            cup.y - w * 1.2,
            cup.x + w * 0.8,
            cup.y,
          ],
          stuff.gold,
        );
      }
      const stand = room.project(rng.range(-0.1, 0.1), 0.97, z);
      for (const dx of [-0.16, 0, 0.16])
        paintCandle(
          c,
          stand.x + dx * stand.k,
          stand.y,
          (dx === 0 ? 0.48 : 0.36) * stand.k,
          [0.9, 0.8, 0.62],
          clamp(1.1 - z / 14, 0.15, 0.8),
        );
    }
  }
  if (kind === 'chapel') {
    for (let z = shape.depth * 0.74; z > 3.2; z -= 1.7) {
      for (const s of [-1, 1]) {
        const a = room.project(s * 0.75, 0, z);
        const b = room.project(s * 2.6, 0.95, z);
        const x0 = Math.min(a.x, b.x);
        const x1 = Math.max(a.x, b.x);
        polygon(c, [x0, a.y, x1, a.y, x1, b.y, x0, b.y], (u, v, out) => {
          const k0 = 0.5 + 0.7 * (1 - clamp((v - b.y) / (a.y - b.y)));
          const post = (u - x0) % (0.3 * a.k) < 0.02 * a.k ? 0.6 : 1;
          out[0] = 0.075 * k0 * post;
          out[1] = 0.04 * k0 * post;
          out[2] = 0.022 * k0 * post;
        });
        polygon(
          c,
          [
            x0 - 0.03 * a.k,
            b.y,
            x1 + 0.03 * a.k,
            b.y,
            x1 + 0.03 * a.k,
            b.y - 0.07 * a.k,
            x0 - 0.03 * a.k,
            b.y - 0.07 * a.k,
          ],
          [0.16, 0.09, 0.05],
        );
      }
    }
    const altar = room.project(0, 1.1, shape.depth * 0.9);
    const base = room.project(0, 0, shape.depth * 0.9);
    polygon(
      c,
      [
        altar.x - 1.4 * altar.k,
        base.y,
        altar.x - 1.4 * altar.k,
        altar.y,
        altar.x + 1.4 * altar.k,
        altar.y,
        altar.x + 1.4 * altar.k,
        base.y,
      ],
      times(stuff.stone, [0.6, 0.5, 0.42]),
    );
    for (let i = -3; i <= 3; i++)
      if (i !== 0) paintCandle(c, altar.x + i * 0.34 * altar.k, altar.y, 0.5 * altar.k, [0.9, 0.8, 0.6]);
  }
}

function paintThrone(c: Canvas, room: Room, z: number, gold: RGB, cloth: RGB): void {
  const p = (x: number, y: number) => room.project(x, 0.88 + y, z);
  const quad = (x0: number, y0: number, x1: number, y1: number, ink: RGB) => {
    const a = p(x0, y0);
    const b = p(x1, y1);
    polygon(c, [a.x, a.y, b.x, a.y, b.x, b.y, a.x, b.y], ink);
  };
  const back: number[] = [];
  for (const [x, y] of [
    [-0.75, 0],
    [-0.8, 2.3],
    [-0.62, 2.5],
    [-0.4, 2.55],
    [-0.16, 2.85],
    [0, 3.2],
    [0.16, 2.85],
    [0.4, 2.55],
    [0.62, 2.5],
    [0.8, 2.3],
    [0.75, 0],
  ] as const) {
    const q = p(x, y);
    back.push(q.x, q.y);
  }
  const halo = p(0, 1.6);
  glow(c, halo.x, halo.y, 2.6 * halo.k, [1, 0.65, 0.3], 0.35);
  polygon(c, back, scale(gold, 0.95));
  quad(-0.56, 0.4, 0.56, 2.15, scale(cloth, 1.5));
  quad(-0.85, 0.55, 0.85, 0.78, scale(cloth, 1.7));
  quad(-0.9, 0, 0.9, 0.55, scale(gold, 0.7));
  for (const s of [-1, 1]) {
    quad(s * 0.72, 0.5, s * 0.95, 1.2, scale(gold, 0.85));
    const knob = p(s * 0.84, 1.28);
    dab(c, knob.x, knob.y, 0.14 * knob.k, 0.14 * knob.k, 0, scale(gold, 1.3), 1, 0.4);
  }
}

export function paintStand(c: Canvas, room: Room, x: number, z: number, gold: RGB): void {
  const foot = room.project(x, 0, z);
  const head = room.project(x, 1.5, z);
  const w = 0.03 * foot.k;
  polygon(
    c,
    [
      foot.x - w * 5,
      foot.y,
      foot.x - w,
      foot.y - w * 3,
      foot.x - w,
      head.y,
      foot.x + w,
      head.y,
      foot.x + w,
      foot.y - w * 3,
      foot.x + w * 5,
      foot.y,
    ],
    scale(gold, 0.3),
  );
  for (const dx of [-0.2, 0, 0.2])
    paintCandle(c, head.x + dx * head.k, head.y - (dx === 0 ? 0.12 * head.k : 0), 0.32 * head.k, [0.9, 0.78, 0.58]);
  const mirror = room.project(x, -1.8, z);
  glow(c, mirror.x, mirror.y, 0.5 * mirror.k, [1, 0.58, 0.22], 0.35, 1.6);
}
