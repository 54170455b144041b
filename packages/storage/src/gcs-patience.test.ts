import { AttemptAborted } from '@reelfleet/core';
import { expect, test } from 'vitest';
import { GcsFailure } from './gcs-errors.ts';
import { PATIENCE, Tries, Watchdog, waitMs } from './gcs-patience.ts';

const busy = new GcsFailure('busy', 'later', { status: 503 });

test('waits double up to a bound, and a random part of them is waited', () => {
  const longest = Array.from({ length: 9 }, (_, i) => waitMs(PATIENCE, i + 1, null, 1));
  expect(longest).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 20_000, 20_000, 20_000]);
  expect(waitMs(PATIENCE, 3, null, 0.25)).toBe(500);
});

test('what the service asks for is waited, within reason', () => {
  expect(waitMs(PATIENCE, 1, 3000, 1)).toBe(3000);
  expect(waitMs(PATIENCE, 1, 86_400_000, 1)).toBe(60_000);
  expect(waitMs(PATIENCE, 6, 1000, 1)).toBe(16_000);
});

test('an operation is tried so often and no more, counted from its last progress', async () => {
  const tries = new Tries({ ...PATIENCE, tries: 3, firstMs: 1 });
  await tries.after(busy);
  await tries.after(busy);
  tries.progressed();
  await tries.after(busy);
  await tries.after(busy);
  await expect(tries.after(busy)).rejects.toBe(busy);
});

test('what another try cannot help is thrown at once', async () => {
  const denied = new GcsFailure('denied', 'no', { status: 403 });
  await expect(new Tries(PATIENCE).after(denied)).rejects.toBe(denied);
  const theirs = new Error('the line went dead');
  await expect(new Tries(PATIENCE).after(theirs)).rejects.toBe(theirs);
});

test('a wait ends with the signal, and its reason', async () => {
  const abort = new AbortController();
  const waiting = new Tries({ ...PATIENCE, firstMs: 60_000, longestMs: 60_000 }, abort.signal).after(
    new GcsFailure('busy', 'later', { status: 429, retryAfterMs: 60_000 }),
  );
  const reason = new AttemptAborted('shutdown');
  abort.abort(reason);
  await expect(waiting).rejects.toBe(reason);
});

test('a watchdog barks after silence, not after motion, and not at rest', async () => {
  const quiet = new Watchdog(40);
  const moving = new Watchdog(40);
  const resting = new Watchdog(40);
  for (const watchdog of [quiet, moving, resting]) watchdog.moved();
  resting.rest();
  const beat = setInterval(moving.moved, 5);
  // Its timer does not keep the process alive by itself; the beat does.
  await new Promise((done) => quiet.signal.addEventListener('abort', done));
  expect(quiet.signal.reason).toMatchObject({ kind: 'stalled' });
  expect(moving.signal.aborted).toBe(false);
  expect(resting.signal.aborted).toBe(false);
  clearInterval(beat);
  moving.rest();
});
