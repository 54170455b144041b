import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { coalesced } from './coalesce.ts';

/** A read that ends when it is told to. */
function slowRead() {
  const open: { end(): void; fail(): void; at: number }[] = [];
  const read = () =>
    new Promise<number>((resolve, reject) => {
      const number = open.length + 1;
      open.push({
        end: () => resolve(number),
        fail: () => reject(new Error(`read ${number} failed`)),
        at: performance.now(),
      });
    });
  /** The n-th read, when it has begun. */
  const begun = async (n: number) => {
    while (open.length < n) await new Promise((resolve) => setTimeout(resolve, 1));
    return open[n - 1] as (typeof open)[number];
  };
  return { open, read, begun };
}

test('who comes while a read is under way waits for the next, together with all others', async () => {
  const share = coalesced({ restMs: 0 });
  const { open, read, begun } = slowRead();
  const first = share('a', read);
  const later = Array.from({ length: 100 }, () => share('a', read));
  expect(open.length).toBe(1);
  open[0]?.end();
  expect(await first).toBe(1);
  (await begun(2)).end();
  expect(new Set(await Promise.all(later))).toEqual(new Set([2]));
  expect(open.length).toBe(2);
});

test('other questions do not wait, and a question asked later is read anew', async () => {
  const share = coalesced({ restMs: 0 });
  const { open, read, begun } = slowRead();
  const a = share('a', read);
  const b = share('b', read);
  expect(open.length).toBe(2);
  for (const one of open) one.end();
  await Promise.all([a, b]);
  const again = share('a', read);
  (await begun(3)).end();
  expect(await again).toBe(3);
});

test('a read that fails is told to those who asked for it, and the next one is tried', async () => {
  const share = coalesced({ restMs: 0 });
  const { open, read, begun } = slowRead();
  const first = share('a', read);
  const second = share('a', read);
  open[0]?.fail();
  await expect(first).rejects.toThrow('read 1 failed');
  (await begun(2)).end();
  expect(await second).toBe(2);
});

test('after a read the question rests, and whoever asks meanwhile is answered by a read that began later', async () => {
  const share = coalesced({ restMs: 60 });
  const { open, read, begun } = slowRead();
  const first = share('a', read);
  open[0]?.end();
  await first;
  const asked = performance.now();
  const [one, other] = [share('a', read), share('a', read)];
  expect(open.length).toBe(1);
  const second = await begun(2);
  expect(second.at - asked).toBeGreaterThan(40);
  second.end();
  expect([await one, await other]).toEqual([2, 2]);
});

test('a read that took long makes the next one wait for the longest rest, and no longer', async () => {
  const share = coalesced({ restMs: 0, longestMs: 50 });
  const { open, read, begun } = slowRead();
  const first = share('a', read);
  const second = share('a', read);
  await sleep(250);
  open[0]?.end();
  await first;
  const ended = performance.now();
  const next = await begun(2);
  expect(next.at - ended).toBeGreaterThan(30);
  // Four times as long as it took would be a second.
  expect(next.at - ended).toBeLessThan(700);
  next.end();
  expect(await second).toBe(2);
});

test('a read that fails is tried again after the shortest rest, however long it took to fail', async () => {
  const share = coalesced({ restMs: 20 });
  const { open, read, begun } = slowRead();
  const first = share('a', read);
  const second = share('a', read);
  await sleep(250);
  open[0]?.fail();
  await expect(first).rejects.toThrow('read 1 failed');
  const ended = performance.now();
  const next = await begun(2);
  expect(next.at - ended).toBeLessThan(700);
  next.end();
  expect(await second).toBe(2);
});
