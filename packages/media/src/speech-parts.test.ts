import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { planSpeechParts, type Span, spansOf } from './speech-parts.ts';

const seconds = fc.double({ min: 0.05, max: 7_200, noNaN: true });
const longest = fc.integer({ min: 1, max: 900 });
/** Disjoint spans in order, somewhere in the sound. */
const spans = (most: number) =>
  fc
    .array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 80 })
    .map((points) => [...points].sort((a, b) => a - b).map((point) => point * most))
    .map((points) =>
      Array.from(
        { length: Math.floor(points.length / 2) },
        (_, index): Span => ({
          start: points[index * 2] as number,
          end: points[index * 2 + 1] as number,
        }),
      ).filter(({ start, end }) => end - start > 0.01),
    );
const sound = seconds.chain((length) =>
  fc.record({ length: fc.constant(length), pauses: spans(length), silences: spans(length) }),
);

describe('parts for speech', () => {
  test('cover the sound once, in order, none longer than may be', () => {
    fc.assert(
      fc.property(sound, longest, ({ length, pauses, silences }, most) => {
        const parts = planSpeechParts(length, { pauses, silences }, most);
        expect(parts[0]?.start).toBe(0);
        expect(parts.at(-1)?.end).toBe(length);
        parts.forEach((part, index) => {
          expect(part.end).toBeGreaterThan(part.start);
          expect(part.end - part.start).toBeLessThanOrEqual(most + 1e-9);
          if (index > 0) expect(part.start).toBe(parts[index - 1]?.end);
        });
      }),
    );
  });

  test('are cut in a pause wherever the second half of a part has one', () => {
    fc.assert(
      fc.property(sound, longest, ({ length, pauses }, most) => {
        const parts = planSpeechParts(length, { pauses, silences: [] }, most);
        for (const { start, end } of parts.slice(0, -1)) {
          const latest = Math.min(start + most, length - most / 4);
          const there = pauses.some((pause) => pause.start < latest - 0.01 && pause.end > start + most / 2 + 0.01);
          const within = pauses.some((pause) => pause.start - 0.001 <= end && end <= pause.end + 0.001);
          if (there) expect(within).toBe(true);
        }
      }),
    );
  });

  test('have no scrap for a last one, and no more of them than twice what is needed', () => {
    fc.assert(
      fc.property(sound, longest, ({ length, pauses }, most) => {
        const parts = planSpeechParts(length, { pauses, silences: [] }, most);
        const [last] = parts.slice(-1);
        if (parts.length > 1 && last) expect(last.end - last.start).toBeGreaterThanOrEqual(most / 4 - 0.001);
        expect(parts.length).toBeLessThanOrEqual(Math.ceil((length / most) * 8) + 1);
      }),
    );
  });

  test('are silent when nobody can be heard from their beginning to their end', () => {
    const parts = planSpeechParts(25, { pauses: [{ start: 9, end: 10.5 }], silences: [{ start: 10.01, end: 25 }] }, 10);
    expect(parts).toEqual([
      { start: 0, end: 9.5, silent: false },
      { start: 9.5, end: 19.5, silent: false },
      { start: 19.5, end: 25, silent: true },
    ]);
  });
});

test('the notes of silencedetect are spans, the last of which may last to the end', () => {
  const notes = [
    'frame:3    pts:3072    pts_time:0.192',
    'lavfi.silence_start=0',
    'frame:9    pts:9216    pts_time:0.576',
    'lavfi.silence_end=0.512',
    'lavfi.silence_duration=0.512',
    'frame:90    pts:92160    pts_time:5.76',
    'lavfi.silence_start=5.25',
  ].join('\n');
  expect(spansOf(notes, 8)).toEqual([
    { start: 0, end: 0.512 },
    { start: 5.25, end: 8 },
  ]);
  expect(spansOf('', 8)).toEqual([]);
});
