import { describe, expect, it } from 'vitest';
import { compose } from './compose.ts';
import { planForm } from './form.ts';
import { fullRange } from './patches.ts';
import { randomFrom } from './random.ts';
import { chordOf, type ModeName, scaleOf, scaleOver, voiceChord } from './theory.ts';

const PROMPTS = [
  'Elegant waltz with strings, piano, light percussion. Tempo: 120 BPM.',
  'lo-fi study beats, rhodes',
  'dark mysterious choir and bells',
  'joyful celtic jig with flute and harp',
  'epic orchestra with taiko',
  'sleepy lullaby, music box',
  'solo piano in D minor',
  'jazz lounge',
  'zen pentatonic koto',
  'medieval tavern, lute, phrygian',
  '',
];

describe('a composition', () => {
  it('is the same for the same request and another for another seed or prompt', () => {
    const notes = (prompt: string, seed: number) => JSON.stringify(compose({ prompt, seed, seconds: 40 }).notes);
    expect(notes('serene harp', 7)).toBe(notes('serene harp', 7));
    expect(notes('serene harp', 7)).not.toBe(notes('serene harp', 8));
    expect(notes('serene harp', 7)).not.toBe(notes('serene lute', 7));
  });

  it('honours the tempo and the metre of the prompt', () => {
    const { plan, notes } = compose({ prompt: 'Waltz with piano. Tempo: 120 BPM', seed: 3, seconds: 60 });
    expect(plan).toMatchObject({ tempo: 120, metre: '3/4', beatsPerBar: 3 });
    // The bass of a waltz comes on every first beat: 1.5 seconds apart.
    const bass = notes.filter((note) => note.role === 'bass' && note.start < 50);
    for (const note of bass) expect((note.start + 0.005) % 1.5).toBeLessThan(0.02);
  });

  it.each(PROMPTS)('keeps the melody in the scale of its bar: %s', (prompt) => {
    for (const seed of [1, 2, 3]) {
      const { bars, notes, plan, finalChord } = compose({ prompt, seed, seconds: 90 });
      const barSeconds = (plan.beatsPerBar * 60) / plan.tempo;
      const home = scaleOf(plan.tonic, plan.mode);
      const melody = notes.filter((note) => note.role === 'lead');
      expect(melody.length).toBeGreaterThan(8);
      for (const note of melody.filter((each) => each.start < finalChord - 1.5 * barSeconds)) {
        const bar = bars[Math.floor((note.start + 0.0001) / barSeconds)];
        expect(bar?.scale, `${note.pitch} in ${bar?.chord.name}`).toContain(note.pitch % 12);
      }
      const theme = melody.filter(
        (note) => bars[Math.min(bars.length - 1, Math.floor(note.start / barSeconds))]?.section.theme === 'A',
      );
      expect(theme.filter((note) => home.includes(note.pitch % 12)).length / theme.length).toBeGreaterThan(0.85);
    }
  });

  it.each(PROMPTS)('gives every note time, strength and an instrument that has it: %s', (prompt) => {
    for (const seconds of [2, 5, 11, 47, 200]) {
      const { notes, bars, finalChord } = compose({ prompt, seed: 5, seconds });
      expect(notes.length).toBeGreaterThan(3);
      expect(finalChord).toBeLessThan(seconds);
      expect(bars.at(-1)?.chord.root).toBe(compose({ prompt, seed: 5, seconds }).plan.tonic);
      for (const note of notes) {
        const [low, high] = fullRange(note.patch);
        expect(note.start).toBeGreaterThanOrEqual(0);
        expect(note.start).toBeLessThan(seconds);
        expect(note.velocity).toBeGreaterThan(0);
        expect(note.velocity).toBeLessThanOrEqual(1);
        expect(note.pitch).toBeGreaterThanOrEqual(low);
        expect(note.pitch).toBeLessThanOrEqual(high);
      }
    }
  });

  it('breathes: no phrase of the melody runs on for longer than two phrases of bars', () => {
    const { notes } = compose({ prompt: 'flute and harp, 100 bpm, 4/4', seed: 2, seconds: 120 });
    const melody = notes.filter((note) => note.role === 'lead');
    let since = melody[0]?.start ?? 0;
    for (const [i, note] of melody.entries()) {
      const before = melody[i - 1];
      if (before && note.start - (before.start + before.duration) > 0.25) since = note.start;
      expect(note.start - since).toBeLessThan(20);
    }
  });

  it('uses the instruments that were asked for', () => {
    const { plan, notes } = compose({ prompt: 'strings, harp and flute with soft drums', seed: 1, seconds: 60 });
    expect(plan.ensemble).toMatchObject({ comp: 'harp', pad: 'strings', percussion: 'light' });
    expect(new Set(notes.map((note) => note.patch))).toContain('flute');
  });
});

describe('the form', () => {
  it('fills any number of bars, begins and ends', () => {
    for (let bars = 1; bars <= 420; bars++) {
      const sections = planForm(bars, randomFrom(`${bars}`));
      expect(sections.reduce((sum, section) => sum + section.bars, 0)).toBe(bars);
      expect(sections.every((section) => section.bars > 0)).toBe(true);
      expect(sections.at(-1)?.kind).toBe('outro');
      if (bars >= 16) expect(sections[0]?.kind).toBe('intro');
    }
  });
});

describe('harmony', () => {
  it.each([
    ['I', [0, 4, 7], 0],
    ['V7/3', [7, 11, 2, 5], 11],
    ['bVI', [8, 0, 3], 8],
    ['iim7b5', [2, 5, 8, 0], 2],
    ['ivadd9', [5, 8, 0, 7], 5],
    ['Vsus4', [7, 0, 2], 7],
  ])('reads %s in C', (numeral, tones, bass) => {
    expect(chordOf(numeral, 0)).toMatchObject({ tones, bass });
  });

  it('raises the leading note over the dominant of a minor key', () => {
    expect(scaleOver(chordOf('V', 9), scaleOf(9, 'minor'))).toEqual([0, 2, 4, 5, 8, 9, 11].sort((a, b) => a - b));
  });

  it('moves its voices little from chord to chord', () => {
    let voices: number[] | null = null;
    for (const numeral of ['I', 'vi', 'IV', 'V7', 'I', 'iii', 'ii7', 'V7', 'I']) {
      const next: number[] = voiceChord(chordOf(numeral, 0), voices, 50, 72);
      expect(next).toHaveLength(4);
      if (voices)
        expect(Math.max(...next.map((pitch, i) => Math.abs(pitch - (voices?.[i] ?? pitch))))).toBeLessThanOrEqual(7);
      voices = next;
    }
  });

  it('knows a scale for each mode', () => {
    const modes: ModeName[] = ['major', 'minor', 'dorian', 'mixolydian', 'lydian', 'phrygian', 'pentatonic'];
    for (const mode of modes) expect(new Set(scaleOf(7, mode)).size).toBe(mode === 'pentatonic' ? 5 : 7);
  });
});
