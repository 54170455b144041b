/**
 * Writes h264 pictures from several encoders into one MP4 file (ISO/IEC 14496-12 and -15), which no remuxer does: its header
 * names the parameter sets of all of them, each under its own number, and every picture keeps its own time to the tick. The file
 * is plain and has its index at the end: a step on the way to a clip, read by ffmpeg, which adds sound and puts the index first.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { isSampleUnit, noSets, type ParameterSets, takeSets, typeOf, unitsOf, unitTypes } from './h264-units.ts';

export interface CodedPicture {
  /** A piece of byte stream (Annex B). */
  data: Buffer;
  /** When it is shown, in ticks from the start of the clip. */
  time: number;
}

export interface PictureTrack {
  width: number;
  height: number;
  /** Ticks of a second. */
  timescale: number;
  /** When the last picture shown has been shown, in ticks. */
  end: number;
}

interface Sample {
  size: number;
  time: number;
  idr: boolean;
}

/**
 * Write pictures, given in the order of decoding. Throws an Error when two of them mean different sets by one number, or share
 * a time.
 */
export async function writePictures(
  path: string,
  track: PictureTrack,
  pictures: AsyncIterable<CodedPicture>,
): Promise<void> {
  const file = await open(path, 'w');
  try {
    const type = box('ftyp', ascii('isom'), u32(512), ascii('isomiso2avc1mp41'));
    await file.write(type);
    const sets = noSets();
    const dataStart = type.length + 16;
    const { samples, end } = await writeSamples(file, dataStart, pictures, sets);
    await file.write(Buffer.concat([u32(1), ascii('mdat'), u64(end - type.length)]), 0, 16, type.length);
    const header = movie(track, samples, sets, dataStart);
    await file.write(header, 0, header.length, end);
  } finally {
    await file.close();
  }
}

async function writeSamples(
  file: FileHandle,
  from: number,
  pictures: AsyncIterable<CodedPicture>,
  sets: ParameterSets,
): Promise<{ samples: Sample[]; end: number }> {
  const samples: Sample[] = [];
  let at = from;
  for await (const { data, time } of pictures) {
    const units = unitsOf(data);
    if (!takeSets(sets, units)) throw new Error('a parameter set changes under its number');
    const kept = units.filter(isSampleUnit);
    const sample = Buffer.concat(kept.flatMap((unit) => [u32(unit.length), unit]));
    await file.write(sample, 0, sample.length, at);
    at += sample.length;
    samples.push({ size: sample.length, time, idr: kept.some((unit) => typeOf(unit) === unitTypes.idr) });
  }
  return { samples, end: at };
}

/**
 * When each sample is decoded: the times of showing in their order, so that they rise, with the first at 0. `delay` is how long
 * showing has to wait for it: the least by which no picture is shown before it is decoded.
 */
export function decodingTimes(shown: readonly number[]): { decoded: number[]; delay: number } {
  const decoded = [...shown].sort((a, b) => a - b);
  for (const [index, time] of decoded.entries())
    if (index > 0 && time === decoded[index - 1]) throw new Error(`two pictures are shown at ${time}`);
  const delay = shown.reduce((most, time, index) => Math.max(most, (decoded[index] as number) - time), 0);
  return { decoded, delay };
}

const MOVIE_TIMESCALE = 1_000;
const UNITY = Buffer.concat([0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000].map((value) => u32(value)));

function movie(track: PictureTrack, samples: readonly Sample[], sets: ParameterSets, dataStart: number): Buffer {
  const { width, height, timescale, end } = track;
  const { decoded, delay } = decodingTimes(samples.map(({ time }) => time));
  const lasting = Math.round((end / timescale) * MOVIE_TIMESCALE);
  const steps = decoded.map((time, index) => (decoded[index + 1] ?? end) - time);
  const offsets = samples.map(({ time }, index) => time + delay - (decoded[index] as number));
  const table = box(
    'stbl',
    full('stsd', 0, u32(1), sampleEntry(width, height, sets)),
    full('stts', 0, ...runs(steps)),
    full('ctts', 0, ...runs(offsets)),
    full('stss', 0, ...list(samples.flatMap(({ idr }, index) => (idr ? [index + 1] : [])))),
    full('stsc', 0, u32(1), u32(1), u32(samples.length), u32(1)),
    full('stsz', 0, u32(0), ...list(samples.map(({ size }) => size))),
    full('co64', 0, u32(1), u64(dataStart)),
  );
  const media = box(
    'mdia',
    full('mdhd', 0x01000000, u64(0), u64(0), u32(timescale), u64(end), u32(0x55c40000)),
    full('hdlr', 0, u32(0), ascii('vide'), Buffer.alloc(12), ascii('picture\0')),
    box('minf', full('vmhd', 0x000001, Buffer.alloc(8)), box('dinf', full('dref', 0, u32(1), full('url ', 1))), table),
  );
  return box(
    'moov',
    full(
      'mvhd',
      0,
      u32(0),
      u32(0),
      u32(MOVIE_TIMESCALE),
      u32(lasting),
      u32(0x10000),
      u16(0x100),
      Buffer.alloc(10),
      UNITY,
      Buffer.alloc(24),
      u32(2),
    ),
    box(
      'trak',
      full(
        'tkhd',
        3,
        u32(0),
        u32(0),
        u32(1),
        u32(0),
        u32(lasting),
        Buffer.alloc(16),
        UNITY,
        u32(width * 0x10000),
        u32(height * 0x10000),
      ),
      // What is shown first is shown at 0, however long the decoder had to wait before it.
      box('edts', full('elst', 0x01000000, u32(1), u64(lasting), u64(delay), u32(0x10000))),
      media,
    ),
  );
}

/** 14496-15, 5.3.3.1: profile and level that cover all sets, lengths of four bytes, the sets. */
function sampleEntry(width: number, height: number, { sps, pps }: ParameterSets): Buffer {
  const sequence = [...sps.values()];
  const profile = Math.max(...sequence.map((set) => set[1] as number));
  const constraints = sequence.reduce((common, set) => common & (set[2] as number), 0xff);
  const level = Math.max(...sequence.map((set) => set[3] as number));
  const withLength = (set: Buffer) => Buffer.concat([u16(set.length), set]);
  const configuration = box(
    'avcC',
    Buffer.from([1, profile, constraints, level, 0xff, 0xe0 | sequence.length]),
    ...sequence.map(withLength),
    Buffer.from([pps.size]),
    ...[...pps.values()].map(withLength),
    // 4:2:0 in 8 bits; said by the high profiles only.
    ...(profile >= 100 ? [Buffer.from([0xfd, 0xf8, 0xf8, 0])] : []),
  );
  return box(
    'avc1',
    ...[
      Buffer.alloc(6),
      u16(1),
      Buffer.alloc(16),
      u16(width),
      u16(height),
      u32(0x480000),
      u32(0x480000),
      u32(0),
      u16(1),
    ],
    ...[Buffer.alloc(32), u16(24), u16(0xffff), configuration],
  );
}

function box(name: string, ...parts: Buffer[]): Buffer {
  const size = parts.reduce((sum, part) => sum + part.length, 8);
  return Buffer.concat([u32(size), ascii(name), ...parts]);
}

/** A box with a version (the highest byte) and flags. Version 1 where times take eight bytes. */
function full(name: string, versionAndFlags: number, ...parts: Buffer[]): Buffer {
  return box(name, u32(versionAndFlags), ...parts);
}

const list = (values: readonly number[]): Buffer[] => [u32(values.length), ...values.map(u32)];

/** Equal values in a row as how many there are, and the value. */
function runs(values: readonly number[]): Buffer[] {
  const found: { count: number; value: number }[] = [];
  for (const value of values) {
    const last = found.at(-1);
    if (last?.value === value) last.count += 1;
    else found.push({ count: 1, value });
  }
  return [u32(found.length), ...found.flatMap(({ count, value }) => [u32(count), u32(value)])];
}

function ascii(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}
function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}
function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}
