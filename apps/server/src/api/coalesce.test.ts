import { expect, test } from 'vitest';
import { coalesced } from './coalesce.ts';

/** A read that ends when it is told to. */
function slowRead() {
  const open: { end(): void; fail(): void }[] = [];
  const read = () =>
    new Promise<number>((resolve, reject) => {
      const number = open.length + 1;
      open.push({ end: () => resolve(number), fail: () => reject(new Error(`read ${number} failed`)) });
    });
  return { open, read };
}

test('who comes while a read is under way waits for the next, together with all others', async () => {
  const share = coalesced();
  const { open, read } = slowRead();
  const first = share('a', read);
  const later = Array.from({ length: 100 }, () => share('a', read));
  expect(open.length).toBe(1);
  open[0]?.end();
  expect(await first).toBe(1);
  await Promise.resolve();
  expect(open.length).toBe(2);
  open[1]?.end();
  expect(new Set(await Promise.all(later))).toEqual(new Set([2]));
});

test('other questions do not wait, and a question asked later is read anew', async () => {
  const share = coalesced();
  const { open, read } = slowRead();
  const a = share('a', read);
  const b = share('b', read);
  expect(open.length).toBe(2);
  for (const one of open) one.end();
  await Promise.all([a, b]);
  const again = share('a', read);
  open[2]?.end();
  expect(await again).toBe(3);
});

test('a read that fails is told to those who asked for it, and the next one is tried', async () => {
  const share = coalesced();
  const { open, read } = slowRead();
  const first = share('a', read);
  const second = share('a', read);
  open[0]?.fail();
  await expect(first).rejects.toThrow('read 1 failed');
  open[1]?.end();
  expect(await second).toBe(2);
});
