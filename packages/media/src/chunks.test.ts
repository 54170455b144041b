import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cutRanges, gopFrames, planChunks, segmentFrames, segmentsOf, timesDigest } from './chunks.ts';
import { fromFrames, fromPackets } from './frame-list.ts';
import { decideGrid, type FrameList, shownFrames } from './grid.ts';
import type { Rational } from './probe.ts';

const rates: Rational[] = [
  ...[
    [24_000, 1_001],
    [24, 1],
    [25, 1],
    [30_000, 1_001],
    [30, 1],
    [50, 1],
    [60_000, 1_001],
    [60, 1],
    [15, 1],
    [12_500, 1_000],
  ],
].map(([num, den]) => ({ num: num as number, den: den as number }));
const anyRate = fc.constantFrom(...rates);
const anyLength = fc.integer({ min: 1, max: 500_000 });

/** Frames at a constant rate as a container with this time base rounds their times. */
function constant(frames: number, rate: Rational, timeBase: Rational, from = 0): FrameList {
  const tick = (n: number) => Math.round((n * rate.den * timeBase.den) / (rate.num * timeBase.num)) + from;
  const times = Array.from({ length: frames }, (_, n) => tick(n));
  return { timeBase, times, keys: times.flatMap((_, n) => (n % 48 === 0 ? [n] : [])), end: tick(frames) };
}

describe('chunks', () => {
  test('cover every frame exactly once, in whole segments, for any length and rate', () => {
    fc.assert(
      fc.property(anyLength, anyRate, fc.integer({ min: 1, max: 40 }), (frames, rate, chunkSegments) => {
        const ranges = cutRanges(frames, rate, chunkSegments);
        let frame = 0;
        let segment = 0;
        for (const [index, range] of ranges.entries()) {
          expect(range).toMatchObject({ index, startFrame: frame, firstSegment: segment });
          expect(range.frames).toBeGreaterThan(0);
          expect(segmentsOf(range.frames, rate)).toHaveLength(range.segments);
          if (index < ranges.length - 1) expect(range.frames % segmentFrames(rate)).toBe(0);
          frame += range.frames;
          segment += range.segments;
        }
        expect(frame).toBe(frames);
        expect(segment).toBe(segmentsOf(frames, rate).length);
        const lengths = ranges.map(({ segments }) => segments);
        expect(Math.max(...lengths) - Math.min(...lengths)).toBeLessThanOrEqual(1);
      }),
    );
  });

  test('are about a minute, of segments of six seconds, of groups of two', () => {
    expect(gopFrames({ num: 30_000, den: 1_001 })).toBe(60);
    expect(segmentFrames({ num: 24_000, den: 1_001 })).toBe(144);
    expect(cutRanges(18_000, { num: 30, den: 1 }).map(({ frames }) => frames)).toEqual(Array(10).fill(1_800));
  });

  test('see between them every frame of a constant source once, whatever its clock', () => {
    const bases = fc.constantFrom(
      { num: 1, den: 1_000 },
      { num: 1, den: 90_000 },
      { num: 1_001, den: 30_000 },
      { num: 1, den: 12_800 },
    );
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4_000 }),
        anyRate,
        bases,
        fc.integer({ min: 0, max: 1_000_000 }),
        (frames, rate, base, from) => {
          fc.pre(base.den / base.num >= rate.num / rate.den);
          const list = constant(frames, rate, base, from);
          fc.pre(new Set(list.times).size === frames);
          const grid = decideGrid(list, [rate]);
          expect(grid).toMatchObject({ kind: 'constant', frames });
          const chunks = planChunks(list, grid, { seeking: 'exact', chunkSegments: 1 });
          const tick = base.num / base.den;
          for (const { startFrame, frames: count, source } of chunks) {
            // What the cut lets through is what the plan lists, and neither border is near a frame.
            const kept = list.times.filter(
              (time) => time * tick >= (source.from ?? -Infinity) && time * tick < (source.to ?? Infinity),
            );
            expect(kept).toEqual(list.times.slice(startFrame, startFrame + count));
            expect(source).toMatchObject({ frames: count, digest: timesDigest(kept) });
            // A seek finds the last key frame before it: the nearest one that the first frame can be decoded from, then earlier ones.
            const found = source.seeks
              .filter((seek) => seek !== null)
              .map((seek) => list.keys.findLast((key) => (list.times[key] as number) * tick <= seek) as number);
            if (found.length > 0) expect(found[0]).toBe(list.keys.findLast((key) => key <= startFrame));
            expect(found).toEqual(found.toSorted((a, b) => b - a));
            expect(source.seeks.at(-1)).toBeNull();
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('a grid', () => {
  test('of unequal times shows in every slot the last frame that had begun, to the nearest slot', () => {
    const gaps = fc.array(fc.integer({ min: 1, max: 20_000 }), { minLength: 30, maxLength: 200 });
    fc.assert(
      fc.property(gaps, fc.integer({ min: -5_000, max: 90_000 }), (steps, from) => {
        let at = from;
        const times = [from, ...steps.map((step) => (at += step))];
        const list: FrameList = { timeBase: { num: 1, den: 90_000 }, times, keys: [0], end: at + 3_000 };
        const grid = decideGrid(list, []);
        const shown = shownFrames(list, grid);
        expect(shown).toHaveLength(grid.frames);
        if (grid.kind === 'constant') return;
        const slot = (90_000 * grid.rate.den) / grid.rate.num;
        shown.forEach((place, index) => {
          const now = (times[place] as number) - from;
          const next = times[place + 1];
          // The first frame is shown in slot 0; otherwise a frame has begun within half a slot, and the next has not.
          expect(now).toBeLessThanOrEqual((index + 0.5) * slot + slot / 500);
          if (next !== undefined) expect(next - from).toBeGreaterThan((index + 0.5) * slot - slot / 500);
        });
        // Chunks of it together show all of its slots, and each sees the frames that its slots show.
        const chunks = planChunks(list, grid, { seeking: 'near', chunkSegments: 1 });
        expect(chunks.reduce((sum, { frames }) => sum + frames, 0)).toBe(grid.frames);
        for (const { startFrame, frames, source } of chunks) {
          const first = shown[startFrame] as number;
          const last = shown[startFrame + frames - 1] as number;
          expect(source.frames).toBe(Math.min(last + 1, times.length - 1) - first + 1);
        }
      }),
      { numRuns: 60 },
    );
  });

  test('says which rate it chose', () => {
    const phone = constant(300, { num: 30, den: 1 }, { num: 1, den: 600 });
    expect(decideGrid(phone, [null, { num: 90_000, den: 1 }])).toMatchObject({
      rate: { num: 30, den: 1 },
      kind: 'constant',
    });
    const slides = { ...phone, times: [0, 600, 3_000, 3_020, 3_040, 9_000], end: 9_600 };
    expect(decideGrid(slides, []).why).toMatch(/unequal times; \d+ frames a second is nearest/);
    const games = constant(1_200, { num: 120, den: 1 }, { num: 1, den: 90_000 });
    expect(decideGrid(games, [{ num: 120, den: 1 }])).toMatchObject({
      kind: 'variable',
      rate: { num: 60, den: 1 },
      frames: 600,
    });
    expect(decideGrid({ timeBase: { num: 1, den: 25 }, times: [7], keys: [0], end: 8 }, [])).toMatchObject({
      frames: 1,
    });
  });
});

describe('a list of frames', () => {
  const timeBase = { num: 1, den: 25 };
  test('is in the order of showing, from the first key frame, without what is hidden', () => {
    const packets = [
      { pts: 0, flags: '__' },
      { pts: 1, duration: 1, flags: 'K_' },
      { pts: 3, duration: 1, flags: '__' },
      { pts: 2, duration: 1, flags: '__' },
      { pts: -2, flags: 'KD' },
      { pts: 4, duration: 2, flags: 'K_' },
    ];
    expect(fromPackets(packets, { timeBase })).toMatchObject({ times: [1, 2, 3, 4], keys: [0, 3], end: 6, packets: 6 });
  });

  test('is not made of packets that tell no time, or one time twice', () => {
    expect(fromPackets([{ flags: 'K_' }], { timeBase })).toBeNull();
    expect(
      fromPackets(
        [
          { pts: 1, flags: 'K_' },
          { pts: 1, flags: '__' },
        ],
        { timeBase },
      ),
    ).toBeNull();
    expect(
      fromFrames(
        [
          { best_effort_timestamp: 5, key_frame: 1 },
          { best_effort_timestamp: 6, key_frame: 0 },
        ],
        { timeBase },
      ),
    ).toMatchObject({
      ...{ times: [5, 6], seeking: 'none', packets: null, end: 7 },
    });
    expect(() => fromFrames([{ key_frame: 1 }], { timeBase })).toThrow(/no usable times; remux it first/);
  });
});
