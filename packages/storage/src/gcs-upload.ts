/**
 * Sending one body to a bucket, create-only. A body of one window goes in one request (multipart); a longer one in a
 * resumable session, window by window, each kept until the store says it has it. After a failure the session is asked
 * how far it came and goes on there, so that at most one window is sent twice, and a line of 1 kB/s is slow, not dead:
 * what arrived before a time-out counts as progress.
 *
 * The threshold is one window (8 MiB), because up to there a session's first round trip buys nothing: the whole body is
 * in memory, both checksums are known before the first byte goes, so the store refuses a damaged body before it is an
 * object, and sending it again costs less than asking. A body that stalls in one request goes by session the next time.
 */
import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { messageOf, RetryableError } from '@reelfleet/core';
import { type GcsClient, parsed } from './gcs-client.ts';
import { GcsFailure } from './gcs-errors.ts';
import { Tries } from './gcs-patience.ts';
import type { Reading, Window } from './gcs-source.ts';

/** What the API says of an object, as far as we ask. */
export interface ObjectFacts {
  name: string;
  size: string;
  generation: string;
  crc32c?: string;
  timeCreated: string;
  metadata?: Record<string, string>;
}

export const FACTS = 'name,size,generation,crc32c,timeCreated,metadata';

export interface Upload {
  name: string;
  contentType: string;
  signal?: AbortSignal | undefined;
  /** Hears how many bytes of the body have gone, in any order: a failed request takes some back. */
  sent(position: number): void;
}

/**
 * Makes the body an object; false when an object has the name. Throws a {@link GcsFailure}, or {@link RetryableError} when
 * it would have to begin again and the source cannot.
 */
export async function sendBody(client: GcsClient, reading: Reading, upload: Upload): Promise<boolean> {
  const tries = new Tries(client.patience, upload.signal);
  for (let bySession = false; ; ) {
    const first = (await reading.next()) as Window;
    const inOne = first.last && !bySession;
    try {
      await verify(client, reading, upload, await (inOne ? sendWhole : sendByParts)(client, reading, first, upload));
      return true;
    } catch (error) {
      const kind = error instanceof GcsFailure ? error.kind : null;
      if (kind === 'exists') return false;
      // A session has had its tries; only what spoils it as a whole is a reason for a new one.
      if (!inOne && kind !== 'damaged' && kind !== 'lost') throw error;
      await tries.after(error);
      bySession ||= kind === 'stalled';
      if (await reading.again()) continue;
      throw new RetryableError(`${messageOf(error)}; its source cannot be read again`, {
        cause: error,
        code: 'storage',
      });
    }
  }
}

async function verify(client: GcsClient, reading: Reading, upload: Upload, facts: ObjectFacts): Promise<void> {
  const { crc32c, sizeBytes } = await reading.digest();
  if (facts.crc32c === crc32c && Number(facts.size) === sizeBytes) return;
  // The store checks what we tell it, so this is a store that does not; no reader shall find what it kept.
  await discardGeneration(client, upload.name, facts.generation);
  throw new GcsFailure('damaged', `the store kept other bytes of ${upload.name} than were sent; the upload was undone`);
}

async function discardGeneration(client: GcsClient, name: string, generation: string): Promise<void> {
  const tries = new Tries(client.patience);
  await tries
    .run(() => client.ask({ method: 'DELETE', path: client.objects(name), query: { ifGenerationMatch: generation } }))
    .catch((error) => {
      if (!(error instanceof GcsFailure && ['missing', 'exists'].includes(error.kind))) throw error;
    });
}

/** One request with everything in it. Not tried again here: the driver does, and then knows of a stall. */
async function sendWhole(client: GcsClient, reading: Reading, window: Window, upload: Upload): Promise<ObjectFacts> {
  const { sha256, crc32c } = await reading.digest();
  const { name, contentType, signal } = upload;
  const boundary = randomUUID();
  const wish = { name, contentType, crc32c, metadata: { sha256 } };
  const head = Buffer.from(
    `--${boundary}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n${JSON.stringify(wish)}\r\n` +
      `--${boundary}\r\nContent-Type: application/octet-stream\r\n\r\n`,
  );
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`);
  const facts = await client.ask<Partial<ObjectFacts> | null>({
    method: 'POST',
    path: client.uploads(),
    query: { uploadType: 'multipart', ifGenerationMatch: '0', fields: FACTS },
    headers: { 'Content-Type': `multipart/related; boundary=${boundary}` },
    body: {
      sizeBytes: head.length + window.sizeBytes + tail.length,
      open: (moved) => streamOf(window, 0, upload, moved, head, tail),
    },
    signal,
  });
  return checkedFacts(facts);
}

async function sendByParts(client: GcsClient, reading: Reading, first: Window, upload: Upload): Promise<ObjectFacts> {
  const session = await begin(client, upload);
  let window: Window = first;
  for (;;) {
    const facts = await sendWindow(client, session, reading, window, upload);
    if (facts) return facts;
    const next = await reading.next();
    if (!next) throw new GcsFailure('unusable', 'it did not end the upload');
    window = next;
  }
}

async function begin(client: GcsClient, { name, contentType, signal }: Upload): Promise<string> {
  const tries = new Tries(client.patience, signal);
  const { headers } = await tries.run(async () => {
    const answer = await client.send({
      method: 'POST',
      path: client.uploads(),
      query: { uploadType: 'resumable', ifGenerationMatch: '0', fields: FACTS },
      headers: { 'X-Upload-Content-Type': contentType },
      json: { name, contentType },
      signal,
    });
    await client.rest(answer.body, answer.watchdog, signal);
    return answer;
  });
  const session = headers.get('location');
  if (!session) throw new GcsFailure('unusable', 'it did not say where the upload goes');
  return session;
}

/** Sends one window; answers what became of the object when it was the last one, else null. */
async function sendWindow(
  client: GcsClient,
  session: string,
  reading: Reading,
  window: Window,
  upload: Upload,
): Promise<ObjectFacts | null> {
  const tries = new Tries(client.patience, upload.signal);
  // The whole body has been read when its last window is there; its checksum goes along, and the store compares.
  const total = window.last ? await reading.digest() : null;
  let position = window.start;
  for (let answer: Stand | null = null; ; ) {
    if (answer?.facts) return answer.facts;
    if (answer) {
      if (answer.stored < window.start || answer.stored > window.end)
        throw new GcsFailure('lost', `the store has ${answer.stored} bytes of an upload where ${position} were sent`);
      if (answer.stored > position) tries.progressed();
      position = answer.stored;
      upload.sent(position);
      if (position === window.end && !window.last) return null;
    }
    try {
      const hash: Record<string, string> = total ? { 'X-Goog-Hash': `crc32c=${total.crc32c}` } : {};
      const from = position;
      answer = await put(client, session, upload, {
        headers: { 'Content-Range': rangeOf(from, window.end, total?.sizeBytes), ...hash },
        body: {
          sizeBytes: window.end - from,
          open: (moved) => streamOf(window, from, upload, moved),
        },
      });
      // Else it would be sent for ever.
      if (!answer.facts && answer.stored <= from) throw new GcsFailure('unusable', 'it kept nothing of what was sent');
    } catch (error) {
      if (error instanceof GcsFailure && ['damaged', 'lost'].includes(error.kind)) throw error;
      await tries.after(error);
      answer = await askStand(client, session, upload, tries);
    }
  }
}

/** How far the store is: an object, or this many bytes of one. */
interface Stand {
  facts: ObjectFacts | null;
  stored: number;
}

async function askStand(client: GcsClient, session: string, upload: Upload, tries: Tries): Promise<Stand> {
  for (;;) {
    try {
      return await put(client, session, upload, { headers: { 'Content-Range': 'bytes */*', 'Content-Length': '0' } });
    } catch (error) {
      // A session that is gone stays gone: only a new one helps.
      if (error instanceof GcsFailure && error.kind === 'lost') throw error;
      await tries.after(error);
    }
  }
}

async function put(
  client: GcsClient,
  session: string,
  { signal }: Upload,
  request: Pick<Parameters<GcsClient['send']>[0], 'headers' | 'body'>,
): Promise<Stand> {
  const answer = await client.send({ method: 'PUT', path: session, also: 308, signal, ...request }).catch((error) => {
    if (error instanceof GcsFailure && error.kind === 'missing')
      throw new GcsFailure('lost', 'the store forgot the upload', { cause: error });
    throw error;
  });
  const said = await client.rest(answer.body, answer.watchdog, signal);
  if (answer.status !== 308) return { facts: checkedFacts(parsed<Partial<ObjectFacts> | null>(said)), stored: 0 };
  // No Range: it has nothing yet.
  const stored = /^bytes=0-(\d+)$/.exec(answer.headers.get('range') ?? '')?.[1];
  return { facts: null, stored: stored === undefined ? 0 : Number(stored) + 1 };
}

/** Without these nothing can be compared, nor undone: the next try asks what became of the bytes. */
function checkedFacts(facts: Partial<ObjectFacts> | null): ObjectFacts {
  if (facts?.generation && facts.crc32c && facts.size) return facts as ObjectFacts;
  throw new GcsFailure('unusable', 'it did not say what was stored');
}

function rangeOf(start: number, end: number, total: number | undefined): string {
  return `bytes ${start === end ? '*' : `${start}-${end - 1}`}/${total ?? '*'}`;
}

function streamOf(
  window: Window,
  from: number,
  upload: Upload,
  moved: () => void,
  head?: Buffer,
  tail?: Buffer,
): Readable {
  function* pieces(): Generator<Uint8Array> {
    if (head) yield head;
    let position = from;
    for (const piece of window.from(from)) {
      yield piece;
      // Asked for the next one: this one has gone, at least into the system's buffers.
      position += piece.byteLength;
      moved();
      upload.sent(position);
    }
    if (tail) yield tail;
  }
  return Readable.from(pieces(), { objectMode: false });
}
