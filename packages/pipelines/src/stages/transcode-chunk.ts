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
  type Encoder,
  encoderFor,
  gopFrames,
  planChunk,
  segmentsOf,
  softwareEncoder,
  ToolError,
  timescale,
  timesDigest,
} from '@reelfleet/media';
import { z } from 'zod';
import { inspectRendition, storePieces } from '../rendition-files.ts';
import { inParallel, oneByOne, runPlan } from '../run-plan.ts';
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
      encoder = await encode(context, source, missing);
      progress(0.9, 'checking');
      const inTurn = oneByOne();
      await inParallel(longestFirst(missing), availableParallelism(), async (rendition) => {
        const look = await lookAt(context, rendition, rendition === missing.at(-1) ? 'all' : 'keys');
        await inTurn(async () => {
          stored.push(await store(context, rendition, look));
          await saveCheckpoint({ encoder, startedAt, stored }, stored.length);
          progress(0.9 + (0.1 * stored.length) / renditions.length, 'storing');
          await pausePoint('mid-upload');
        });
      });
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

const fileOf = ({ scratch }: Context, { quality }: Rendition) => join(scratch, `${quality}.mp4`);

/** Encode until the right frames were seen; answers the encoder that made them. */
async function encode(context: Context, source: string, renditions: readonly Rendition[]): Promise<string> {
  const { input, tools, log, note } = context;
  let encoder = encoderFor(input.codec, tools.encoders);
  let { seeks } = input.chunk.source;
  for (;;) {
    const [seek = null, ...rest] = seeks;
    try {
      if (await encodeOnce(context, source, renditions, encoder, seek)) return encoder.name;
    } catch (error) {
      if (!encoder.hardware || !(error instanceof ToolError) || error.code !== 'ffmpeg') throw error;
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

/** One run of ffmpeg. False: other frames came out of the decoder than the plan lists. */
async function encodeOnce(
  context: Context,
  source: string,
  renditions: readonly Rendition[],
  encoder: Encoder,
  seek: number | null,
): Promise<boolean> {
  const { input, scratch } = context;
  const { chunk, picture, grid, origin, bits } = input;
  const seenFile = 'seen.txt';
  await rm(join(scratch, seenFile), { force: true });
  await runPlan(
    context,
    planChunk({
      ...{ source, picture, grid, origin, chunk, bits, encoder, seek, seenFile, rungs: renditions },
      output: (rung) => `file:${fileOf(context, rung as Rendition)}`,
    }),
    { from: 0.02, to: 0.9, seconds: 1, frames: chunk.frames, step: 'encoding' },
    { timeoutMs: 6 * 60 * MINUTE, threads: availableParallelism() },
  );
  const times = [...(await readFile(join(scratch, seenFile), 'utf8').catch(() => '')).matchAll(/ pts:(-?\d+)/g)];
  const seen = times.map(([, ticks]) => Number(ticks));
  return seen.length === chunk.source.frames && timesDigest(seen) === chunk.source.digest;
}

/** Looks run side by side, since nothing else has the cores now; the one of the smallest rendition, decoded whole, takes longest. */
function longestFirst(renditions: readonly Rendition[]): Rendition[] {
  return [...renditions.slice(-1), ...renditions.slice(0, -1)];
}

/** The smallest rendition is decoded whole, which costs little; they all have the same frames. */
async function lookAt(context: Context, rendition: Rendition, decode: 'all' | 'keys') {
  const { chunk, grid, name } = context.input;
  const { rate } = grid;
  return inspectRendition(
    context,
    fileOf(context, rendition),
    {
      what: `${rendition.quality} of chunk ${chunk.index + 1} of ${name}`,
      startFrame: chunk.startFrame,
      segmentFrames: segmentsOf(chunk.frames, rate),
      gop: gopFrames(rate),
      frameTicks: (timescale(rate) * rate.den) / rate.num,
    },
    decode,
  );
}

async function store(
  context: Context,
  rendition: Rendition,
  { pieces, keys }: Awaited<ReturnType<typeof lookAt>>,
): Promise<RenditionPart> {
  const { input, pausePoint } = context;
  const { chunk, grid } = input;
  const { quality, progressId } = rendition;
  const file = fileOf(context, rendition);
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

/** A full disk is found before the work: files and their pieces exist side by side for a moment. */
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
