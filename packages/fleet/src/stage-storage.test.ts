import { randomUUID } from 'node:crypto';
import type { ArtifactRef, Storage } from '@reelfleet/core';
import { expect, test } from 'vitest';
import { ownArtifacts, stageStorage } from './stage-storage.ts';

const task = { runId: 'r1', key: 'music/07', version: 3 };
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
  await stageStorage(storage, task, { path: '/tmp' }, attempt).put('track.m4a', new Uint8Array(1), {
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
