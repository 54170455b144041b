/** The small architecture of gardens: a domed pavilion, a fountain that plays. */
import { type Canvas, dab, glow, polygon, stroke } from '../canvas.ts';
import { clamp, mix, type RGB, scale } from '../colour.ts';
import type { Light } from '../light.ts';
import type { Rng } from '../noise.ts';

export function paintPavilion(
  c: Canvas,
  x: number,
  base: number,
  s: number,
  stone: RGB,
  light: Light,
  lamps: number,
): void {
  const shade = mix(stone, light.shadow, 0.5);
  glow(c, x, base - s * 0.45, s * 1.2, light.lamp, 0.4 * lamps);
  polygon(
    c,
    [x - s * 0.6, base, x - s * 0.54, base - s * 0.07, x + s * 0.54, base - s * 0.07, x + s * 0.6, base],
    stone,
  );
  for (const [dx, w, tone] of [
    [-0.3, 0.04, shade],
    [0.3, 0.04, shade],
    [-0.46, 0.055, stone],
    [-0.15, 0.055, stone],
    [0.15, 0.055, stone],
    [0.46, 0.055, stone],
  ] as const) {
    polygon(
      c,
      [
        x + (dx - w / 2) * s,
        base - s * 0.07,
        x + (dx - w / 2) * s,
        base - s * 0.72,
        x + (dx + w / 2) * s,
        base - s * 0.72,
        x + (dx + w / 2) * s,
        base - s * 0.07,
      ],
      (u, _v, out) => {
        const k0 = 0.65 + 0.5 * Math.sin(clamp((u - x - (dx - w / 2) * s) / (w * s)) * Math.PI);
        for (let k = 0; k < 3; k++) out[k] = (tone[k as 0] as number) * k0;
      },
    );
  }
  polygon(
    c,
    [
      x - s * 0.56,
      base - s * 0.72,
      x - s * 0.58,
      base - s * 0.82,
      x + s * 0.58,
      base - s * 0.82,
      x + s * 0.56,
      base - s * 0.72,
    ],
    stone,
  );
  const dome: number[] = [];
  for (let i = 0; i <= 24; i++) {
    const a = Math.PI - (i / 24) * Math.PI;
    dome.push(x + Math.cos(a) * s * 0.53, base - s * 0.82 - Math.sin(a) * s * 0.38);
  }
  polygon(c, dome, (u, v, out) => {
    const t = clamp((u - x) / (s * 0.53), -1, 1);
    const k0 = 0.5 + 0.5 * Math.sqrt(1 - t * t) - 0.15 * ((v - base + s * 1.2) / (s * 0.38));
    const rib = Math.abs(Math.sin(Math.asin(t) * 5)) < 0.08 ? 0.8 : 1;
    for (let k = 0; k < 3; k++) out[k] = mix(stone, light.haze, 0.15)[k as 0] * k0 * rib;
  });
  stroke(c, [x, base - s * 1.19, x, base - s * 1.34], [s * 0.03, s * 0.008], stone);
}

export function paintFountain(c: Canvas, rng: Rng, x: number, base: number, s: number, stone: RGB, light: Light): void {
  const basin = (y: number, rx: number, ry: number, h: number) => {
    const body: number[] = [];
    for (let i = 0; i <= 24; i++)
      body.push(x + Math.cos((i / 24) * Math.PI) * rx, y + Math.sin((i / 24) * Math.PI) * ry + h);
    body.push(x - rx * 1.04, y, x + rx * 1.04, y);
    polygon(c, body, (u, v, out) => {
      const t = clamp((u - x) / rx, -1, 1);
      const k0 = 0.45 + 0.6 * Math.sqrt(1 - t * t) - 0.3 * clamp((v - y) / (h + ry));
      for (let k = 0; k < 3; k++) out[k] = (stone[k as 0] as number) * k0;
    });
    dab(c, x, y, rx * 1.05, ry, 0, stone, 1, 0.04);
    dab(c, x, y + ry * 0.06, rx * 0.95, ry * 0.84, 0, mix(light.middle, light.shadow, 0.4), 1, 0.06);
    dab(c, x, y - ry * 0.1, rx * 0.6, ry * 0.4, 0, mix(light.horizon, light.halo, 0.4), 0.4, 0.9);
  };
  basin(base, s * 0.95, s * 0.2, s * 0.16);
  polygon(
    c,
    [x - s * 0.1, base, x - s * 0.06, base - s * 0.5, x + s * 0.06, base - s * 0.5, x + s * 0.1, base],
    scale(stone, 0.8),
  );
  basin(base - s * 0.52, s * 0.42, s * 0.085, s * 0.07);
  polygon(
    c,
    [
      x - s * 0.05,
      base - s * 0.52,
      x - s * 0.03,
      base - s * 0.86,
      x + s * 0.03,
      base - s * 0.86,
      x + s * 0.05,
      base - s * 0.52,
    ],
    scale(stone, 0.85),
  );
  basin(base - s * 0.86, s * 0.18, s * 0.04, s * 0.035);
  const spray = mix(light.halo, [0.9, 0.94, 1], 0.5);
  for (let jet = 0; jet < 26; jet++) {
    const upper = jet < 12;
    const dir = rng.range(-1, 1);
    const y0 = upper ? base - s * 0.88 : base - s * 0.54;
    const reach = upper ? s * 0.3 : s * 0.62;
    for (let i = 0; i <= 26; i++) {
      const t = i / 26;
      const px = x + dir * (upper ? s * 0.05 : s * 0.4) + dir * reach * t;
      const py = y0 - (upper ? s * 0.55 : s * 0.03) * 4 * t * (1 - t) * 0.5 + t * t * (upper ? s * 0.34 : s * 0.52);
      dab(c, px, py, s * 0.008, s * 0.016, 0, spray, 0.34 * (1 - t * 0.5), 0.8);
    }
  }
}
