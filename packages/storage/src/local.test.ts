import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { link, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { PermanentError, RetryableError, type Storage, UserError } from '@reelfleet/core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openStorage } from './index.ts';
import { storageError } from './local-errors.ts';
import { describeStorage, sha256 } from './storage.testsuite.ts';

const contentType = 'application/octet-stream';

describeStorage('a local folder', async () => {
  const home = await mkdtemp(join(tmpdir(), 'reelfleet store é-'));
  return {
    storage: openStorage(pathToFileURL(join(home, 'not', 'made', 'yet')).href),
    foreignUri: pathToFileURL(join(home, 'not', 'made', 'yet-another', 'a')).href,
    close: () => rm(home, { recursive: true, force: true }),
  };
});

describeStorage('a local folder, everything from scratch', async () => {
  const home = await mkdtemp(join(tmpdir(), 'reelfleet-store-'));
  return {
    storage: openStorage(`file://${home}/store/`, { scratch: tmpdir() }),
    foreignUri: 'file:///etc/passwd',
    close: () => rm(home, { recursive: true, force: true }),
  };
});

describe('the local store', () => {
  let home: string;
  let root: string;
  let scratch: string;
  let storage: Storage;
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'reelfleet-local-'));
    root = join(home, 'store');
    scratch = join(home, 'scratch');
    await mkdir(scratch);
    storage = openStorage(`file://${root}`, { scratch });
  });
  afterEach(() => rm(home, { recursive: true, force: true }));

  const caught = (work: Promise<unknown>) =>
    work.then(
      () => expect.unreachable('it was accepted'),
      (error: Error) => error,
    );
  const inode = async (path: string) => (await stat(path)).ino;

  test('opening a store makes no file', async () => {
    expect(await storage.stat(storage.uriOf('runs/a'))).toBeNull();
    for await (const object of storage.list('')) expect.unreachable(object.key);
    expect(await readdir(home)).toEqual(['scratch']);
  });

  test('an object lies at its key, and its folders go when the last object goes', async () => {
    const { uri } = await storage.put('runs/r/1/a.txt', Buffer.from('a'), { contentType });
    expect(uri).toBe(`file://${root}/runs/r/1/a.txt`);
    expect(await readFile(join(root, 'runs/r/1/a.txt'), 'utf8')).toBe('a');
    await storage.delete(uri);
    expect(await readdir(root)).toEqual(['.incoming']);
  });

  test('a moved object is the same file, still read-only, and the folders it left are gone', async () => {
    const { uri } = await storage.put('runs/r/1/a.m4s', Buffer.from('a'), { contentType });
    const file = await inode(join(root, 'runs/r/1/a.m4s'));
    await storage.move(uri, 'archive/v/runs/r/1/a.m4s');
    expect(await readdir(root)).toEqual(['.incoming', 'archive']);
    const there = await stat(join(root, 'archive/v/runs/r/1/a.m4s'));
    expect([there.ino, there.nlink, there.mode & 0o222]).toEqual([file, 1, 0]);
  });

  test('a scratch file is linked, not copied, and can be deleted afterwards', async () => {
    const path = join(scratch, 'made.mp4');
    const bytes = randomBytes(100_000);
    await writeFile(path, bytes);
    await utimes(path, new Date(0), new Date(0));
    const stored = await storage.put('runs/r/made.mp4', { path }, { contentType });
    expect(stored.sha256).toBe(sha256(bytes));
    expect(await inode(join(root, 'runs/r/made.mp4'))).toBe(await inode(path));
    expect(((await stat(path)).mode & 0o222) === 0).toBe(true);
    // gc counts from storing: a film that took two days to make is not two days old.
    expect(Date.now() - ((await storage.stat(stored.uri))?.modifiedAt.getTime() ?? 0)).toBeLessThan(60_000);
    await rm(path);
    expect((await buffer(await storage.get(stored.uri))).equals(bytes)).toBe(true);
    expect(await readdir(join(root, '.incoming'))).toEqual([]);
  });

  test('an object that is only read is not copied: it is the stored file under a second name, still sealed', async () => {
    const bytes = randomBytes(100_000);
    const { uri, sha256: sum } = await storage.put('runs/film.mp4', bytes, { contentType });
    const borrowed = join(scratch, 'film.mp4');
    const heard: number[] = [];
    await storage.download(uri, borrowed, { sha256: sum, toRead: true, onBytes: (total) => heard.push(total) });
    expect(await inode(borrowed)).toBe(await inode(join(root, 'runs/film.mp4')));
    expect([(await stat(borrowed)).mode & 0o222, heard.at(-1)]).toEqual([0, bytes.length]);
    await storage.delete(uri);
    expect((await readFile(borrowed)).equals(bytes)).toBe(true);
    expect(await readdir(scratch)).toEqual(['film.mp4']);
  });

  test('an object that is only read is checked all the same, and one that anybody may write to is a copy', async () => {
    const { uri, sha256: sum } = await storage.put('runs/film.mp4', randomBytes(1_000), { contentType });
    const stored = join(root, 'runs/film.mp4');
    const error = await caught(
      storage.download(uri, join(scratch, 'x'), { sha256: sha256(Buffer.from('y')), toRead: true }),
    );
    expect(error.message).toContain('is damaged');
    await storage.download(uri, join(scratch, 'mine'), { sha256: sum });
    expect(await inode(join(scratch, 'mine'))).not.toBe(await inode(stored));
    expect([await readdir(scratch), (await stat(stored)).nlink]).toEqual([['mine'], 1]);
  });

  test("a file from elsewhere is copied, so that its owner's next change does not reach the store", async () => {
    const mine = join(home, 'holiday.mp4');
    await writeFile(mine, 'one');
    await symlink(mine, join(scratch, 'link.mp4'));
    await link(mine, join(scratch, 'second-name.mp4'));
    const paths = { direct: mine, link: join(scratch, 'link.mp4'), second: join(scratch, 'second-name.mp4') };
    for (const [name, path] of Object.entries(paths)) await storage.put(`runs/${name}`, { path }, { contentType });
    await writeFile(mine, 'two');
    for (const name of Object.keys(paths)) expect(await readFile(join(root, 'runs', name), 'utf8')).toBe('one');
  });

  test('a part of a scratch file, given as its read stream, is stored as that part', async () => {
    const path = join(scratch, 'whole');
    await writeFile(path, '0123456789');
    const stored = await storage.put('runs/part', createReadStream(path, { start: 2, end: 4 }), { contentType });
    expect(stored.sizeBytes).toBe(3);
    expect(await readFile(join(root, 'runs/part'), 'utf8')).toBe('234');
  });

  test('one scratch file can be stored under many keys at once', async () => {
    const path = join(scratch, 'shared');
    await writeFile(path, 'shared');
    const keys = Array.from({ length: 8 }, (_, i) => `runs/${i}`);
    await Promise.all(keys.map((key) => storage.put(key, { path }, { contentType })));
    for (const key of keys) expect(await readFile(join(root, key), 'utf8')).toBe('shared');
  });

  test('a scratch file that is written to while it is stored is refused', async () => {
    const path = join(scratch, 'growing');
    await writeFile(path, randomBytes(4 * 1024 * 1024));
    let grown: Promise<void> | null = null;
    const onBytes = () => {
      grown ??= writeFile(path, 'more', { flag: 'a' });
    };
    const error = await caught(storage.put('runs/growing', { path }, { contentType, onBytes }));
    await grown;
    expect(error.message).toContain('was written to while it was stored');
    expect(await storage.stat(storage.uriOf('runs/growing'))).toBeNull();
  });

  test('files left by a dead process are never listed, and go when they are a day old', async () => {
    const incoming = join(root, '.incoming');
    await mkdir(incoming, { recursive: true });
    await writeFile(join(incoming, 'old.part'), 'x');
    await writeFile(join(incoming, 'young.part'), 'x');
    await utimes(join(incoming, 'old.part'), new Date(0), new Date(0));
    await storage.put('runs/a', Buffer.from('a'), { contentType });
    expect(await readdir(incoming)).toEqual(['young.part']);
    const keys = [];
    for await (const object of storage.list('')) keys.push(object.key);
    expect(keys).toEqual(['runs/a']);
  });

  test('a symbolic link below the root leads nowhere: not for reading, writing, listing or deleting', async () => {
    const outside = join(home, 'outside');
    await mkdir(outside);
    await writeFile(join(outside, 'secret'), 'secret');
    await storage.put('runs/a', Buffer.from('a'), { contentType });
    await symlink(outside, join(root, 'runs', 'out'));
    await symlink(join(outside, 'secret'), join(root, 'runs', 'file'));
    await symlink(join(home, 'nowhere'), join(root, 'runs', 'dangling'));
    for (const key of ['runs/out/secret', 'runs/file']) {
      const uri = storage.uriOf(key);
      const calls = [
        storage.stat(uri),
        storage.get(uri),
        storage.checksum(uri),
        storage.download(uri, join(home, 'copy')),
      ];
      for (const error of await Promise.all(calls.map(caught))) expect(error.message).toContain('symbolic link');
    }
    for (const key of ['runs/out/new', 'runs/out/deep/new', 'runs/dangling/new', 'runs/file']) {
      expect(await caught(storage.put(key, Buffer.from('x'), { contentType }))).toBeInstanceOf(PermanentError);
    }
    expect((await caught(storage.delete(storage.uriOf('runs/out/secret')))).message).toContain('symbolic link');
    const keys = [];
    for await (const object of storage.list('')) keys.push(object.key);
    expect(keys).toEqual(['runs/a']);
    expect(await readdir(outside)).toEqual(['secret']);
    expect(await readdir(home)).not.toContain('nowhere');
  });

  test('the root itself may be a symbolic link', async () => {
    await mkdir(join(home, 'big-disk'));
    await symlink(join(home, 'big-disk'), join(home, 'linked'));
    const linked = openStorage(`file://${home}/linked`);
    const { uri } = await linked.put('runs/a', Buffer.from('a'), { contentType });
    expect(uri).toBe(`file://${home}/linked/runs/a`);
    expect((await buffer(await linked.get(uri))).toString()).toBe('a');
  });

  test('an object and a folder cannot share a name; the sentence says so', async () => {
    await storage.put('runs/a', Buffer.from('a'), { contentType });
    for (const key of ['runs/a/b', 'runs']) {
      const error = await caught(storage.put(key, Buffer.from('x'), { contentType }));
      expect(error).toBeInstanceOf(PermanentError);
      expect(error.message).toContain('one of the names in it is taken');
    }
    await storage.delete(storage.uriOf('runs'));
    expect(await storage.stat(storage.uriOf('runs'))).toBeNull();
    expect(await storage.stat(storage.uriOf('runs/a'))).not.toBeNull();
  });

  test('a store that was wiped away is made anew by the next put', async () => {
    await storage.put('runs/a', Buffer.from('a'), { contentType });
    await rm(root, { recursive: true });
    await storage.put('runs/a', Buffer.from('other'), { contentType });
    expect(await readFile(join(root, 'runs/a'), 'utf8')).toBe('other');
  });

  test('a store whose place is taken by a file answers in one sentence', async () => {
    await writeFile(root, '');
    const error = await caught(storage.put('runs/a', Buffer.from('a'), { contentType }));
    expect(error).toBeInstanceOf(RetryableError);
    expect(error.message).toBe(`cannot store runs/a: ${root}/.incoming is missing or not a folder`);
  });

  test.each([
    ['ENOSPC', 'disk-full', 'is full'],
    ['EDQUOT', 'disk-full', 'is full'],
    ['EACCES', 'storage-denied', 'no permission for /s/x'],
    ['EROFS', 'storage-denied', 'no permission for /s/x'],
    ['ENOTSUP', 'storage-unsuitable', 'no hard links'],
  ])('%s becomes one clear sentence that can be tried again', (code, ours, text) => {
    const system = Object.assign(new Error(`${code}: no`), { code, path: '/s/x' });
    const error = storageError(system, 'cannot store runs/a', '/s') as RetryableError;
    expect(error).toBeInstanceOf(RetryableError);
    expect(error.code).toBe(ours);
    expect(error.message).toMatch(/^cannot store runs\/a: /);
    expect(error.message).toContain(text);
    expect(error.cause).toBe(system);
  });

  test.each([
    ['gs://BUCKET', 'takes gs://bucket/prefix'],
    ['s3://key:secret@bucket', 'not available in this version'],
    ['https://user:secret@host/x', 'takes file:///absolute/path'],
    ['.reelfleet/storage', 'takes file:///absolute/path'],
    ['file:///', 'takes file:///absolute/path'],
    ['file://server/share', 'takes file:///absolute/path'],
    ['file:///a?b', 'takes file:///absolute/path'],
    ['file:///a%2Fb', 'takes file:///absolute/path'],
  ])('STORAGE_URL %s is refused with one sentence, exit code 2 and no secret', (url, text) => {
    try {
      openStorage(url);
    } catch (error) {
      expect(error).toBeInstanceOf(UserError);
      expect(error).toMatchObject({ exitCode: 2, message: expect.stringContaining(text) });
      expect((error as Error).message).toMatch(/^STORAGE_URL: /);
      expect((error as Error).message).not.toContain('secret');
      return;
    }
    expect.unreachable('it was accepted');
  });
});
