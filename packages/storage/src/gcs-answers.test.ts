/** Answers that a bucket should not give, and sessions that it forgets: what is stored is right, or one sentence says why. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { RetryableError, type Storage } from '@reelfleet/core';
import { type FaultPlan, type GcsServer, startGcsServer } from '@reelfleet/testkit';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openStorage } from './index.ts';
import { sha256 } from './storage.testsuite.ts';

const contentType = 'application/octet-stream';
/** Two windows, so that it goes by session. */
const large = randomBytes(9 * 1024 * 1024 + 77);
const small = randomBytes(300_000);

let folder: string;
let source: { path: string };
let server: GcsServer;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reelfleet-gcs-answers-'));
  source = { path: join(folder, 'source') };
  await writeFile(source.path, large);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function bucket(faults: FaultPlan | null = null): Promise<Storage> {
  server = await startGcsServer();
  server.setFaults(faults);
  return openStorage(server.storageUrl, { apiEndpoint: server.url, patience: { firstMs: 1, longestMs: 10, tries: 4 } });
}

async function caught(work: Promise<unknown>): Promise<Error> {
  return work.then(
    () => expect.unreachable('it was accepted'),
    (error: Error) => error,
  );
}

async function expectStored(storage: Storage, key: string, bytes: Buffer): Promise<void> {
  server.setFaults(null);
  expect(await storage.checksum(storage.uriOf(key))).toEqual({ sha256: sha256(bytes), sizeBytes: bytes.length });
}

describe('an upload that the store forgot', () => {
  test('is asked for once; then a new one stores the object', async () => {
    const storage = await bucket({ rate: 1, kinds: ['cut-upload', 'session-gone'], limit: 2 });
    expect((await storage.put('runs/large', source, { contentType })).sha256).toBe(sha256(large));
    expect(server.injected).toEqual({ 'cut-upload': 1, 'session-gone': 1 });
    // The first window twice, the second once.
    expect(server.requests).toEqual({ begin: 2, append: 3, ask: 1 });
    await expectStored(storage, 'runs/large', large);
  });

  test('and whose source cannot be read again ends in one sentence', async () => {
    const storage = await bucket({ rate: 1, kinds: ['session-gone'], limit: 1 });
    const error = await caught(storage.put('runs/large', Readable.from([large]), { contentType }));
    expect(error).toBeInstanceOf(RetryableError);
    expect(error.message).toBe('the store forgot the upload; its source cannot be read again');
    expect(server.requests).toMatchObject({ begin: 1, append: 1 });
  });
});

describe('a store that loses what it had kept of an upload', () => {
  test('gets it in a new one', async () => {
    // This seed spares the first window.
    const storage = await bucket({ rate: 0.5, kinds: ['session-emptied'], seed: 1, limit: 1 });
    expect((await storage.put('runs/large', source, { contentType })).sha256).toBe(sha256(large));
    expect(server.injected).toEqual({ 'session-emptied': 1 });
    expect(server.requests).toEqual({ begin: 2, append: 4, ask: 1 });
    await expectStored(storage, 'runs/large', large);
  });

  test('every time is given up, and not taken for a network that is down', async () => {
    const storage = await bucket({ rate: 1, kinds: ['session-emptied'] });
    const error = await caught(storage.put('runs/large', source, { contentType }));
    expect(error).toMatchObject({ name: 'RetryableError', code: 'storage-unsuitable' });
    expect(error.message).toMatch(
      /^cannot store runs\/large: http.* no bucket gives: it kept nothing of what was sent;/,
    );
    expect(server.injected['session-emptied']).toBe(4);
  });
});

describe.each(['empty-reply', 'hollow-reply'] as const)('an upload that is answered with an %s', (kind) => {
  test.each([
    ['in one request', 'insert', small],
    ['by session', 'append', large],
  ] as const)('%s deletes nothing and ends well, because what is there is equal', async (_, operation, bytes) => {
    const storage = await bucket({ rate: 1, kinds: [kind] });
    const stored = await storage.put('runs/a', Readable.from([bytes]), { contentType });
    expect(stored).toMatchObject({ sha256: sha256(bytes), sizeBytes: bytes.length });
    expect(server.injected[kind]).toBeGreaterThan(0);
    expect(server.requests[operation]).toBe(2);
    expect(server.requests.delete).toBeUndefined();
    await expectStored(storage, 'runs/a', bytes);
  });
});

test.each([
  ['a small object', small],
  ['a long object', large],
])(
  '%s that comes without its length is refused with one sentence, and never read as an empty one',
  async (_, bytes) => {
    const storage = await bucket();
    const { uri } = await storage.put('runs/a', bytes, { contentType });
    server.setFaults({ rate: 1, kinds: ['no-length'] });
    const path = join(folder, 'copy');
    for (const work of [
      () => storage.get(uri),
      () => storage.get(uri, { start: 5, endExclusive: 9 }),
      () => storage.checksum(uri),
      () => storage.download(uri, path),
    ]) {
      const error = await caught(work());
      expect(error).toMatchObject({ name: 'RetryableError', code: 'storage-unsuitable' });
      expect(error.message).toContain('gave an answer that no bucket gives: it did not say its length; check');
    }
    expect(await readdir(folder)).toEqual(['source']);
    await expectStored(storage, 'runs/a', bytes);
  },
);
