/** The test bucket is what Google's own client library takes for Cloud Storage. */
import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { type Bucket, Storage } from '@google-cloud/storage';
import { expect, test } from 'vitest';
import { Faults, USUAL_FAULTS } from './faults.ts';
import { type GcsServer, type GcsServerOptions, startGcsServer } from './server.ts';

async function opened(options: GcsServerOptions = {}): Promise<{ server: GcsServer; bucket: Bucket }> {
  const server = await startGcsServer(options);
  const library = new Storage({ apiEndpoint: server.url, retryOptions: { autoRetry: false } });
  return { server, bucket: library.bucket(server.bucket) };
}

const bytes = randomBytes(1_300_000);

test('an object that the library saves in one request comes back, with its facts', async () => {
  const { bucket } = await opened();
  const file = bucket.file('a b/é%.bin');
  await file.save(bytes, { resumable: false, contentType: 'video/mp4', metadata: { metadata: { mine: 'yes' } } });
  expect((await file.download())[0].equals(bytes)).toBe(true);
  const [facts] = await file.getMetadata();
  expect(facts).toMatchObject({
    name: 'a b/é%.bin',
    size: String(bytes.length),
    contentType: 'video/mp4',
    metadata: { mine: 'yes' },
  });
  expect(facts.md5Hash).toHaveLength(24);
  await file.delete();
  expect((await file.exists())[0]).toBe(false);
});

test('a resumable upload of the library arrives in chunks, and its checksum is compared', async () => {
  const { server, bucket } = await opened();
  const file = bucket.file('long');
  await pipeline(Readable.from([bytes]), file.createWriteStream({ resumable: true, chunkSize: 512 * 1024 }));
  expect((await file.download())[0].equals(bytes)).toBe(true);
  expect(server.requests).toMatchObject({ begin: 1, append: 3 });
  await expect(file.save(bytes, { resumable: false, metadata: { crc32c: 'AAAAAA==' } })).rejects.toThrow(
    /doesn't match/,
  );
});

test('of two creations of one name the second meets its precondition', async () => {
  const { bucket } = await opened();
  const create = (resumable: boolean) =>
    bucket.file('one').save('x', { resumable, preconditionOpts: { ifGenerationMatch: 0 } });
  await create(false);
  await expect(create(false)).rejects.toMatchObject({ code: 412 });
  await expect(create(true)).rejects.toMatchObject({ status: 412 });
});

test('parts of an object are answered as parts, and what lies beyond it with 416', async () => {
  const { bucket } = await opened();
  const file = bucket.file('digits');
  await file.save('0123456789', { resumable: false });
  expect((await buffer(file.createReadStream({ start: 2, end: 4 }))).toString()).toBe('234');
  expect((await buffer(file.createReadStream({ start: 7 }))).toString()).toBe('789');
  await expect(buffer(file.createReadStream({ start: 10 }))).rejects.toMatchObject({ code: 416 });
});

test('a listing comes in pages, in the order of the names', async () => {
  const { bucket } = await opened();
  for (const name of ['b', 'a/2', 'a/10', 'a.x']) await bucket.file(name).save('', { resumable: false });
  const [page, query] = await bucket.getFiles({ maxResults: 3, autoPaginate: false });
  expect(page.map((file) => file.name)).toEqual(['a.x', 'a/10', 'a/2']);
  const [rest, after] = await bucket.getFiles({ ...query, autoPaginate: false });
  expect(rest.map((file) => file.name)).toEqual(['b']);
  expect(after).toBeNull();
  const [below] = await bucket.getFiles({ prefix: 'a/' });
  expect(below.map((file) => file.name)).toEqual(['a/10', 'a/2']);
});

test('a process finds it by its environment alone', async () => {
  const server = await startGcsServer();
  const before = process.env.STORAGE_EMULATOR_HOST;
  process.env.STORAGE_EMULATOR_HOST = server.env.STORAGE_EMULATOR_HOST;
  try {
    await new Storage().bucket(server.bucket).file('x').save('by environment', { resumable: false });
    expect(String((await new Storage().bucket(server.bucket).file('x').download())[0])).toBe('by environment');
  } finally {
    if (before === undefined) delete process.env.STORAGE_EMULATOR_HOST;
    else process.env.STORAGE_EMULATOR_HOST = before;
  }
});

test('a wrong byte on the way out is a wrong byte, and the library notices', async () => {
  const { server, bucket } = await opened();
  await bucket.file('x').save(bytes, { resumable: false });
  server.setFaults({ rate: 1, kinds: ['corrupt-download'] });
  await expect(bucket.file('x').download()).rejects.toThrow();
  const got = await buffer(bucket.file('x').createReadStream({ validation: false }));
  expect(got.length).toBe(bytes.length);
  expect([...got].filter((byte, at) => byte !== bytes[at])).toHaveLength(1);
});

test('the same seed gives the same faults, each kind about as often as asked', () => {
  const draws = (seed: number) => {
    const faults = new Faults();
    faults.set({ rate: 0.05, seed });
    return { drawn: Array.from({ length: 20_000 }, () => faults.draw(USUAL_FAULTS)), injected: faults.injected };
  };
  const { drawn, injected } = draws(1);
  expect(draws(1).drawn).toEqual(drawn);
  expect(draws(2).drawn).not.toEqual(drawn);
  for (const kind of USUAL_FAULTS) {
    expect(injected[kind]).toBeGreaterThan(500);
    expect(injected[kind]).toBeLessThan(1150);
  }
});

test('nothing of it is left when it is closed', async () => {
  const folders = () => readdirSync(tmpdir()).filter((name) => name.startsWith('reelfleet-gcs-')).length;
  const before = folders();
  const { server, bucket } = await opened();
  await bucket.file('x').save(bytes, { resumable: false });
  expect(folders()).toBe(before + 1);
  await server.close();
  expect(folders()).toBe(before);
  await expect(fetch(server.url)).rejects.toThrow();
});
