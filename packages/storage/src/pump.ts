/** Moves the bytes of a body to a file, or to nowhere, and computes their checksum on the way: one read, one write. */
import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Body, type FileBody, PermanentError } from '@reelfleet/core';
import { isMissing } from './local-errors.ts';

export interface Digest {
  sha256: string;
  sizeBytes: number;
}

type Source = NodeJS.ReadableStream | Iterable<Uint8Array>;

/** Big enough that the calls do not count, small enough that hashing one never holds the event loop for a millisecond. */
const CHUNK = 1024 * 1024;

/**
 * Read `source` to its end. `write` receives the bytes from its current position; `onBytes` hears the total after every
 * chunk. A source that fails or a signal that fires rejects, with the source closed.
 */
export async function pump(
  source: Source,
  options: { write?: FileHandle; signal?: AbortSignal; onBytes?: (total: number) => void } = {},
): Promise<Digest> {
  const { write, signal, onBytes } = options;
  const hash = createHash('sha256');
  let sizeBytes = 0;
  const consume = async (chunks: AsyncIterable<Uint8Array | string>) => {
    for await (const given of chunks) {
      const chunk = typeof given === 'string' ? Buffer.from(given) : given;
      hash.update(chunk);
      await write?.writeFile(chunk);
      sizeBytes += chunk.byteLength;
      onBytes?.(sizeBytes);
    }
  };
  await pipeline(source, consume, signal ? { signal } : {});
  return { sha256: hash.digest('hex'), sizeBytes };
}

/** {@link pump} into a file at `path`, which is made, or emptied. */
export async function pumpToFile(
  source: Readable,
  path: string,
  options: { signal?: AbortSignal; onBytes?: (total: number) => void },
): Promise<Digest> {
  const target = await open(path, 'w').catch((error) => {
    source.destroy();
    throw error;
  });
  try {
    return await pump(source, { ...options, write: target });
  } finally {
    await target.close();
  }
}

/** The bytes of an open file, or a part of them, in big pieces; closes it at the end unless `keepOpen`. */
export function bytesOf(
  file: FileHandle,
  { start = 0, endExclusive, keepOpen = false }: Part & { keepOpen?: boolean } = {},
): Readable {
  const end = endExclusive === undefined ? {} : { end: endExclusive - 1 };
  return file.createReadStream({ start, ...end, highWaterMark: CHUNK, autoClose: !keepOpen });
}
type Part = Omit<FileBody, 'path'>;

/** What to read for a body. Throws {@link PermanentError} for one that cannot be read from its beginning. */
export async function sourceOf(body: Body): Promise<Source> {
  if (body instanceof Uint8Array) return slices(body);
  if (isFileBody(body)) return fileSource(body);
  if (body.readable) return body;
  throw new PermanentError('the stream to store was read or closed before; open it anew', { code: 'bad-body' });
}

async function fileSource({ path, ...part }: FileBody): Promise<Source> {
  const { start = 0, endExclusive } = part;
  const file = await open(path, 'r').catch((error) => {
    if (isMissing(error))
      throw new PermanentError(`there is no file ${path} to store`, { cause: error, code: 'bad-body' });
    throw error;
  });
  const found = await file.stat();
  const { size } = found;
  const whole = start >= 0 && start <= (endExclusive ?? size) && (endExclusive ?? size) <= size;
  if (found.isFile() && whole && start !== endExclusive) return bytesOf(file, part);
  await file.close();
  if (!found.isFile())
    throw new PermanentError(`${path} cannot be stored: it is not a regular file`, { code: 'bad-body' });
  if (whole) return [];
  throw new PermanentError(`bytes ${start} to ${endExclusive ?? size} of ${path} cannot be stored: it has ${size}`, {
    code: 'bad-body',
  });
}

/** Whether a body is a file by its path; a file's read stream has a `path` too, but may be a part of it. */
export function isFileBody(body: Body): body is FileBody {
  return !(body instanceof Uint8Array) && !('pipe' in body);
}

/** Close a stream that will not be read to its end: an open response holds a socket. */
export function discard(body: Body): void {
  if (body instanceof Readable) body.destroy();
}

function* slices(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += CHUNK) yield bytes.subarray(at, at + CHUNK);
}
