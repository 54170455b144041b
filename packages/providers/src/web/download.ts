/**
 * The bytes of a file on the web as one stream, from the first to the last, however often the connection breaks. What it
 * gives is always one state of the file: a part is asked for only under a validator that the server keeps (If-Range), and
 * where there is none, or the server sends everything again, what it sends again is compared by checksum with what was
 * given already. A file that changed meanwhile ends the stream; what was given of it is then of no use.
 */
import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, RateLimitedError, RetryableError } from '@reelfleet/core';
import { type Answer, ask, broken, permanent, type Reach, shownUrl } from './request.ts';

export interface Limits {
  /** Bytes a file may have. */
  maxBytes: number;
  /** From the first request to the last byte, in milliseconds. */
  maxMs: number;
  /** The server is given up when it sends next to nothing for this long, in milliseconds. */
  stallMs: number;
  /** Before the first resumption; doubles with each that brings nothing. */
  waitMs: number;
}

/** Fewer bytes than this in `stallMs` are next to nothing: a server that drips holds a worker for ever. */
const LEAST_BYTES = 16_384;
/** Resumptions of one download; and in a row, without a new byte. */
const MOST_RESUMPTIONS = 20;
const MOST_IN_A_ROW = 6;
const LONGEST_WAIT_MS = 15_000;
/** A server that wants to be left alone for longer gets its wish, and the task goes back. */
const LONGEST_PATIENCE_MS = 60_000;

export interface Download {
  first: IncomingMessage;
  sizeBytes: number | null;
  bytes(): AsyncGenerator<Buffer, void, void>;
}

/** Ask for the file; the bytes begin to flow when they are read. Throws as {@link ask} does, or when it is no file to take. */
export async function startDownload(
  url: URL,
  limits: Limits,
  reach: Reach,
  given: AbortSignal,
  onBytes: (total: number) => void = () => {},
): Promise<Download> {
  const name = shownUrl(url);
  const late = AbortSignal.timeout(limits.maxMs);
  const signal = AbortSignal.any([given, late]);
  const ended = (error: unknown): unknown => {
    if (given.aborted) return given.reason;
    if (!late.aborted) return error;
    return permanent(
      `${name} was not downloaded within ${describeMs(limits.maxMs)}, the limit (REELFLEET_IMPORT_MINUTES): raise it, or upload the file`,
    );
  };
  const request = async (headers: Record<string, string>): Promise<Answer> => {
    try {
      return await ask(url, headers, reach, signal);
    } catch (error) {
      throw ended(error);
    }
  };

  const first = await request({});
  let sizeBytes: number | null;
  try {
    sizeBytes = checkFirst(first.message, name, limits);
  } catch (error) {
    first.message.destroy();
    throw error;
  }
  const validator = validatorOf(first.message);
  const digest = createHash('sha256');
  let received = 0;

  /** What one connection still brings: everything that is new in it. */
  async function* fresh(message: IncomingMessage, from: number): AsyncGenerator<Buffer, void, void> {
    let position = from;
    const again = createHash('sha256');
    for await (const chunk of steady(message, limits.stallMs, name)) {
      const known = Math.min(chunk.length, Math.max(0, received - position));
      if (known > 0) {
        again.update(chunk.subarray(0, known));
        if (position + known === received && !again.digest().equals(digest.copy().digest())) throw changed(name);
      }
      position += chunk.length;
      if (known === chunk.length) continue;
      const news = chunk.subarray(known);
      digest.update(news);
      received += news.length;
      if (received > limits.maxBytes) throw tooLarge(name, limits);
      onBytes(received);
      yield news;
    }
    if (position < received) throw changed(name);
    if (sizeBytes !== null && received !== sizeBytes)
      throw broken(`${name} ended after ${received} of ${sizeBytes} bytes`);
  }

  async function* bytes(): AsyncGenerator<Buffer, void, void> {
    let { message } = first;
    let from = 0;
    let inARow = 0;
    for (let resumptions = 0; ; resumptions += 1) {
      const before = received;
      try {
        yield* fresh(message, from);
        if (received === 0) throw permanent(`${name} is empty: there is nothing to import`);
        return;
      } catch (error) {
        message.destroy();
        const why = ended(error);
        if (!(why instanceof RetryableError) || why.code !== 'web') throw why;
        inARow = received > before ? 0 : inARow + 1;
        if (resumptions === MOST_RESUMPTIONS || inARow === MOST_IN_A_ROW)
          throw broken(`${why.message}, and went no further at ${resumptions + 1} tries`, why);
      }
      ({ message, from } = await resume(inARow));
    }
  }

  async function resume(triesInVain: number): Promise<{ message: IncomingMessage; from: number }> {
    let wait = Math.min(limits.waitMs * 2 ** triesInVain, LONGEST_WAIT_MS) * (0.5 + Math.random() / 2);
    const part = received > 0 && validator !== null;
    for (let tries = 1; ; tries += 1) {
      await sleep(wait, undefined, { signal }).catch(() => {
        throw ended(signal.reason);
      });
      try {
        const { message } = await request(part ? { range: `bytes=${received}-`, 'if-range': validator } : {});
        try {
          return { message, from: startOf(message, { received, sizeBytes, validator: part ? validator : null, name }) };
        } catch (error) {
          message.destroy();
          throw error;
        }
      } catch (error) {
        const patience = error instanceof RateLimitedError ? error.retryAfterMs : 0;
        const passes = error instanceof RateLimitedError ? patience <= LONGEST_PATIENCE_MS : isPassing(error);
        if (!passes || tries === MOST_IN_A_ROW) throw error;
        wait = Math.max(patience, Math.min(limits.waitMs * 2 ** tries, LONGEST_WAIT_MS));
      }
    }
  }

  return {
    first: first.message,
    sizeBytes,
    async *bytes() {
      try {
        yield* bytes();
      } finally {
        first.message.destroy();
      }
    },
  };
}

const isPassing = (error: unknown): boolean =>
  error instanceof RetryableError && (error.code === 'web' || error.code === 'web-server');

/** What is wrong with the first answer, before a byte of it is read; answers how long the file is, where it says so. */
function checkFirst({ statusCode, headers }: IncomingMessage, name: string, limits: Limits): number | null {
  if (statusCode !== 200)
    throw permanent(`${name} answered a request for all of it with status ${statusCode}: its server cannot be used`);
  const encoding = headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity')
    throw permanent(`${name} comes compressed (${encoding}) although that was declined: its server cannot be used`);
  const type = headers['content-type'] ?? '';
  if (/^\s*(text\/html|application\/xhtml\+xml)\b/i.test(type))
    throw permanent(`${name} is a web page, not a media file: give the address of the file itself`);
  const length = lengthOf(headers['content-length']);
  if (length === 0) throw permanent(`${name} is empty: there is nothing to import`);
  if (length !== null && length > limits.maxBytes) throw tooLarge(name, limits, length);
  return length;
}

/**
 * A validator fit for If-Range (RFC 9110, 13.1.5): a strong ETag, otherwise a Last-Modified that is strong, being at least
 * a second older than the answer (8.8.2.2). Null where there is none.
 */
export function validatorOf({ headers }: Pick<IncomingMessage, 'headers'>): string | null {
  const { etag, date, 'last-modified': modified } = headers;
  if (etag !== undefined) return /^"[^"]*"$/.test(etag) ? etag : null;
  if (modified === undefined || date === undefined) return null;
  return Date.parse(date) - Date.parse(modified) >= 1_000 ? modified : null;
}

/** From which byte on the answer to a resumption goes; throws when it is of another state of the file. */
function startOf(
  { statusCode, headers }: IncomingMessage,
  {
    received,
    sizeBytes,
    validator,
    name,
  }: { received: number; sizeBytes: number | null; validator: string | null; name: string },
): number {
  const same = (total: number | null) => total === null || sizeBytes === null || total === sizeBytes;
  if (statusCode === 200 && same(lengthOf(headers['content-length']))) return 0;
  if (statusCode === 206 && validator !== null) {
    const [, start, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers['content-range'] ?? '') ?? [];
    const unchanged = headers.etag === undefined || !validator.startsWith('"') || headers.etag === validator;
    if (Number(start) === received && same(lengthOf(total)) && unchanged) return received;
  }
  throw changed(name);
}

const lengthOf = (text: string | undefined): number | null => (/^\d+$/.test(text ?? '') ? Number(text) : null);

/** The chunks of a body as they come; throws when next to nothing has come for a while of waiting. */
async function* steady(message: IncomingMessage, stallMs: number, name: string): AsyncGenerator<Buffer, void, void> {
  let waited = 0;
  let came = 0;
  const chunks = message[Symbol.asyncIterator]();
  try {
    for (;;) {
      const began = performance.now();
      let timer: NodeJS.Timeout | undefined;
      const stalled = new Promise<never>((_resolve, reject) => {
        const tell = () => reject(broken(`${name} stopped sending for ${describeMs(stallMs)}`));
        timer = setTimeout(tell, Math.max(0, stallMs - waited));
      });
      const next = await Promise.race([chunks.next(), stalled]).finally(() => clearTimeout(timer));
      if (next.done) return;
      // Only the waiting counts: where the store is slow, the server is not to blame.
      waited += performance.now() - began;
      came += (next.value as Buffer).length;
      if (came >= LEAST_BYTES) [waited, came] = [0, 0];
      yield next.value as Buffer;
    }
  } catch (error) {
    throw error instanceof RetryableError
      ? error
      : broken(`the connection to ${name} broke (${messageOf(error)})`, error);
  } finally {
    message.destroy();
  }
}

const changed = (name: string): RetryableError =>
  new RetryableError(`${name} changed while it was downloaded`, { code: 'web-changed' });

function tooLarge(name: string, { maxBytes }: Limits, length?: number): Error {
  const has = length === undefined ? 'has more' : `has ${megabytes(length)} MB, more`;
  return permanent(
    `${name} ${has} than the ${megabytes(maxBytes)} MB that may be imported (REELFLEET_IMPORT_MAX_MB): raise the limit, or give a smaller file`,
  );
}

const megabytes = (bytes: number): number => Math.ceil(bytes / 1_000_000);
const describeMs = (ms: number): string => (ms >= 120_000 ? `${Math.round(ms / 60_000)} minutes` : `${ms / 1_000} s`);
