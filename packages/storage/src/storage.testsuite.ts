/**
 * The behaviour of a store, written once and run against every driver: the true manual of the port `Storage`.
 * Needs nothing but the port, so that it says the same of a folder and of a bucket.
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { AttemptAborted, PermanentError, type Storage } from '@reelfleet/core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

export interface OpenedStorage {
  storage: Storage;
  /** A URI that another store of this driver would give. */
  foreignUri: string;
  close(): Promise<void>;
}

export function sha256(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

const contentType = 'application/octet-stream';

/** Run the suite against the stores that `open` gives: a new, empty one for every test. */
export function describeStorage(name: string, open: () => Promise<OpenedStorage>): void {
  describe(`storage (${name})`, () => {
    let opened: OpenedStorage;
    let storage: Storage;
    let folder: string;
    beforeEach(async () => {
      opened = await open();
      storage = opened.storage;
      folder = await mkdtemp(join(tmpdir(), 'reelfleet-suite-'));
    });
    afterEach(async () => {
      await opened.close();
      await rm(folder, { recursive: true, force: true });
    });

    const put = (key: string, text: string) => storage.put(key, Buffer.from(text), { contentType });
    const read = async (uri: string, range: { start?: number; endExclusive?: number } = {}) =>
      (await buffer(await storage.get(uri, range))).toString();
    const keys = async (prefix: string) => {
      const found: string[] = [];
      for await (const object of storage.list(prefix)) found.push(object.key);
      return found;
    };
    const caught = (work: Promise<unknown>) =>
      work.then(
        () => expect.unreachable('it was accepted'),
        (error: Error) => error,
      );

    test('what is put as bytes, as a stream or as a file comes back the same, with its checksum and size', async () => {
      const bytes = randomBytes(3 * 1024 * 1024 + 17);
      await writeFile(join(folder, 'source'), bytes);
      const bodies = {
        bytes,
        stream: Readable.from([bytes.subarray(0, 5), bytes.subarray(5)]),
        file: { path: join(folder, 'source') },
      };
      for (const [kind, body] of Object.entries(bodies)) {
        const stored = await storage.put(`runs/r/${kind}`, body, { contentType: 'video/mp4' });
        expect(stored).toEqual({
          uri: storage.uriOf(`runs/r/${kind}`),
          sha256: sha256(bytes),
          sizeBytes: bytes.length,
          contentType: 'video/mp4',
        });
        expect((await buffer(await storage.get(stored.uri))).equals(bytes)).toBe(true);
        expect(await storage.checksum(stored.uri)).toEqual({ sha256: stored.sha256, sizeBytes: stored.sizeBytes });
      }
    });

    test('a part of a file is stored as an object of its own, an empty one too, and one that the file does not hold is refused', async () => {
      const bytes = randomBytes(2 * 1024 * 1024);
      const path = join(folder, 'source');
      await writeFile(path, bytes);
      const parts = [
        {},
        { start: 5 },
        { endExclusive: 1_000 },
        { start: 1_000, endExclusive: 1_500_000 },
        { start: 7, endExclusive: 7 },
      ];
      for (const [index, part] of parts.entries()) {
        const wanted = bytes.subarray(part.start ?? 0, part.endExclusive);
        const stored = await storage.put(`runs/part-${index}`, { path, ...part }, { contentType });
        expect([stored.sha256, stored.sizeBytes]).toEqual([sha256(wanted), wanted.length]);
        expect((await buffer(await storage.get(stored.uri))).equals(wanted)).toBe(true);
      }
      for (const part of [
        { endExclusive: bytes.length + 1 },
        { start: bytes.length + 1 },
        { start: 9, endExclusive: 8 },
      ]) {
        const error = await caught(storage.put('runs/beyond', { path, ...part }, { contentType }));
        expect(error).toBeInstanceOf(PermanentError);
        expect(error.message).toContain(`${path} cannot be stored`);
      }
      expect(await keys('runs/')).toHaveLength(parts.length);
    });

    test('an empty object and an object with a difficult name are objects like any other', async () => {
      for (const key of ['runs/empty', 'runs/a b/50% #1?&+é😀 [x]/…name.m3u8', 'runs/..x/a..b']) {
        const stored = await put(key, '');
        expect(storage.keyOf(stored.uri)).toBe(key);
        expect(await read(stored.uri)).toBe('');
        expect(await storage.stat(stored.uri)).toMatchObject({ key, sizeBytes: 0 });
      }
      expect(await keys('runs/')).toHaveLength(3);
    });

    test('a second put of the same bytes succeeds and answers the same', async () => {
      const first = await put('runs/r/a', 'same');
      expect(await put('runs/r/a', 'same')).toEqual(first);
      expect(await storage.put('runs/r/a', Readable.from([Buffer.from('same')]), { contentType })).toEqual(first);
    });

    test('a second put of other bytes is refused for good, and the first stay', async () => {
      const first = await put('runs/r/a', 'first');
      const error = await caught(put('runs/r/a', 'other'));
      expect(error).toBeInstanceOf(PermanentError);
      expect(error.message).toContain('already stored with other bytes');
      expect(await read(first.uri)).toBe('first');
    });

    test('of many puts of one key at once exactly one wins, and all with its bytes succeed', async () => {
      const outcomes = await Promise.allSettled(
        Array.from({ length: 12 }, (_, i) => put('runs/r/race', i % 2 === 0 ? 'even' : 'odd')),
      );
      const winner = await read(storage.uriOf('runs/r/race'));
      for (const [i, outcome] of outcomes.entries()) {
        expect(outcome.status).toBe((i % 2 === 0 ? 'even' : 'odd') === winner ? 'fulfilled' : 'rejected');
      }
    });

    test('an object is not there until all of its bytes are', async () => {
      const uri = storage.uriOf('runs/r/slow');
      async function* slowly() {
        yield Buffer.from('half');
        expect(await storage.stat(uri)).toBeNull();
        expect(await keys('')).toEqual([]);
        yield Buffer.from('whole');
      }
      await storage.put('runs/r/slow', Readable.from(slowly()), { contentType });
      expect(await read(uri)).toBe('halfwhole');
    });

    test('a put whose source fails leaves nothing, and the key can be put afterwards', async () => {
      async function* broken() {
        yield Buffer.from('half');
        throw new Error('the line went dead');
      }
      const error = await caught(storage.put('runs/r/a', Readable.from(broken()), { contentType }));
      expect(error.message).toBe('the line went dead');
      expect(await keys('')).toEqual([]);
      expect((await put('runs/r/a', 'well')).sizeBytes).toBe(4);
    });

    test('an aborted put throws the reason, closes its source and leaves nothing', async () => {
      const abort = new AbortController();
      const reason = new AttemptAborted('cancelled');
      async function* endless() {
        for (;;) yield Buffer.alloc(64 * 1024);
      }
      const source = Readable.from(endless());
      const onBytes = (total: number) => total > 500_000 && abort.abort(reason);
      const work = storage.put('runs/r/a', source, { contentType, signal: abort.signal, onBytes });
      expect(await caught(work)).toBe(reason);
      expect(source.destroyed).toBe(true);
      expect(await keys('')).toEqual([]);
      expect(await caught(storage.put('runs/r/a', Buffer.from('x'), { contentType, signal: abort.signal }))).toBe(
        reason,
      );
    });

    test('a stream that was read before, a missing file and a folder are refused, each with a sentence', async () => {
      const spent = Readable.from([Buffer.from('x')]);
      await buffer(spent);
      expect((await caught(storage.put('runs/a', spent, { contentType }))).message).toContain('read or closed before');
      const nowhere = { path: join(folder, 'nowhere') };
      expect((await caught(storage.put('runs/a', nowhere, { contentType }))).message).toContain('there is no file');
      expect((await caught(storage.put('runs/a', { path: folder }, { contentType }))).message).toContain(
        'not a regular file',
      );
      expect(await keys('')).toEqual([]);
    });

    test('moving bytes are reported as a rising total that ends at the size', async () => {
      const bytes = randomBytes(3 * 1024 * 1024);
      const up: number[] = [];
      const down: number[] = [];
      const stored = await storage.put('runs/r/a', bytes, { contentType, onBytes: (total) => up.push(total) });
      await storage.download(stored.uri, join(folder, 'copy'), { onBytes: (total) => down.push(total) });
      for (const totals of [up, down]) {
        expect(totals.length).toBeGreaterThan(1);
        expect(totals).toEqual(totals.toSorted((a, b) => a - b));
        expect(totals.at(-1)).toBe(bytes.length);
      }
    });

    test('a range is read from its start up to, not including, its end', async () => {
      const { uri } = await put('runs/r/a', '0123456789');
      expect(await read(uri, { start: 2, endExclusive: 5 })).toBe('234');
      expect(await read(uri, { start: 7 })).toBe('789');
      expect(await read(uri, { endExclusive: 3 })).toBe('012');
      expect(await read(uri, { start: 4, endExclusive: 4 })).toBe('');
      expect(await read(uri, { start: 8, endExclusive: 100 })).toBe('89');
      for (const range of [{ start: -1 }, { start: 1.5 }, { start: 5, endExclusive: 4 }]) {
        expect((await caught(storage.get(uri, range))).message).toContain('not a range');
      }
    });

    test('an aborted read ends with the reason', async () => {
      const { uri } = await storage.put('runs/r/a', randomBytes(2 * 1024 * 1024), { contentType });
      const abort = new AbortController();
      const reason = new AttemptAborted('shutdown');
      const stream = await storage.get(uri, { signal: abort.signal });
      abort.abort(reason);
      expect(await caught(buffer(stream))).toBe(reason);
    });

    test('a download verifies the checksum it is given', async () => {
      const stored = await put('runs/r/a', 'bytes');
      const path = join(folder, 'copy');
      await storage.download(stored.uri, path, { sha256: stored.sha256 });
      expect(await readFile(path, 'utf8')).toBe('bytes');
    });

    test('a download with another checksum throws a sentence with both and leaves no file', async () => {
      const stored = await put('runs/r/a', 'bytes');
      const expected = sha256('other');
      const error = await caught(storage.download(stored.uri, join(folder, 'copy'), { sha256: expected }));
      expect(error.message).toContain(expected);
      expect(error.message).toContain(stored.sha256);
      expect(await readdir(folder)).toEqual([]);
    });

    test('a signal that fires before anybody reads ends nothing but the read, with the reason', async () => {
      const { uri } = await put('runs/r/early', 'x'.repeat(4096));
      const abort = new AbortController();
      const stream = await storage.get(uri, { signal: abort.signal });
      const reason = new AttemptAborted('lease-lost');
      abort.abort(reason);
      // Time for an error that nobody listens to, which would be the end of the process.
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(await caught(buffer(stream))).toBe(reason);
    });

    test('an aborted download throws the reason and leaves no file', async () => {
      const { uri } = await storage.put('runs/r/a', randomBytes(4 * 1024 * 1024), { contentType });
      const abort = new AbortController();
      const reason = new AttemptAborted('lease-lost');
      const onBytes = () => abort.abort(reason);
      expect(await caught(storage.download(uri, join(folder, 'copy'), { signal: abort.signal, onBytes }))).toBe(reason);
      expect(await readdir(folder)).toEqual([]);
    });

    test('an object that is not there: stat and checksum say null, delete is content, reading is a clear error', async () => {
      for (const uri of [storage.uriOf('runs/none'), storage.uriOf('runs/none/deeper')]) {
        expect(await storage.stat(uri)).toBeNull();
        expect(await storage.checksum(uri)).toBeNull();
        await storage.delete(uri);
        expect((await caught(storage.get(uri))).message).toContain(`${uri} is not in the store`);
        expect((await caught(storage.download(uri, join(folder, 'copy')))).message).toContain(
          `${uri} is not in the store`,
        );
      }
      expect(await readdir(folder)).toEqual([]);
    });

    test('stat knows size, key and the time it was stored', async () => {
      const before = Date.now();
      const { uri } = await put('runs/r/a', 'four');
      const info = await storage.stat(uri);
      expect(info).toMatchObject({ key: 'runs/r/a', uri, sizeBytes: 4 });
      expect(Math.abs((info?.modifiedAt.getTime() ?? 0) - before)).toBeLessThan(60_000);
    });

    test('a listing has every object under its prefix, in key order', async () => {
      const all = ['a.txt', 'a/b', 'a/b.c/d', 'a0', 'b/1', 'b/10', 'b/2', 'b/é', 'b/😀', 'b/\uff5e'];
      for (const key of all.toReversed()) await put(key, key);
      const ordered = all.toSorted((x, y) => Buffer.compare(Buffer.from(x), Buffer.from(y)));
      expect(await keys('')).toEqual(ordered);
      expect(await keys('a')).toEqual(['a.txt', 'a/b', 'a/b.c/d', 'a0']);
      expect(await keys('a/')).toEqual(['a/b', 'a/b.c/d']);
      expect(await keys('b/1')).toEqual(['b/1', 'b/10']);
      expect(await keys('b/1/')).toEqual([]);
      expect(await keys('none/')).toEqual([]);
      for await (const object of storage.list('b/2')) {
        expect(object).toMatchObject({ uri: storage.uriOf('b/2'), sizeBytes: 3 });
      }
    });

    test('deleting leaves the neighbours alone, can be repeated, and frees the key', async () => {
      const { uri } = await put('runs/r/deep/er/a', 'a');
      await put('runs/r/b', 'b');
      await storage.delete(uri);
      await storage.delete(uri);
      expect(await keys('')).toEqual(['runs/r/b']);
      expect((await put('runs/r/deep/er/a', 'new')).sizeBytes).toBe(3);
    });

    test('puts and deletes side by side never trip over each other', async () => {
      const work = Array.from({ length: 40 }, async (_, i) => {
        const { uri } = await put(`runs/r/folder/${i % 4}/${i}`, String(i));
        await storage.delete(uri);
      });
      await Promise.all(work);
      expect(await keys('')).toEqual([]);
    });

    test('a put that is refused closes the stream it was given', async () => {
      const source = Readable.from([Buffer.from('x')]);
      await caught(storage.put('../up', source, { contentType }));
      expect(source.destroyed).toBe(true);
    });

    test.each(['', '/abs', '../up', 'a/../b', 'a/./b', 'a//b', 'a\\b', 'a\0b', '.hidden', 'a/'])(
      'key %j is refused',
      async (key) => {
        expect(await caught(put(key, 'x'))).toBeInstanceOf(PermanentError);
        expect(await keys('')).toEqual([]);
      },
    );

    test('a URI that is not exactly one of this store is refused by every call', async () => {
      const { uri } = await put('runs/r/a', 'x');
      const root = uri.slice(0, -'runs/r/a'.length);
      const bad = [
        opened.foreignUri,
        'https://example.com/runs/r/a',
        'runs/r/a',
        root,
        `${root}..%2Fruns/r/a`,
        `${root}runs/../runs/r/a`,
        `${root}runs/%2e%2e/runs/r/a`,
        `${root}runs/r/%61`,
        `${root}runs/r/a?x=1`,
        `${root}runs/r/a#x`,
        `${root}runs/r/a%00`,
        `${root}runs/r/a%`,
        `${root}/etc/passwd`,
      ];
      for (const given of bad) {
        expect(() => storage.keyOf(given), given).toThrow(PermanentError);
        const calls = [
          storage.stat(given),
          storage.get(given),
          storage.checksum(given),
          storage.delete(given),
          storage.download(given, join(folder, 'x')),
        ];
        for (const error of await Promise.all(calls.map(caught)))
          expect(error.message, given).toContain('is not an object of the store');
      }
      expect(await read(uri)).toBe('x');
    });

    describe('move', () => {
      const there = async (key: string) => (await storage.stat(storage.uriOf(key))) !== null;

      test('an object gets another key: the same bytes under the new one, nothing under the old one', async () => {
        const bytes = randomBytes(70_000);
        const { uri, sizeBytes } = await storage.put('runs/r/a/1/é [x].m4s', bytes, { contentType });
        const moved = await storage.move(uri, 'archive/v/runs/r/a/1/é [x].m4s', { sizeBytes });
        expect(moved).toMatchObject({ key: 'archive/v/runs/r/a/1/é [x].m4s', sizeBytes });
        expect(moved.uri).toBe(storage.uriOf(moved.key));
        expect(await storage.checksum(moved.uri)).toEqual({ sha256: sha256(bytes), sizeBytes });
        expect(await keys('')).toEqual([moved.key]);
        expect(await storage.move(moved.uri, 'runs/r/a/1/é [x].m4s')).toMatchObject({ uri, sizeBytes });
        expect(await keys('')).toEqual(['runs/r/a/1/é [x].m4s']);
      });

      test('asked again it is done already; an object of another size under the new key is not it', async () => {
        const { uri } = await put('runs/r/a', 'moved');
        const first = await storage.move(uri, 'archive/v/a', { sizeBytes: 5 });
        expect(await storage.move(uri, 'archive/v/a', { sizeBytes: 5 })).toMatchObject({
          uri: first.uri,
          sizeBytes: 5,
        });
        expect(await caught(storage.move(uri, 'archive/v/a', { sizeBytes: 6 }))).toMatchObject({
          code: 'object-missing',
        });
        expect(await caught(storage.move(uri, 'archive/v/b'))).toMatchObject({ code: 'object-missing' });
        expect(await keys('')).toEqual(['archive/v/a']);
      });

      test('what was killed between the new name and the end of the old one is finished by the next call', async () => {
        const { uri } = await put('runs/r/a', 'both');
        await put('archive/v/a', 'both');
        await storage.move(uri, 'archive/v/a', { sizeBytes: 4 });
        expect(await keys('')).toEqual(['archive/v/a']);
        expect(await read(storage.uriOf('archive/v/a'))).toBe('both');
      });

      test('other bytes under the new key are never replaced, and the object stays where it is', async () => {
        const { uri } = await put('runs/r/a', 'mine');
        await put('archive/v/a', 'other');
        const error = await caught(storage.move(uri, 'archive/v/a'));
        expect(error).toBeInstanceOf(PermanentError);
        expect(error).toMatchObject({ code: 'object-exists' });
        expect([await read(uri), await read(storage.uriOf('archive/v/a'))]).toEqual(['mine', 'other']);
      });

      test('an object is its own place: moved to the key it has, it stays', async () => {
        const { uri } = await put('runs/r/a', 'here');
        expect(await storage.move(uri, 'runs/r/a')).toMatchObject({ uri, sizeBytes: 4 });
        expect(await read(uri)).toBe('here');
      });

      test('of many that move one object at once all succeed, and it is there once', async () => {
        const { uri } = await put('runs/r/a', 'wanted');
        const moves = Array.from({ length: 8 }, () => storage.move(uri, 'archive/v/runs/r/a', { sizeBytes: 6 }));
        expect(new Set((await Promise.all(moves)).map((moved) => moved.key))).toEqual(new Set(['archive/v/runs/r/a']));
        expect(await keys('')).toEqual(['archive/v/runs/r/a']);
      });

      test('a fired signal ends it with its reason, and the object is not lost', async () => {
        const { uri } = await put('runs/r/a', 'kept');
        const reason = new AttemptAborted('cancelled');
        expect(await caught(storage.move(uri, 'archive/v/a', { signal: AbortSignal.abort(reason) }))).toBe(reason);
        expect([await there('runs/r/a'), await there('archive/v/a')]).toEqual([true, false]);
      });

      test('keys that no object may have, and URIs of another store, are refused', async () => {
        const { uri } = await put('runs/r/a', 'safe');
        for (const key of ['../a', '', '/a', '.incoming/a']) {
          expect(await caught(storage.move(uri, key))).toMatchObject({ code: 'bad-key' });
        }
        expect(await caught(storage.move(opened.foreignUri, 'runs/r/b'))).toMatchObject({ code: 'bad-uri' });
        expect(await keys('')).toEqual(['runs/r/a']);
      });
    });
  });
}
