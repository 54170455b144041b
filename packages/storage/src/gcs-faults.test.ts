/** What goes wrong at a bucket, one kind at a time and often, and what is promised all the same. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { AttemptAborted, PermanentError, RetryableError, type Storage } from '@reelfleet/core';
import { type FaultPlan, type GcsServer, startGcsServer, startTcpProxy, until } from '@reelfleet/testkit';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openStorage, type StorageOptions } from './index.ts';
import { sha256 } from './storage.testsuite.ts';

const contentType = 'application/octet-stream';
/** More than one window, the last with an odd number of bytes, and too much to be held by a reader. */
const large = randomBytes(9 * 1024 * 1024 + 77);
const small = randomBytes(300_000);

let folder: string;
let server: GcsServer;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reelfleet-gcs-test-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function bucket(
  faults: FaultPlan | null = null,
  options: StorageOptions & { granule?: number; rewriteStep?: number } = {},
): Promise<Storage> {
  const { granule, rewriteStep } = options;
  server = await startGcsServer({
    ...(granule === undefined ? {} : { granule }),
    ...(rewriteStep === undefined ? {} : { rewriteStep }),
  });
  server.setFaults(faults);
  return openStorage(server.storageUrl, {
    apiEndpoint: server.url,
    patience: { firstMs: 10, longestMs: 100, tries: 12, ...options.patience },
  });
}

const caught = (work: Promise<unknown>) =>
  work.then(
    () => expect.unreachable('it was accepted'),
    (error: Error) => error,
  );

async function fileOf(bytes: Buffer): Promise<{ path: string }> {
  const path = join(folder, 'source');
  await writeFile(path, bytes);
  return { path };
}

/** Whatever happened on the way: the object is there, whole, right, and the only one. */
async function expectStored(storage: Storage, key: string, bytes: Buffer): Promise<void> {
  server.setFaults(null);
  const uri = storage.uriOf(key);
  expect(await storage.checksum(uri)).toEqual({ sha256: sha256(bytes), sizeBytes: bytes.length });
  const keys = [];
  for await (const object of storage.list('')) keys.push(object.key);
  expect(keys).toEqual([key]);
}

describe.each(['429', '503'] as const)('%s', (kind) => {
  test('is tried again, for puts of any size, reads and deletions', async () => {
    const storage = await bucket({ rate: 0.5, kinds: [kind], seed: 7, retryAfterSeconds: 0 });
    const stored = await storage.put('runs/large', await fileOf(large), { contentType });
    expect(stored.sha256).toBe(sha256(large));
    await storage.put('runs/small', small, { contentType });
    expect((await buffer(await storage.get(storage.uriOf('runs/small')))).equals(small)).toBe(true);
    await storage.delete(storage.uriOf('runs/small'));
    expect(await storage.stat(storage.uriOf('runs/small'))).toBeNull();
    expect(server.injected[kind]).toBeGreaterThan(3);
    await expectStored(storage, 'runs/large', large);
  });

  test('without end becomes one sentence, and the task is tried again', async () => {
    const storage = await bucket({ rate: 1, kinds: [kind], retryAfterSeconds: 0 });
    const uri = storage.uriOf('runs/a');
    for (const work of [() => storage.put('runs/a', small, { contentType }), () => storage.stat(uri)]) {
      const error = await caught(work());
      expect(error).toBeInstanceOf(RetryableError);
      expect(error.message).toMatch(new RegExp(`^cannot (store|read) runs/a: http://.* answered ${kind} at every try`));
    }
  });
});

test('a 429 is left alone for as long as it asks', async () => {
  const storage = await bucket({ rate: 1, kinds: ['429'], retryAfterSeconds: 1, limit: 1 });
  const begun = performance.now();
  await storage.put('runs/a', small, { contentType });
  expect(performance.now() - begun).toBeGreaterThan(990);
  expect(server.requests.insert).toBe(2);
});

describe('a connection cut in mid-upload', () => {
  test('goes on where the store is: the object is right, and the source is read once', async () => {
    const storage = await bucket({ rate: 1, kinds: ['cut-upload'], limit: 4 });
    const totals: number[] = [];
    const stored = await storage.put('runs/large', Readable.from([large]), {
      contentType,
      onBytes: (total) => totals.push(total),
    });
    expect(stored).toMatchObject({ sha256: sha256(large), sizeBytes: large.length });
    expect(totals).toEqual(totals.toSorted((a, b) => a - b));
    expect(totals.at(-1)).toBe(large.length);
    expect(server.injected['cut-upload']).toBe(4);
    expect(server.requests.begin).toBe(1);
    await expectStored(storage, 'runs/large', large);
  });

  test('of a small object sends it again', async () => {
    const storage = await bucket({ rate: 1, kinds: ['cut-upload'], limit: 3 });
    await storage.put('runs/small', Readable.from([small]), { contentType });
    expect(server.injected['cut-upload']).toBe(3);
    await expectStored(storage, 'runs/small', small);
  });
});

test('a connection cut in mid-download goes on where it broke', async () => {
  const storage = await bucket();
  const { uri } = await storage.put('runs/large', large, { contentType });
  server.setFaults({ rate: 0.7, kinds: ['cut-download'], seed: 3 });
  await storage.download(uri, join(folder, 'copy'), { sha256: sha256(large) });
  expect((await readFile(join(folder, 'copy'))).equals(large)).toBe(true);
  const part = await buffer(await storage.get(uri, { start: 1000, endExclusive: 8_999_999 }));
  expect(part.equals(large.subarray(1000, 8_999_999))).toBe(true);
  expect(server.injected['cut-download']).toBeGreaterThan(1);
});

describe('stored, but the reply was lost', () => {
  test('ends in success: the put meets its own object, and it is equal', async () => {
    const storage = await bucket({ rate: 1, kinds: ['lost-reply'], limit: 1 });
    const stored = await storage.put('runs/small', Readable.from([small]), { contentType });
    expect(stored).toMatchObject({ sha256: sha256(small), sizeBytes: small.length });
    expect(server.requests).toMatchObject({ insert: 2, stat: 1 });
    expect(server.requests.read).toBeUndefined();
    await expectStored(storage, 'runs/small', small);
  });

  test('at every turn of a long upload ends in success, too', async () => {
    const storage = await bucket({ rate: 0.7, kinds: ['lost-reply'], seed: 11 });
    const stored = await storage.put('runs/large', Readable.from([large]), { contentType });
    expect(stored.sha256).toBe(sha256(large));
    expect(server.injected['lost-reply']).toBeGreaterThan(2);
    await expectStored(storage, 'runs/large', large);
  });

  test('of a deletion is no error', async () => {
    const storage = await bucket();
    const { uri } = await storage.put('runs/a', small, { contentType });
    server.setFaults({ rate: 1, kinds: ['lost-reply'], limit: 1 });
    await storage.delete(uri);
    expect(await storage.stat(uri)).toBeNull();
  });

  test('with other bytes there already is refused for good', async () => {
    const storage = await bucket();
    await storage.put('runs/a', small, { contentType });
    server.setFaults({ rate: 0.5, kinds: ['lost-reply'], seed: 2 });
    const error = await caught(storage.put('runs/a', randomBytes(small.length), { contentType }));
    expect(error).toBeInstanceOf(PermanentError);
    expect(error).toMatchObject({ code: 'object-exists' });
  });
});

test('a long object that is there is compared byte by byte, since its sha256 is not known to the store', async () => {
  const storage = await bucket();
  const first = await storage.put('runs/large', large, { contentType });
  expect(await storage.put('runs/large', await fileOf(large), { contentType })).toEqual(first);
  expect(server.requests.read).toBe(1);
  const other = Buffer.from(large);
  other[5] = (other[5] as number) ^ 1;
  expect(await caught(storage.put('runs/large', other, { contentType }))).toMatchObject({ code: 'object-exists' });
});

describe('a byte that changes on the way in', () => {
  test('is refused by the store, which is told the checksum, and sent again', async () => {
    const storage = await bucket({ rate: 1, kinds: ['corrupt-upload'], limit: 2 });
    await storage.put('runs/large', await fileOf(large), { contentType });
    expect(server.injected['corrupt-upload']).toBe(2);
    await expectStored(storage, 'runs/large', large);
  });

  test('every time ends in an error, and nothing is there to be read', async () => {
    const storage = await bucket({ rate: 1, kinds: ['corrupt-upload'] }, { patience: { tries: 3 } });
    for (const body of [small, large]) {
      const error = await caught(storage.put('runs/a', body, { contentType }));
      expect(error).toBeInstanceOf(RetryableError);
      expect(error.message).toContain('damaged at every try');
      expect(await storage.stat(storage.uriOf('runs/a'))).toBeNull();
    }
  });

  test('in a stream that cannot be read again says so', async () => {
    const storage = await bucket({ rate: 1, kinds: ['corrupt-upload'] });
    const error = await caught(storage.put('runs/a', Readable.from([large]), { contentType }));
    expect(error).toBeInstanceOf(RetryableError);
    expect(error.message).toContain('its source cannot be read again');
  });

  test('unseen by a store that does not compare is found in its reply, and undone', async () => {
    const storage = await bucket({ rate: 1, kinds: ['corrupt-stored'] }, { patience: { tries: 3 } });
    for (const body of [small, large]) {
      expect((await caught(storage.put('runs/a', body, { contentType }))).message).toContain('the upload was undone');
      expect(await storage.stat(storage.uriOf('runs/a'))).toBeNull();
    }
    server.setFaults({ rate: 1, kinds: ['corrupt-stored'], limit: 1 });
    await storage.put('runs/a', small, { contentType });
    await expectStored(storage, 'runs/a', small);
  });
});

describe('a byte that changes on the way out', () => {
  test('of a small object is found before anybody sees it, and it is fetched again', async () => {
    const storage = await bucket();
    const { uri } = await storage.put('runs/small', small, { contentType });
    server.setFaults({ rate: 1, kinds: ['corrupt-download'], limit: 3 });
    expect((await buffer(await storage.get(uri))).equals(small)).toBe(true);
    expect(server.injected['corrupt-download']).toBe(3);
  });

  test('of a long object ends its stream in an error, and a download in another try', async () => {
    const storage = await bucket();
    const { uri } = await storage.put('runs/large', large, { contentType });
    server.setFaults({ rate: 1, kinds: ['corrupt-download'], limit: 1 });
    expect(await caught(buffer(await storage.get(uri)))).toMatchObject({ code: 'checksum-mismatch' });
    server.setFaults({ rate: 1, kinds: ['corrupt-download'], limit: 2 });
    await storage.download(uri, join(folder, 'copy'));
    expect((await readFile(join(folder, 'copy'))).equals(large)).toBe(true);
  });

  test('every time leaves no file', async () => {
    const storage = await bucket();
    const { uri } = await storage.put('runs/small', small, { contentType });
    server.setFaults({ rate: 1, kinds: ['corrupt-download'] });
    const error = await caught(storage.download(uri, join(folder, 'copy')));
    expect(error).toMatchObject({ code: 'checksum-mismatch' });
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('1 kB/s', () => {
  const slow = { rate: 1, kinds: ['slow'] as const, slowForMs: Number.POSITIVE_INFINITY };

  test('is slow, not dead: what arrived before a time-out counts, up and down', async () => {
    // Scaled down a hundredfold: a second of silence, and a store that keeps units of 256 bytes.
    const patience = { silenceMs: 1000, uploadSilenceMs: 700, tries: 2 };
    const storage = await bucket(slow, { granule: 256, patience });
    const bytes = randomBytes(1500);
    const { uri } = await storage.put('runs/slow', bytes, { contentType });
    expect((await buffer(await storage.get(uri))).equals(bytes)).toBe(true);
    await expectStored(storage, 'runs/slow', bytes);
  });

  test('can be aborted at any time, and no connection stays behind', async () => {
    const storage = await bucket();
    const { uri } = await storage.put('runs/large', large, { contentType });
    server.setFaults(slow);
    const reason = new AttemptAborted('cancelled');
    const works = [
      (signal: AbortSignal) => storage.put('runs/a', small, { contentType, signal }),
      (signal: AbortSignal) => storage.put('runs/b', Readable.from([large]), { contentType, signal }),
      (signal: AbortSignal) => storage.download(uri, join(folder, 'copy'), { signal }),
      (signal: AbortSignal) => storage.checksum(uri, signal),
      async (signal: AbortSignal) => buffer(await storage.get(uri, { signal })),
    ];
    for (const work of works) {
      const before = { ...server.injected };
      const abort = new AbortController();
      const ended = caught(work(abort.signal));
      await until(() => server.injected.slow !== before.slow, { what: 'a slow request' });
      abort.abort(reason);
      expect(await ended).toBe(reason);
    }
    // One or two idle ones may be kept for the next request.
    server.setFaults(null);
    await until(() => server.connections <= 2, { what: 'the connections of what was aborted to close' });
    expect(await storage.stat(storage.uriOf('runs/a'))).toBeNull();
  });
});

test('a reader that goes away in the middle leaves no connection behind', async () => {
  const storage = await bucket();
  const { uri } = await storage.put('runs/large', large, { contentType });
  for (let i = 0; i < 5; i++) {
    const stream = await storage.get(uri);
    if (i % 2 === 0) await new Promise((done) => stream.once('data', done));
    (stream as Readable).destroy();
  }
  await until(() => server.connections <= 1, { what: 'the connections to close' });
});

test('a store that falls silent is given up in time, with a sentence', async () => {
  const behind = await startGcsServer();
  const proxy = await startTcpProxy(behind.url);
  const storage = openStorage(behind.storageUrl, {
    apiEndpoint: `http://127.0.0.1:${proxy.port}`,
    patience: { tries: 2, firstMs: 10, silenceMs: 200, uploadSilenceMs: 200 },
  });
  const { uri } = await storage.put('runs/a', small, { contentType });
  proxy.hang();
  for (const work of [() => storage.stat(uri), () => storage.put('runs/b', small, { contentType })]) {
    const error = await caught(work());
    expect(error).toBeInstanceOf(RetryableError);
    expect(error.message).toContain('is too slow: nothing moved for 0.2 s');
  }
  proxy.heal();
  expect((await buffer(await storage.get(uri))).equals(small)).toBe(true);
});

describe('a move inside the bucket', () => {
  const wanted = 'archive/v/runs/a';
  const moving = async (kinds: FaultPlan['kinds'], body: Buffer = small, rewriteStep?: number) => {
    const storage = await bucket(null, rewriteStep === undefined ? {} : { rewriteStep });
    const { uri } = await storage.put('runs/a', body, { contentType: 'video/mp4' });
    server.setFaults(kinds ? { rate: 0.5, kinds, seed: 11, retryAfterSeconds: 0 } : null);
    return { storage, uri };
  };

  test.each([['429'], ['503'], ['lost-reply'], ['empty-reply'], ['hollow-reply']] as const)(
    'comes through %s with the object whole, in one place, and never in none',
    async (kind) => {
      const { storage, uri } = await moving([kind]);
      for (let there = 0; there < 5; there++) {
        await storage.move(uri, wanted, { sizeBytes: small.length });
        await storage.move(storage.uriOf(wanted), 'runs/a', { sizeBytes: small.length });
      }
      await storage.move(uri, wanted, { sizeBytes: small.length });
      expect(server.injected[kind]).toBeGreaterThan(3);
      await expectStored(storage, wanted, small);
    },
  );

  test('of a big object takes several requests, and goes on where it was when some of them fail', async () => {
    const { storage, uri } = await moving(['503', 'lost-reply'], large, 2 * 1024 * 1024);
    await storage.move(uri, wanted, { sizeBytes: large.length });
    expect(server.requests.rewrite).toBeGreaterThan(4);
    await expectStored(storage, wanted, large);
  });

  test('needs no bytes of it here', async () => {
    const { storage, uri } = await moving(undefined, large);
    await storage.move(uri, wanted);
    expect(server.requests.read).toBeUndefined();
    expect(server.requests.insert ?? 0).toBe(0);
  });

  test('that is refused for good leaves it where it is', async () => {
    const { storage, uri } = await moving(['403']);
    server.setFaults({ rate: 1, kinds: ['403'] });
    expect(await caught(storage.move(uri, wanted))).toMatchObject({ code: 'storage-denied' });
    await expectStored(storage, 'runs/a', small);
  });
});
