import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AttemptAborted, PermanentError } from '@reelfleet/core';
import { decode } from 'fast-png';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dummyImage } from './dummy.ts';
import { paint } from './paint.ts';
import { encodePng } from './png.ts';
import { families } from './prompt.ts';

const size = { width: 320, height: 180 };
const places: Record<(typeof families)[number], string> = {
  mountains: 'mountain lake at dawn',
  ocean: 'ocean sunset',
  forest: 'deep forest, morning light',
  city: 'city skyline at night',
  hall: 'grand ballroom with chandeliers',
  library: 'old library',
  hearth: 'tavern hearth',
  nightsky: 'starry sky',
  cosmos: 'violet nebula and a planet',
  village: 'snowy village at night',
  desert: 'desert dunes',
  garden: 'rose garden',
};

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reelfleet-image-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function meanDifference(a: Uint8Array, b: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += Math.abs((a[i] as number) - (b[i] as number));
  return sum / a.length;
}

function means(rgb: Uint8Array): { r: number; b: number } {
  let r = 0;
  let b = 0;
  for (let i = 0; i < rgb.length; i += 3) {
    r += rgb[i] as number;
    b += rgb[i + 2] as number;
  }
  return { r: (r * 3) / rgb.length, b: (b * 3) / rgb.length };
}

describe('the painter', () => {
  it.each(families)('makes of "%s" a picture: neither flat nor noise', (family) => {
    const rgb = paint({ prompt: places[family], seed: 5, ...size });
    let mean = 0;
    for (const value of rgb) mean += value / rgb.length;
    let variance = 0;
    let neighbours = 0;
    for (let i = 3; i < rgb.length; i++) {
      variance += ((rgb[i] as number) - mean) ** 2 / rgb.length;
      neighbours += Math.abs((rgb[i] as number) - (rgb[i - 3] as number)) / rgb.length;
    }
    const contrast = Math.sqrt(variance);
    expect(contrast).toBeGreaterThan(14);
    expect(neighbours).toBeLessThan(contrast * 0.45);
    expect(mean).toBeGreaterThan(12);
    expect(mean).toBeLessThan(215);
  });

  it('makes different pictures of different seeds and different prompts', () => {
    const one = paint({ prompt: places.mountains, seed: 1, ...size });
    expect(meanDifference(one, paint({ prompt: places.mountains, seed: 2, ...size }))).toBeGreaterThan(6);
    expect(meanDifference(one, paint({ prompt: places.hall, seed: 1, ...size }))).toBeGreaterThan(12);
  });

  it('lets the words choose the colours', () => {
    for (const seed of [1, 2, 3]) {
      const warm = means(paint({ prompt: 'grand ballroom, golden accents, warm lighting', seed, ...size }));
      const cold = means(paint({ prompt: 'cold blue winter night over a frozen lake', seed, ...size }));
      expect(warm.r).toBeGreaterThan(warm.b * 1.25);
      expect(cold.b).toBeGreaterThan(cold.r * 1.15);
    }
  });

  it('keeps its composition at every size', () => {
    const small = paint({ prompt: places.hall, seed: 8, ...size });
    const large = paint({ prompt: places.hall, seed: 8, width: 640, height: 360 });
    const halved = new Uint8Array(small.length);
    for (let y = 0; y < size.height; y++) {
      for (let x = 0; x < size.width * 3; x++) {
        const at = (row: number, column: number) => large[(row * 640 + column) * 3 + (x % 3)] as number;
        const column = Math.floor(x / 3) * 2;
        halved[y * size.width * 3 + x] =
          (at(2 * y, column) + at(2 * y + 1, column) + at(2 * y, column + 1) + at(2 * y + 1, column + 1)) / 4;
      }
    }
    expect(meanDifference(small, halved)).toBeLessThan(8);
  });

  it('writes PNGs that another decoder reads back exactly', () => {
    const rgb = paint({ prompt: 'ocean', seed: 3, width: 65, height: 33 });
    const image = decode(encodePng(rgb, 65, 33), { checkCrc: true });
    expect([image.width, image.height, image.channels, image.depth]).toEqual([65, 33, 3, 8]);
    expect(Buffer.from(image.data as Uint8Array).equals(Buffer.from(rgb))).toBe(true);
  });
});

describe('the built-in image provider', () => {
  it('writes the same bytes for the same request, reports its progress, and leaves nothing else behind', async () => {
    const request = { prompt: places.garden, seed: 7, width: 640, height: 360 };
    const reported: number[] = [];
    await dummyImage.generate(request, { path: join(folder, 'a.png'), report: (fraction) => reported.push(fraction) });
    await dummyImage.generate(request, { path: join(folder, 'b.png') });
    const [a, b] = await Promise.all([readFile(join(folder, 'a.png')), readFile(join(folder, 'b.png'))]);
    expect(a.equals(b)).toBe(true);
    expect(decode(a)).toMatchObject({ width: 640, height: 360 });
    expect(reported.at(-1)).toBe(1);
    expect(reported).toEqual([...reported].sort((x, y) => x - y));
    expect((await readdir(folder)).sort()).toEqual(['a.png', 'b.png']);
  });

  it('stops at once when its signal fires, with the reason of the signal and without a file', async () => {
    const abort = new AbortController();
    const reason = new AttemptAborted('lease-lost');
    const work = dummyImage.generate(
      { prompt: places.forest, seed: 1, width: 1920, height: 1080 },
      { path: join(folder, 'never.png'), signal: abort.signal, report: () => abort.abort(reason) },
    );
    await expect(work).rejects.toBe(reason);
    expect(await readdir(folder)).not.toContain('never.png');
  });

  it('does not begin when the signal has fired before', async () => {
    const reason = new AttemptAborted('shutdown');
    await expect(
      dummyImage.generate(
        { prompt: 'sea', seed: 1, ...size },
        { path: join(folder, 'no.png'), signal: AbortSignal.abort(reason) },
      ),
    ).rejects.toBe(reason);
  });

  it('lets the event loop run while it paints', async () => {
    let beats = 0;
    const heart = setInterval(() => beats++, 5);
    await dummyImage.generate(
      { prompt: places.forest, seed: 2, width: 640, height: 360 },
      { path: join(folder, 'beat.png') },
    );
    clearInterval(heart);
    expect(beats).toBeGreaterThan(10);
  });

  it('refuses a size nobody can paint, for good', async () => {
    await expect(
      dummyImage.generate({ prompt: 'sea', seed: 1, width: 0, height: 180 }, { path: join(folder, 'x.png') }),
    ).rejects.toThrow(PermanentError);
  });
});
