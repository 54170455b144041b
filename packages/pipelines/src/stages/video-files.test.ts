import { randomUUID } from 'node:crypto';
import { NotYetError, PermanentError, type StageContext, type StoredTrees } from '@reelfleet/core';
import { describe, expect, test } from 'vitest';
import { archive } from './archive.ts';
import { purge } from './purge.ts';
import { restore } from './restore.ts';

const videoId = randomUUID();
const [one, two, other] = [randomUUID(), randomUUID(), randomUUID()];
/** As `archiveKey` of packages/storage has it. */
const archived = (key: string) => `archive/${videoId}/${key}`;
const folders = [`runs/${one}`, `runs/${two}`];

/** Files in memory; `fails` breaks the move of one key. */
function store(keys: readonly string[], fails?: string) {
  const files = new Map(keys.map((key, n) => [key, n]));
  const trees: StoredTrees = {
    async *list(folder) {
      for (const [key, sizeBytes] of [...files]) if (key.startsWith(`${folder}/`)) yield { key, sizeBytes };
    },
    async move({ key, sizeBytes }, toKey) {
      await Promise.resolve();
      if (key === fails) throw new Error('the store is away');
      files.delete(key);
      files.set(toKey, sizeBytes);
    },
    async delete(key) {
      files.delete(key);
    },
    uriOf: (folder) => `file:///store/${folder}`,
  };
  return { files, trees };
}

function context(trees: StoredTrees, more: Partial<StageContext<unknown>> = {}) {
  const saved: { data: unknown; units: number }[] = [];
  const world = {
    input: { videoId, folders },
    checkpoint: null,
    saveCheckpoint: async (data: unknown, units: number) => void saved.push({ data: structuredClone(data), units }),
    progress: () => {},
    pausePoint: async () => {},
    othersAtWork: async () => false,
    signal: new AbortController().signal,
    trees,
    ...more,
  } as unknown as StageContext<never>;
  return { world, saved };
}

const keysOf = (run: string, count: number) =>
  Array.from({ length: count }, (_, n) => `runs/${run}/chunk/${n}/2/é ${n}.m4s`);
const strangers = [`runs/${other}/a`, `archive/${other}/runs/${other}/a`];

describe('the files of a deleted video', () => {
  test('go where the rules of keys say, come back to the keys they had, and nobody else is touched', async () => {
    const mine = [...keysOf(one, 3), ...keysOf(two, 2)];
    const { files, trees } = store([...mine, ...strangers]);
    const { videoId: named, from, to } = await archive.run(context(trees).world);
    expect([named, from, to]).toEqual([videoId, 'file:///store/runs/', `file:///store/archive/${videoId}/runs/`]);
    expect([...files.keys()].sort()).toEqual([...mine.map(archived), ...strangers].sort());
    await restore.run(context(trees).world);
    expect([...files.keys()].sort()).toEqual([...mine, ...strangers].sort());
  });

  test('are all removed by a purge, those in the archive and those an unfinished archive left', async () => {
    const { files, trees } = store([...keysOf(one, 3), ...keysOf(two, 2).map(archived), ...strangers]);
    expect(await purge.run(context(trees).world)).toMatchObject({ videoId, files: 5 });
    expect([...files.keys()]).toEqual(strangers);
  });

  test('that were moved before a crash are counted, and not looked for again', async () => {
    const keys = keysOf(one, 250);
    const first = store(keys, keys[140]);
    const before = context(first.trees);
    await expect(archive.run(before.world)).rejects.toThrow('the store is away');
    expect(before.saved.map(({ units }) => units)).toEqual([100]);
    // Of the batch that broke, the other lanes brought theirs to an end.
    const moved = [...first.files.keys()].filter((key) => key.startsWith('archive/')).length;
    expect(moved).toBeGreaterThan(100);
    const rest = store([...first.files.keys()]);
    const again = context(rest.trees, { checkpoint: before.saved.at(-1)?.data });
    expect(await archive.run(again.world)).toMatchObject({ files: 100 + 250 - moved });
    expect([...rest.files.keys()].every((key) => key.startsWith(`archive/${videoId}/`))).toBe(true);
  });

  test('are not touched while somebody works on the video: the task goes back, and is due again soon', async () => {
    const { files, trees } = store(keysOf(one, 3));
    for (const stage of [archive, restore, purge]) {
      const error = await stage.run(context(trees, { othersAtWork: async () => true }).world).catch((thrown) => thrown);
      expect(error).toBeInstanceOf(NotYetError);
      expect(error.retryAfterMs).toBeLessThanOrEqual(10_000);
    }
    expect([...files.keys()]).toEqual(keysOf(one, 3));
  });

  test('are left where they are as soon as the signal fires', async () => {
    const { files, trees } = store(keysOf(one, 30));
    const stop = new AbortController();
    const cancelled = new PermanentError('cancelled');
    let moves = 0;
    const counting = {
      ...trees,
      move: async (...args: Parameters<StoredTrees['move']>) => {
        moves += 1;
        if (moves === 10) stop.abort(cancelled);
        await trees.move(...args);
      },
    };
    await expect(archive.run(context(counting, { signal: stop.signal }).world)).rejects.toBe(cancelled);
    expect(moves).toBeLessThan(30);
    expect(files.size).toBe(30);
  });

  test('are those of whole runs: no other folder is taken for one', () => {
    for (const folder of ['runs', 'runs/', 'archive/x', `runs/${one}/chunk`, '../runs', `uploads/${one}`])
      expect([folder, purge.input.safeParse({ videoId, folders: [folder] }).success]).toEqual([folder, false]);
  });
});
