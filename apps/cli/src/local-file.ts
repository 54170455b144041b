/** A file of this machine that is to become a video: looked at before anything is done, then read for its checksum. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { basename, extname, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { messageOf, UserError } from '@reelfleet/core';

export interface LocalFile {
  path: string;
  name: string;
  sizeBytes: number;
  contentType: string;
}

const wrong = (sentence: string, cause?: unknown) => new UserError(sentence, { exitCode: 2, cause });

/** Throws UserError, exit code 2, for what is no file that can be read, or is larger than `maxBytes`. */
export async function examine(given: string, maxBytes: number): Promise<LocalFile> {
  const path = resolve(given);
  const found = await stat(path).catch((error) => {
    throw wrong(cannotOpen(given, error), error);
  });
  if (found.isDirectory()) throw wrong(`${given} is a folder: name a file in it`);
  if (!found.isFile()) throw wrong(`${given} is no ordinary file: copy what it gives into one first`);
  if (found.size === 0) throw wrong(`${given} is empty: there is nothing to import`);
  if (found.size > maxBytes)
    throw wrong(
      `${given} has ${megabytes(found.size)} MB, more than the ${megabytes(maxBytes)} MB that may be imported (REELFLEET_IMPORT_MAX_MB): raise the limit, or give a smaller file`,
    );
  const file = await open(path, 'r').catch((error) => {
    throw wrong(cannotOpen(given, error), error);
  });
  await file.close();
  const name = basename(path);
  return { path, name, sizeBytes: found.size, contentType: contentTypeOf(name) };
}

const megabytes = (bytes: number): number => Math.ceil(bytes / 1_000_000);

function cannotOpen(given: string, error: unknown): string {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return `there is no file ${given}`;
    case 'EACCES':
    case 'EPERM':
      return `${given} cannot be read: no permission for this user`;
    default:
      return `${given} cannot be read (${messageOf(error)})`;
  }
}

/** SHA-256 of the whole file; `onBytes` hears how far it is. */
export async function checksumOf(
  { path, name }: LocalFile,
  { signal, onBytes }: { signal: AbortSignal; onBytes(total: number): void },
): Promise<string> {
  const hash = createHash('sha256');
  let total = 0;
  try {
    await pipeline(
      createReadStream(path, { highWaterMark: 1024 * 1024 }),
      async (chunks: AsyncIterable<Buffer>) => {
        for await (const chunk of chunks) {
          hash.update(chunk);
          total += chunk.length;
          onBytes(total);
        }
      },
      { signal },
    );
  } catch (error) {
    throw signal.aborted ? signal.reason : wrong(`${name} cannot be read (${messageOf(error)})`, error);
  }
  return hash.digest('hex');
}

const CONTENT_TYPES: Record<string, string> = {
  '.mp4': 'video/mp4',
  '.m4v': 'video/mp4',
  '.mov': 'video/quicktime',
  '.mkv': 'video/x-matroska',
  '.webm': 'video/webm',
  '.ts': 'video/mp2t',
  '.mpg': 'video/mpeg',
  '.avi': 'video/x-msvideo',
  '.mp3': 'audio/mpeg',
  '.m4a': 'audio/mp4',
  '.wav': 'audio/wav',
  '.flac': 'audio/flac',
  '.ogg': 'audio/ogg',
};

/** What it is called on its way; what it is, the stage `probe` finds out. */
const contentTypeOf = (name: string): string =>
  CONTENT_TYPES[extname(name).toLowerCase()] ?? 'application/octet-stream';
