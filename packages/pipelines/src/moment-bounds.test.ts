import type { FoundMoment, Spoken } from '@reelfleet/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fitMoments, type MomentBounds } from './moment-bounds.ts';

const open: MomentBounds = { minMomentLength: null, maxMomentLength: null, minMoments: null, maxMoments: null };
const ms = (seconds: number) => Math.round(seconds * 1_000);

/** Sentences of `length` words of 0.4 s each, with `pause` after each sentence. */
function speech(sentences: number, { words = 5, pause = 1 } = {}): Spoken {
  const spoken: Spoken = { language: 'en', words: [], segments: [] };
  for (let sentence = 0, at = 1; sentence < sentences; sentence += 1) {
    const start = at;
    for (let word = 0; word < words; word += 1) {
      const end = at + 0.4;
      spoken.words.push({ word: word === words - 1 ? 'end.' : 'word', start: at, end });
      at = end;
    }
    spoken.segments.push({ text: `${'word '.repeat(words - 1)}end.`, start, end: at });
    at += pause;
  }
  return spoken;
}
// 20 sentences of 2 s with a second between them: the first from 1 to 3, the next from 4 to 6 …
const talk = speech(20);
const found = (start: number, end: number, importance?: number): FoundMoment => ({
  ...{ title: `${start}-${end}`, start, end },
  ...(importance === undefined ? {} : { importance }),
});
const spans = (candidates: readonly FoundMoment[], bounds: Partial<MomentBounds>, duration = 62, spoken = talk) =>
  fitMoments(candidates, spoken, duration, { ...open, ...bounds }).moments.map(({ start, end }) => [start, end]);

describe('a moment', () => {
  test('begins and ends at sentences, with a breath of the silence beside them', () => {
    expect(spans([found(4.9, 11.4)], {})).toEqual([[3.85, 12.15]]);
    expect(spans([found(4, 12)], {})).toEqual([[3.85, 12.15]]);
  });

  test('never leaves the video, and is never cut in a word even where there is no silence', () => {
    const flow = speech(1, { words: 50, pause: 0 });
    expect(spans([found(-20, 500)], {}, 30)).toEqual([[0, 30]]);
    const [[start, end] = []] = spans([found(5.1, 11.3)], { minMomentLength: 4, maxMomentLength: 8 }, 22, flow);
    const edges = flow.words.flatMap((word) => [ms(word.start), ms(word.end)]);
    expect(edges).toContain(ms(start as number));
    expect(edges).toContain(ms(end as number));
  });

  test('that is too long keeps its beginning, one that is too short grows to what its bounds ask', () => {
    const [[from, to] = []] = spans([found(4, 40)], { maxMomentLength: 10 });
    expect([from, to]).toEqual([3.85, 12.15]);
    const [[start = 0, end = 0] = []] = spans([found(22, 24)], { minMomentLength: 10 });
    expect(end - start).toBeGreaterThanOrEqual(10);
    expect(start).toBeLessThanOrEqual(22);
    expect(end).toBeGreaterThanOrEqual(24);
  });

  test('gives way to a more important one, and is given up when less than half of it is left', () => {
    expect(spans([found(4, 12, 3), found(10, 30, 9)], {})).toEqual([
      [3.85, 9.15],
      [9.85, 30.15],
    ]);
    const crowded = fitMoments([found(12, 20, 3), found(10, 30, 9)], talk, 62, open);
    expect(crowded.moments.map(({ title }) => title)).toEqual(['10-30']);
    expect(crowded.notes).toEqual(['1 moment had no room beside better ones and was given up']);
  });

  test('is one of the most important ones when there are more than asked', () => {
    const three = [found(4, 9, 2), found(19, 24, 9), found(34, 39, 5)];
    expect(fitMoments(three, talk, 62, { ...open, maxMoments: 2 }).moments.map(({ title }) => title)).toEqual([
      '19-24',
      '34-39',
    ]);
  });

  test('of nonsense is none, and its title is one line that fits its column', () => {
    const nonsense = [found(9, 9), found(20, 10), found(Number.NaN, 3), { title: ' ', start: 1, end: 3 }];
    expect(fitMoments(nonsense, talk, 62, open).moments).toEqual([]);
    const [long] = fitMoments([{ title: `two\nlines ${'x'.repeat(600)}`, start: 4, end: 12 }], talk, 62, open).moments;
    expect(long?.title).toMatch(/^two lines x+$/);
    expect(long?.title).toHaveLength(500);
  });
});

describe('what cannot be kept is said in a sentence', () => {
  test('of a video that is shorter than a moment is to be all is one moment', () => {
    const { moments, notes } = fitMoments([found(2, 5)], talk, 12, {
      ...open,
      minMomentLength: 30,
      maxMomentLength: 90,
    });
    expect(moments.map(({ start, end }) => [start, end])).toEqual([[0, 12]]);
    expect(notes).toEqual(['the video lasts 12 s, less than the 30 s a moment is to last, so all of it is one moment']);
  });

  test('too few are kept as they are', () => {
    const { moments, notes } = fitMoments([found(4, 12)], talk, 62, { ...open, minMoments: 3 });
    expect(moments).toHaveLength(1);
    expect(notes).toEqual(['1 moment was found where at least 3 were asked for']);
  });
});

const aTime = fc.double({ min: -50, max: 400, noNaN: true });
const aCandidate = fc.record(
  {
    title: fc.string({ minLength: 1, maxLength: 20 }),
    start: aTime,
    end: aTime,
    importance: fc.integer({ min: 0, max: 10 }),
  },
  { requiredKeys: ['title', 'start', 'end'] },
);
/** Words of any length with any silence between them, some at the end of a sentence, in segments of a few. */
const aSpeech = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 3_000 }), fc.integer({ min: 20, max: 900 }), fc.boolean()), {
    maxLength: 120,
  })
  .map((gaps): Spoken => {
    let at = 0;
    const words = gaps.map(([gap, length, ends]) => {
      const start = at + gap;
      at = start + length;
      return { word: ends ? 'end.' : 'word', start: start / 1_000, end: at / 1_000 };
    });
    const segments = words.flatMap((word, index) =>
      index % 7 === 0
        ? [{ text: 'word', start: word.start, end: words[Math.min(index + 6, words.length - 1)]?.end ?? word.end }]
        : [],
    );
    return { language: 'en', words, segments };
  });
const aBound = fc.record({
  minMomentLength: fc.option(fc.double({ min: 0.5, max: 40, noNaN: true })),
  maxMomentLength: fc.option(fc.double({ min: 40, max: 120, noNaN: true })),
  minMoments: fc.option(fc.integer({ min: 1, max: 5 })),
  maxMoments: fc.option(fc.integer({ min: 1, max: 12 })),
});

test('whatever a provider answers, moments keep every bound, lie inside the video in order, and do not overlap', () => {
  fc.assert(
    fc.property(
      fc.array(aCandidate, { maxLength: 15 }),
      aSpeech,
      fc.double({ min: 1, max: 300, noNaN: true }),
      aBound,
      (candidates, spoken, duration, bounds) => {
        const { moments, notes } = fitMoments(candidates, spoken, duration, bounds);
        const length = ({ start, end }: { start: number; end: number }) => ms(end) - ms(start);
        const whole = Math.floor(duration * 1_000);
        const least = Math.min(whole, Math.ceil((bounds.minMomentLength ?? 0.001) * 1_000));
        for (const moment of moments) {
          expect(moment.start).toBeGreaterThanOrEqual(0);
          expect(moment.end).toBeLessThanOrEqual(duration);
          expect(length(moment)).toBeGreaterThanOrEqual(least);
          if (bounds.maxMomentLength !== null)
            expect(length(moment)).toBeLessThanOrEqual(Math.floor(bounds.maxMomentLength * 1_000));
        }
        for (const [at, { start }] of moments.slice(1).entries())
          expect(start).toBeGreaterThanOrEqual(moments[at]?.end as number);
        expect(moments.length).toBeLessThanOrEqual(bounds.maxMoments ?? candidates.length);
        const tooFew = moments.length < (bounds.minMoments ?? 0);
        expect(notes.some((note) => note.includes('at least'))).toBe(tooFew);
        const inside = candidates.some(
          ({ title, start, end }) => title.trim() !== '' && Math.min(ms(end), whole) > Math.max(ms(start), 0),
        );
        // Whoever finds something gets something.
        expect(moments.length > 0).toBe(inside);
      },
    ),
    { numRuns: 400 },
  );
});

test('where there are sentences within the bounds, both edges are at one', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 50, noNaN: true }),
      fc.double({ min: 6, max: 12, noNaN: true }),
      (start, length) => {
        const [[from = 0, to = 0] = []] = spans([found(start, start + length)], {
          minMomentLength: 4,
          maxMomentLength: 20,
        });
        const starts = [0, ...talk.segments.map((segment) => ms(segment.start) - 150)];
        const ends = [62_000, ...talk.segments.map((segment) => ms(segment.end) + 150)];
        expect(starts).toContain(ms(from));
        expect(ends).toContain(ms(to));
      },
    ),
    { numRuns: 100 },
  );
});

test('what was fitted once fits as it is', () => {
  fc.assert(
    fc.property(fc.array(aCandidate, { maxLength: 8 }), (candidates) => {
      const bounds = { ...open, minMomentLength: 5, maxMomentLength: 15 };
      const once = fitMoments(candidates, talk, 62, bounds).moments;
      const twice = fitMoments(once, talk, 62, bounds).moments;
      expect(twice.map(({ start, end }) => [start, end])).toEqual(once.map(({ start, end }) => [start, end]));
    }),
    { numRuns: 100 },
  );
});
