/** Bodies of requests into files and out of them, at any speed, without holding them in memory. */

import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bytes, Wish } from './objects.ts';

/** How fast a body goes: `bytesPerSecond` until `until` (monotonic milliseconds), then as fast as it can. */
export interface Pace {
  bytesPerSecond: number;
  until: number;
}

const TICK_MS = 50;

export interface Received {
  size: number;
  /** False when the connection went away, or `stopAfter` was reached. */
  whole: boolean;
}

/** Appends the body of a request to a file. Ends early after `stopAfter` bytes, or when `stop` fires. */
export async function receive(
  request: IncomingMessage,
  path: string,
  options: { pace?: Pace | null; stopAfter?: number | null; stop?: AbortSignal } = {},
): Promise<Received> {
  const { stop } = options;
  const stopAfter = options.stopAfter ?? Number.POSITIVE_INFINITY;
  const file = await open(path, 'a');
  let size = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      for (const piece of paced(chunk.subarray(0, stopAfter - size), options.pace ?? null)) {
        await file.appendFile(piece.bytes);
        size += piece.bytes.length;
        if (piece.waitMs > 0) await sleep(piece.waitMs);
        if (stop?.aborted || request.socket.destroyed) return { size, whole: false };
      }
      if (size >= stopAfter) return { size, whole: false };
    }
    return { size, whole: request.complete };
  } catch {
    // The client went away: what came is what there is.
    return { size, whole: false };
  } finally {
    await file.close();
  }
}

/** Sends bytes of a file; resolves when they have gone or nobody wants them any more. */
export async function send(
  response: ServerResponse,
  { path, offset, size }: Bytes,
  options: { pace?: Pace | null; stopAfter?: number | null; flipAt?: number | null } = {},
): Promise<void> {
  const stopAfter = options.stopAfter ?? size;
  const flipAt = options.flipAt ?? null;
  let sent = 0;
  if (size > 0) {
    const stream = createReadStream(path, { start: offset, end: offset + size - 1, highWaterMark: 256 * 1024 });
    for await (const read of stream as AsyncIterable<Buffer>) {
      if (flipAt !== null && flipAt >= sent && flipAt < sent + read.length)
        read[flipAt - sent] = (read[flipAt - sent] as number) ^ 0x10;
      for (const piece of paced(read.subarray(0, stopAfter - sent), options.pace ?? null)) {
        if (response.destroyed) return;
        sent += piece.bytes.length;
        if (!response.write(piece.bytes)) await drained(response);
        if (piece.waitMs > 0) await sleep(piece.waitMs);
      }
      if (sent >= stopAfter && stopAfter < size) {
        // What was written shall arrive before the connection breaks.
        await sleep(TICK_MS);
        response.socket?.resetAndDestroy();
        return;
      }
    }
  }
  response.end();
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.once('drain', done);
    response.once('close', done);
    if (response.destroyed) done();
  });
}

function* paced(bytes: Buffer, pace: Pace | null): Generator<{ bytes: Buffer; waitMs: number }> {
  for (let at = 0; at < bytes.length; ) {
    const slow = pace !== null && performance.now() < pace.until;
    const size = slow ? Math.max(1, Math.round((pace.bytesPerSecond * TICK_MS) / 1000)) : bytes.length - at;
    yield { bytes: bytes.subarray(at, at + size), waitMs: slow ? TICK_MS : 0 };
    at += size;
  }
}

/** The two parts of a multipart upload that lies in a file: what it says of the object, and where its bytes are. */
export async function parseMultipart(
  path: string,
  size: number,
  contentType: string,
): Promise<{ wish: Wish; bytes: Bytes }> {
  const boundary = /boundary="?([^";]+)"?/.exec(contentType)?.[1];
  if (boundary === undefined) throw new Error('a multipart upload without a boundary');
  const file = await open(path, 'r');
  try {
    const head = Buffer.alloc(Math.min(size, 64 * 1024));
    await file.read(head, 0, head.length, 0);
    // The first part ends at the second boundary; its own head, and the second's, end with an empty line.
    const second = head.indexOf(`\r\n--${boundary}\r\n`, boundary.length);
    const json = head.subarray(head.indexOf('\r\n\r\n') + 4, second).toString();
    const offset = head.indexOf('\r\n\r\n', second + 2) + 4;
    const partType = /content-type:\s*(\S+)/i.exec(head.subarray(second, offset).toString())?.[1];
    const tail = Buffer.alloc(Math.min(size - offset, boundary.length + 16));
    await file.read(tail, 0, tail.length, size - tail.length);
    const end = tail.lastIndexOf(`\r\n--${boundary}--`);
    if (second < 0 || offset < 4 || end < 0) throw new Error('a multipart upload that is not whole');
    const wish = JSON.parse(json) as Wish;
    return {
      wish: { ...wish, ...(wish.contentType === undefined && partType ? { contentType: partType } : {}) },
      bytes: { path, offset, size: size - tail.length + end - offset },
    };
  } finally {
    await file.close();
  }
}
