/** What is said and found in a video, as its page shows it. */
import { describe, expect, test } from 'vitest';
import type { MomentRow } from './api.ts';
import { bestFirst, marked, segmentAt, shownMoments } from './said.ts';

test('the line of now is the last that has begun, also in a silence; before the first there is none', () => {
  const segments = [
    { start: 1, end: 2 },
    { start: 3, end: 4 },
    { start: 4, end: 9 },
  ];
  expect([0, 1, 2.5, 3.5, 3.96, 100].map((seconds) => segmentAt(segments, seconds))).toEqual([-1, 0, 0, 1, 2, 2]);
  expect(segmentAt([], 5)).toBe(-1);
});

test('what is looked for is marked wherever it stands, upper and lower case alike', () => {
  expect(marked('Rain, rain go', 'RAIN')).toEqual([
    { text: 'Rain', hit: true },
    { text: ', ', hit: false },
    { text: 'rain', hit: true },
    { text: ' go', hit: false },
  ]);
  expect(marked('Rain', 'storm')).toBeNull();
  // Lower case makes this letter two: nothing is cut in the wrong place.
  expect(marked('İstanbul', 'i')).toEqual([{ text: 'İstanbul', hit: false }]);
});

describe('moments', () => {
  const moment = (identifier: string, more: Partial<MomentRow> = {}): MomentRow => ({
    ...{
      id: identifier,
      identifier,
      title: identifier,
      startSeconds: 0,
      endSeconds: 5,
      isRefined: false,
      parent: null,
    },
    ...{ generationModel: null, score: null, scoringModel: null, scoredAt: null, createdAt: '2026-01-01', clip: null },
    ...more,
  });

  test('are shown as they were refined last, with the score and the clip of what was found', () => {
    const clip = { url: '/clip' } as MomentRow['clip'];
    const shown = shownMoments([
      moment('late', { startSeconds: 50 }),
      moment('root', { startSeconds: 10, score: 7, clip }),
      moment('first', { parent: 'root', isRefined: true, title: 'First', startSeconds: 11, createdAt: '2026-01-02' }),
      moment('second', { parent: 'root', isRefined: true, title: 'Second', startSeconds: 12, createdAt: '2026-01-03' }),
    ]);
    expect(shown).toMatchObject([
      { identifier: 'root', title: 'Second', startSeconds: 12, score: 7, refined: true, clip },
      { identifier: 'late', refined: false, clip: null },
    ]);
  });

  test('whose original is gone stand for themselves', () => {
    expect(shownMoments([moment('child', { parent: null, isRefined: true })])).toMatchObject([
      { identifier: 'child', refined: true },
    ]);
  });

  test('go best first, those without a score last', () => {
    const scored = shownMoments([moment('a', { score: 3 }), moment('b'), moment('c', { score: 9, startSeconds: 8 })]);
    expect(bestFirst(scored).map(({ identifier }) => identifier)).toEqual(['c', 'a', 'b']);
  });
});
