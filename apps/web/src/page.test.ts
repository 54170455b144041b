/** Asking again: the timing of it, without a browser. */
import { afterEach, expect, test, vi } from 'vitest';
import { repeatedly } from './page.ts';

afterEach(() => vi.unstubAllGlobals());

test('"now" while a turn is under way is one more turn right after it, and never two at a time', async () => {
  vi.stubGlobal('window', globalThis);
  vi.stubGlobal('document', Object.assign(new EventTarget(), { visibilityState: 'visible' }));
  const turns: (() => void)[] = [];
  const next = repeatedly(3_600_000, () => new Promise<void>((resolve) => void turns.push(resolve)));
  expect(turns).toHaveLength(1);
  next.now();
  next.now();
  expect(turns).toHaveLength(1);
  turns[0]?.();
  await vi.waitFor(() => expect(turns).toHaveLength(2));
  turns[1]?.();
  await new Promise((resolve) => setImmediate(resolve));
  expect(turns).toHaveLength(2);
  next.now();
  expect(turns).toHaveLength(3);
  next.stop();
  next.now();
  turns[2]?.();
  await new Promise((resolve) => setImmediate(resolve));
  expect(turns).toHaveLength(3);
});
