/**
 * Stored bytes to an HTTP client, from any driver. Nothing is said before the store has given the first of them, so that
 * a missing file is a sentence and no broken download; once the length is promised, a file that ends early or fails cuts
 * the connection, because a shorter reply would pass for the whole. Whoever goes away stops the reading at once.
 *
 * What is stored came from programs and, in part, from strangers: it is never run as part of this site (`nosniff`, a policy
 * without scripts, and a sandbox around every document that is more than sound or picture).
 */
import { once } from 'node:events';
import { Transform, type TransformCallback } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ArtifactDetails } from '@reelfleet/catalog';
import { messageOf, PermanentError, RetryableError, type Storage } from '@reelfleet/core';
import { create as contentDisposition } from 'content-disposition';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ServerContext } from '../context.ts';
import { Problem } from '../problem.ts';
import { shareOf } from './ranges.ts';

/** An artifact never changes; what stands behind a video's address may be made anew. */
export const FOREVER = 'private, max-age=31536000, immutable';
export const ASK_AGAIN = 'private, no-cache';

/** What cannot script: a browser shows it at its own address with an element that loads it, which a sandbox may not. */
const MEDIA = /^(audio|video|image)\/(?!svg)/i;
const QUIET = "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'";
const INERT = "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'";

/** Answer with the bytes of a stored file, or with the part that was asked for. Throws Problem before anything is sent. */
export async function sendObject(
  { storage, log }: Pick<ServerContext, 'storage' | 'log'>,
  request: FastifyRequest,
  reply: FastifyReply,
  artifact: ArtifactDetails,
  how: { cacheControl: string; download: boolean; headers?: Readonly<Record<string, string>> },
): Promise<FastifyReply> {
  const { sizeBytes: size, uri } = artifact;
  const etag = `"${artifact.sha256}"`;
  const { range, 'if-range': ifRange, 'if-match': ifMatch, 'if-none-match': ifNoneMatch } = request.headers;
  const share = shareOf(
    { method: request.method, range, ifRange: ifRange as string | undefined, ifMatch, ifNoneMatch },
    { etag, size },
  );
  const facts = { etag, 'cache-control': how.cacheControl, 'accept-ranges': 'bytes', ...how.headers };
  switch (share.status) {
    case 304:
      return reply.code(304).headers(facts).send();
    case 412:
      throw new Problem(412, `this file is ${etag}, not what If-Match names: ask without it`);
    case 416:
      throw new Problem(416, `this file has ${size} bytes, and none in the range ${range}`, {
        headers: { 'content-range': `bytes */${size}`, 'accept-ranges': 'bytes' },
      });
  }
  const { status, start, endExclusive } = share;
  const headers = {
    ...facts,
    'content-type': artifact.contentType,
    'content-length': String(endExclusive - start),
    'content-disposition': contentDisposition(artifact.fileName, { type: how.download ? 'attachment' : 'inline' }),
    'content-security-policy': MEDIA.test(artifact.contentType) ? QUIET : INERT,
    'x-content-type-options': 'nosniff',
    ...(status === 206 ? { 'content-range': `bytes ${start}-${endExclusive - 1}/${size}` } : {}),
  };
  if (request.method === 'HEAD') {
    await lookAt(storage, artifact);
    return reply.code(status).headers(headers).send();
  }
  if (start === endExclusive) return reply.code(status).headers(headers).send(Buffer.alloc(0));

  const { signal } = request;
  const bytes = new Exactly(endExclusive - start);
  try {
    const source = await storage.get(uri, { start, endExclusive, signal });
    pipeline(source, bytes).catch((error) => {
      // A client that goes away closes the stream, or fires the signal: that is its own business.
      const left = error === signal.reason || error.code === 'ERR_STREAM_PREMATURE_CLOSE';
      if (!left) log.warn({ uri, reason: messageOf(error) }, 'stored file cut off');
    });
    await once(bytes, 'readable');
  } catch (error) {
    bytes.destroy();
    if (signal.aborted) return reply.hijack();
    throw problemOfStore(error, artifact);
  }
  return reply.code(status).headers(headers).send(bytes);
}

/** A HEAD promises what a GET would send. Throws Problem when the store does not have that. */
async function lookAt(storage: Storage, artifact: ArtifactDetails): Promise<void> {
  try {
    const found = await storage.stat(artifact.uri);
    if (!found) throw new PermanentError(`${artifact.uri} is not in the store`, { code: 'object-missing' });
    if (found.sizeBytes !== artifact.sizeBytes) throw new WrongLength(`the stored file has ${found.sizeBytes} bytes`);
  } catch (error) {
    throw problemOfStore(error, artifact);
  }
}

/** Passes on as many bytes as were promised; fewer are an error. More cannot come: the store was asked for a range. */
class Exactly extends Transform {
  #missing: number;
  constructor(bytes: number) {
    super();
    this.#missing = bytes;
  }
  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#missing -= chunk.byteLength;
    done(this.#missing < 0 ? new WrongLength('the store sent more bytes than were asked for') : null, chunk);
  }
  override _flush(done: TransformCallback): void {
    done(this.#missing === 0 ? null : new WrongLength(`the stored file ends ${this.#missing} bytes early`));
  }
}

class WrongLength extends Error {}

function problemOfStore(error: unknown, { uri, sizeBytes }: ArtifactDetails): unknown {
  if (error instanceof WrongLength)
    return new Problem(
      500,
      `${error.message}: it should have ${sizeBytes}; reelfleet fsck tells what else is damaged`,
      {
        cause: error,
      },
    );
  if (error instanceof PermanentError && error.code === 'object-missing') return new Problem(404, error.message);
  if (error instanceof PermanentError && error.code === 'bad-uri')
    return new Problem(404, `${uri} lies in another store than the one this server is given (STORAGE_URL)`);
  if (error instanceof RetryableError)
    return new Problem(503, error.message, { headers: { 'retry-after': '5' }, cause: error });
  return error;
}
