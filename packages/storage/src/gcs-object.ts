/**
 * One object of a bucket, by its name: its facts, all of its bytes, and how it comes to be there exactly once. A put that
 * meets an object of the same name compares itself with it, by the facts when they suffice, else byte by byte. Failures
 * are left as they are for the driver (gcs.ts), which knows what was tried.
 */
import type { Readable } from 'node:stream';
import { RetryableError } from '@reelfleet/core';
import type { GcsClient } from './gcs-client.ts';
import { isNoObject } from './gcs-errors.ts';
import { Tries } from './gcs-patience.ts';
import { isDamage, readObject } from './gcs-read.ts';
import type { BodyDigest, Reading } from './gcs-source.ts';
import { FACTS, type ObjectFacts, sendBody, type Upload } from './gcs-upload.ts';
import { objectExists } from './local-errors.ts';
import { type Digest, pump } from './pump.ts';

export type Watch = { signal?: AbortSignal; onBytes?: (total: number) => void };

/** What the store says of an object; null when there is none. */
export async function factsOf(client: GcsClient, name: string, signal?: AbortSignal): Promise<ObjectFacts | null> {
  const tries = new Tries(client.patience, signal);
  const path = client.objects(name);
  try {
    return await tries.run(() => client.ask({ method: 'GET', path, query: { fields: FACTS }, signal }));
  } catch (error) {
    if (isNoObject(error)) return null;
    throw error;
  }
}

/** Sends the body, or finds that it is there. `uri` is the object's, for the sentences. */
export async function storeObject(client: GcsClient, uri: string, reading: Reading, upload: Upload): Promise<Digest> {
  for (;;) {
    const stored = await sendBody(client, reading, upload);
    const digest = await reading.digest();
    const there = stored || (await equal(client, upload.name, digest, upload.signal));
    if (there === true) return digest;
    if (there === false) throw objectExists(uri);
    // Deleted in the meantime: the name is free.
    if (await reading.again()) continue;
    throw new RetryableError(`${uri} went away while it was stored; try again`, { code: 'storage' });
  }
}

/** Whether the object of this name has these bytes; null when there is none any more. */
async function equal(
  client: GcsClient,
  name: string,
  digest: BodyDigest,
  signal: AbortSignal | undefined,
): Promise<boolean | null> {
  const facts = await factsOf(client, name, signal);
  if (!facts) return null;
  if (Number(facts.size) !== digest.sizeBytes || facts.crc32c !== digest.crc32c) return false;
  // Known from its upload when that was one request. A resumed upload learns it too late to say so.
  const known = facts.metadata?.sha256;
  if (known !== undefined) return known === digest.sha256;
  const read = await wholeObject(client, name, signal ? { signal } : {}, pump).catch((error) => {
    if (isNoObject(error)) return null;
    throw error;
  });
  return read && read.sha256 === digest.sha256;
}

/** Reads a whole object, and again when bytes were damaged on the way. */
export async function wholeObject(
  client: GcsClient,
  name: string,
  { signal, onBytes }: Watch,
  use: (source: Readable, watch: Watch) => Promise<Digest>,
): Promise<Digest> {
  const tries = new Tries(client.patience, signal);
  let furthest = 0;
  const watch: Watch = {
    ...(signal ? { signal } : {}),
    onBytes: (total) => {
      furthest = Math.max(furthest, total);
      onBytes?.(furthest);
    },
  };
  for (;;) {
    try {
      const source = await readObject(client, name, { start: 0, signal, translate: (error) => error, hold: false });
      return await use(source, watch);
    } catch (error) {
      if (!isDamage(error)) throw error;
      await tries.after(error);
    }
  }
}
