import type { Spoken } from '@reelfleet/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { NO_LANGUAGE, normaliseSpoken, spokenSegments, spokenWords, stitchSpoken } from './spoken.ts';

const time = fc.oneof(fc.double({ min: -5, max: 40, noNaN: true }), fc.constantFrom(0, Number.NaN, Infinity, -0));
const text = fc.oneof(fc.constantFrom('', ' ', ' Hello there.', 'no', '你好世界'), fc.string({ maxLength: 20 }));
const heard: fc.Arbitrary<Spoken> = fc.record({
  language: fc.constantFrom('en', 'de', ''),
  words: fc.array(fc.record({ word: text, start: time, end: time }), { maxLength: 30 }),
  segments: fc.array(fc.record({ text, start: time, end: time }), { maxLength: 10 }),
});

function expectOrder(spans: readonly { start: number; end: number }[], from: number, to: number): void {
  let before = from;
  for (const { start, end } of spans) {
    expect(start).toBeGreaterThanOrEqual(before);
    expect(end).toBeGreaterThanOrEqual(start);
    before = end;
  }
  expect(before).toBeLessThanOrEqual(to);
}

describe('what was heard', () => {
  test('is in order, without overlap and inside the sound, whatever a provider says', () => {
    fc.assert(
      fc.property(heard, fc.double({ min: 0.01, max: 30, noNaN: true }), (spoken, seconds) => {
        const { words, segments } = normaliseSpoken(spoken, seconds);
        expectOrder(words, 0, seconds);
        expectOrder(segments, 0, seconds);
        for (const { word } of words) expect(word).toMatch(/\S/u);
      }),
    );
  });

  test('has words when it has segments, and segments when it has words', () => {
    fc.assert(
      fc.property(heard, (spoken) => {
        const { words, segments } = normaliseSpoken(spoken, 30);
        expect(words.length === 0).toBe(segments.length === 0);
      }),
    );
  });

  test('does not change when it is set right twice', () => {
    fc.assert(
      fc.property(heard, fc.double({ min: 0.01, max: 30, noNaN: true }), (spoken, seconds) => {
        const once = normaliseSpoken(spoken, seconds);
        expect(normaliseSpoken(once, seconds)).toEqual(once);
      }),
    );
  });

  test('keeps its words and their times when they are right', () => {
    const words = [
      { word: 'Good', start: 0.2, end: 0.5 },
      { word: 'day.', start: 0.5, end: 1 },
    ];
    const segments = [{ text: 'Good day.', start: 0.2, end: 1 }];
    expect(normaliseSpoken({ language: 'en', words, segments }, 2)).toEqual({ language: 'en', words, segments });
  });

  test('gives words their share of a segment by their length', () => {
    expect(spokenWords({ text: 'a bcd', start: 1, end: 4 })).toEqual([
      { word: 'a', start: 1, end: 2 },
      { word: 'bcd', start: 2, end: 4 },
    ]);
  });

  test('makes segments of words at full stops and pauses', () => {
    const words = ['One', 'two.', 'Three', 'four'].map((word, index) => ({
      word,
      start: index + (index === 3 ? 2 : 0),
      end: index + 0.9 + (index === 3 ? 2 : 0),
    }));
    expect(spokenSegments(words).map((segment) => segment.text)).toEqual(['One two.', 'Three', 'four']);
  });
});

describe('parts put together', () => {
  test('keep their order and stay inside their own bounds', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 30_000 }), heard), { minLength: 1, maxLength: 6 }),
        (lengths) => {
          let at = 0;
          const parts = lengths.map(([length, spoken]) => {
            const start = at;
            at = (start * 1_000 + length) / 1_000;
            return { start, end: at, spoken };
          });
          const whole = stitchSpoken(parts);
          expectOrder(whole.words, 0, at);
          expectOrder(whole.segments, 0, at);
          for (const part of parts) {
            const alone = stitchSpoken([part]);
            expectOrder(alone.words, part.start, part.end);
            expectOrder(alone.segments, part.start, part.end);
          }
        },
      ),
    );
  });

  test('stay inside bounds that are no whole milliseconds', () => {
    const spoken = { language: 'en', words: [{ word: 'no', start: 0, end: 5 }], segments: [] };
    expect(stitchSpoken([{ start: 8.0161, end: 9.0004, spoken }]).words).toEqual([
      { word: 'no', start: 8.0161, end: 9 },
    ]);
    expect(stitchSpoken([{ start: 8.0006, end: 9.0008, spoken }]).words).toEqual([
      { word: 'no', start: 8.001, end: 9.0008 },
    ]);
  });

  test('shift the times by where their part begins, and take the language of most words', () => {
    const said = (language: string, ...words: string[]): Spoken => ({
      language,
      words: words.map((word, index) => ({ word, start: index, end: index + 0.5 })),
      segments: [],
    });
    const whole = stitchSpoken([
      { start: 0, end: 10, spoken: said('de', 'ja') },
      { start: 10, end: 20, spoken: said('en', 'well', 'yes') },
    ]);
    expect(whole.language).toBe('en');
    expect(whole.words.map(({ word, start }) => [word, start])).toEqual([
      ['ja', 0],
      ['well', 10],
      ['yes', 11],
    ]);
  });

  test('without a word are an empty transcript in no language', () => {
    const nothing = { language: 'en', words: [], segments: [] };
    expect(stitchSpoken([{ start: 0, end: 5, spoken: nothing }])).toEqual({ ...nothing, language: NO_LANGUAGE });
  });
});
