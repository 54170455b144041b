/**
 * The store in a bucket of Google Cloud Storage (`gs:`). Owns everything below its prefix: an object's name is the prefix
 * and its key.
 *
 * Promises what the local driver promises: an object is seen whole or not at all, never changes, and of many puts of one
 * key exactly one wins and the others are compared with it. Here the winner is chosen by `ifGenerationMatch=0`, which
 * makes every put safe to repeat: a repeated one that had arrived after all meets its own object, finds it equal and has
 * succeeded. The work is in its neighbours: one object in gcs-object.ts, its move in gcs-move.ts, requests in gcs-client.ts, uploads in gcs-upload.ts,
 * reading in gcs-read.ts.
 */
import { randomUUID } from 'node:crypto';
import { rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import {
  type Body,
  messageOf,
  type ObjectInfo,
  PermanentError,
  RetryableError,
  type Storage,
  type StoredObject,
} from '@reelfleet/core';
import { GcsClient, type GcsOptions } from './gcs-client.ts';
import { gcsError, isNoObject } from './gcs-errors.ts';
import { moveObject } from './gcs-move.ts';
import { factsOf, storeObject, type Watch, wholeObject } from './gcs-object.ts';
import { Tries } from './gcs-patience.ts';
import { readObject } from './gcs-read.ts';
import { Reading } from './gcs-source.ts';
import { FACTS, type ObjectFacts } from './gcs-upload.ts';
import { contentDisposition, type Place, placeOf } from './gcs-url.ts';
import { checkKey, checkPrefix, keyBelow, keyProblem, MAX_KEY_BYTES, uriBelow } from './keys.ts';
import { missingObject, storageError } from './local-errors.ts';
import { type Digest, discard, pump, pumpToFile } from './pump.ts';
import { checkRange } from './range.ts';

/**
 * Open the store at `url` (`gs://bucket/prefix`); connects to nothing yet. Throws {@link UserError} (exit code 2) when
 * the URL names no bucket.
 */
export function openGcsStorage(url: string, options: GcsOptions = {}): Storage {
  const place = placeOf(url);
  return new GcsStorage(place, new GcsClient(place.bucket, options));
}

class GcsStorage implements Storage {
  readonly driver = 'gs';
  private readonly place: Place;
  private readonly client: GcsClient;

  constructor(place: Place, client: GcsClient) {
    this.place = place;
    this.client = client;
  }

  uriOf(key: string): string {
    return uriBelow(this.place.rootUri, key);
  }

  keyOf(uri: string): string {
    return keyBelow(this.place.rootUri, uri);
  }

  async put(key: string, body: Body, options: { contentType: string } & Watch): Promise<StoredObject> {
    const { contentType, signal } = options;
    let furthest = 0;
    const sent = (position: number) => {
      furthest = Math.max(furthest, position);
      options.onBytes?.(furthest);
    };
    let reading: Reading | null = null;
    const abort = () => reading?.close(signal?.reason);
    try {
      const name = this.nameOf(checkKey(key));
      signal?.throwIfAborted();
      // Reading is motion, too: a slow source must not look like a stalled upload.
      reading = await Reading.open(body, () => sent(furthest));
      signal?.addEventListener('abort', abort, { once: true });
      const digest = await storeObject(this.client, this.uriOf(key), reading, { name, contentType, signal, sent });
      signal?.throwIfAborted();
      sent(digest.sizeBytes);
      return { uri: this.uriOf(key), sha256: digest.sha256, sizeBytes: digest.sizeBytes, contentType };
    } catch (error) {
      discard(body);
      throw this.error(error, `cannot store ${key}`, signal);
    } finally {
      signal?.removeEventListener('abort', abort);
      reading?.close();
    }
  }

  async get(
    uri: string,
    options: { start?: number; endExclusive?: number; signal?: AbortSignal } = {},
  ): Promise<Readable> {
    const { start = 0, endExclusive, signal } = options;
    checkRange(uri, start, endExclusive);
    const key = this.keyOf(uri);
    const translate = (error: unknown) => this.error(error, `cannot read ${key}`, signal, uri);
    try {
      signal?.throwIfAborted();
      if (endExclusive !== start)
        return await readObject(this.client, this.nameOf(key), { start, endExclusive, signal, translate, hold: true });
      if (!(await factsOf(this.client, this.nameOf(key)))) throw missingObject(uri);
      return Readable.from([]);
    } catch (error) {
      throw translate(error);
    }
  }

  async download(uri: string, path: string, options: { sha256?: string } & Watch = {}): Promise<void> {
    const { signal } = options;
    const key = this.keyOf(uri);
    const part = `${path}.${randomUUID()}.part`;
    const what = `cannot copy ${uri} to ${path}`;
    try {
      signal?.throwIfAborted();
      const { sha256 } = await wholeObject(this.client, this.nameOf(key), options, (source, watch) =>
        pumpToFile(source, part, watch),
      );
      if (options.sha256 !== undefined && options.sha256 !== sha256) {
        throw new RetryableError(
          `${uri} is damaged: its sha256 is ${sha256}, the ledger says ${options.sha256}; run reelfleet fsck`,
          { code: 'checksum-mismatch' },
        );
      }
      await rename(part, path);
    } catch (error) {
      await rm(part, { force: true });
      throw storageError(this.error(error, what, signal, uri), what, dirname(path), signal);
    }
  }

  async stat(uri: string): Promise<ObjectInfo | null> {
    const key = this.keyOf(uri);
    try {
      const facts = await factsOf(this.client, this.nameOf(key));
      return facts && this.infoOf(key, facts);
    } catch (error) {
      throw this.error(error, `cannot read ${key}`);
    }
  }

  async *list(prefix: string): AsyncGenerator<ObjectInfo> {
    const below = this.nameOf(checkPrefix(prefix));
    // The service answers in the order of the names' bytes, which is key order.
    for (let pageToken: string | undefined, first = true; first || pageToken; first = false) {
      const page: { items?: ObjectFacts[]; nextPageToken?: string } = await this.retried(`cannot list ${prefix}`, () =>
        this.client.ask({
          method: 'GET',
          path: this.client.objects(),
          query: { prefix: below, fields: `items(${FACTS}),nextPageToken`, ...(pageToken ? { pageToken } : {}) },
        }),
      );
      for (const facts of page.items ?? []) {
        const key = facts.name.slice(this.place.prefix.length);
        // What other programs put beside ours (a console's empty "folders") is no object of the store.
        if (keyProblem(key) === null) yield this.infoOf(key, facts);
      }
      pageToken = page.nextPageToken;
    }
  }

  async delete(uri: string): Promise<void> {
    const key = this.keyOf(uri);
    // Repeated without a precondition: until this call returns, a deletion may come before or after anybody's put.
    await this.retried(`cannot delete ${key}`, async () => {
      try {
        await this.client.ask({ method: 'DELETE', path: this.client.objects(this.nameOf(key)) });
      } catch (error) {
        if (!isNoObject(error)) throw error;
      }
    });
  }

  async move(
    uri: string,
    toKey: string,
    { sizeBytes, signal }: { sizeBytes?: number; signal?: AbortSignal } = {},
  ): Promise<ObjectInfo> {
    const key = this.keyOf(uri);
    try {
      signal?.throwIfAborted();
      const to = { name: this.nameOf(checkKey(toKey)), uri: this.uriOf(toKey), sizeBytes };
      return this.infoOf(toKey, await moveObject(this.client, this.nameOf(key), to, uri, signal));
    } catch (error) {
      throw this.error(error, `cannot move ${key} to ${toKey}`, signal);
    }
  }

  async checksum(uri: string, signal?: AbortSignal): Promise<Digest | null> {
    const key = this.keyOf(uri);
    try {
      signal?.throwIfAborted();
      return await wholeObject(this.client, this.nameOf(key), signal ? { signal } : {}, pump);
    } catch (error) {
      if (isNoObject(error)) return null;
      throw this.error(error, `cannot read ${key}`, signal, uri);
    }
  }

  async link(
    uri: string,
    options: { expiresInMs: number; contentType?: string; fileName?: string },
  ): Promise<string | null> {
    const file = await this.client.file(this.nameOf(this.keyOf(uri)));
    if (!file) return null;
    try {
      const [link] = await file.getSignedUrl({
        version: 'v4',
        action: 'read',
        expires: Date.now() + options.expiresInMs,
        ...(options.contentType === undefined ? {} : { responseType: options.contentType }),
        ...(options.fileName === undefined ? {} : { responseDisposition: contentDisposition(options.fileName) }),
      });
      return link;
    } catch (error) {
      // Credentials of a person, or none, sign nothing: then there is no link, and the reader is served another way.
      if (/client_email|default credentials/i.test(messageOf(error))) return null;
      throw new RetryableError(`cannot sign a link to ${uri}: ${messageOf(error)}`, { code: 'storage-denied' });
    }
  }

  private async retried<T>(what: string, attempt: () => Promise<T>): Promise<T> {
    try {
      return await new Tries(this.client.patience).run(attempt);
    } catch (error) {
      throw this.error(error, what);
    }
  }

  private nameOf(key: string): string {
    const name = this.place.prefix + key;
    if (Buffer.byteLength(name) <= MAX_KEY_BYTES) return name;
    throw new PermanentError(
      `storage key ${JSON.stringify(key.slice(0, 200))} is too long for a bucket with its prefix`,
      {
        code: 'bad-key',
      },
    );
  }

  private infoOf(key: string, facts: ObjectFacts): ObjectInfo {
    return { key, uri: this.uriOf(key), sizeBytes: Number(facts.size), modifiedAt: new Date(facts.timeCreated) };
  }

  private error(error: unknown, what: string, signal?: AbortSignal, uri?: string): unknown {
    if (!signal?.aborted && uri !== undefined && isNoObject(error)) return missingObject(uri);
    return gcsError(error, what, { bucket: this.place.bucket, endpoint: this.client.endpoint }, signal);
  }
}
