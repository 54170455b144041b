import { UserError } from '@reelfleet/core';
import { describe, expect, test } from 'vitest';
import { isCursor, pageLimit, pageOf, positionOf } from './pages.ts';

const id = '0197a3f2-6c1e-7b52-9d0c-3f6a1e5b7c28';
const encoded = (text: string) => Buffer.from(text).toString('base64url');

test('a page ends where the next one begins, and the last page has no next', () => {
  const rows = [1, 2, 3].map((n) => ({ id: id.replace(/8$/, String(n)), group: 'music' }));
  const page = pageOf('tasks', rows, 2, (row) => row);
  expect(page.rows).toEqual(rows.slice(0, 2));
  expect(positionOf('tasks', page.next ?? undefined)).toEqual(rows[1]);
  expect(pageOf('tasks', rows, 3, (row) => row).next).toBeNull();
  expect(pageOf('tasks', [], 3, (row: { id: string }) => row).next).toBeNull();
  expect(positionOf('tasks', undefined)).toBeUndefined();
});

describe('a cursor that the list never gave', () => {
  test.each([
    ['nothing', ''],
    ['noise', 'abc'],
    ['of another list', encoded(`videos ${id}`)],
    ['without an id', encoded('runs ')],
    ['with another id', encoded('runs 17')],
    ['with more behind it', encoded(`runs ${id} a b`)],
    ['in another spelling', `${encoded(`runs ${id}`)}=`],
    ['with an injection', encoded("runs 0197a3f2-6c1e-7b52-9d0c-3f6a1e5b7c28'--")],
  ])('%s is refused', (_name, cursor) => {
    expect(isCursor('runs')(cursor)).toBe(false);
    expect(() => positionOf('runs', cursor)).toThrow(UserError);
  });
});

test('a limit is a whole number from 1 to 200, 50 by default', () => {
  expect([pageLimit(undefined), pageLimit(1), pageLimit(200)]).toEqual([50, 1, 200]);
  for (const limit of [0, 201, 1.5, Number.NaN]) expect(() => pageLimit(limit)).toThrow(/limit is/);
});
