import { describe, expect, test } from 'vitest';
import { shareOf } from './ranges.ts';

const etag = '"abc"';
const asked = { method: 'GET', range: undefined, ifRange: undefined, ifMatch: undefined, ifNoneMatch: undefined };
const part = (start: number, endExclusive: number) => ({ status: 206, start, endExclusive });
const whole = { status: 200, start: 0, endExclusive: 100 };

describe('of 100 bytes', () => {
  test.each([
    ['bytes=0-9', part(0, 10)],
    ['bytes=0-0', part(0, 1)],
    ['bytes=99-99', part(99, 100)],
    ['bytes=90-', part(90, 100)],
    ['bytes=90-1000', part(90, 100)],
    ['bytes=90-99999999999999999999999', part(90, 100)],
    ['bytes=-10', part(90, 100)],
    ['bytes=-100', part(0, 100)],
    ['bytes=-500', part(0, 100)],
    ['bytes= 0-9', part(0, 10)],
    ['bytes=100-', { status: 416 }],
    ['bytes=100-200', { status: 416 }],
    ['bytes=-0', { status: 416 }],
    ['bytes=9-0', { status: 416 }],
    ['bytes=0-9,20-29', whole],
    ['bytes=0-,0-,0-,0-', whole],
    ['items=0-9', whole],
    ['bytes', whole],
    ['bytes=', whole],
    ['bytes=a-b', whole],
    ['bytes=0x1-9', whole],
    ['bytes=--5', whole],
  ])('%s is %j', (range, share) => {
    expect(shareOf({ ...asked, range }, { etag, size: 100 })).toEqual(share);
  });
});

test('nothing can be part of an empty object', () => {
  const of = (range: string) => shareOf({ ...asked, range }, { etag, size: 0 });
  expect([of('bytes=0-'), of('bytes=-5')]).toEqual([{ status: 416 }, { status: 416 }]);
  expect(shareOf(asked, { etag, size: 0 })).toEqual({ status: 200, start: 0, endExclusive: 0 });
});

test.each([
  ['the same version: the range', { ifRange: '"abc"' }, 206],
  ['another version: all of it', { ifRange: '"xyz"' }, 200],
  ['a weak tag is no proof', { ifRange: 'W/"abc"' }, 200],
  ['a date is none we gave', { ifRange: 'Sat, 21 Nov 2026 14:00:00 GMT' }, 200],
  ['If-None-Match of this version wins over the range', { ifNoneMatch: '"abc"' }, 304],
  ['If-None-Match compares weakly', { ifNoneMatch: '"x", W/"abc"' }, 304],
  ['If-None-Match: *', { ifNoneMatch: '*' }, 304],
  ['If-None-Match of another version', { ifNoneMatch: '"xyz"' }, 206],
  ['If-Match of this version', { ifMatch: '"xyz", "abc"' }, 206],
  ['If-Match of another version', { ifMatch: '"xyz"' }, 412],
  ['If-Match compares strongly', { ifMatch: 'W/"abc"' }, 412],
  ['HEAD has no ranges', { method: 'HEAD' }, 200],
])('%s', (_name, more, status) => {
  expect(shareOf({ ...asked, range: 'bytes=0-9', ...more }, { etag, size: 100 }).status).toBe(status);
});
