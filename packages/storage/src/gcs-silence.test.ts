/** Who waits for whom: nobody for a fetch of credentials that hangs, nor for readers who take a break. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { AttemptAborted } from '@reelfleet/core';
import { startGcsServer, until } from '@reelfleet/testkit';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openStorage } from './index.ts';

const contentType = 'application/octet-stream';
const caught = (work: Promise<unknown>) =>
  work.then(
    () => expect.unreachable('it was accepted'),
    (error: Error) => error,
  );

describe('a fetch of credentials that is never answered', () => {
  const before = process.env.HTTPS_PROXY;
  const sockets = new Set<Socket>();
  let asked = 0;
  const proxy = createServer((socket) => {
    asked += 1;
    sockets.add(socket.on('error', () => {}).resume());
  });
  let folder: string;
  let keyFile: string;

  beforeEach(async () => {
    asked = 0;
    folder = await mkdtemp(join(tmpdir(), 'reelfleet-silence-'));
    keyFile = join(folder, 'key.json');
    const { privateKey } = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    });
    const key = {
      type: 'service_account',
      client_email: 'worker@example.iam.gserviceaccount.com',
      private_key: privateKey,
    };
    await writeFile(keyFile, JSON.stringify(key));
    await new Promise<void>((done) => proxy.listen(0, '127.0.0.1', done));
    const address = proxy.address();
    process.env.HTTPS_PROXY = typeof address === 'object' ? `http://127.0.0.1:${address?.port}` : '';
  });

  afterEach(async () => {
    if (before === undefined) delete process.env.HTTPS_PROXY;
    else process.env.HTTPS_PROXY = before;
    for (const socket of sockets) socket.destroy();
    await new Promise((done) => proxy.close(done));
    await rm(folder, { recursive: true, force: true });
  });

  test('ends with the signal, and its reason', async () => {
    const storage = openStorage('gs://bucket', { keyFile });
    const works = [
      (signal: AbortSignal) => storage.put('a', Buffer.from('a'), { contentType, signal }),
      (signal: AbortSignal) => storage.get('gs://bucket/a', { signal }),
      (signal: AbortSignal) => storage.checksum('gs://bucket/a', signal),
    ];
    for (const work of works) {
      const abort = new AbortController();
      const ended = caught(work(abort.signal));
      await until(() => asked > 0, { what: 'somebody to ask for credentials' });
      const reason = new AttemptAborted('shutdown');
      abort.abort(reason);
      expect(await ended).toBe(reason);
    }
  });

  test('ends after a silence, and the next try fetches anew instead of waiting for it', async () => {
    const storage = openStorage('gs://bucket', {
      keyFile,
      patience: { tries: 3, firstMs: 1, silenceMs: 150, uploadSilenceMs: 150 },
    });
    for (const work of [
      () => storage.stat('gs://bucket/a'),
      () => storage.put('a', Buffer.from('a'), { contentType }),
    ]) {
      const error = await caught(work());
      expect(error).toMatchObject({ name: 'RetryableError', code: 'storage-unreachable' });
      expect(error.message).toContain('https://storage.googleapis.com is too slow: nothing moved for 0.15 s');
    }
    // A put that stalls in one request goes on by session, which has tries of its own.
    expect(asked).toBe(3 + 1 + 3);
  });
});

test('64 readers who take a break do not keep anybody from being answered', async () => {
  const server = await startGcsServer();
  const storage = openStorage(server.storageUrl, { apiEndpoint: server.url, patience: { tries: 1, silenceMs: 5000 } });
  const { uri } = await storage.put('runs/large', randomBytes(12 * 1024 * 1024), { contentType });
  const readers = await Promise.all(Array.from({ length: 64 }, () => storage.get(uri)));
  try {
    expect(server.connections).toBeGreaterThanOrEqual(64);
    expect(await storage.stat(uri)).toMatchObject({ sizeBytes: 12 * 1024 * 1024 });
  } finally {
    for (const reader of readers) (reader as Readable).destroy();
  }
  await until(() => server.connections <= 2, { what: 'the connections of the readers to close' });
});
