/**
 * What happens to a painting after the brush: blur, bloom, colour grade, tone curve, and development into 8-bit bytes
 * with a dither of at most one step (gradients do not band, and the encoder still finds nothing to spend bits on).
 */
import { type Canvas, makeCanvas, sample } from './canvas.ts';
import { clamp, type RGB } from './colour.ts';
import { hashPoint } from './noise.ts';

/** A copy at 1/`factor` of the size, each pixel the mean of its block. */
function shrink(c: Canvas, factor: number, threshold = 0): Canvas {
  const width = Math.max(1, Math.floor(c.width / factor));
  const height = Math.max(1, Math.floor(c.height / factor));
  const small = makeCanvas(width, height);
  const weight = 1 / (factor * factor);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let r = 0;
      let g = 0;
      let b = 0;
      for (let v = 0; v < factor; v++) {
        let i = ((y * factor + v) * c.width + x * factor) * 3;
        for (let u = 0; u < factor; u++, i += 3) {
          r += c.data[i] as number;
          g += c.data[i + 1] as number;
          b += c.data[i + 2] as number;
        }
      }
      const peak = Math.max(r, g, b) * weight;
      const keep = threshold > 0 ? (Math.max(0, peak - threshold) / (peak + 1e-6)) * weight : weight;
      const o = (y * width + x) * 3;
      small.data[o] = r * keep;
      small.data[o + 1] = g * keep;
      small.data[o + 2] = b * keep;
    }
  }
  return small;
}

/** Three box passes are a gaussian to the eye; `radius` in pixels of this canvas. */
function boxBlur(c: Canvas, radius: number): void {
  const r = Math.max(1, Math.round(radius));
  const line = new Float32Array(Math.max(c.width, c.height));
  const pass = (start: number, step: number, count: number) => {
    for (let k = 0; k < count; k++) line[k] = c.data[start + k * step] as number;
    let sum = 0;
    for (let k = -r; k <= r; k++) sum += line[Math.min(count - 1, Math.max(0, k))] as number;
    const norm = 1 / (2 * r + 1);
    for (let k = 0; k < count; k++) {
      c.data[start + k * step] = sum * norm;
      sum += (line[Math.min(count - 1, k + r + 1)] as number) - (line[Math.max(0, k - r)] as number);
    }
  };
  for (let round = 0; round < 3; round++) {
    for (let y = 0; y < c.height; y++) for (let k = 0; k < 3; k++) pass(y * c.width * 3 + k, 3, c.width);
    for (let x = 0; x < c.width; x++) for (let k = 0; k < 3; k++) pass(x * 3 + k, c.width * 3, c.height);
  }
}

/** The picture out of focus: a small canvas to be read with `sample` through {@link readBlur}. `radius` in units. */
export function blurred(c: Canvas, radius: number): Canvas {
  const pixels = radius * c.height;
  const factor = pixels > 24 ? 8 : pixels > 10 ? 4 : pixels > 3 ? 2 : 1;
  const small = shrink(c, Math.min(factor, c.height, c.width));
  boxBlur(small, pixels / factor / 1.7);
  return small;
}

/** Replace the whole picture by `soft` (mask 1) or keep it (mask 0). */
export function defocus(c: Canvas, soft: Canvas, mask: (x: number, y: number) => number): void {
  const out = new Float64Array(3);
  for (let row = 0, i = 0; row < c.height; row++) {
    for (let col = 0; col < c.width; col++, i += 3) {
      const x = (col + 0.5) * c.px;
      const y = (row + 0.5) * c.px;
      const m = mask(x, y);
      if (m <= 0) continue;
      sample(soft, x, y, out);
      for (let k = 0; k < 3; k++) c.data[i + k] = (c.data[i + k] as number) * (1 - m) + (out[k] as number) * m;
    }
  }
}

/** Light spilling from what is brighter than `threshold`, near and far. */
export function bloom(c: Canvas, strength: number, threshold = 0.6): void {
  const near = shrink(c, Math.max(1, Math.min(4, c.height >> 6)), threshold);
  const far = shrink(near, Math.max(1, Math.min(2, near.height >> 4)));
  boxBlur(near, near.height * 0.008);
  boxBlur(far, far.height * 0.045);
  const a = new Float64Array(3);
  const b = new Float64Array(3);
  for (let row = 0, i = 0; row < c.height; row++) {
    const y = (row + 0.5) * c.px;
    for (let col = 0; col < c.width; col++, i += 3) {
      const x = (col + 0.5) * c.px;
      sample(near, x, y, a);
      sample(far, x, y, b);
      for (let k = 0; k < 3; k++) {
        c.data[i + k] = (c.data[i + k] as number) + strength * (0.45 * (a[k] as number) + 0.8 * (b[k] as number));
      }
    }
  }
}

export interface Grade {
  /** Multiplies everything: the warmth of the whole. */
  balance: RGB;
  /** Shadows and highlights are drawn towards these (linear light, small values; added by darkness and brightness). */
  shadows: RGB;
  highlights: RGB;
  exposure: number;
  saturation: number;
  /** 0 flat … 1 strong S-curve. */
  contrast: number;
  /** Darkening of the corners, 0..1. */
  vignette: number;
}

/** Linear light to display value, 0..1 → 0..255, as a table fine enough to dither on. */
const DISPLAY = new Float32Array(4097);
for (let i = 0; i <= 4096; i++) {
  // Square-root spacing: the shadows, where the curve is steep, get the resolution.
  const v = (i / 4096) ** 2;
  DISPLAY[i] = 255 * (v <= 0.0031308 ? 12.92 * v : 1.055 * v ** (1 / 2.4) - 0.055);
}

/** Above 0.6 the light is bent towards, never over, white. */
function shoulder(v: number): number {
  if (v <= 0.6) return v > 0 ? v : 0;
  const t = v - 0.6;
  return 0.6 + (0.4 * t) / (t + 0.4);
}

/** Tone, grade and dither into RGB bytes. */
export function develop(c: Canvas, grade: Grade, seed: number): Uint8Array {
  const { width, height, data } = c;
  const bytes = new Uint8Array(width * height * 3);
  const { balance, shadows, highlights, exposure, saturation, contrast, vignette } = grade;
  const channel = [0, 0, 0];
  for (let row = 0, i = 0; row < height; row++) {
    const v = (row + 0.5) / height - 0.5;
    for (let col = 0; col < width; col++, i += 3) {
      const u = (col + 0.5) / width - 0.5;
      const fall = 1 - vignette * clamp((u * u * 1.1 + v * v * 1.3 - 0.08) * 1.9) ** 1.2;
      const r = (data[i] as number) * exposure * balance[0];
      const g = (data[i + 1] as number) * exposure * balance[1];
      const b = (data[i + 2] as number) * exposure * balance[2];
      const l = 0.2126 * r + 0.7152 * g + 0.0722 * b;
      const dark = 1 / (1 + 9 * l);
      const bright = l / (l + 0.7);
      // Very bright light loses its colour, as on film; without this a sunset sky clips to plain yellow.
      const rich = saturation / (1 + 0.55 * Math.max(0, l - 0.45));
      channel[0] = shoulder((l + (r - l) * rich + shadows[0] * dark + highlights[0] * bright) * fall);
      channel[1] = shoulder((l + (g - l) * rich + shadows[1] * dark + highlights[1] * bright) * fall);
      channel[2] = shoulder((l + (b - l) * rich + shadows[2] * dark + highlights[2] * bright) * fall);
      // One dither for the three channels: grey grain costs an encoder far less than coloured grain.
      const dither = hashPoint(col, row, seed);
      for (let k = 0; k < 3; k++) {
        const at = Math.sqrt(channel[k] as number) * 4096;
        const low = at | 0;
        const a = DISPLAY[low] as number;
        let s = a + ((DISPLAY[low < 4096 ? low + 1 : 4096] as number) - a) * (at - low);
        const n = s / 255;
        s += contrast * 255 * 0.6 * n * (1 - n) * (n - 0.42);
        bytes[i + k] = Math.min(255, Math.max(0, Math.floor(s + dither)));
      }
    }
  }
  return bytes;
}
