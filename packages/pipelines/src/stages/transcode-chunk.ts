/**
 * `transcode-chunk`: one range of a stream, in all renditions from one decode. What is stored is checkpointed rendition by
 * rendition, so that an attempt after a crash encodes only what is not there yet. The range is exact or it is not stored: the
 * times of all frames that came out of the decoder are compared with the plan's, and every frame of every rendition is counted.
 */
import { readFile, rm, statfs } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { defineStage, MINUTE, PermanentError, RetryableError, type StageContext } from '@reelfleet/core';
import {
  chunkThreads,
  type Encoder,
  encoderFor,
  gopFrames,
  planChunk,
  segmentsOf,
  softwareEncoder,
  timescale,
  timesDigest,
} from '@reelfleet/media';
import { z } from 'zod';
import { GrowingFiles } from '../growing-files.ts';
import { type Inspected, inspectRenditions, storePieces } from '../rendition-files.ts';
import { runPlan } from '../run-plan.ts';
import {
  type ChunkInput,
  type ChunkOutput,
  chunkInput,
  chunkOutput,
  type RenditionPart,
  renditionPart,
} from '../stream-parts.ts';

type Context = StageContext<ChunkInput>;
type Rendition = ChunkInput['renditions'][number];

/** The part of the progress that encoding is. */
const ENCODED = 0.95;
const LONGEST_MS = 6 * 60 * MINUTE;

const checkpoint = z.object({ encoder: z.string(), startedAt: z.iso.datetime(), stored: z.array(renditionPart) });

export const transcodeChunk = defineStage({
  name: 'transcode-chunk',
  description: 'Encode one range of a stream in all its renditions',
  input: chunkInput,
  output: chunkOutput,
  // A chunk has all cores of its worker: two at once would only share them, and lose more when the worker dies.
  policy: { concurrency: 1, stalledAfterMs: 10 * MINUTE },
  async run(context): Promise<ChunkOutput> {
    const { input, storage, progress, saveCheckpoint, pausePoint } = context;
    const { chunk, renditions } = input;
    const saved = checkpoint.safeParse(context.checkpoint).data;
    const stored: RenditionPart[] = [];
    for (const part of saved?.stored ?? []) if (await storage.present(part.set)) stored.push(part);
    const missing = renditions.filter(({ quality }) => !stored.some((part) => part.quality === quality));
    const startedAt = saved?.startedAt ?? new Date().toISOString();
    let encoder = saved?.encoder ?? '';
    if (missing.length > 0) {
      await checkFreeSpace(context, missing);
      progress(0, 'fetching');
      const source = await storage.borrow(input.source);
      await pausePoint('mid-work');
      const encoded = await encode(context, source, missing);
      encoder = encoded.encoder;
      for (const [index, rendition] of missing.entries()) {
        stored.push(await store(context, rendition, encoded.renditions[index] as Inspected));
        await saveCheckpoint({ encoder, startedAt, stored }, stored.length);
        progress(ENCODED + ((1 - ENCODED) * stored.length) / renditions.length, 'storing');
        await pausePoint('mid-upload');
      }
    }
    const inOrder = renditions.map(({ quality }) => stored.find((part) => part.quality === quality) as RenditionPart);
    return {
      index: chunk.index,
      startFrame: chunk.startFrame,
      frames: chunk.frames,
      decoded: chunk.source.frames,
      encoder,
      renditions: inOrder,
      startedAt,
    };
  },
});

const nameOf = ({ quality }: Pick<Rendition, 'quality'>) => `${quality}.mp4`;

/** Encode until the right frames were seen; answers the encoder that made them, and what was found in each rendition. */
async function encode(
  context: Context,
  source: string,
  renditions: readonly Rendition[],
): Promise<{ encoder: string; renditions: Inspected[] }> {
  const { input, tools, log, note } = context;
  let encoder = encoderFor(input.codec, tools.encoders);
  let { seeks } = input.chunk.source;
  for (;;) {
    const [seek = null, ...rest] = seeks;
    try {
      const found = await encodeOnce(context, source, renditions, encoder, seek);
      if (found) return { encoder: encoder.name, renditions: found };
    } catch (error) {
      const unfit = error instanceof RetryableError && ['ffmpeg', 'bad-segment'].includes(error.code ?? '');
      if (!encoder.hardware || !unfit) throw error;
      note(`${encoder.name} failed, going on with the software encoder: ${error.message}`);
      log.warn({ encoder: encoder.name, error: error.message }, 'hardware encoder failed');
      encoder = softwareEncoder(input.codec);
      continue;
    }
    if (rest.length === 0) break;
    log.warn(
      { chunk: input.chunk.index, seek },
      'a seek did not find the frames of the plan, reading from further before',
    );
    seeks = rest;
  }
  const { startFrame, frames } = input.chunk;
  const at = (frame: number) => ((frame * input.grid.rate.den) / input.grid.rate.num).toFixed(1);
  throw new PermanentError(
    `${input.name} is damaged: not all of its frames between ${at(startFrame)} and ${at(startFrame + frames)} s can be decoded; give a whole file`,
    { code: 'damaged' },
  );
}

/**
 * One run of ffmpeg, whose files another looks at as they grow: when the last frame is written, all but the end has been looked
 * at. Null: other frames came out of the decoder than the plan lists.
 */
async function encodeOnce(
  context: Context,
  source: string,
  renditions: readonly Rendition[],
  encoder: Encoder,
  seek: number | null,
): Promise<Inspected[] | null> {
  const { input, scratch } = context;
  const { chunk, picture, grid, origin, bits } = input;
  const seenFile = 'seen.txt';
  const left = [seenFile, ...renditions.map(nameOf)];
  await Promise.all(left.map((name) => rm(join(scratch, name), { force: true })));
  const files = new GrowingFiles();
  const over = new AbortController();
  const both = { ...context, signal: AbortSignal.any([context.signal, over.signal]) };
  const look = lookAt(both, renditions, files);
  // An encoder whose work is no good need not go on.
  look.catch((error) => over.abort(error));
  try {
    await runPlan(
      both,
      planChunk({
        ...{ source, picture, grid, origin, chunk, bits, encoder, seek, seenFile, rungs: renditions },
        output: (rung) => `file:${join(scratch, nameOf(rung))}`,
      }),
      { from: 0.02, to: ENCODED, seconds: 1, frames: chunk.frames, step: 'encoding' },
      { timeoutMs: LONGEST_MS, threads: chunkThreads(availableParallelism()), onMotion: () => files.grew() },
    );
    const times = [...(await readFile(join(scratch, seenFile), 'utf8').catch(() => '')).matchAll(/ pts:(-?\d+)/g)];
    const seen = times.map(([, ticks]) => Number(ticks));
    if (seen.length !== chunk.source.frames || timesDigest(seen) !== chunk.source.digest) return null;
    files.end();
    return await look;
  } finally {
    over.abort();
    files.end();
    await look.catch(() => {});
  }
}

function lookAt(context: Context, renditions: readonly Rendition[], files: GrowingFiles): Promise<Inspected[]> {
  const { chunk, grid, name } = context.input;
  const { rate } = grid;
  return inspectRenditions(
    context,
    renditions.map((rendition) => {
      const path = join(context.scratch, nameOf(rendition));
      return { quality: rendition.quality, path, bytes: files.read(path) };
    }),
    {
      what: `chunk ${chunk.index + 1} of ${name}`,
      startFrame: chunk.startFrame,
      segmentFrames: segmentsOf(chunk.frames, rate),
      gop: gopFrames(rate),
      frameTicks: (timescale(rate) * rate.den) / rate.num,
    },
  );
}

async function store(context: Context, rendition: Rendition, { pieces, keys }: Inspected): Promise<RenditionPart> {
  const { input, scratch, pausePoint } = context;
  const { chunk, grid } = input;
  const { quality, progressId } = rendition;
  const file = join(scratch, nameOf(rendition));
  const frames = segmentsOf(chunk.frames, grid.rate);
  await pausePoint('before-upload');
  const { set, codecs } = await storePieces(context, file, pieces, {
    folder: quality,
    kind: 'rendition',
    contentType: 'video/mp4',
    name: (index) => `${String(chunk.firstSegment + index).padStart(5, '0')}.m4s`,
    seconds: frames.map((count) => (count * grid.rate.den) / grid.rate.num),
  });
  await rm(file);
  const share = (segments: number) => Math.floor((100 * segments) / input.segments);
  const percent = share(chunk.firstSegment + chunk.segments) - share(chunk.firstSegment);
  return { quality, progressId, codecs, set, frames, keys, percent };
}

/** A full disk is found before the work. */
async function checkFreeSpace({ input, scratch }: Context, renditions: readonly Rendition[]): Promise<void> {
  const seconds = (input.chunk.frames * input.grid.rate.den) / input.grid.rate.num;
  const kbits = renditions.reduce((sum, { maxKbits, bufferKbit }) => sum + maxKbits * seconds + bufferKbit, 0);
  const needed = (kbits * 1_000) / 8 + 16 * 2 ** 20;
  const { bavail, bsize } = await statfs(scratch);
  if (bavail * bsize >= needed * 1.2) return;
  const megabytes = (bytes: number) => Math.ceil(bytes / 2 ** 20);
  throw new RetryableError(
    `chunk ${input.chunk.index + 1} of ${input.name} needs up to ${megabytes(needed)} MB in ${scratch}, which has ${megabytes(bavail * bsize)} MB left; free some or set REELFLEET_SCRATCH`,
    { code: 'no-space' },
  );
}
