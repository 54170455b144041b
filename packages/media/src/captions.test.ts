import { createRequire } from 'node:module';
import type { Spoken } from '@reelfleet/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { captionCues, captionsVtt, LINE_CHARACTERS } from './captions.ts';
import { normaliseSpoken } from './spoken.ts';

interface Parsed {
  cues: { startTime: number; endTime: number; text: string }[];
  errors: { message: string; line: number }[];
}
// The parser of the W3C's validator, which comes without types.
const { WebVTTParser } = createRequire(import.meta.url)('webvtt-parser') as {
  WebVTTParser: new (entities: Record<string, string>) => { parse(text: string, mode: string): Parsed };
};
const parse = (vtt: string): Parsed =>
  new WebVTTParser({ '&amp;': '&', '&lt;': '<', '&gt;': '>' }).parse(vtt, 'subtitles/captions/descriptions');

/** Every word half a second, with a pause where there is a `|`. */
function spokenOf(text: string): Spoken {
  const words: Spoken['words'] = [];
  const segments: Spoken['segments'] = [];
  let at = 0;
  for (const sentence of text.split('|')) {
    const start = at;
    for (const word of sentence.trim().split(/\s+/)) {
      words.push({ word: word.replace(/[.,]/g, ''), start: at, end: at + 0.4 });
      at += 0.4;
    }
    segments.push({ text: sentence.trim(), start, end: at });
    at += 1.6;
  }
  return { language: 'en', words, segments };
}
const shown = (text: string) => captionCues(spokenOf(text), 600).map(({ lines }) => lines);

describe('captions', () => {
  test('break after sentences and phrases, in lines of at most 42 characters', () => {
    expect(
      shown(
        'The kitchen smells of fresh bread, and the oven is still warm. We bake the loaves every morning before the market opens.',
      ),
    ).toEqual([
      ['The kitchen smells of fresh bread,', 'and the oven is still warm.'],
      ['We bake the loaves every morning', 'before the market opens.'],
    ]);
  });

  test('end where the speaker pauses for long', () => {
    expect(shown('First we mix the flour | then we wait')).toEqual([['First we mix the flour'], ['then we wait']]);
  });

  test('do not leave an article or a preposition at the end of a line', () => {
    for (const lines of shown(
      'it was one of the longest and most beautiful journeys of the whole company in those years',
    ))
      for (const line of lines.slice(0, -1)) expect(line).not.toMatch(/\b(the|of|and|in|a)$/);
  });

  test('show what is said at the times of the words', () => {
    const [first, second] = captionCues(spokenOf('one two three | four five six'), 600);
    expect(first).toMatchObject({ start: 0, end: 1_200 });
    expect(second?.start).toBe(2_800);
  });

  test('say markup as text, and are read back by a parser without a complaint', () => {
    const spoken = spokenOf('if a <b> --> c &amp; d then "quote" & done. | NOTE this');
    const { cues, errors } = parse(captionsVtt(spoken, 60));
    expect(errors).toEqual([]);
    expect(cues.map(({ text }) => text.replaceAll('\n', ' ')).join(' ')).toContain('&lt;b&gt; --&gt; c &amp;amp; d');
  });

  test('of nothing are a valid file without cues', () => {
    expect(captionsVtt({ words: [], segments: [] }, 60)).toBe('WEBVTT\n');
    expect(parse('WEBVTT\n')).toMatchObject({ cues: [], errors: [] });
  });

  const word = fc.oneof(
    fc.constantFrom(
      'the',
      'a',
      'of',
      'bread,',
      'end.',
      'why?',
      'incomprehensibilities',
      '<i>',
      '-->',
      '&',
      '你好，世界。'.repeat(12),
    ),
    fc.string({ minLength: 1, maxLength: 60 }),
  );
  const spoken = fc
    .array(fc.tuple(fc.array(word, { minLength: 1, maxLength: 30 }), fc.double({ min: 0, max: 5, noNaN: true })), {
      maxLength: 12,
    })
    .map((sentences) => {
      let at = 0;
      const segments = sentences.map(([words, pause]) => {
        const start = at + pause;
        at = start + words.length * pause * 0.3;
        return { text: words.join(' '), start, end: at };
      });
      return { seconds: at + 1, spoken: normaliseSpoken({ language: 'en', words: [], segments }, at + 1) };
    });

  test('are in order, inside the video, in two short lines, and lose no word', () => {
    fc.assert(
      fc.property(spoken, ({ spoken, seconds }) => {
        const cues = captionCues(spoken, seconds);
        let before = 0;
        for (const { start, end, lines } of cues) {
          expect(start).toBeGreaterThanOrEqual(before);
          expect(end).toBeGreaterThan(start);
          expect(end - start).toBeLessThanOrEqual(7_000);
          expect(lines.length).toBeLessThanOrEqual(2);
          for (const line of lines) expect(line.length).toBeLessThanOrEqual(LINE_CHARACTERS);
          before = end;
        }
        expect(before).toBeLessThanOrEqual(seconds * 1_000);
        const bare = (text: string) => text.replace(/\s/gu, '');
        expect(bare(cues.map(({ lines }) => lines.join(' ')).join(' '))).toBe(
          bare(spoken.segments.map(({ text }) => text).join(' ')),
        );
      }),
    );
  });

  test('are read back by a parser as they were meant, whatever is said', () => {
    fc.assert(
      fc.property(spoken, ({ spoken, seconds }) => {
        const { cues, errors } = parse(captionsVtt(spoken, seconds));
        expect(errors).toEqual([]);
        expect(
          cues.map(({ startTime, endTime }) => [Math.round(startTime * 1_000), Math.round(endTime * 1_000)]),
        ).toEqual(captionCues(spoken, seconds).map(({ start, end }) => [start, end]));
      }),
    );
  });
});
