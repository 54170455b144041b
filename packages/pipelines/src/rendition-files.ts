/**
 * From an encoder's files to what is stored: a look at all they hold, while they are written, then their headers and segments as
 * files of their own. That ffmpeg ended well proves nothing, so every frame is counted in the file, every segment must begin
 * where the plan says, with a key frame, and what was written is decoded: all key frames, of the smallest rendition all frames.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type ArtifactSet, MINUTE, RetryableError, type StageContext } from '@reelfleet/core';
import {
  codecString,
  type Found,
  type Fragments,
  inputPipe,
  planInspection,
  readFragments,
  readHeader,
  readInspection,
} from '@reelfleet/media';
import { runPlan } from './run-plan.ts';
import { HEADER } from './stream-parts.ts';

type Context = StageContext<unknown>;

/** What all renditions of one range must be: frames of each segment, of each group, and the clock. */
export interface Promised {
  what: string;
  startFrame: number;
  segmentFrames: readonly number[];
  gop: number;
  /** Ticks of a frame. */
  frameTicks: number;
}

/** A rendition's file, and its bytes while it is written. */
export interface RenditionFile {
  quality: string;
  path: string;
  bytes: AsyncIterable<Uint8Array>;
}

/** A rendition that was found good: its pieces, and where its key frames are, counted in frames of the stream. */
export interface Inspected {
  pieces: Fragments;
  keys: string;
}

const bad = (what: string, problem: string) =>
  new RetryableError(`${what} is not as planned: ${problem}`, { code: 'bad-segment' });

/**
 * Look at the renditions of a range as they are written; ends when all their bytes were given. The last one, the smallest, is
 * decoded whole, which costs little, and the others' key frames; they all have the same frames. Throws ToolError as soon as
 * something cannot be decoded, and RetryableError for what is not as promised.
 */
export async function inspectRenditions(
  context: Context,
  files: readonly RenditionFile[],
  promised: Promised,
): Promise<Inspected[]> {
  const { what, segmentFrames, gop } = promised;
  const total = segmentFrames.reduce((sum, frames) => sum + frames, 0);
  const decode = files.map((_, index) => (index === files.length - 1 ? 'all' : 'keys') as 'all' | 'keys');
  const notes = join(context.scratch, 'inspection.txt');
  await runPlan(
    context,
    planInspection(
      what,
      decode.map((which, index) => ({ source: inputPipe(index), decode: which })),
      `file:${notes}`,
    ),
    undefined,
    // It has all the time of the encoder, which is to have the cores.
    { inputs: files.map(({ bytes }) => bytes), threads: 1, timeoutMs: 6 * 60 * MINUTE },
  );
  const found = await readInspection(createInterface({ input: createReadStream(notes) }), files.length);
  return Promise.all(
    files.map(async ({ quality, path }, index) => {
      const rendition = `${quality} of ${what}`;
      const { frames, decoded } = found[index] as Found;
      assertFrames(frames, total, promised, rendition);
      const wanted = decode[index] === 'all' ? total : Math.ceil(total / gop);
      if (decoded !== wanted) throw bad(rendition, `${decoded} of ${wanted} frames that were tried can be decoded`);
      const pieces = await piecesOf(path, rendition);
      assertSegments(pieces, promised, rendition);
      return { pieces, keys: keysDigest(total, promised) };
    }),
  );
}

function assertFrames(frames: Found['frames'], total: number, { gop, frameTicks }: Promised, rendition: string): void {
  if (frames.length !== total) throw bad(rendition, `it has ${frames.length} frames instead of ${total}`);
  // A demuxer adds the encoder's delay to all times alike; the segments' own times are what players go by.
  const first = frames[0]?.time ?? 0;
  frames.forEach(({ time, key }, index) => {
    if (time - first !== index * frameTicks) throw bad(rendition, `frame ${index} is shown at the wrong time`);
    if (key !== (index % gop === 0)) throw bad(rendition, `frame ${index} is or is not a key frame`);
  });
}

function assertSegments(
  { fragments }: Fragments,
  { startFrame, segmentFrames, frameTicks }: Promised,
  rendition: string,
): void {
  let frame = startFrame;
  const starts = segmentFrames.map((frames) => {
    const at = frame * frameTicks;
    frame += frames;
    return at;
  });
  const times = fragments.map(({ time }) => time);
  if (times.length !== starts.length || times.some((time, index) => time !== starts[index]))
    throw bad(rendition, `it has ${times.length} segments (at ${times.slice(0, 3)}…) instead of ${starts.length}`);
}

/** The SHA-256 of the list of key frames, by which renditions and ranges are held against each other. */
function keysDigest(total: number, { startFrame, gop }: Promised): string {
  const keys = createHash('sha256');
  for (let key = 0; key < total; key += gop) keys.update(`${startFrame + key}\n`);
  return keys.digest('hex');
}

export async function piecesOf(file: string, what: string): Promise<Fragments> {
  try {
    return await readFragments(file);
  } catch (cause) {
    throw bad(what, cause instanceof Error ? cause.message : String(cause));
  }
}

/** Store a file that was found good as one set: its header, and each of its segments. They are read where they lie. */
export async function storePieces(
  context: Context,
  file: string,
  pieces: Fragments,
  set: {
    folder: string;
    kind: ArtifactSet['kind'];
    contentType: string;
    name(index: number): string;
    seconds: readonly number[];
  },
): Promise<{ set: ArtifactSet; codecs: string }> {
  const { storage, moved } = context;
  const segments = pieces.fragments.map(({ start, end }, index) => ({
    name: set.name(index),
    path: file,
    start,
    endExclusive: end,
    seconds: set.seconds[index] as number,
  }));
  const files = [{ name: HEADER, path: file, endExclusive: pieces.headerEnd }, ...segments];
  const { folder, kind, contentType } = set;
  const stored = await storage.putSet(folder, files, { kind, contentType, onStored: moved });
  return { set: stored, codecs: codecString(await readHeader(file, pieces.headerEnd)) };
}
