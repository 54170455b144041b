/**
 * A body on its way to a bucket: read once, from its beginning to its end, in windows that stay in memory until the
 * store has them, with both checksums computed on the way. The next window is read while the last one is sent.
 */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { Body } from '@reelfleet/core';
import { Crc32c } from './crc32c.ts';
import { type Digest, isFileBody, sourceOf } from './pump.ts';

/**
 * What is held of a body at a time (twice, with the window read ahead), and so the size of an upload's requests. Google
 * advises 8 MiB or more for them; a multiple of 256 KiB is a must.
 */
export const WINDOW_BYTES = 8 * 1024 * 1024;
/** Small enough that a slow line moves one in a while, big enough that the calls do not count. */
const SLICE_BYTES = 64 * 1024;

/** A piece of the body: `start` is its place in it, `last` says that nothing follows. */
export class Window {
  readonly start: number;
  readonly sizeBytes: number;
  readonly last: boolean;
  private readonly parts: readonly Uint8Array[];

  constructor(start: number, parts: readonly Uint8Array[], sizeBytes: number, last: boolean) {
    this.start = start;
    this.parts = parts;
    this.sizeBytes = sizeBytes;
    this.last = last;
  }

  get end(): number {
    return this.start + this.sizeBytes;
  }

  /** The bytes from a place in the body to the window's end, in small pieces. */
  *from(position: number): Generator<Uint8Array> {
    let skip = position - this.start;
    for (const part of this.parts) {
      for (let at = Math.min(skip, part.byteLength); at < part.byteLength; at += SLICE_BYTES)
        yield part.subarray(at, at + SLICE_BYTES);
      skip = Math.max(0, skip - part.byteLength);
    }
  }
}

/** One pass over a body; the start of another when there must be one. */
export class Reading {
  private readonly body: Body;
  private readonly onRead: () => void;
  private pass: Pass;

  /** Throws {@link import('@reelfleet/core').PermanentError} for a body that cannot be read from its beginning. */
  static async open(body: Body, onRead: () => void): Promise<Reading> {
    return new Reading(body, onRead, await Pass.open(body, onRead));
  }

  private constructor(body: Body, onRead: () => void, pass: Pass) {
    this.body = body;
    this.onRead = onRead;
    this.pass = pass;
  }

  /** The next window, or undefined after the last. */
  next(): Promise<Window | undefined> {
    return this.pass.next();
  }

  /** Reads what is left and answers what the whole body is. */
  digest(): Promise<BodyDigest> {
    return this.pass.digest();
  }

  /** To the beginning again: from memory when one window held it all, else read anew; false when neither can be. */
  async again(): Promise<boolean> {
    if (await this.pass.rewind()) return true;
    this.pass.close();
    if (!(this.body instanceof Uint8Array || isFileBody(this.body))) return false;
    this.pass = await Pass.open(this.body, this.onRead);
    return true;
  }

  /** Closes the source, at its end or before. */
  close(reason?: Error): void {
    this.pass.close(reason);
  }
}

export type BodyDigest = Digest & { crc32c: string };

class Pass {
  private readonly onRead: () => void;
  private readonly hash = createHash('sha256');
  private readonly crc = new Crc32c();
  private readonly stream: Readable;
  private readonly windows: AsyncGenerator<Window, undefined>;
  /** Kept for {@link rewind} as long as it may be the only one. */
  private first: Promise<Window | undefined>;
  private ahead: Promise<Window | undefined>;
  private done: Promise<BodyDigest> | null = null;
  private sizeBytes = 0;

  static async open(body: Body, onRead: () => void): Promise<Pass> {
    const source = await sourceOf(body);
    return new Pass(source instanceof Readable ? source : Readable.from(source), onRead);
  }

  private constructor(stream: Readable, onRead: () => void) {
    this.stream = stream;
    // Closed with a reason while nobody reads, it would end the process.
    stream.on('error', () => {});
    this.onRead = onRead;
    this.windows = this.read();
    this.first = this.ahead = this.advance();
  }

  async next(): Promise<Window | undefined> {
    const window = await this.ahead;
    if (window && !window.last) {
      // No window holds it all: none is kept for another beginning.
      this.first = Promise.resolve(undefined);
      this.ahead = this.advance();
    } else this.ahead = Promise.resolve(undefined);
    return window;
  }

  digest(): Promise<BodyDigest> {
    this.done ??= (async () => {
      while (await this.next());
      return { sha256: this.hash.digest('hex'), sizeBytes: this.sizeBytes, crc32c: this.crc.toString() };
    })();
    return this.done;
  }

  /** Whether one window held it all; then that is the next one again. */
  async rewind(): Promise<boolean> {
    const whole = await this.first;
    if (whole?.last) this.ahead = Promise.resolve(whole);
    return whole?.last === true;
  }

  close(reason?: Error): void {
    this.stream.destroy(reason);
  }

  private advance(): Promise<Window | undefined> {
    const next = this.windows.next().then(({ value }) => value);
    // Nobody may be waiting for it yet, or ever.
    next.catch(() => {});
    return next;
  }

  private async *read(): AsyncGenerator<Window, undefined> {
    let parts: Uint8Array[] = [];
    let held = 0;
    let start = 0;
    for await (const given of this.stream as AsyncIterable<Uint8Array | string>) {
      let rest: Uint8Array = typeof given === 'string' ? Buffer.from(given) : given;
      this.hash.update(rest);
      this.crc.update(rest);
      this.sizeBytes += rest.byteLength;
      this.onRead();
      while (rest.byteLength > 0) {
        // Only now is it certain that the full window is not the last.
        if (held === WINDOW_BYTES) {
          yield new Window(start, parts, held, false);
          start += held;
          parts = [];
          held = 0;
        }
        const taken = rest.subarray(0, WINDOW_BYTES - held);
        parts.push(taken);
        held += taken.byteLength;
        rest = rest.subarray(taken.byteLength);
      }
    }
    yield new Window(start, parts, held, true);
    return undefined;
  }
}
