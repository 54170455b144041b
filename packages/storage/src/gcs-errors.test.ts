/** What people read when a bucket cannot be used, over real HTTP; and links, as a reader would open them. */
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PermanentError, RetryableError, type Storage } from '@reelfleet/core';
import { freePort, startGcsServer, startProcess } from '@reelfleet/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { failureOf, failureWithoutAnswer } from './gcs-errors.ts';
import { openStorage } from './index.ts';

const contentType = 'text/plain';
const patience = { firstMs: 1, longestMs: 1, tries: 3 };
const caught = (work: Promise<unknown>) =>
  work.then(
    () => expect.unreachable('it was accepted'),
    (error: Error) => error,
  );

async function keysOf(storage: Storage): Promise<void> {
  for await (const object of storage.list('')) expect.unreachable(object.key);
}

async function everyCall(storage: Storage): Promise<Error[]> {
  const uri = storage.uriOf('runs/a');
  const calls = [
    () => storage.put('runs/a', Buffer.from('a'), { contentType }),
    () => storage.get(uri),
    () => storage.stat(uri),
    () => storage.checksum(uri),
    () => storage.delete(uri),
    () => keysOf(storage),
    () => storage.download(uri, join(tmpdir(), 'reelfleet-never')),
  ];
  const errors = [];
  for (const call of calls) errors.push(await caught(Promise.resolve(call())));
  return errors;
}

describe('every call says in one sentence', () => {
  test('that the bucket is missing', async () => {
    const server = await startGcsServer();
    for (const error of await everyCall(openStorage('gs://no-such-bucket/a', { apiEndpoint: server.url, patience }))) {
      expect(error).toBeInstanceOf(RetryableError);
      expect(error.message).toMatch(
        /^cannot .*: there is no bucket gs:\/\/no-such-bucket; create it or correct STORAGE_URL$/,
      );
    }
  });

  test.each([
    ['403', /: no permission for gs:\/\/reelfleet-test \(.*\); give this service account the role/],
    ['401', /: no usable Google Cloud credentials \(.*\); set GOOGLE_APPLICATION_CREDENTIALS/],
  ] as const)('that it got a %s, without trying again', async (kind, sentence) => {
    const server = await startGcsServer({ faults: { rate: 1, kinds: [kind] } });
    const errors = await everyCall(openStorage(server.storageUrl, { apiEndpoint: server.url, patience }));
    for (const error of errors) {
      expect(error).toMatchObject({ name: 'RetryableError', code: 'storage-denied' });
      expect(error.message).toMatch(sentence);
    }
    expect(server.injected[kind]).toBe(errors.length);
  });

  test('that nobody answers', async () => {
    const apiEndpoint = `http://127.0.0.1:${await freePort()}`;
    for (const error of await everyCall(openStorage('gs://bucket', { apiEndpoint, patience }))) {
      expect(error).toMatchObject({ name: 'RetryableError', code: 'storage-unreachable' });
      expect(error.message).toContain(`${apiEndpoint} cannot be reached (connect ECONNREFUSED`);
    }
  });

  test('that a name is too long for the bucket once its prefix is before it', async () => {
    const storage = openStorage(`gs://bucket/${'p'.repeat(200)}`);
    const key = Array.from({ length: 5 }, () => 'k'.repeat(190)).join('/');
    const error = await caught(storage.put(key, Buffer.from(''), { contentType }));
    expect(error).toBeInstanceOf(PermanentError);
    expect(error).toMatchObject({ code: 'bad-key' });
  });
});

test('a key file that is not there is a matter of credentials', async () => {
  const storage = openStorage('gs://bucket', { keyFile: '/nowhere/key.json', patience });
  const error = await caught(storage.stat(storage.uriOf('a')));
  expect(error).toMatchObject({ code: 'storage-denied' });
  expect(error.message).toContain('GOOGLE_APPLICATION_CREDENTIALS');
});

test.each([
  [503, '<html><title>Error 503</title></html>', 'busy', 'Error 503'],
  [
    400,
    '{"error":{"message":"Provided CRC32C \\"a\\" doesn\'t match"}}',
    'damaged',
    'Provided CRC32C "a" doesn\'t match',
  ],
  [400, '{"error":{"message":"Invalid argument."}}', 'refused', 'Invalid argument.'],
  [408, '', 'busy', 'status 408'],
  [410, 'gone', 'missing', 'gone'],
])('the answer %i %s is a failure of the right kind', (status, text, kind, message) => {
  expect(failureOf(status, text, null)).toMatchObject({ kind, status, message });
});

test('what the service asks for is understood as seconds and as a date', () => {
  expect(failureOf(429, '', '7').retryAfterMs).toBe(7000);
  const date = new Date(Date.now() + 60_000).toUTCString();
  expect(failureOf(429, '', date).retryAfterMs).toBeGreaterThan(50_000);
  expect(failureOf(429, '', 'soon').retryAfterMs).toBeNull();
});

describe('without an answer', () => {
  const refusal = (status: number, message: string) => Object.assign(new Error(message), { status });
  test.each([
    ['a reset while credentials were refreshed', new Error('Could not refresh access token: read ECONNRESET')],
    ['a page where a token should be', new Error('Unexpected token < in JSON at position 0')],
    ['a busy server of tokens', refusal(503, 'Could not refresh access token: Request failed with status code 503')],
    ['a metadata server that is not up yet', new Error('connect ECONNREFUSED 169.254.169.254:80')],
  ])('%s passes, and is tried again', (_, error) => {
    expect(failureWithoutAnswer(error).kind).toBe('network');
  });

  test.each([
    ['none anywhere', new Error('Could not load the default credentials. Browse to https://x.y for more information.')],
    ['a key that was revoked', refusal(400, 'invalid_grant: Invalid JWT Signature.')],
    ['an account that may not', refusal(403, 'A Forbidden error was returned while attempting to retrieve a token')],
    ['a key that is none', new Error('error:1E08010C:DECODER routines::unsupported')],
    ['half a key', new Error('The incoming JSON object does not contain a private_key field')],
    ['a file that is no JSON', new SyntaxError('Unexpected end of JSON input')],
  ])('credentials are wrong: %s', (_, error) => {
    expect(failureWithoutAnswer(error).kind).toBe('credentials');
  });
});

test("an upload's address, which is as good as a password, is never told", () => {
  const url = 'https://storage.googleapis.com/upload/storage/v1/b/b/o?upload_id=secret';
  for (const text of [
    `request to ${url} failed, reason: read ECONNRESET`,
    `Invalid response body while trying to fetch ${url}: x`,
  ])
    expect(failureWithoutAnswer(new Error(text)).message).not.toContain('secret');
});

describe('a link', () => {
  let folder: string;
  let publicKey: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'reelfleet-link-'));
    const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
    publicKey = pair.publicKey.export({ type: 'spki', format: 'pem' }).toString();
    const key = {
      type: 'service_account',
      client_email: 'worker@example.iam.gserviceaccount.com',
      private_key: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    };
    await writeFile(join(folder, 'key.json'), JSON.stringify(key));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test('opens its object for anybody, as the file it was asked to be, until it expires', async () => {
    const server = await startGcsServer({ signerKey: publicKey });
    const storage = openStorage(server.storageUrl, { apiEndpoint: server.url, keyFile: join(folder, 'key.json') });
    const { uri } = await storage.put('runs/a b/é%.txt', Buffer.from('content'), { contentType });
    const options = { expiresInMs: 60_000, contentType: 'video/mp4', fileName: 'My "film".mp4' };
    const link = (await storage.link(uri, options)) as string;
    const response = await fetch(link);
    expect(response.status).toBe(200);
    expect(await response.text()).toBe('content');
    expect(response.headers.get('content-type')).toBe('video/mp4');
    expect(response.headers.get('content-disposition')).toContain('attachment; filename="My _film_.mp4"');
    const forged = link.replace('%C3%A9', 'e').replace('X-Goog-Expires=60', 'X-Goog-Expires=6000');
    expect((await fetch(forged)).status).toBe(403);
    expect(() => storage.keyOf(link)).toThrow(PermanentError);
    const brief = (await storage.link(uri, { expiresInMs: 1000 })) as string;
    await expect.poll(async () => (await fetch(brief)).status, { timeout: 5000 }).toBe(403);
  });

  test('is not made where nothing can sign, and not for what lies elsewhere', async () => {
    const server = await startGcsServer();
    const storage = openStorage(server.storageUrl, { apiEndpoint: server.url });
    const local = openStorage(`file://${folder}/store`);
    for (const store of [storage, local]) {
      expect(await store.link(store.uriOf('runs/a'), { expiresInMs: 1000 })).toBeNull();
      await expect(store.link('gs://elsewhere/a', { expiresInMs: 1000 })).rejects.toThrow(PermanentError);
    }
  });
});

test('a process with a local store does not load the library of the bucket', async () => {
  const script = `
    import { openStorage } from '${new URL('./index.ts', import.meta.url).href}';
    openStorage('gs://bucket/a');
    await openStorage('file:///tmp/reelfleet-none').stat('file:///tmp/reelfleet-none/a');
    const { createRequire } = await import('node:module');
    console.log(Object.keys(createRequire(import.meta.url).cache).some((path) => /google|gaxios/.test(path)) ? 'loaded' : 'not loaded');
  `;
  const child = startProcess({
    name: 'importer',
    args: ['--input-type=module', '--eval', script],
    cwd: import.meta.dirname,
  });
  expect(await child.waitForLine(/loaded/)).toContain('not loaded');
});
