/**
 * Reading back the byte streams that a splice is made of, a picture at a time: an hour of film in 4K is no reason to need its
 * size in memory.
 */
import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { picturesOf, typeOf, unitsOf, unitTypes } from './h264-units.ts';
import type { CopiedPicture } from './splice.ts';

/** A picture as it lies in a file of copied ones. */
export interface CopiedPiece extends CopiedPicture {
  offset: number;
  size: number;
}

/** What the packets of a copy are. `packets`: times and sizes in their order, which add up to the file. */
export async function copiedPieces(
  path: string,
  packets: readonly { time: number; size: number }[],
): Promise<CopiedPiece[]> {
  const file = await open(path);
  try {
    const pieces: CopiedPiece[] = [];
    let offset = 0;
    for (const { time, size } of packets) {
      const units = unitsOf(await readAt(file, offset, size));
      pieces.push({ time, size, offset, idr: units.some((unit) => typeOf(unit) === unitTypes.idr) });
      offset += size;
    }
    return pieces;
  } finally {
    await file.close();
  }
}

/** The bytes of some of them, one after another. */
export async function* readPieces(path: string, pieces: readonly CopiedPiece[]): AsyncGenerator<Buffer> {
  const file = await open(path);
  try {
    for (const { offset, size } of pieces) yield await readAt(file, offset, size);
  } finally {
    await file.close();
  }
}

/** The pictures of an encoder's stream that puts a delimiter before each, one after another. */
export async function* readEncoded(path: string): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 20 })) {
    // The last picture may go on in the next chunk.
    const pictures = picturesOf(Buffer.concat([rest, chunk as Buffer]));
    rest = pictures.pop() ?? Buffer.concat([rest, chunk as Buffer]);
    yield* pictures;
  }
  yield* picturesOf(rest);
}

async function readAt(file: FileHandle, offset: number, size: number): Promise<Buffer> {
  const buffer = Buffer.alloc(size);
  const { bytesRead } = await file.read(buffer, 0, size, offset);
  if (bytesRead !== size) throw new Error(`${size} bytes were to be read at ${offset}, and ${bytesRead} were there`);
  return buffer;
}
