import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Storage, StoredObject } from '@reelfleet/core';
import { until } from '@reelfleet/testkit';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sharedFiles } from './shared-files.ts';

let folder: string;
let downloads: { uri: string; signal: AbortSignal; arrive(): void; fail(error: Error): void }[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'shared-'));
  downloads = [];
});
afterEach(() => rm(folder, { recursive: true }));

const storage: Pick<Storage, 'download'> = {
  async download(uri, path, { signal, onBytes } = {}) {
    await writeFile(path, 'half');
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
    downloads.push({ uri, signal: signal as AbortSignal, arrive: resolve, fail: reject });
    await promise;
    onBytes?.(8);
    await writeFile(path, 'whole');
  },
};
const ref = (name: string): StoredObject => ({
  ...{ uri: `file:///store/${name}`, sha256: name.repeat(64).slice(0, 64), sizeBytes: 5, contentType: 'video/mp4' },
});
const attempt = () => {
  const controller = new AbortController();
  const moves = { count: 0 };
  return {
    controller,
    moves,
    signal: controller.signal,
    moved: () => {
      moves.count += 1;
    },
  };
};
const brought = (count: number) => until(() => downloads.length === count, { what: `${count} downloads` });

test('a file that several attempts want comes once, and each of them sees it move', async () => {
  const files = sharedFiles(storage, folder);
  const [one, two] = [attempt(), attempt()];
  const paths = [files.borrower(one).get(ref('a')), files.borrower(two).get(ref('a'))];
  await brought(1);
  downloads[0]?.arrive();
  const [first, second] = await Promise.all(paths);
  expect(first).toBe(second);
  expect([one.moves.count, two.moves.count]).toEqual([1, 1]);
  expect(await files.borrower(attempt()).get(ref('a'))).toBe(first);
  expect(downloads.length).toBe(1);
});

test('an attempt that is stopped leaves the download to the others, and the last one stops it', async () => {
  const files = sharedFiles(storage, folder);
  const [one, two] = [attempt(), attempt()];
  const [first, second] = [files.borrower(one), files.borrower(two)];
  const waits = [first.get(ref('a')), second.get(ref('a'))].map((wait) => wait.catch((error: Error) => error.message));
  await brought(1);
  one.controller.abort(new Error('stopped'));
  expect(await waits[0]).toBe('stopped');
  first.release();
  expect(downloads[0]?.signal.aborted).toBe(false);
  two.controller.abort(new Error('stopped too'));
  expect(await waits[1]).toBe('stopped too');
  second.release();
  expect(downloads[0]?.signal.aborted).toBe(true);
  await until(async () => (await readdir(folder)).length === 0, { what: 'the half file to be removed' });
});

test('a download that failed is tried anew by the next one who asks', async () => {
  const files = sharedFiles(storage, folder);
  const lost = files.borrower(attempt()).get(ref('a'));
  await brought(1);
  downloads[0]?.fail(new Error('connection reset'));
  await expect(lost).rejects.toThrow('connection reset');
  const again = files.borrower(attempt()).get(ref('a'));
  await brought(2);
  downloads[1]?.arrive();
  await again;
});

test('what somebody has stays, and of what nobody has the last two', async () => {
  const files = sharedFiles(storage, folder);
  const keeper = files.borrower(attempt());
  const borrow = async (borrower: typeof keeper, name: string) => {
    const count = downloads.length;
    const path = borrower.get(ref(name));
    await brought(count + 1);
    downloads.at(-1)?.arrive();
    return path;
  };
  const kept = await borrow(keeper, 'k');
  for (const name of ['a', 'b', 'c']) {
    const borrower = files.borrower(attempt());
    await borrow(borrower, name);
    borrower.release();
  }
  await until(async () => (await readdir(folder)).length === 3, { what: 'the oldest to be removed' });
  expect(await keeper.get(ref('k'))).toBe(kept);
  await files.borrower(attempt()).get(ref('c'));
  expect(downloads.length).toBe(4);
});
