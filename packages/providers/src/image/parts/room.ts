/**
 * Rooms seen straight on: a box (or a barrel vault) traced ray by ray, so that perspective, lamp light and the mirror
 * of a polished floor come out right. A scene supplies the walls' look and the lamps; furniture is painted over it
 * through {@link Room.project}.
 */
import { type Canvas, shade } from '../canvas.ts';
import { clamp, type RGB } from '../colour.ts';

/** Metres: x right, y up from the floor, z away from the eye. */
export interface RoomShape {
  half: number;
  height: number;
  depth: number;
  /** The walls bend into a half-round vault above `height`. */
  vault: boolean;
  eye: number;
  /** Where we stand, metres right of the middle. */
  stand: number;
  /** Metres of width per unit of picture at one metre's distance. */
  lens: number;
  /** Picture y of the horizon. */
  level: number;
}

export interface Lamp {
  x: number;
  y: number;
  z: number;
  colour: RGB;
}

export type Face = 'left' | 'right' | 'floor' | 'ceiling' | 'back';

/** Where a ray ended. (u, v) run along the face: walls z/y, back x/y, floor x/z, ceiling x/z (vault: angle/z). */
export interface Hit {
  face: Face;
  u: number;
  v: number;
  x: number;
  y: number;
  z: number;
  /** The size of a pixel here along u and v, for soft edges. */
  fu: number;
  fv: number;
}

/** What a face looks like at a hit: its colour, light of its own, and how much it mirrors. */
export interface Look {
  r: number;
  g: number;
  b: number;
  er: number;
  eg: number;
  eb: number;
  gloss: number;
}

export interface Room {
  shape: RoomShape;
  /** Picture position of a point in the room, and picture units per metre there. */
  project(x: number, y: number, z: number): { x: number; y: number; k: number };
}

/** 1 inside (d < 0), 0 outside, soft over one pixel of size f. */
export function inside(d: number, f: number): number {
  return clamp(0.5 - d / Math.max(f, 1e-6));
}

/** Signed distance to an arched opening: straight sides to `spring`, round or pointed above. */
export function archDistance(
  u: number,
  v: number,
  half: number,
  bottom: number,
  spring: number,
  pointed: boolean,
): number {
  const a = Math.abs(u);
  if (v < spring) return Math.max(a - half, bottom - v);
  if (pointed) return Math.hypot(a + half * 0.7, v - spring) - half * 1.7;
  return Math.hypot(a, v - spring) - half;
}

export function setLook(look: Look, colour: RGB, k = 1): void {
  look.r = colour[0] * k;
  look.g = colour[1] * k;
  look.b = colour[2] * k;
}

/** Lay a colour over a look, and light of its own with it. */
export function overLook(look: Look, colour: RGB, cover: number, glowing = 0): void {
  if (cover <= 0) return;
  const keep = 1 - cover;
  const lit = cover * (1 - glowing);
  look.r = look.r * keep + colour[0] * lit;
  look.g = look.g * keep + colour[1] * lit;
  look.b = look.b * keep + colour[2] * lit;
  look.er = look.er * keep + colour[0] * cover * glowing;
  look.eg = look.eg * keep + colour[1] * cover * glowing;
  look.eb = look.eb * keep + colour[2] * cover * glowing;
}

/** Trace the whole picture. `ambient` is the light that comes from everywhere. */
export function paintRoom(
  c: Canvas,
  shape: RoomShape,
  lamps: readonly Lamp[],
  ambient: RGB,
  look: (hit: Hit, into: Look) => void,
): Room {
  const hit: Hit = { face: 'back', u: 0, v: 0, x: 0, y: 0, z: 0, fu: 0, fv: 0 };
  const face: Look = { r: 0, g: 0, b: 0, er: 0, eg: 0, eb: 0, gloss: 0 };
  const lit = new Float64Array(3);
  const cx = c.aspect / 2;
  const pixel = c.px * shape.lens;

  function trace(ox: number, oy: number, oz: number, dx: number, dy: number, travelled: number): void {
    const { half, height, depth } = shape;
    let t = (depth - oz) / 1;
    hit.face = 'back';
    const side = dx > 0 ? (half - ox) / dx : dx < 0 ? (-half - ox) / dx : Number.POSITIVE_INFINITY;
    if (side < t && (!shape.vault || oy + dy * side <= height)) {
      t = side;
      hit.face = dx > 0 ? 'right' : 'left';
    }
    if (dy < 0) {
      const down = -oy / dy;
      if (down < t) {
        t = down;
        hit.face = 'floor';
      }
    } else if (dy > 0) {
      if (shape.vault) {
        const ry = oy - height;
        const a = dx * dx + dy * dy;
        const b = ox * dx + ry * dy;
        const root = b * b - a * (ox * ox + ry * ry - half * half);
        if (root > 0) {
          const far = (-b + Math.sqrt(root)) / a;
          if (far < t && oy + dy * far > height) {
            t = far;
            hit.face = 'ceiling';
          }
        }
      } else if ((height - oy) / dy < t) {
        t = (height - oy) / dy;
        hit.face = 'ceiling';
      }
    }
    hit.x = ox + dx * t;
    hit.y = oy + dy * t;
    hit.z = oz + t;
    const f = pixel * (travelled + t);
    switch (hit.face) {
      case 'back':
        hit.u = hit.x;
        hit.v = hit.y;
        hit.fu = hit.fv = f;
        break;
      case 'left':
      case 'right':
        hit.u = hit.z;
        hit.v = hit.y;
        hit.fu = f / Math.max(0.02, Math.abs(dx));
        hit.fv = f;
        break;
      case 'floor':
        hit.u = hit.x;
        hit.v = hit.z;
        hit.fu = f;
        hit.fv = f / Math.max(0.02, Math.abs(dy));
        break;
      case 'ceiling':
        hit.u = shape.vault ? Math.atan2(hit.x, hit.y - height) * half : hit.x;
        hit.v = hit.z;
        hit.fu = f;
        hit.fv = f / Math.max(0.02, Math.abs(dy));
        break;
      default:
        hit.face satisfies never;
    }
    shadeHit();
  }

  function shadeHit(): void {
    face.er = face.eg = face.eb = 0;
    face.gloss = 0;
    look(hit, face);
    let nx = 0;
    let ny = 0;
    let nz = 0;
    if (hit.face === 'left') nx = 1;
    else if (hit.face === 'right') nx = -1;
    else if (hit.face === 'floor') ny = 1;
    else if (hit.face === 'back') nz = -1;
    else if (shape.vault) {
      nx = -hit.x / shape.half;
      ny = -(hit.y - shape.height) / shape.half;
    } else ny = -1;
    let r = 0;
    let g = 0;
    let b = 0;
    for (const lamp of lamps) {
      const lx = lamp.x - hit.x;
      const ly = lamp.y - hit.y;
      const lz = lamp.z - hit.z;
      const d2 = lx * lx + ly * ly + lz * lz + 1.1;
      // Half of it wraps round: a chandelier is a cloud of lights, not a point.
      const facing = (lx * nx + ly * ny + lz * nz) / Math.sqrt(d2);
      const k = (0.3 + 0.7 * Math.max(0, facing)) / d2;
      r += lamp.colour[0] * k;
      g += lamp.colour[1] * k;
      b += lamp.colour[2] * k;
    }
    const { half, height, depth } = shape;
    // Corners see less of the room.
    const cornerX =
      hit.face === 'left' || hit.face === 'right' ? 1 : 1 - 0.45 * Math.exp(-(half - Math.abs(hit.x)) * 2.2);
    const cornerY = hit.face === 'floor' ? 1 : 1 - 0.45 * Math.exp(-hit.y * 2);
    const cornerTop = hit.face === 'ceiling' || shape.vault ? 1 : 1 - 0.35 * Math.exp(-(height - hit.y) * 2.2);
    const cornerZ = hit.face === 'back' ? 1 : 1 - 0.4 * Math.exp(-(depth - hit.z) * 1.6);
    const open = cornerX * cornerY * cornerTop * cornerZ;
    lit[0] = face.r * (r + ambient[0]) * open + face.er;
    lit[1] = face.g * (g + ambient[1]) * open + face.eg;
    lit[2] = face.b * (b + ambient[2]) * open + face.eb;
  }

  shade(c, (x, y, out) => {
    const dx = (x - cx) * shape.lens;
    const dy = (shape.level - y) * shape.lens;
    trace(shape.stand, shape.eye, 0, dx, dy, 0);
    const r = lit[0] as number;
    const g = lit[1] as number;
    const b = lit[2] as number;
    const gloss = face.gloss;
    if (hit.face === 'floor' && gloss > 0.01) {
      const mirror = gloss * (0.35 + 0.65 * Math.exp(dy * 2.2));
      trace(hit.x, 0.001, hit.z, dx, -dy, hit.z);
      out[0] = r * (1 - mirror) + (lit[0] as number) * mirror;
      out[1] = g * (1 - mirror) + (lit[1] as number) * mirror;
      out[2] = b * (1 - mirror) + (lit[2] as number) * mirror;
      return;
    }
    out[0] = r;
    out[1] = g;
    out[2] = b;
  });

  return {
    shape,
    project: (x, y, z) => {
      const k = 1 / (z * shape.lens);
      return { x: cx + (x - shape.stand) * k, y: shape.level - (y - shape.eye) * k, k };
    },
  };
}
