/**
 * A WAV file (44.1 kHz, stereo, 16-bit PCM) written block by block. The length is known before the first sample, so the
 * header is right from the start and nothing has to be kept or patched.
 */
import { closeSync, openSync, writeSync } from 'node:fs';

const BYTES_PER_FRAME = 4;
/** Blocks are gathered to this size before they go to the disk. */
const BUFFER_BYTES = 256 * 1024;

export class WavWriter {
  readonly #file: number;
  readonly #buffer = Buffer.alloc(BUFFER_BYTES);
  #filled = 0;

  /** Begin a file of exactly `frames` stereo samples; an existing file is replaced. */
  constructor(path: string, frames: number, sampleRate: number) {
    this.#file = openSync(path, 'w');
    this.#buffer.set(wavHeader(frames, sampleRate));
    this.#filled = 44;
  }

  /** Append samples [from, to) of both channels; -1..1 is full scale. */
  write(left: Float64Array, right: Float64Array, from: number, to: number): void {
    const buffer = this.#buffer;
    for (let i = from; i < to; i++) {
      if (this.#filled > BUFFER_BYTES - BYTES_PER_FRAME) this.#flush();
      buffer.writeInt16LE(toInt16(left[i] as number), this.#filled);
      buffer.writeInt16LE(toInt16(right[i] as number), this.#filled + 2);
      this.#filled += BYTES_PER_FRAME;
    }
  }

  close(): void {
    try {
      this.#flush();
    } finally {
      closeSync(this.#file);
    }
  }

  #flush(): void {
    let done = 0;
    while (done < this.#filled) done += writeSync(this.#file, this.#buffer, done, this.#filled - done);
    this.#filled = 0;
  }
}

function toInt16(x: number): number {
  return Math.max(-32768, Math.min(32767, Math.round(x * 32767)));
}

function wavHeader(frames: number, sampleRate: number): Buffer {
  const header = Buffer.alloc(44);
  header.write('RIFF', 0, 'latin1');
  header.writeUInt32LE(36 + frames * BYTES_PER_FRAME, 4);
  header.write('WAVEfmt ', 8, 'latin1');
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(2, 22);
  header.writeUInt32LE(sampleRate, 24);
  header.writeUInt32LE(sampleRate * BYTES_PER_FRAME, 28);
  header.writeUInt16LE(BYTES_PER_FRAME, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36, 'latin1');
  header.writeUInt32LE(frames * BYTES_PER_FRAME, 40);
  return header;
}
