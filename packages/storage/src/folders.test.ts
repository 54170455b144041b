import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mkdirs } from './folders.ts';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'reelfleet-folders-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

test('folders are made down to the last, and what is there already is left alone', async () => {
  expect(await mkdirs(join(root, 'a/b/c'))).toBe(join(root, 'a'));
  expect(await mkdirs(join(root, 'a/b/c'))).toBeUndefined();
});
test('below a file, and where the system refuses, it says so instead of trying for ever', async () => {
  await writeFile(join(root, 'file'), '');
  await expect(mkdirs(join(root, 'file/below'))).rejects.toThrow(/ENOTDIR/);
  if (process.platform === 'linux')
    await expect(mkdirs('/proc/reelfleet/below')).rejects.toThrow(/ENOENT|EACCES|EPERM/);
});
