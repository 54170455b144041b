import { UserError } from '@reelfleet/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makeRng } from '../image/noise.ts';
import { readPrompt } from '../image/prompt.ts';
import { planAlbum, splitMinutes } from './builtin.ts';
import { themes } from './themes.ts';

const order = {
  niche: 'Royal Court Ambience',
  moods: ['elegant', 'classical', 'serene'],
  tracks: 20,
  totalMinutes: 70,
  seed: 1,
};

describe('planning an album', () => {
  it('gives any niche as many distinct pairs as asked, whose lengths sum to the order, the same ones every time', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.constantFrom('Royal Court Ambience', 'Lo-Fi Study Beats', 'Deep Sleep', 'Snowy Jazz Café', 'Space Horror'),
          fc.string({ maxLength: 40 }),
        ),
        fc.array(fc.constantFrom('elegant', 'dark', 'cozy', 'dreamy', ' Warm '), { maxLength: 4 }),
        fc.integer({ min: 1, max: 20 }),
        fc.double({ min: 0.5, max: 90, noNaN: true }),
        fc.integer(),
        (niche, moods, tracks, totalMinutes, seed) => {
          const request = { niche, moods, tracks, totalMinutes, seed };
          const album = planAlbum(request);
          expect(album.pairs).toHaveLength(tracks);
          for (const part of ['title', 'musicPrompt', 'visualPrompt'] as const) {
            expect(new Set(album.pairs.map((pair) => pair[part])).size).toBe(tracks);
          }
          const sum = album.pairs.reduce((total, pair) => total + pair.durationMinutes, 0);
          expect(Math.abs(sum - totalMinutes)).toBeLessThanOrEqual(0.0051);
          expect(album.pairs.every((pair) => pair.durationMinutes > 0)).toBe(true);
          expect(planAlbum(request)).toEqual(album);
        },
      ),
      { numRuns: 150 },
    );
  });

  it('plans albums far beyond twenty without repeating itself', () => {
    const titles = planAlbum({ ...order, tracks: 250, totalMinutes: 900 }).pairs.map((pair) => pair.title);
    expect(new Set(titles).size).toBe(250);
  });

  it('writes music prompts that say tempo, key and length, and pictures that are 16:9 backgrounds', () => {
    for (const { musicPrompt, visualPrompt } of planAlbum(order).pairs) {
      expect(musicPrompt).toMatch(/Tempo: \d+ BPM\. Key: [A-G]( flat)? \w+\..* Duration: 3-4 minutes\.$/);
      expect(visualPrompt).toMatch(/^16:9 background of /);
    }
  });

  it('tells the same scene in sound and picture', () => {
    for (const { musicPrompt, visualPrompt } of planAlbum(order).pairs) {
      const scene = /Scene: (.*?)\. Duration/.exec(musicPrompt)?.[1];
      expect(scene).toBeDefined();
      expect(visualPrompt).toContain(scene);
    }
  });

  it('puts every mood of the order somewhere', () => {
    const text = planAlbum(order)
      .pairs.map((pair) => `${pair.musicPrompt} ${pair.visualPrompt}`.toLowerCase())
      .join('\n');
    for (const mood of order.moods) expect(text).toContain(mood);
  });

  it('varies the lengths by no more than 15 %', () => {
    const lengths = splitMinutes(70, 20, makeRng(3));
    expect(Math.max(...lengths) / Math.min(...lengths)).toBeLessThanOrEqual(1.16);
    expect(new Set(lengths).size).toBeGreaterThan(5);
  });

  it('keeps the words of a niche outside its vocabulary in every prompt', () => {
    for (const pair of planAlbum({ ...order, niche: 'Basket Weaving Music', tracks: 8 }).pairs) {
      expect(pair.musicPrompt).toContain('basket weaving');
      expect(pair.visualPrompt).toContain('basket weaving');
    }
  });

  it('mixes the themes of a niche that names two', () => {
    const text = planAlbum({ ...order, niche: 'Winter Jazz Café' })
      .pairs.map((pair) => pair.visualPrompt)
      .join('\n');
    expect(text).toMatch(/snow/);
    expect(text).toMatch(/café|lounge/);
  });

  it('says seconds when the tracks of a preview are short', () => {
    expect(planAlbum({ ...order, tracks: 4, totalMinutes: 4 / 3 }).pairs[0]?.musicPrompt).toMatch(
      /Duration: (19|20|21) seconds\.$/,
    );
  });

  it('differs by seed', () => {
    const other = planAlbum({ ...order, seed: 2 });
    expect(other.pairs).not.toEqual(planAlbum(order).pairs);
  });

  it('refuses an album without tracks or length in one sentence', () => {
    expect(() => planAlbum({ ...order, tracks: 0 })).toThrow(UserError);
    expect(() => planAlbum({ ...order, totalMinutes: 0 })).toThrow('an album needs a length above 0 minutes, got 0');
  });
});

describe('the vocabulary', () => {
  it('gives every theme a dozen scenes that the painter recognises, in at least three kinds of place', () => {
    for (const theme of themes) {
      expect(theme.scenes.length, theme.name).toBeGreaterThanOrEqual(12);
      const places = new Set(theme.scenes.map((scene) => readPrompt(`16:9 background of ${scene.picture}`, 1).family));
      expect(places.size, theme.name).toBeGreaterThanOrEqual(3);
      for (const scene of theme.scenes) {
        // A picture nobody recognises would be a landscape chosen by chance, another one for each seed.
        const seen = new Set(
          [1, 2, 3, 4, 5, 6, 7, 8].map((seed) => readPrompt(`16:9 background of ${scene.picture}`, seed).family),
        );
        expect(seen.size, scene.picture).toBe(1);
      }
    }
  });
});
