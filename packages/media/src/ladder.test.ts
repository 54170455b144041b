import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { planLadder, RUNGS } from './ladder.ts';

const rate = { num: 30, den: 1 };
const of = (width: number, height: number, wanted?: readonly number[]) =>
  planLadder({ width, height }, { codec: 'h264', rate, wanted });
const sizes = (width: number, height: number) =>
  of(width, height).rungs.map((rung) => `${rung.quality} ${rung.width}x${rung.height}`);

describe('a ladder', () => {
  test('goes from the height of the source down, and names what it is too small for', () => {
    expect(sizes(1920, 1080)).toEqual(['1080p 1920x1080', '720p 1280x720', '480p 854x480', '360p 640x360']);
    expect(of(1920, 1080).skipped).toEqual(['2160p', '1440p']);
    expect(sizes(3840, 2160)).toHaveLength(6);
    expect(of(3840, 2160).skipped).toEqual([]);
  });

  test('of a portrait film counts the shorter side', () => {
    expect(sizes(1080, 1920)).toEqual(['1080p 1080x1920', '720p 720x1280', '480p 480x854', '360p 360x640']);
  });

  test('of a source below all rungs is its own height, alone', () => {
    expect(sizes(320, 240)).toEqual(['240p 320x240']);
    expect(of(320, 240).skipped).toEqual(RUNGS.map((rung) => `${rung}p`));
  });

  test('keeps the qualities that were asked for, and refuses an order for none', () => {
    expect(of(1920, 1080, [1080, 480]).rungs.map(({ quality }) => quality)).toEqual(['1080p', '480p']);
    expect(of(1280, 720, [1080, 720])).toMatchObject({ rungs: [{ quality: '720p' }], skipped: ['1080p'] });
    expect(() => of(640, 360, [1080])).toThrow(
      'none of the qualities asked for (1080p) can be made of a source of 640×360; it has enough for 360p',
    );
  });

  test('gives more bits to more pixels, to quick pictures, and fewer to newer codecs', () => {
    const [top, next] = of(1920, 1080).rungs;
    expect(top?.maxKbits).toBe(6_000);
    expect(top?.bufferKbit).toBe(12_000);
    expect(next?.maxKbits).toBeLessThan(6_000);
    const quick = planLadder({ width: 1920, height: 1080 }, { codec: 'h264', rate: { num: 60, den: 1 } });
    expect(quick.rungs[0]?.maxKbits).toBe(9_000);
    const hevc = planLadder({ width: 1920, height: 1080 }, { codec: 'hevc', rate });
    expect(hevc.rungs[0]?.maxKbits).toBe(3_900);
  });

  test('of any source is never larger than it, always even, falls strictly, and keeps its shape', () => {
    const side = fc.integer({ min: 16, max: 8_000 });
    fc.assert(
      fc.property(side, side, (width, height) => {
        fc.pre(Math.max(width, height) / Math.min(width, height) < 8);
        const { rungs, skipped } = of(width, height);
        expect(rungs.length).toBeGreaterThan(0);
        rungs.forEach((rung, index) => {
          expect((rung.width % 2) + (rung.height % 2)).toBe(0);
          // An odd side may be rounded up by one for the evenness of 4:2:0.
          expect(rung.width).toBeLessThanOrEqual(width + 1);
          expect(rung.height).toBeLessThanOrEqual(height + 1);
          const below = rungs[index + 1];
          if (below) expect(Math.min(below.width, below.height)).toBeLessThan(Math.min(rung.width, rung.height));
          if (Math.min(rung.width, rung.height) >= 64)
            expect(Math.abs(rung.width / rung.height / (width / height) - 1)).toBeLessThan(0.05);
        });
        expect(new Set([...rungs.map(({ quality }) => quality), ...skipped]).size).toBe(rungs.length + skipped.length);
      }),
    );
  });
});
