import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { layOutSprites, spritesVtt } from './sprites.ts';

const wide = { width: 1920, height: 1080 };

describe('the layout of pictures for scrubbing', () => {
  test.each<[string, number, { everySeconds: number; count: number; sheets: number }]>([
    ['a blink', 0.04, { everySeconds: 1, count: 1, sheets: 1 }],
    ['half a minute', 30, { everySeconds: 1, count: 30, sheets: 1 }],
    ['ten minutes', 600, { everySeconds: 2, count: 300, sheets: 9 }],
    ['an hour', 3600, { everySeconds: 10, count: 360, sheets: 10 }],
    ['two hours', 7200, { everySeconds: 20, count: 360, sheets: 10 }],
    ['a day', 86_400, { everySeconds: 240, count: 360, sheets: 10 }],
  ])('of %s', (_name, seconds, wanted) => {
    expect(layOutSprites(seconds, wide)).toMatchObject({ ...wanted, width: 256, height: 144 });
  });

  test('keeps the shape, whichever way it lies, and enlarges nothing', () => {
    expect(layOutSprites(60, { width: 1080, height: 1920 })).toMatchObject({ width: 82, height: 144 });
    expect(layOutSprites(60, { width: 100, height: 50 })).toMatchObject({ width: 100, height: 50 });
  });

  test('has a place for every picture, on sheets of bounded size, whatever the length', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.01, max: 500_000, noNaN: true }), (seconds) => {
        const { count, everySeconds, columns, rows, sheets, width, height } = layOutSprites(seconds, wide);
        expect(count * everySeconds).toBeGreaterThanOrEqual(seconds);
        expect((count - 1) * everySeconds).toBeLessThan(seconds);
        expect(columns * rows * sheets).toBeGreaterThanOrEqual(count);
        expect(columns * rows * (sheets - 1)).toBeLessThan(count);
        expect([count <= 360, columns * width <= 1536, rows * height <= 864]).toEqual([true, true, true]);
      }),
    );
  });
});

test('the WebVTT file names every picture by its seconds and its place, without a gap', () => {
  const layout = layOutSprites(40.5, wide);
  const [head, ...cues] = spritesVtt(layout, 'sprites', 40.5).trimEnd().split('\n\n');
  expect(head).toBe('WEBVTT');
  expect(cues).toHaveLength(41);
  expect(cues[0]).toBe('00:00:00.000 --> 00:00:01.000\nsprites/sheet-001.jpg#xywh=0,0,256,144');
  expect(cues[7]).toBe('00:00:07.000 --> 00:00:08.000\nsprites/sheet-001.jpg#xywh=256,144,256,144');
  expect(cues[36]).toBe('00:00:36.000 --> 00:00:37.000\nsprites/sheet-002.jpg#xywh=0,0,256,144');
  expect(cues[40]).toBe('00:00:40.000 --> 00:00:40.500\nsprites/sheet-002.jpg#xywh=1024,0,256,144');
  const long = spritesVtt(layOutSprites(7_260, wide), 'sprites', 7_260).trimEnd().split('\n\n');
  expect(long.at(-1)).toMatch(/^02:00:30\.000 --> 02:01:00\.000\n/);
});
