import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AttemptAborted } from '@reelfleet/core';
import { openStorage } from '@reelfleet/storage';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { storedTrees } from './stored-trees.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reelfleet-trees-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const contentType = 'text/plain';
const open = (signal = new AbortController().signal) => {
  const storage = openStorage(`file://${folder}`);
  let moves = 0;
  const moved = () => {
    moves += 1;
  };
  const trees = storedTrees(storage, { signal, moved });
  return { storage, trees, moves: () => moves };
};

test('reaches files of runs and of the archive, and nothing else of the store', async () => {
  const { storage, trees } = open();
  await storage.put('runs/r/a', Buffer.from('a'), { contentType });
  await storage.put('other/secret', Buffer.from('s'), { contentType });
  for (const key of ['other/secret', 'runsome/a', '', 'archived/a', '../runs/a']) {
    await expect(trees.delete(key)).rejects.toMatchObject({ code: 'bad-key' });
    await expect(trees.move({ key, sizeBytes: 1 }, 'archive/v/x')).rejects.toMatchObject({ code: 'bad-key' });
    await expect(trees.move({ key: 'runs/r/a', sizeBytes: 1 }, key)).rejects.toMatchObject({ code: 'bad-key' });
    await expect(trees.list(key)[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'bad-key' });
  }
  await trees.move({ key: 'runs/r/a', sizeBytes: 1 }, 'archive/v/runs/r/a');
  const there = [];
  for await (const file of trees.list('archive/v')) there.push(file);
  expect(there).toEqual([{ key: 'archive/v/runs/r/a', sizeBytes: 1 }]);
  expect(await storage.stat(storage.uriOf('other/secret'))).not.toBeNull();
});

test('tells the watchdog of every file, and stops when the attempt is told to', async () => {
  const stop = new AbortController();
  const { storage, trees, moves } = open(stop.signal);
  for (const name of ['a', 'b', 'c']) await storage.put(`runs/r/${name}`, Buffer.from(name), { contentType });
  await trees.move({ key: 'runs/r/a', sizeBytes: 1 }, 'archive/v/runs/r/a');
  await trees.delete('runs/r/b');
  expect(moves()).toBe(2);
  const reason = new AttemptAborted('lease-lost');
  stop.abort(reason);
  await expect(trees.move({ key: 'runs/r/c', sizeBytes: 1 }, 'archive/v/runs/r/c')).rejects.toBe(reason);
  await expect(trees.delete('runs/r/c')).rejects.toBe(reason);
  expect(await storage.stat(storage.uriOf('runs/r/c'))).not.toBeNull();
});
