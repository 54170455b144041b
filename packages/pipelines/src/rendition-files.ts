/**
 * From an encoder's file to what is stored: a look at the whole of it, then its header and segments as files of their own. That
 * ffmpeg ended well proves nothing, so every frame is counted in the file, every segment must begin where the plan says, with
 * a key frame, and what was written is decoded: every key frame, or all frames where that is asked for.
 */
import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type ArtifactSet, RetryableError, type StageContext } from '@reelfleet/core';
import { codecString, cutOut, type Fragments, readFragments, readHeader } from '@reelfleet/media';
import { z } from 'zod';
import { runPlan } from './run-plan.ts';
import { HEADER } from './stream-parts.ts';

type Context = StageContext<unknown>;

/** What a rendition of one range must be: frames of each segment, of each group, and the clock. */
export interface Promised {
  what: string;
  startFrame: number;
  segmentFrames: readonly number[];
  gop: number;
  /** Ticks of a frame. */
  frameTicks: number;
}

const packetsJson = z.object({
  packets: z.array(z.object({ pts: z.number().int(), flags: z.string() })),
});

const bad = (what: string, problem: string) =>
  new RetryableError(`${what} is not as planned: ${problem}`, { code: 'bad-segment' });

/** Look at a rendition's file. Answers its pieces and where its key frames are, counted in frames of the stream. */
export async function inspectRendition(
  context: Context,
  file: string,
  promised: Promised,
  decode: 'keys' | 'all',
): Promise<{ pieces: Fragments; keys: string }> {
  const { what, startFrame, segmentFrames, gop, frameTicks } = promised;
  const total = segmentFrames.reduce((sum, frames) => sum + frames, 0);
  const pieces = await piecesOf(file, what);
  let frame = startFrame;
  const starts = segmentFrames.map((frames) => {
    const at = frame * frameTicks;
    frame += frames;
    return at;
  });
  const times = pieces.fragments.map(({ time }) => time);
  if (times.length !== starts.length || times.some((time, index) => time !== starts[index]))
    throw bad(what, `it has ${times.length} segments (at ${times.slice(0, 3)}…) instead of ${starts.length}`);

  const answer = await context.tools.ffprobe(
    ['-of', 'json=compact=1', '-show_entries', 'packet=pts,flags', '-i', `file:${file}`],
    { signal: context.signal },
  );
  const packets = packetsJson.parse(answer).packets.sort((a, b) => a.pts - b.pts);
  if (packets.length !== total) throw bad(what, `it has ${packets.length} frames instead of ${total}`);
  // A demuxer adds the encoder's delay to all times alike; the segments' own times, above, are what players go by.
  const first = packets[0]?.pts ?? 0;
  packets.forEach(({ pts, flags }, index) => {
    if (pts - first !== index * frameTicks) throw bad(what, `frame ${index} is shown at the wrong time`);
    if (flags.includes('K') !== (index % gop === 0)) throw bad(what, `frame ${index} is or is not a key frame`);
  });
  await decodeSome(context, file, what, decode, decode === 'all' ? total : Math.ceil(total / gop));
  const keys = createHash('sha256');
  for (let key = 0; key < total; key += gop) keys.update(`${startFrame + key}\n`);
  return { pieces, keys: keys.digest('hex') };
}

export async function piecesOf(file: string, what: string): Promise<Fragments> {
  try {
    return await readFragments(file);
  } catch (cause) {
    throw bad(what, cause instanceof Error ? cause.message : String(cause));
  }
}

async function decodeSome(context: Context, file: string, what: string, decode: 'keys' | 'all', wanted: number) {
  const { stdout } = await runPlan(context, {
    what: `decoding ${what}`,
    args: [
      ...['-xerror', '-err_detect', 'explode', ...(decode === 'keys' ? ['-skip_frame', 'nokey'] : [])],
      // Scaled to next to nothing: the frames are counted, not looked at.
      ...['-i', `file:${file}`, '-map', '0:v', '-fps_mode', 'passthrough', '-vf', 'scale=16:16:flags=neighbor'],
      ...['-f', 'framecrc', '-'],
    ],
  });
  const decoded = stdout.split('\n').filter((line) => /^\d/.test(line)).length;
  if (decoded !== wanted) throw bad(what, `${decoded} of ${wanted} frames that were tried can be decoded`);
}

/** Cut a file that was found good into header and segments, and store them as one set. */
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
  const { scratch, storage, moved } = context;
  const folder = join(scratch, set.folder);
  await mkdir(folder, { recursive: true });
  const header = join(folder, HEADER);
  await cutOut(file, { start: 0, end: pieces.headerEnd }, header);
  const files: { name: string; path: string; seconds?: number }[] = [{ name: HEADER, path: header }];
  for (const [index, fragment] of pieces.fragments.entries()) {
    const name = set.name(index);
    const path = join(folder, name);
    await cutOut(file, fragment, path);
    files.push({ name, path, seconds: set.seconds[index] as number });
  }
  const stored = await storage.putSet(set.folder, files, {
    kind: set.kind,
    contentType: set.contentType,
    onStored: moved,
  });
  return { set: stored, codecs: codecString(await readHeader(file, pieces.headerEnd)) };
}
