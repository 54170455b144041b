/** Great rooms: ballroom, throne room, banquet hall, chapel. Tall windows, columns, chandeliers, a floor that mirrors. */
import { type Canvas, glow, polygon } from '../canvas.ts';
import { add, clamp, hex, lerp, mix, type RGB, scale, smooth } from '../colour.ts';
import type { Light } from '../light.ts';
import { hashPoint, makeNoise, type Rng } from '../noise.ts';
import { furnish, type HallKind, paintStand } from '../parts/hall-furniture.ts';
import { paintChandelier, paintColumn } from '../parts/lamps.ts';
import {
  archDistance,
  type Hit,
  inside,
  type Lamp,
  type Look,
  overLook,
  paintRoom,
  type RoomShape,
  setLook,
} from '../parts/room.ts';
import type { SceneBrief, Tint } from '../prompt.ts';
import type { Scene, Sitting } from './scene.ts';

export const hall: Scene = { paint, bloom: 0.38 };

/** Wall, drapery and floor by tint. */
const cloths: Record<Tint, readonly [string, string, string, string]> = {
  // wall, drapery, floor light, floor dark
  neutral: ['#b9a78c', '#6e1420', '#c9b597', '#5b4636'],
  warm: ['#b98f66', '#7c1a12', '#cda878', '#5a3420'],
  golden: ['#bf9c5c', '#7a1016', '#d6b67c', '#4f3520'],
  cold: ['#8fa2ba', '#16306e', '#b9c6d6', '#2c3a52'],
  emerald: ['#8fa68c', '#0f4f38', '#c3c8a8', '#27463a'],
  pastel: ['#d6bfc4', '#a8647e', '#e6d6d2', '#9a8090'],
  violet: ['#9c88b4', '#431566', '#c0accc', '#33244c'],
  rose: ['#bf9090', '#86123a', '#d9b7ae', '#5c2834'],
};

function kindOf(brief: SceneBrief, rng: Rng): HallKind {
  if (brief.features.has('throne')) return 'throne';
  if (brief.features.has('chapel')) return 'chapel';
  if (brief.features.has('banquet')) return 'banquet';
  if (brief.features.has('chandelier')) return 'ballroom';
  return rng.fork('kind').pick(['ballroom', 'ballroom', 'throne', 'banquet'] as const);
}

function paint({ canvas: c, brief, light, rng }: Sitting): void {
  const kind = kindOf(brief, rng);
  const chapel = kind === 'chapel';
  const shape: RoomShape = {
    half: chapel ? 4.6 : rng.range(6.2, 7.6),
    height: chapel ? 6.4 : rng.range(7.2, 8.6),
    depth: rng.range(20, 26),
    vault: chapel || rng.fork('vault').chance(0.4),
    eye: rng.range(1.9, 2.5),
    stand: rng.fork('stand').pick([0, 0, -1, 1]) * rng.range(0.8, 1.9),
    lens: rng.range(1.05, 1.2),
    level: rng.range(0.6, 0.66),
  };
  if (shape.vault && !chapel) shape.height *= 0.72;
  const [wallHex, tintCloth, paleHex, darkHex] = cloths[brief.tint];
  // Gold goes with any royal colour; other tints bring their own.
  const free = brief.tint === 'golden' || brief.tint === 'warm' || brief.tint === 'neutral';
  const clothHex = brief.features.has('crimson')
    ? '#7a1016'
    : brief.features.has('greens')
      ? '#0f4f38'
      : free
        ? rng.fork('cloth').pick([tintCloth, '#7a1016', '#14305e', '#0f4a3a', '#4a1450'])
        : tintCloth;
  const stone = chapel ? mix(hex(wallHex), [0.3, 0.28, 0.26], 0.5) : hex(wallHex);
  const gold: RGB = brief.tint === 'cold' ? [0.62, 0.6, 0.56] : [0.78, 0.52, 0.18];
  const day = 1 - smooth(0.2, 0.8, light.night);
  const lamps: Lamp[] = [];
  const warm: RGB = [1, 0.62, 0.3];
  const chandeliers: { y: number; z: number; r: number }[] = [];
  if (!chapel) {
    const count = rng.int(2, 3);
    for (let i = 0; i < count; i++) {
      const z = lerp(8.2, shape.depth * 0.8, count === 1 ? 0 : i / (count - 1));
      chandeliers.push({ y: shape.height * (shape.vault ? 0.82 : 0.62), z, r: rng.range(1.15, 1.5) });
    }
  }
  for (const it of chandeliers) lamps.push({ x: 0, y: it.y + 0.6, z: it.z, colour: scale(warm, 9) });
  for (let z = 5; z < shape.depth; z += 6)
    for (const s of [-1, 1])
      lamps.push({ x: s * (shape.half - 0.7), y: 2.6, z, colour: scale(warm, chapel ? 2.4 : 1.3) });
  if (day > 0.05)
    for (let z = 4; z < shape.depth; z += 7)
      lamps.push({ x: -shape.half + 0.8, y: shape.height * 0.6, z, colour: scale(light.source, 3.2 * day) });
  const ambient = add(scale(light.ambient, 0.08 + 0.12 * day), scale(warm, chapel ? 0.025 : 0.06));
  const look = walls({ c, brief, light, rng }, kind, shape, {
    stone,
    gold,
    cloth: hex(clothHex),
    pale: hex(paleHex),
    dark: hex(darkHex),
    day,
  });
  const room = paintRoom(c, shape, lamps, ambient, look);
  furnish(c, rng, room, kind, { stone, gold, cloth: hex(clothHex), light, day });
  const columnsAt = shape.half * (chapel ? 0.72 : 0.8);
  const last = shape.depth * 0.9;
  const sprites: { z: number; draw: () => void }[] = [];
  const bay = bayOf(shape);
  for (let z = 4 * bay; z > (chapel ? 6 : 4); z -= bay) {
    for (const s of [-1, 1]) {
      if (z > last) continue;
      const bright = chapel ? 0.34 : 0.62;
      sprites.push({
        z,
        draw: () =>
          paintColumn(
            c,
            room,
            s * columnsAt,
            z,
            chapel ? 0.42 : 0.34,
            shape.vault ? shape.height : shape.height * 0.98,
            mix(stone, [0.8, 0.75, 0.66], 0.25),
            gold,
            bright,
          ),
      });
    }
  }
  for (const it of chandeliers) {
    sprites.push({
      z: it.z,
      draw: () => {
        const mirror = room.project(0, -it.y, it.z);
        glow(c, mirror.x, mirror.y, it.r * 3.2 * mirror.k, [1, 0.6, 0.25], 0.5, 1.2);
        paintChandelier(c, rng.fork(`chandelier ${it.z}`), room, 0, it.y, it.z, it.r, gold);
      },
    });
  }
  if (brief.features.has('candles') || chapel) {
    for (let z = shape.depth * 0.8; z > 3.4; z -= 2.1)
      for (const s of [-1, 1])
        sprites.push({ z: z - 0.5, draw: () => paintStand(c, room, s * shape.half * (chapel ? 0.52 : 0.6), z, gold) });
  }
  sprites.sort((a, b) => b.z - a.z);
  for (const sprite of sprites) sprite.draw();
  if (day > 0.15 || chapel)
    paintShafts(c, rng.fork('shafts'), chapel ? mix(light.source, hex(clothHex), 0.2) : light.source, 0.1 + 0.1 * day);
}

function bayOf(shape: RoomShape): number {
  return shape.depth / 6;
}

interface Stuff {
  stone: RGB;
  gold: RGB;
  cloth: RGB;
  pale: RGB;
  dark: RGB;
  day: number;
}

type Painter = { c: Canvas; brief: SceneBrief; light: Light; rng: Rng };

/** The look of every face of the hall. */
function walls(
  { light, rng, brief }: Painter,
  kind: HallKind,
  shape: RoomShape,
  stuff: Stuff,
): (hit: Hit, into: Look) => void {
  const noise = makeNoise(rng.fork('marble').seed);
  const { stone, gold, cloth, pale, dark, day } = stuff;
  const chapel = kind === 'chapel';
  const bay = bayOf(shape);
  const backBays = chapel ? 1 : rng.int(0, 1) * 2 + 3;
  const tile = rng.range(1.1, 1.6);
  const carpet = kind === 'throne' || chapel || rng.fork('carpet').chance(0.25);
  const skyTop = scale(mix(light.middle, light.zenith, 0.4), 0.5 + 0.4 * day);
  const skyLow = scale(mix(light.horizon, light.halo, 0.3), 0.6 + 0.6 * day);
  const glass: readonly RGB[] = [
    hex('#c22f3a'),
    hex('#2f56c2'),
    hex('#d9a02f'),
    hex('#2f9a62'),
    hex('#7a3fb0'),
    hex('#e0d0a0'),
  ];
  const glassSeed = rng.fork('glass').seed;
  const panelTone = mix(stone, gold, 0.25);
  const stained = chapel || (brief.features.has('castle') && day > 0.5);

  function opening(
    into: Look,
    u: number,
    v: number,
    fu: number,
    fv: number,
    half: number,
    bottom: number,
    spring: number,
    big: boolean,
  ): void {
    const f = Math.max(fu, fv);
    const d = archDistance(u, v, half, bottom, spring, chapel);
    overLook(into, gold, inside(d - 0.16, f) * 0.9);
    overLook(into, scale(stone, 0.5), inside(d - 0.06, f));
    const cover = inside(d, f);
    if (cover > 0) {
      const t = clamp((v - bottom) / (spring + half - bottom));
      if (stained) {
        const cell = half / (big ? 3.5 : 2.2);
        const row = Math.floor((v - bottom) / cell + 0.5 * Math.sin(u * 3));
        const column = Math.floor(u / cell + 0.35 * Math.sin(v * 2.3));
        const pick = glass[Math.floor(hashPoint(Math.abs(column), row, glassSeed) * glass.length)] ?? glass[0];
        const vein = 0.65 + 0.5 * noise.at(u * 5, v * 5);
        overLook(into, scale(mix(pick as RGB, skyLow, 0.12), vein * (0.45 + 0.9 * day) * (0.7 + 0.6 * t)), cover, 1);
        const lead =
          Math.min(
            Math.abs(((v - bottom) / cell + 0.5 * Math.sin(u * 3)) % 1),
            Math.abs((u / cell + 0.35 * Math.sin(v * 2.3)) % 1),
          ) * cell;
        overLook(into, [0.01, 0.01, 0.012], cover * inside(lead - 0.03, f) * 0.9);
      } else {
        const cloud = 0.5 + 0.5 * noise.fbm(u * 0.8 + half * 7, v * 0.9, 3);
        overLook(into, mix(mix(skyLow, skyTop, t), skyLow, 0.35 * cloud * (1 - t)), cover, 1);
        const trees = inside(v - bottom - 0.55 - 0.35 * noise.fbm(u * 1.7 + half, 1, 4), f * 2);
        overLook(into, scale(mix(light.shadow, light.haze, 0.25), 0.8), cover * trees, 1);
      }
      const bars =
        Math.min(Math.abs(((u / half) * 1.5 + 1.5) % 1), 1 - Math.abs(((u / half) * 1.5 + 1.5) % 1)) * (half / 1.5);
      const rails = Math.abs((((v - bottom) / 0.9) % 1) - 0.5) * 0.9;
      overLook(
        into,
        scale(gold, 0.35),
        cover * Math.max(inside(bars - 0.035, fu), inside(0.45 - 0.035 - rails, fv)) * 0.95,
      );
    }
    if (chapel || stained) return;
    // Curtains gathered at the sides, wider above.
    const a = Math.abs(u);
    const lift = clamp((v - bottom) / (spring - bottom));
    const edge = half * (0.78 - 0.42 * smooth(0.35, 1.1, lift));
    const drape =
      inside(edge - a, f) * inside(a - half - 0.34, f) * inside(v - spring - half * 0.85, f) * inside(0.12 - v, f);
    if (drape > 0) {
      const fold = 0.55 + 0.45 * Math.sin((a - 0.2 * lift) * 26 + 3 * noise.at(a * 3, v * 0.4));
      overLook(into, scale(cloth, 0.35 + 1.0 * fold), drape);
    }
  }

  return (hit, into) => {
    const { u, v, fu, fv } = hit;
    if (hit.face === 'floor') {
      const a = u / tile;
      const b = v / tile;
      const da = Math.abs(a - Math.round(a)) * tile;
      const db = Math.abs(b - Math.round(b)) * tile;
      const wide = clamp((fv + fu) / tile);
      const check = (Math.floor(a) + Math.floor(b)) & 1 ? 1 : 0;
      // Squares far away melt into their mean instead of shimmering.
      const t = lerp(check, 0.5, smooth(0.2, 0.9, wide));
      const vein = 0.82 + 0.26 * noise.fbm(u * 1.3 + check * 40, v * 1.3, 4);
      setLook(into, mix(dark, pale, t), vein);
      overLook(into, scale(dark, 0.5), Math.max(inside(da - 0.02, fu), inside(db - 0.02, fv)) * 0.6 * (1 - wide));
      into.gloss = 0.5;
      if (carpet) {
        const edge = Math.abs(u) - 1.35;
        overLook(into, gold, inside(edge, fu));
        const weave = 0.8 + 0.25 * noise.at(u * 9, v * 4);
        overLook(into, scale(cloth, weave * 1.4), inside(edge + 0.14, fu));
        into.gloss = lerp(into.gloss, 0.02, inside(edge, fu));
      }
      return;
    }
    if (hit.face === 'ceiling') {
      const cell = shape.vault ? bay / 2 : shape.half / 3;
      const a = Math.abs(u / cell - Math.round(u / cell)) * cell;
      const b = Math.abs(v / (bay / 2) - Math.round(v / (bay / 2))) * (bay / 2);
      const edge = Math.min(a, b);
      setLook(into, chapel ? mix(stone, dark, 0.35) : mix(stone, cloth, 0.35), 0.75 + 0.2 * noise.fbm(u * 2, v * 2, 3));
      overLook(into, scale(gold, 0.5), inside(edge - 0.24, Math.max(fu, fv)) * 0.8);
      overLook(into, scale(stone, 0.85), inside(edge - 0.17, Math.max(fu, fv)));
      // The cornice goes on above the wall, which also hides the seam where two faces meet.
      overLook(into, gold, inside(shape.half * (shape.vault ? Math.PI / 2 : 1) - Math.abs(u) - 0.16, fu));
      if (!chapel) {
        const rosette = Math.hypot(cell / 2 - a, bay / 4 - b) - 0.3;
        overLook(into, gold, inside(rosette, fv) * 0.8);
      }
      return;
    }
    const grain = 0.88 + 0.2 * noise.fbm(u * 0.9, v * 0.9, 4);
    setLook(into, stone, grain);
    const f = Math.max(fu, fv);
    const top = shape.height;
    if (hit.face === 'back') {
      const width = (shape.half * 2) / backBays;
      const local = u - Math.round(u / width) * width;
      const middle = Math.abs(u) < width / 2;
      const peak = shape.vault ? top + shape.half * (middle ? 0.35 : -0.1) : top;
      if (chapel) opening(into, u, v, fu, fv, shape.half * 0.52, 2.1, top * 0.82, true);
      else
        opening(
          into,
          local,
          v,
          fu,
          fv,
          width * (middle ? 0.34 : 0.27),
          kind === 'throne' ? 2.4 : 0.9,
          peak * (middle ? 0.62 : 0.55),
          middle,
        );
    } else {
      const local = u - (Math.round(u / bay - 0.5) + 0.5) * bay;
      opening(
        into,
        local,
        v,
        fu,
        fv,
        chapel ? bay * 0.2 : bay * 0.26,
        chapel ? 2.4 : 0.9,
        top * (chapel ? 0.62 : 0.6),
        false,
      );
      const post = Math.abs(Math.abs(local) - bay / 2);
      overLook(into, mix(stone, [0.9, 0.85, 0.75], 0.3), inside(post - 0.36, fu));
      overLook(into, scale(gold, 0.8), inside(Math.abs(post - 0.33) - 0.035, fu));
    }
    const rail = Math.abs(v - 0.82) - 0.06;
    overLook(into, scale(panelTone, 0.8), inside(v - 0.78, fv) * 0.75);
    overLook(into, gold, inside(rail, fv));
    overLook(into, scale(stone, 0.4), inside(v - 0.14, fv));
    overLook(into, gold, inside(Math.abs(v - top + 0.5) - 0.07, fv));
    overLook(into, gold, inside(Math.abs(v - top + 0.1) - 0.11, f));
  };
}

function paintShafts(c: Canvas, rng: Rng, colour: RGB, strength: number): void {
  for (let i = 0; i < 4; i++) {
    const x = c.aspect * (0.02 + 0.14 * i) + rng.range(-0.03, 0.03);
    const y = 0.16 + 0.06 * i;
    const w = 0.12 - 0.02 * i;
    const slant = rng.range(0.42, 0.52);
    polygon(c, [x, y, x + w * 0.6, y - 0.02, x + w * 1.5 + slant, 0.98, x + slant * 0.85, 0.98], (_u, v, out) => {
      const t = clamp((v - y) / (0.98 - y));
      const k0 = strength * (1 - t) ** 1.4 * smooth(0, 0.12, t) * (1 - 0.2 * i);
      for (let k = 0; k < 3; k++) out[k] = (out[k] as number) + (colour[k as 0] as number) * k0;
    });
  }
}
