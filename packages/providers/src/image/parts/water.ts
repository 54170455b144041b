/** Still water: a mirror of what stands above it, drawn out by ripples and darkened by depth. */
import { type Canvas, sample, shade } from '../canvas.ts';
import { clamp, lerp, type RGB, smooth } from '../colour.ts';
import { makeNoise, type Rng } from '../noise.ts';

export interface WaterWish {
  /** The waterline, in units. */
  top: number;
  /** The water's own colour, seen where we look down into it. */
  deep: RGB;
  /** 0 glass … 1 breeze. */
  ripple: number;
  /** Light source for the glittering path, if any. */
  path?: { x: number; colour: RGB; strength: number };
}

/** Replace everything below `wish.top` by water that mirrors everything above it. */
export function paintWater(c: Canvas, rng: Rng, wish: WaterWish): void {
  const noise = makeNoise(rng.seed);
  const above = { ...c, data: c.data.slice(0, Math.ceil(wish.top * c.height + 2) * c.width * 3) };
  const rows = Math.floor(above.data.length / (c.width * 3));
  const mirror: Canvas = { ...above, height: c.height };
  const seen = new Float64Array(3);
  const limit = (rows - 1.5) * c.px;
  shade(
    c,
    (x, y, out) => {
      const t = clamp((y - wish.top) / (1 - wish.top));
      // Perspective: ripples are long and fine at the far shore, broad near our feet.
      const z = 1 / (t + 0.06);
      const a = noise.at(x * z * 1.1, z * 9);
      const b = noise.at(x * z * 4.1 + 7, z * 31);
      const wave = (a + 0.5 * b) * wish.ripple;
      const depth = (y - wish.top) * 0.93;
      const my = clamp(wish.top - depth + wave * (0.004 + 0.05 * t), 0.5 * c.px, limit);
      sample(mirror, x + wave * (0.002 + 0.012 * t), my, seen);
      const sink = 0.12 + 0.5 * smooth(0, 1, t) + 0.1 * wave;
      let shine = 0;
      if (wish.path) {
        const width = 0.035 + 0.2 * t;
        const across = (x - wish.path.x) / width;
        shine =
          wish.path.strength * Math.exp(-across * across) * smooth(0.15, 0.75, 0.45 + 0.75 * wave) * (1 - 0.5 * t);
      }
      for (let k = 0; k < 3; k++) {
        const v = lerp((seen[k] as number) * 0.92, wish.deep[k as 0] as number, clamp(sink, 0, 0.75));
        out[k] = v + (wish.path ? shine * (wish.path.colour[k as 0] as number) : 0);
      }
    },
    wish.top,
    1,
  );
}
