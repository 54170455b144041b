/**
 * Finding in a fragmented MP4 file what HLS serves: its header (the initialisation segment) and its fragments (the media
 * segments). A box begins with its size and its name (ISO/IEC 14496-12, 4.2); a fragment is a `moof` with the `mdat` after it.
 * Nothing inside is changed, so the pieces in their order are the file.
 */
import { type FileHandle, open } from 'node:fs/promises';

export interface Fragment {
  /** Bytes from `start` up to `end`. */
  start: number;
  end: number;
  /** When its first sample is decoded, in ticks of the file's time scale (`tfdt`). */
  time: number;
}

export interface Fragments {
  /** Bytes of the header, from 0. */
  headerEnd: number;
  fragments: Fragment[];
}

/** Headers of a stream are some hundred bytes; a larger one is not ours. */
const MAX_HEADER = 64 * 1024;

/** The pieces of a fragmented file. Throws an Error that says what is wrong with one that is not whole. */
export async function readFragments(path: string): Promise<Fragments> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const fragments: Fragment[] = [];
    let headerEnd = 0;
    let offset = 0;
    while (offset < size) {
      const box = await boxAt(file, offset, size);
      if (box.name === 'moof') {
        fragments.push({ start: offset, end: box.end, time: await decodeTime(file, offset, box.end) });
      } else if (box.name === 'mdat' && fragments.length > 0) {
        (fragments.at(-1) as Fragment).end = box.end;
      } else if (fragments.length === 0) {
        headerEnd = box.end;
      } else {
        throw new Error(`${path} has a box ${box.name} among its fragments`);
      }
      offset = box.end;
    }
    if (headerEnd === 0 || headerEnd > MAX_HEADER || fragments.length === 0)
      throw new Error(`${path} is not a fragmented file with a header`);
    return { headerEnd, fragments };
  } finally {
    await file.close();
  }
}

async function boxAt(file: FileHandle, offset: number, size: number): Promise<{ name: string; end: number }> {
  const head = Buffer.alloc(16);
  const { bytesRead } = await file.read(head, 0, 16, offset);
  const short = head.readUInt32BE(0);
  const length = short === 1 && bytesRead === 16 ? Number(head.readBigUInt64BE(8)) : short;
  if (bytesRead < 8 || length < 8 || offset + length > size)
    throw new Error(`a box at byte ${offset} says it is ${length} bytes long, but the file ends at ${size}`);
  return { name: head.toString('latin1', 4, 8), end: offset + length };
}

/** `baseMediaDecodeTime` of the first track fragment (ISO/IEC 14496-12, 8.8.12). */
async function decodeTime(file: FileHandle, start: number, end: number): Promise<number> {
  const moof = Buffer.alloc(end - start);
  await file.read(moof, 0, moof.length, start);
  const at = moof.indexOf('tfdt', 8, 'latin1');
  if (at < 0) throw new Error(`the fragment at byte ${start} has no decode time`);
  return moof[at + 4] === 1 ? Number(moof.readBigUInt64BE(at + 8)) : moof.readUInt32BE(at + 8);
}

/** Read the header of a fragmented file. */
export async function readHeader(path: string, headerEnd: number): Promise<Buffer> {
  const file = await open(path);
  try {
    const header = Buffer.alloc(headerEnd);
    await file.read(header, 0, headerEnd, 0);
    return header;
  } finally {
    await file.close();
  }
}
