/**
 * Reading an object: one stream over as many requests as it takes. A cut connection goes on where it broke, at the same
 * generation; the store's crc32c is compared at the end of a whole object, and on demand before the first byte is given
 * out when the object is small enough to be held, since bytes that were given cannot be taken back. A part of an object has no
 * checksum that anybody could compare.
 */
import { Readable } from 'node:stream';
import { Crc32c } from './crc32c.ts';
import type { Answer, GcsClient } from './gcs-client.ts';
import { failureWithoutAnswer, GcsFailure } from './gcs-errors.ts';
import { Tries } from './gcs-patience.ts';

/** Objects up to this size can be checked before the first byte is given out. */
const HELD_BYTES = 8 * 1024 * 1024;

export interface Part {
  start: number;
  /** Undefined: to the object's end. */
  endExclusive?: number | undefined;
}

export interface Reader extends Part {
  /** Check a small object before its first byte is given out, for readers that cannot take bytes back. */
  hold: boolean;
  signal?: AbortSignal | undefined;
  /** Makes of a failure in the middle of the stream what its readers shall see. */
  translate(error: unknown): unknown;
}

/** The bytes of an object. Throws a {@link GcsFailure} (`missing` when there is none) before there is a stream. */
export async function readObject(client: GcsClient, name: string, reader: Reader): Promise<Readable> {
  const { start, endExclusive, signal, translate, hold } = reader;
  // Fires with the caller's signal and when the stream is closed: a source that nobody reads holds a socket.
  const closing = new AbortController();
  const either = signal ? AbortSignal.any([signal, closing.signal]) : closing.signal;
  const tries = new Tries(client.patience, either);
  const ask = (from: number, generation?: string) => request(client, name, from, endExclusive, either, generation);
  const opened = await tries.run(() => ask(start));
  if (!opened) return Readable.from([]);
  async function* pieces(of: Opened): AsyncGenerator<Uint8Array> {
    const bytes = follow(of, start, tries, ask);
    try {
      if (start > 0 || of.remaining < of.sizeBytes) yield* bytes;
      else if (!hold || of.sizeBytes > HELD_BYTES) yield* checked(bytes, of);
      else yield* await held(of, tries, ask, new Tries(client.patience, either));
    } catch (error) {
      throw translate(error);
    }
  }
  const stream = Readable.from(pieces(opened), { objectMode: false });
  // Closed with a reason before its reader has come to listen, it would end the process; who reads it is told all the same.
  stream.on('error', () => {});
  const abort = () => stream.destroy(signal?.reason);
  signal?.addEventListener('abort', abort, { once: true });
  stream.once('close', () => {
    signal?.removeEventListener('abort', abort);
    closing.abort();
  });
  if (signal?.aborted) abort();
  return stream;
}

interface Opened {
  answer: Answer;
  generation: string;
  crc32c: string | undefined;
  sizeBytes: number;
  /** What this answer is to bring. */
  remaining: number;
}

type Ask = (from: number, generation?: string) => Promise<Opened | null>;

async function request(
  client: GcsClient,
  name: string,
  from: number,
  endExclusive: number | undefined,
  signal: AbortSignal,
  generation?: string,
): Promise<Opened | null> {
  const ranged = from > 0 || endExclusive !== undefined;
  const answer = await client.send({
    method: 'GET',
    path: client.objects(name),
    query: { alt: 'media', ...(generation === undefined ? {} : { generation }) },
    headers: ranged ? { Range: `bytes=${from}-${endExclusive === undefined ? '' : endExclusive - 1}` } : {},
    also: 416,
    signal,
  });
  const { headers, status, body, watchdog } = answer;
  if (status === 416) {
    // Nothing lies there: beyond the end there are no bytes, which is not an error for a file either.
    watchdog.rest();
    body.destroy();
    return null;
  }
  const told = headers.get('content-length');
  // Without its length an object that was cut could not be told from a whole one.
  const flaw =
    ranged && status !== 206
      ? 'it was not the part that was asked for'
      : told === null
        ? 'it did not say its length'
        : null;
  if (flaw !== null) {
    watchdog.rest();
    body.destroy();
    throw new GcsFailure('unusable', flaw);
  }
  // Nobody waits for the body before its reader does.
  watchdog.rest();
  const length = Number(told);
  const sizeBytes = Number(/\/(\d+)$/.exec(headers.get('content-range') ?? '')?.[1] ?? length);
  return {
    answer,
    generation: headers.get('x-goog-generation') ?? '',
    crc32c: /crc32c=([^,\s]+)/.exec(headers.get('x-goog-hash') ?? '')?.[1],
    sizeBytes,
    remaining: length,
  };
}

/** Every byte once, over as many requests as it takes. */
async function* follow(opened: Opened, start: number, tries: Tries, ask: Ask): AsyncGenerator<Uint8Array> {
  let at = start;
  const end = start + opened.remaining;
  let current: Opened | null = opened;
  while (at < end) {
    try {
      current ??= await ask(at, opened.generation);
      if (!current) throw new GcsFailure('network', 'the object ended too early');
      const { body, watchdog } = current.answer;
      try {
        watchdog.moved();
        for await (const chunk of body as AsyncIterable<Uint8Array>) {
          // Whoever reads us may take a break as long as he likes.
          watchdog.rest();
          at += chunk.byteLength;
          tries.progressed();
          yield chunk;
          watchdog.moved();
        }
        if (at < end) throw new GcsFailure('network', 'the connection was closed too early');
      } catch (error) {
        throw watchdog.signal.aborted ? watchdog.signal.reason : failureWithoutAnswer(error);
      } finally {
        watchdog.rest();
        body.destroy();
      }
    } catch (error) {
      current = null;
      await tries.after(error);
    }
  }
  if (opened.remaining === 0) {
    opened.answer.watchdog.rest();
    opened.answer.body.destroy();
  }
}

async function* checked(bytes: AsyncIterable<Uint8Array>, { crc32c }: Opened): AsyncGenerator<Uint8Array> {
  const crc = new Crc32c();
  for await (const chunk of bytes) {
    crc.update(chunk);
    yield chunk;
  }
  compare(crc, crc32c);
}

/** A whole small object, checked. Damage on the way is no reason to give up: it is fetched again. */
async function held(opened: Opened, tries: Tries, ask: Ask, damages: Tries): Promise<Uint8Array[]> {
  for (let of: Opened = opened; ; ) {
    try {
      const chunks: Uint8Array[] = [];
      for await (const chunk of checked(follow(of, 0, tries, ask), of)) chunks.push(chunk);
      return chunks;
    } catch (error) {
      if (!isDamage(error)) throw error;
      await damages.after(error);
      const anew = await tries.run(() => ask(0, opened.generation));
      if (!anew) throw error;
      of = anew;
    }
  }
}

/** Whether the store and the bytes that came disagree. */
export function isDamage(error: unknown): boolean {
  return error instanceof GcsFailure && error.kind === 'damaged';
}

function compare(crc: Crc32c, expected: string | undefined): void {
  const got = crc.toString();
  if (expected !== undefined && expected !== got)
    throw new GcsFailure('damaged', `the bytes that came have the crc32c ${got}, the store says ${expected}`);
}
