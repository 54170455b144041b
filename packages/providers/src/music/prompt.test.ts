import { describe, expect, it } from 'vitest';
import { readPrompt } from './prompt.ts';

describe('what a prompt says', () => {
  it('is read from the example of the album studio', () => {
    const brief = readPrompt(
      'Elegant waltz with strings, piano, light percussion. Tempo: 120 BPM. Duration: 3-4 minutes.',
    );
    expect(brief).toMatchObject({
      tempo: 120,
      metre: '3/4',
      style: 'waltz',
      percussion: 'light',
      instruments: ['strings', 'piano'],
    });
    expect(brief.light).toBeGreaterThan(0);
  });

  it.each([
    ['slow piece at 62bpm', 62],
    ['70-80 BPM lofi', 75],
    ['tempo 96, calm', 96],
    ['Adagio for strings', 66],
    ['calm rain', null],
  ])('gives the tempo of "%s"', (prompt, tempo) => {
    expect(readPrompt(prompt).tempo).toBe(tempo);
  });

  it.each([
    ['Piece in D minor', 2, 'minor'],
    ['E-flat major nocturne', 3, 'major'],
    ['F# dorian groove', 6, 'dorian'],
    ['key of Bb, happy', 10, null],
    ['a minor change of plan', null, 'minor'],
    ['In A minor', 9, 'minor'],
    ['be happy', null, null],
  ])('gives the key of "%s"', (prompt, tonic, mode) => {
    expect(readPrompt(prompt)).toMatchObject({ tonic, mode });
  });

  it('tells an electric piano from a piano, and keeps the order of the words', () => {
    expect(readPrompt('flute over electric piano and soft pads').instruments).toEqual(['flute', 'epiano', 'pad']);
    expect(readPrompt('upright bass, music box, harp').instruments).toEqual(['bass', 'musicbox', 'harp']);
  });

  it('leaves out what is refused', () => {
    const brief = readPrompt('Sleepy harp, no drums or choir, with flute');
    expect(brief.instruments).toEqual(['harp', 'flute']);
    expect(brief.percussion).toBe('none');
  });

  it('has moods that pull in opposite directions', () => {
    expect(readPrompt('joyful, bright dance').light).toBeGreaterThan(0.4);
    expect(readPrompt('dark, mysterious').light).toBeLessThan(-0.5);
    expect(readPrompt('sleepy, dreamy').energy).toBeLessThan(-0.4);
  });

  it('is an open brief for words nobody knows', () => {
    expect(readPrompt('qwertz')).toEqual({
      tempo: null,
      metre: null,
      tonic: null,
      mode: null,
      instruments: [],
      style: null,
      energy: 0,
      light: 0,
      percussion: null,
      solo: false,
    });
  });
});
