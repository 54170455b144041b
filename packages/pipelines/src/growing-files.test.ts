import { appendFile, mkdtemp, readdir, readlink, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { GrowingFiles } from './growing-files.ts';

let dir: string;
beforeAll(async () => {
  dir = await realpath(await mkdtemp(join(tmpdir(), 'growing-test-')));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const bytesOf = async (bytes: AsyncIterable<Buffer>) => {
  const all: Buffer[] = [];
  for await (const block of bytes) all.push(block);
  return Buffer.concat(all);
};

test('two readers get every byte of two files, however these are written and whenever that is told', async () => {
  let run = 0;
  const steps = fc.array(
    fc.record({ file: fc.nat(1), size: fc.nat(600_000), told: fc.boolean(), waited: fc.boolean() }),
    { maxLength: 12 },
  );
  await fc.assert(
    fc.asyncProperty(steps, async (writes) => {
      run += 1;
      const paths = [join(dir, `${run}-a`), join(dir, `${run}-b`)] as const;
      const files = new GrowingFiles();
      const read = Promise.all(paths.map((path) => bytesOf(files.read(path))));
      const wanted = [Buffer.alloc(0), Buffer.alloc(0)];
      for (const path of paths) await writeFile(path, '');
      for (const [index, { file, size, told, waited }] of writes.entries()) {
        const piece = Buffer.alloc(size, index + 1);
        wanted[file] = Buffer.concat([wanted[file] as Buffer, piece]);
        await appendFile(paths[file] as string, piece);
        if (told) files.grew();
        if (waited) await new Promise((resolve) => setImmediate(resolve));
      }
      files.end();
      const got = await read;
      for (const index of [0, 1]) expect(got[index]?.equals(wanted[index] as Buffer)).toBe(true);
    }),
    { numRuns: 60 },
  );
});

test('a file is waited for until the end, and missed then', async () => {
  const files = new GrowingFiles();
  const path = join(dir, 'late');
  const read = bytesOf(files.read(path));
  files.grew();
  await writeFile(path, 'at last');
  files.end();
  expect((await read).toString()).toBe('at last');
  await expect(bytesOf(files.read(join(dir, 'never')))).rejects.toThrow(/ENOENT.*never/);
});

/** How often this process has a file open. */
async function timesOpen(path: string): Promise<number> {
  const open = await readdir('/proc/self/fd');
  const names = await Promise.all(open.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')));
  return names.filter((name) => name === path).length;
}

test.runIf(process.platform === 'linux')('a reader that stops early leaves nothing open', async () => {
  const files = new GrowingFiles();
  const path = join(dir, 'long');
  await writeFile(path, Buffer.alloc(2 ** 20));
  const reader = files.read(path);
  expect((await reader.next()).done).toBe(false);
  expect(await timesOpen(path)).toBe(1);
  await reader.return();
  expect(await timesOpen(path)).toBe(0);
});
