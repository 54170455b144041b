import { describe, expect, it } from 'vitest';
import { families, readPrompt } from './prompt.ts';

const family = (prompt: string) => readPrompt(prompt, 1).family;

describe('reading a prompt', () => {
  it.each([
    ['16:9 background of a grand ballroom with chandeliers, golden accents, warm lighting', 'hall'],
    ['mountain lake at dawn', 'mountains'],
    ['rainy city window at night', 'city'],
    ['deep forest with shafts of light', 'forest'],
    ['ocean waves under the moon', 'ocean'],
    ['desert dunes and a caravan', 'desert'],
    ['a snowy village on christmas eve', 'village'],
    ['castle above the valley', 'mountains'],
    ['castle great hall with a throne', 'hall'],
    ['tavern hearth with mugs', 'hearth'],
    ['an old library', 'library'],
    ['rose garden with a fountain', 'garden'],
    ['starry sky', 'nightsky'],
    ['aurora over the hills', 'nightsky'],
    ['japanese tea house', 'garden'],
    ['space station above a planet', 'cosmos'],
  ])('sees in "%s" a picture of kind %s', (prompt, expected) => {
    expect(family(prompt)).toBe(expected);
  });

  it('reads time, colour, weather and things from the words', () => {
    const brief = readPrompt('A misty emerald castle garden at dusk, lanterns and a fountain', 4);
    expect(brief).toMatchObject({ time: 'dusk', tint: 'emerald', weather: 'mist' });
    expect([...brief.features]).toEqual(expect.arrayContaining(['castle', 'lanterns', 'fountain']));
  });

  it('always sees something, and the same thing for the same seed', () => {
    for (const prompt of ['', 'x', '日本語', 'qwertz uiop']) {
      expect(families).toContain(family(prompt));
      expect(readPrompt(prompt, 9)).toEqual(readPrompt(prompt, 9));
    }
  });
});
