/**
 * The canvas: a picture of linear-light floats, and the few ways of laying paint on it. Positions are in units of the
 * picture's height (y 0 at the top to 1, x 0 to `aspect`), so a composition is the same at every size.
 * Every edge is anti-aliased. Developing it into bytes is film.ts's work.
 */
import type { RGB } from './colour.ts';

export interface Canvas {
  readonly width: number;
  readonly height: number;
  /** Width in units of height. */
  readonly aspect: number;
  /** The size of one pixel in units. */
  readonly px: number;
  /** Interleaved RGB. */
  readonly data: Float32Array;
}

/** Writes the colour at a place into `out`. */
export type Shader = (x: number, y: number, out: Float64Array) => void;
export type Ink = RGB | Shader;

export function makeCanvas(width: number, height: number): Canvas {
  return { width, height, aspect: width / height, px: 1 / height, data: new Float32Array(width * height * 3) };
}

export function asShader(ink: Ink): Shader {
  if (typeof ink === 'function') return ink;
  const [r, g, b] = ink;
  return (_x, _y, out) => {
    out[0] = r;
    out[1] = g;
    out[2] = b;
  };
}

/** Paint every pixel of the rows between `top` and `bottom` (units). The shader finds the present colour in `out`. */
export function shade(c: Canvas, shader: Shader, top = 0, bottom = 1): void {
  const out = new Float64Array(3);
  const { width, px, data } = c;
  const y0 = Math.max(0, Math.round(top * c.height));
  const y1 = Math.min(c.height, Math.round(bottom * c.height));
  for (let row = y0; row < y1; row++) {
    const y = (row + 0.5) * px;
    let i = row * width * 3;
    for (let col = 0; col < width; col++, i += 3) {
      out[0] = data[i] as number;
      out[1] = data[i + 1] as number;
      out[2] = data[i + 2] as number;
      shader((col + 0.5) * px, y, out);
      data[i] = out[0] as number;
      data[i + 1] = out[1] as number;
      data[i + 2] = out[2] as number;
    }
  }
}

/** Everything below a skyline: `top(x)` says where each column begins; the ink also learns the depth below it. */
export function columns(
  c: Canvas,
  top: (x: number) => number,
  ink: (x: number, y: number, depth: number, out: Float64Array) => void,
  bottom = 1,
): void {
  const out = new Float64Array(3);
  const { width, px, data } = c;
  const tops = new Float64Array(width + 2);
  for (let col = -1; col <= width; col++) tops[col + 1] = top((col + 0.5) * px);
  const y1 = Math.min(c.height, Math.round(bottom * c.height));
  let first = y1;
  for (let col = 0; col < width; col++) first = Math.min(first, Math.floor((tops[col + 1] as number) * c.height) - 2);
  for (let row = Math.max(0, first); row < y1; row++) {
    const y = (row + 0.5) * px;
    for (let col = 0; col < width; col++) {
      const edge = tops[col + 1] as number;
      // Coverage across a slanted edge: the steeper it is, the more rows it is soft over.
      const slope = ((tops[col + 2] as number) - (tops[col] as number)) / (2 * px);
      const spread = px * Math.sqrt(1 + slope * slope);
      let cover = (y - edge) / spread + 0.5;
      if (cover <= 0) continue;
      if (cover > 1) cover = 1;
      const i = (row * width + col) * 3;
      out[0] = data[i] as number;
      out[1] = data[i + 1] as number;
      out[2] = data[i + 2] as number;
      ink((col + 0.5) * px, y, Math.max(0, y - edge), out);
      blend(data, i, out, cover);
    }
  }
}

function blend(data: Float32Array, i: number, out: Float64Array, cover: number): void {
  const keep = 1 - cover;
  data[i] = (data[i] as number) * keep + (out[0] as number) * cover;
  data[i + 1] = (data[i + 1] as number) * keep + (out[1] as number) * cover;
  data[i + 2] = (data[i + 2] as number) * keep + (out[2] as number) * cover;
}

/** Scanlines per pixel row; across a row coverage is exact. */
const SUB = 4;

/** A filled polygon (non-zero rule), `points` as x0, y0, x1, y1, … in units. */
export function polygon(c: Canvas, points: ArrayLike<number>, ink: Ink, alpha = 1): void {
  const shader = asShader(ink);
  const { width, height, px, data } = c;
  const n = points.length >> 1;
  const xs = new Float64Array(n);
  const ys = new Float64Array(n);
  let top = Number.POSITIVE_INFINITY;
  let bottom = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < n; i++) {
    xs[i] = (points[i * 2] as number) * height;
    ys[i] = (points[i * 2 + 1] as number) * height;
    top = Math.min(top, ys[i] as number);
    bottom = Math.max(bottom, ys[i] as number);
  }
  const row0 = Math.max(0, Math.floor(top));
  const row1 = Math.min(height - 1, Math.ceil(bottom));
  if (row1 < row0) return;
  const cover = new Float32Array(width + 1);
  const crossX: number[] = [];
  const crossDir: number[] = [];
  const out = new Float64Array(3);
  for (let row = row0; row <= row1; row++) {
    let left = width;
    let right = -1;
    for (let s = 0; s < SUB; s++) {
      const sy = row + (s + 0.5) / SUB;
      let count = 0;
      for (let i = 0, j = n - 1; i < n; j = i++) {
        const ay = ys[j] as number;
        const by = ys[i] as number;
        if (ay <= sy === by <= sy) continue;
        const ax = xs[j] as number;
        const x = ax + ((sy - ay) / (by - ay)) * ((xs[i] as number) - ax);
        let k = count++;
        for (; k > 0 && (crossX[k - 1] as number) > x; k--) {
          crossX[k] = crossX[k - 1] as number;
          crossDir[k] = crossDir[k - 1] as number;
        }
        crossX[k] = x;
        crossDir[k] = ay < by ? 1 : -1;
      }
      let winding = 0;
      for (let k = 0; k + 1 < count; k++) {
        winding += crossDir[k] as number;
        if (winding === 0) continue;
        const x0 = Math.max(0, crossX[k] as number);
        const x1 = Math.min(width, crossX[k + 1] as number);
        if (x1 <= x0) continue;
        const i0 = Math.floor(x0);
        const i1 = Math.floor(x1);
        if (i0 === i1) cover[i0] = (cover[i0] as number) + (x1 - x0) / SUB;
        else {
          cover[i0] = (cover[i0] as number) + (i0 + 1 - x0) / SUB;
          for (let i = i0 + 1; i < i1; i++) cover[i] = (cover[i] as number) + 1 / SUB;
          cover[i1] = (cover[i1] as number) + (x1 - i1) / SUB;
        }
        if (i0 < left) left = i0;
        if (i1 > right) right = i1;
      }
    }
    const y = (row + 0.5) * px;
    for (let col = left; col <= right; col++) {
      const a = cover[col] as number;
      cover[col] = 0;
      if (a <= 0 || col >= width) continue;
      const i = (row * width + col) * 3;
      out[0] = data[i] as number;
      out[1] = data[i + 1] as number;
      out[2] = data[i + 2] as number;
      shader((col + 0.5) * px, y, out);
      blend(data, i, out, Math.min(1, a) * alpha);
    }
  }
}

/** A line of changing width (units): trunk, branch, rope, beam. `widths` has one entry per point. */
export function stroke(c: Canvas, points: ArrayLike<number>, widths: ArrayLike<number>, ink: Ink, alpha = 1): void {
  const n = points.length >> 1;
  const outline = new Float64Array(n * 4);
  for (let i = 0; i < n; i++) {
    const before = Math.max(0, i - 1);
    const after = Math.min(n - 1, i + 1);
    const dx = (points[after * 2] as number) - (points[before * 2] as number);
    const dy = (points[after * 2 + 1] as number) - (points[before * 2 + 1] as number);
    const length = Math.hypot(dx, dy) || 1;
    const half = (widths[i] as number) / 2;
    const nx = (-dy / length) * half;
    const ny = (dx / length) * half;
    const x = points[i * 2] as number;
    const y = points[i * 2 + 1] as number;
    outline[i * 2] = x + nx;
    outline[i * 2 + 1] = y + ny;
    outline[(2 * n - 1 - i) * 2] = x - nx;
    outline[(2 * n - 1 - i) * 2 + 1] = y - ny;
  }
  polygon(c, outline, ink, alpha);
}

/** One touch of a round brush: an ellipse with a soft rim (`soft` 0 hard … 1 all rim). */
export function dab(
  c: Canvas,
  x: number,
  y: number,
  rx: number,
  ry: number,
  angle: number,
  colour: RGB,
  alpha = 1,
  soft = 0.35,
): void {
  const { width, height, px, data } = c;
  const reach = Math.max(rx, ry) + px;
  const col0 = Math.max(0, Math.floor((x - reach) * height));
  const col1 = Math.min(width - 1, Math.ceil((x + reach) * height));
  const row0 = Math.max(0, Math.floor((y - reach) * height));
  const row1 = Math.min(height - 1, Math.ceil((y + reach) * height));
  const cos = Math.cos(angle);
  const sin = Math.sin(angle);
  const rim = Math.max(soft, px / Math.min(rx, ry));
  const [r, g, b] = colour;
  for (let row = row0; row <= row1; row++) {
    const dy = (row + 0.5) * px - y;
    for (let col = col0; col <= col1; col++) {
      const dx = (col + 0.5) * px - x;
      const u = (dx * cos + dy * sin) / rx;
      const v = (dy * cos - dx * sin) / ry;
      const d2 = u * u + v * v;
      if (d2 >= (1 + rim) * (1 + rim)) continue;
      const t = (1 - Math.sqrt(d2)) / rim;
      const cover = t >= 1 ? alpha : t <= 0 ? 0 : t * t * (3 - 2 * t) * alpha;
      if (cover <= 0) continue;
      const i = (row * width + col) * 3;
      data[i] = (data[i] as number) * (1 - cover) + r * cover;
      data[i + 1] = (data[i + 1] as number) * (1 - cover) + g * cover;
      data[i + 2] = (data[i + 2] as number) * (1 - cover) + b * cover;
    }
  }
}

/** Added light around a point, fading to nothing at `radius`; `squash` < 1 flattens it. */
export function glow(c: Canvas, x: number, y: number, radius: number, colour: RGB, strength = 1, squash = 1): void {
  const { width, height, px, data } = c;
  const col0 = Math.max(0, Math.floor((x - radius) * height));
  const col1 = Math.min(width - 1, Math.ceil((x + radius) * height));
  const row0 = Math.max(0, Math.floor((y - radius * squash) * height));
  const row1 = Math.min(height - 1, Math.ceil((y + radius * squash) * height));
  const r = colour[0] * strength;
  const g = colour[1] * strength;
  const b = colour[2] * strength;
  for (let row = row0; row <= row1; row++) {
    const v = ((row + 0.5) * px - y) / (radius * squash);
    for (let col = col0; col <= col1; col++) {
      const u = ((col + 0.5) * px - x) / radius;
      const d2 = u * u + v * v;
      if (d2 >= 1) continue;
      const rest = 1 - d2;
      // A tight heart in a wide halo, as a lamp in air looks.
      const light = rest * rest * (0.25 * rest + 0.75 / (1 + 40 * d2));
      const i = (row * width + col) * 3;
      data[i] = (data[i] as number) + r * light;
      data[i + 1] = (data[i + 1] as number) + g * light;
      data[i + 2] = (data[i + 2] as number) + b * light;
    }
  }
}

/** The colour at a place, between pixels, edges held. */
export function sample(c: Canvas, x: number, y: number, out: Float64Array): void {
  const { width, height, data } = c;
  const fx = Math.min(Math.max(x * height - 0.5, 0), width - 1.001);
  const fy = Math.min(Math.max(y * height - 0.5, 0), height - 1.001);
  const x0 = Math.floor(fx);
  const y0 = Math.floor(fy);
  const u = fx - x0;
  const v = fy - y0;
  const i = (y0 * width + x0) * 3;
  const right = width > 1 ? 3 : 0;
  const down = height > 1 ? width * 3 : 0;
  for (let k = 0; k < 3; k++) {
    const a = data[i + k] as number;
    const b = data[i + right + k] as number;
    const d = data[i + down + k] as number;
    const e = data[i + down + right + k] as number;
    const top = a + (b - a) * u;
    out[k] = top + (d + (e - d) * u - top) * v;
  }
}
