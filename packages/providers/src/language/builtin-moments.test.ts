import type { Generation, Spoken } from '@reelfleet/core';
import { describe, expect, test } from 'vitest';
import { findMoments, refineMoments, scoreMoments } from './builtin-moments.ts';
import { spokenText, threeTopics } from './testing.ts';
import { tokensOf, unitsOf } from './words.ts';

const generation: Generation = {
  ...{ systemPrompt: '', userPrompt: '', model: 'builtin', temperature: null, topP: null, topK: null },
  ...{ minMomentLength: 15, maxMomentLength: 60, minMoments: 3, maxMoments: 10 },
};
const spoken = spokenText(threeTopics);
/** As a recogniser without punctuation gives it: one segment, small letters. */
const plain: Spoken = {
  language: 'en',
  words: spoken.words.map((word) => ({ ...word, word: word.word.toLowerCase().replace(/[.,]/g, '') })),
  segments: [{ text: 'everything', start: 0.5, end: spoken.segments.at(-1)?.end ?? 0 }],
};
/** Where the second and the third talk begin. */
const bees = spoken.segments[7]?.start ?? 0;
const bread = spoken.segments[14]?.start ?? 0;

describe('the built-in provider', () => {
  test.each([
    ['sentences', spoken],
    ['words without punctuation', plain],
  ])('finds the topics of three talks in one, from %s', (_how, talk) => {
    const found = findMoments({ spoken: talk, generation }).sort((a, b) => a.start - b.start);
    expect(found).toHaveLength(3);
    expect(found.map(({ start }) => start)).toEqual([0.5, bees, bread]);
    expect(found.map(({ title }) => title.toLowerCase())).toEqual([
      expect.stringContaining('lava'),
      expect.stringContaining('bees'),
      expect.stringContaining('bread'),
    ]);
  });

  test('gives the same answer every time, no more than asked, the best first', () => {
    const found = findMoments({ spoken, generation: { ...generation, maxMoments: 2 } });
    expect(found).toEqual(findMoments({ spoken, generation: { ...generation, maxMoments: 2 } }));
    expect(found).toHaveLength(2);
    const all = findMoments({ spoken, generation });
    expect(found).toEqual(all.slice(0, 2));
  });

  test('scores whole numbers from 0 to 10: a talk of its own above chatter about nothing', () => {
    const chatter =
      'So yes well you know how it is.\nAnd then they said that it was so.\nBut what can you do about it then.';
    const mixed = spokenText(`${chatter}\n${threeTopics}`);
    const start = mixed.segments[3]?.start ?? 0;
    const [idle = 0, talk = 0, outside = 1] = scoreMoments({
      spoken: mixed,
      moments: [
        { title: 'c', start: 0, end: start - 0.1 },
        { title: 't', start, end: start + 35 },
        { title: 'o', start: 5_000, end: 5_010 },
      ],
      model: 'builtin',
    });
    expect(talk).toBeGreaterThan(idle + 2);
    expect([idle, talk, outside].every((score) => Number.isInteger(score) && score >= 0 && score <= 10)).toBe(true);
    expect(outside).toBe(0);
  });

  test('refines a moment by leaving out what strays at its ends, and leaves a good one alone', () => {
    const start = spoken.segments[6]?.start ?? 0;
    const end = spoken.segments[13]?.end ?? 0;
    const [refined, same] = refineMoments({
      spoken,
      moments: [
        { title: 'Bees and a bit of rock', start, end },
        { title: 'Bees, hive and flower', start: bees, end },
      ],
      generation,
    });
    expect(refined).toEqual({ title: 'Bees, hive and flower', start: bees, end });
    expect(same).toBeNull();
  });

  test('says what to do about an order for a model it does not have', () => {
    expect(() => findMoments({ spoken, generation: { ...generation, model: 'gpt' } })).toThrow(
      'this order asks model "gpt", but this worker has only the built-in language provider: set LANGUAGE_PROVIDER=openai for its workers, or order without a model',
    );
  });
});

describe('words', () => {
  test('are those that say something, in the forms of one word, in any script', () => {
    expect(
      tokensOf('The volcanoes and a volcano: it’s the volcano’s ash, 1906.', 'en').map(({ stem }) => stem),
    ).toEqual(['volcano', 'volcano', 'volcano', 'ash']);
    expect(tokensOf('Die Bienen und der Honig', 'de').map(({ surface }) => surface)).toEqual(['Bienen', 'Honig']);
    expect(tokensOf('火山の噴火', 'ja').length).toBeGreaterThan(1);
    expect(tokensOf('qapla batlh', 'tlh-unknown')).toHaveLength(2);
  });

  test('of a long segment are cut into units of some seconds, in order and without loss', () => {
    const units = unitsOf(plain);
    expect(units.length).toBeGreaterThan(8);
    expect(units.every(({ start, end }) => end - start <= 12.5 && end > start)).toBe(true);
    expect(units.map(({ text }) => text).join(' ')).toBe(plain.words.map(({ word }) => word).join(' '));
  });
});
