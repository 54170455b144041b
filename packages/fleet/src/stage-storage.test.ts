import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { ArtifactRef, Storage } from '@reelfleet/core';
import { openLocalStorage } from '@reelfleet/storage';
import { expect, test } from 'vitest';
import { checksumOfSet, ownArtifacts, removeFiles, stageStorage } from './stage-storage.ts';

const task = { runId: 'r1', key: 'music/07', version: 3 };
const nothingShared = { get: () => Promise.reject(new Error('nothing is shared here')) };
const uriOf = (key: string) => `file:///store/${key}`;
const ref = (key: string): ArtifactRef => ({
  id: randomUUID(),
  kind: 'audio',
  uri: uriOf(key),
  sha256: 'a'.repeat(64),
  sizeBytes: 1,
  contentType: 'audio/mp4',
});

test('an attempt writes below its run, its task key and its state version', async () => {
  const keys: string[] = [];
  const storage = {
    uriOf,
    put: async (key: string) => {
      keys.push(key);
      return { uri: uriOf(key), sha256: 'a'.repeat(64), sizeBytes: 1, contentType: 'audio/mp4' };
    },
  } as unknown as Storage;
  const attempt = { signal: new AbortController().signal, moved: () => {} };
  await stageStorage(storage, task, { path: '/tmp' }, attempt, nothingShared).put('track.m4a', new Uint8Array(1), {
    kind: 'audio',
    contentType: 'audio/mp4',
  });
  expect(keys).toEqual(['runs/r1/music/07/3/track.m4a']);
});

test('only files of this very task become its artifacts, wherever its output names them, each once', () => {
  const [mine, older] = [ref('runs/r1/music/07/3/a'), ref('runs/r1/music/07/1/b')];
  const output = {
    mine,
    again: [mine],
    deep: { older },
    other: ref('runs/r1/music/070/3/c'),
    input: ref('runs/r1/plan/2/d'),
  };
  expect(ownArtifacts({ uriOf }, task, output)).toEqual([mine, older]);
});

test('a set is stored below one folder, keeps the order of its files and is named by the checksum of their list', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'set-'));
  const storage = openLocalStorage(pathToFileURL(join(folder, 'store')).href);
  const files = await Promise.all(
    ['b', 'a', 'c'].map(async (name, index) => {
      await writeFile(join(folder, name), name.repeat(index + 1));
      return { name, path: join(folder, name), seconds: index + 1 };
    }),
  );
  const attempt = { signal: new AbortController().signal, moved: () => {} };
  const mine = stageStorage(storage, task, { path: folder }, attempt, nothingShared);
  const told: string[] = [];
  const set = await mine.putSet('720p', files, {
    kind: 'rendition',
    contentType: 'video/mp4',
    onStored: (name) => void told.push(name),
  });
  expect(storage.keyOf(set.uri)).toBe('runs/r1/music/07/3/720p');
  expect(set.segments.map(({ name, sizeBytes, seconds }) => [name, sizeBytes, seconds])).toEqual([
    ['b', 1, 1],
    ['a', 2, 2],
    ['c', 3, 3],
  ]);
  expect(set).toMatchObject({ sizeBytes: 6, sha256: checksumOfSet(set.segments) });
  expect(told.sort()).toEqual(['a', 'b', 'c']);
  expect(await readFile(await mine.fetchMember(set, 'c'), 'utf8')).toBe('ccc');
  expect(await mine.has(set)).toBe(true);
  await storage.delete(`${set.uri}/c`);
  expect(await mine.has(set)).toBe(false);
  await rm(folder, { recursive: true });
});

test('files that nobody will name are removed, of sets every member, and one that is gone already is no trouble', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'refused-'));
  const storage = openLocalStorage(pathToFileURL(join(folder, 'store')).href);
  for (const name of ['a', 'b']) await writeFile(join(folder, name), name);
  const attempt = { signal: new AbortController().signal, moved: () => {} };
  const mine = stageStorage(storage, task, { path: folder }, attempt, nothingShared);
  const how = { kind: 'rendition', contentType: 'video/mp4' } as const;
  const one = await mine.put('one.mp4', Buffer.from('one'), how);
  const other = await mine.put('other.mp4', Buffer.from('other'), how);
  const set = await mine.putSet(
    '720p',
    ['a', 'b'].map((name) => ({ name, path: join(folder, name) })),
    how,
  );
  await storage.delete(`${set.uri}/a`);
  await removeFiles(storage, [one, set]);
  const left: string[] = [];
  for await (const object of storage.list('')) left.push(object.uri);
  expect(left).toEqual([other.uri]);
  await rm(folder, { recursive: true });
});
