/**
 * Colours of the painter: linear-light RGB triples, so that glow, haze and reflection add up as light does.
 * Owns conversion from the hex a person writes, mixing, and the small curves used everywhere.
 */

/** Linear light, 1 is display white; lamps go above it and are brought back by the tone curve. */
export type RGB = readonly [number, number, number];

export function clamp(value: number, low = 0, high = 1): number {
  return value < low ? low : value > high ? high : value;
}

export function lerp(a: number, b: number, t: number): number {
  return a + (b - a) * t;
}

/** 0 below `a`, 1 above `b`, smooth between; works for a > b too. */
export function smooth(a: number, b: number, value: number): number {
  const t = clamp((value - a) / (b - a));
  return t * t * (3 - 2 * t);
}

function toLinear(channel: number): number {
  return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
}

/** `#rrggbb` as linear light. */
export function hex(code: string): RGB {
  const value = Number.parseInt(code.slice(1), 16);
  return [toLinear(((value >> 16) & 255) / 255), toLinear(((value >> 8) & 255) / 255), toLinear((value & 255) / 255)];
}

export function mix(a: RGB, b: RGB, t: number): RGB {
  return [a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, a[2] + (b[2] - a[2]) * t];
}

export function scale(a: RGB, k: number): RGB {
  return [a[0] * k, a[1] * k, a[2] * k];
}

export function add(a: RGB, b: RGB): RGB {
  return [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
}

/** Light of colour `b` falling on a surface of colour `a`. */
export function times(a: RGB, b: RGB): RGB {
  return [a[0] * b[0], a[1] * b[1], a[2] * b[2]];
}

export function luminance(a: RGB): number {
  return 0.2126 * a[0] + 0.7152 * a[1] + 0.0722 * a[2];
}

/** Pull a colour towards a tint of the same brightness. */
export function tinted(a: RGB, tint: RGB, amount: number): RGB {
  const k = luminance(a) / Math.max(1e-4, luminance(tint));
  return mix(a, scale(tint, k), amount);
}

/** Richer (k > 1) or greyer (k < 1). */
export function saturate(a: RGB, k: number): RGB {
  const l = luminance(a);
  return [Math.max(0, l + (a[0] - l) * k), Math.max(0, l + (a[1] - l) * k), Math.max(0, l + (a[2] - l) * k)];
}
