/** Values as people read them. */
import { expect, test } from 'vitest';
import { bytes, clock, count, duration, percent, relative, secondsBetween } from './format.ts';

const now = Date.parse('2026-11-21T12:00:00Z');
const before = (seconds: number) => new Date(now - seconds * 1000).toISOString();

test.each<[number | null, string]>([
  [null, '–'],
  [0, '0 s'],
  [0.42, '0.4 s'],
  [9.94, '9.9 s'],
  [12.2, '12 s'],
  [59.6, '1:00'],
  [245, '4:05'],
  [3723, '1:02:03'],
])('a duration of %s seconds reads %s', (seconds, text) => {
  expect(duration(seconds)).toBe(text);
});

test.each<[number, string]>([
  [0.5, 'just now'],
  [12, '12 s ago'],
  [300, '5 min ago'],
  [3 * 3600, '3 h ago'],
  [3 * 86_400, '3 d ago'],
  [-8, 'in 8 s'],
])('a moment %s seconds ago reads %s', (seconds, text) => {
  expect(relative(before(seconds), now)).toBe(text);
});

test('a length has a colon, a size a unit, a count its plural and its thousands set apart', () => {
  expect([clock(7), clock(245)]).toEqual(['0:07', '4:05']);
  expect([bytes(512), bytes(3_400_000), bytes(999_999)]).toEqual(['512 B', '3.4 MB', '1.0 MB']);
  expect([count(1, 'task'), count(20, 'task'), count(12_345, 'file')]).toEqual([
    '1 task',
    '20 tasks',
    '12\u2009345 files',
  ]);
});

test('percent says 100 only when nothing is missing', () => {
  expect([percent(99.9), percent(100), percent(-1), percent(140)]).toEqual(['99%', '100%', '0%', '100%']);
});

test('what has not ended lasts until now', () => {
  expect(secondsBetween(before(10), null, now)).toBe(10);
  expect(secondsBetween(before(10), before(4), now)).toBe(6);
  expect(secondsBetween(null, null, now)).toBeNull();
});
