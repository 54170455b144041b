/**
 * `transcode`: the plan of a stream. Looks at the source once, refuses with one sentence what cannot become a stream, and decides
 * everything that the others must agree on: the ladder, the grid, the ranges of the chunks with the frames each must see, the
 * tracks of sound. Nothing is encoded here.
 */
import { randomUUID } from 'node:crypto';
import { artifactRef, defineStage, MINUTE, PermanentError, type StageContext } from '@reelfleet/core';
import {
  type AudioStream,
  bitsFor,
  decideGrid,
  displaySize,
  fileArgument,
  type ListedFrames,
  listFrames,
  type MediaProbe,
  neededFilters,
  planChunks,
  planLadder,
  RUNGS,
  ToolError,
  untrustedInput,
  type VideoStream,
  videoCodecs,
} from '@reelfleet/media';
import { z } from 'zod';
import { runPlan } from '../run-plan.ts';
import { probeSource, type StreamPlan, streamPlan } from '../stream-parts.ts';

export const transcodeInput = z.object({
  source: artifactRef,
  /** What people call the source, for sentences about it; its address by default. */
  name: z.string().min(1).max(500).optional(),
  /** Heights to make of those the source is large enough for; all of them by default. */
  qualities: z.array(z.literal(RUNGS)).min(1).optional(),
  codec: z.enum(videoCodecs).default('h264'),
  /** Segments of a chunk, ten by default (a minute): fewer spread over more workers and lose less with one, more cost less. */
  chunkSegments: z.number().int().min(1).max(1_000).optional(),
});
type Input = z.infer<typeof transcodeInput>;
export type TranscodeOutput = StreamPlan;
export const transcodeOutput = streamPlan;

/** A source shorter than it says by more than this breaks off. */
const SHORT_SECONDS = 0.5;
const MOST_TRACKS = 16;

export const transcode = defineStage({
  name: 'transcode',
  description: 'Plan a stream: its renditions and the ranges to encode them in',
  input: transcodeInput,
  output: transcodeOutput,
  policy: { stalledAfterMs: 15 * MINUTE },
  async run(context): Promise<StreamPlan> {
    const { input, storage, progress, tools, signal, pausePoint } = context;
    const name = input.name ?? input.source.uri;
    progress(0, 'fetching');
    const path = await storage.borrow(input.source);
    progress(0.4, 'probing');
    const seen = await probeSource(context, path, name, { countPackets: false });
    const [video] = seen.video;
    if (!video)
      throw new PermanentError(`${name} has sound but no picture, and a stream is made of video: give a video file`, {
        code: 'no-video',
      });
    const heard = seen.audio.slice(0, MOST_TRACKS);
    await assertFilters(context, video, name);
    for (const stream of [video, ...heard]) await assertDecodable(context, path, stream, name);
    await pausePoint('mid-work');
    progress(0.6, 'listing frames');
    const list = await listFrames(tools, path, { format: seen.format, video }, { signal, timeoutMs: 60 * MINUTE });
    if (list.times.length === 0)
      throw new PermanentError(`${name} has a video stream without a single frame; give a whole file`, {
        code: 'no-frames',
      });
    await assertWhole(context, path, { seen, video, list, name });
    progress(0.9, 'planning');
    return { ...planStream(input, name, video, heard, list), name, source: input.source };
  },
});

/** The pure part: everything follows from what was seen. */
function planStream(
  input: Input,
  name: string,
  video: VideoStream,
  heard: readonly AudioStream[],
  list: ListedFrames,
): Omit<StreamPlan, 'name' | 'source'> {
  const { codec } = input;
  const grid = decideGrid(list, [video.baseFps, video.fps]);
  const size = displaySize(video);
  const ladder = ladderOf(size, input, grid.rate, name);
  const chunks = planChunks(list, grid, {
    seeking: list.seeking,
    chunkSegments: input.chunkSegments,
  });
  const start = ((list.times[0] as number) * video.timeBase.num) / video.timeBase.den;
  const { index, timeBase, dynamicRange, fieldOrder, color } = video;
  return {
    codec,
    bits: bitsFor(codec, dynamicRange === 'sdr' ? video.bitDepth : 8),
    picture: { index, timeBase, dynamicRange, fieldOrder, color },
    origin: list.times[0] as number,
    grid,
    renditions: ladder.rungs.map((rung) => ({ ...rung, progressId: randomUUID() })),
    segments: chunks.reduce((sum, chunk) => sum + chunk.segments, 0),
    durationSeconds: (grid.frames * grid.rate.den) / grid.rate.num,
    startSeconds: start,
    skipped: ladder.skipped.map((quality) => ({ quality, progressId: randomUUID() })),
    chunks,
    sound: nameTracks(heard, start),
  };
}

function ladderOf(size: { width: number; height: number }, input: Input, rate: VideoStream['timeBase'], name: string) {
  try {
    return planLadder(size, { codec: input.codec, rate, wanted: input.qualities });
  } catch (error) {
    if (!(error instanceof PermanentError)) throw error;
    throw new PermanentError(`${name}: ${error.message}`, { code: error.code });
  }
}

/** Names that tell the tracks apart, one of them the default: playlists want both (RFC 8216, 4.3.4.1). */
function nameTracks(heard: readonly AudioStream[], start: number): StreamPlan['sound'] {
  const byDefault = heard.find(({ isDefault }) => isDefault) ?? heard[0];
  const taken = new Set<string>();
  return heard.map((track, at) => {
    const wished = track.title ?? track.language ?? (heard.length === 1 ? 'Sound' : `Sound ${at + 1}`);
    const name = taken.has(wished) ? `${wished} (${at + 1})` : wished;
    taken.add(name);
    const { index, sampleRate, language, startSeconds, durationSeconds } = track;
    const end = durationSeconds === null ? null : (startSeconds ?? start) + durationSeconds - start;
    return { index, sampleRate, name, language, isDefault: track === byDefault, soundSeconds: end };
  });
}

/** Not every ffmpeg is built with what high dynamic range needs. */
async function assertFilters({ tools, signal }: StageContext<Input>, video: VideoStream, name: string): Promise<void> {
  const needed = neededFilters(video);
  if (needed.length === 0) return;
  const { stdout } = await tools.ffmpeg(['-filters'], { signal });
  const there = new Set(stdout.split('\n').map((line) => line.trim().split(/\s+/)[1]));
  const missing = needed.filter((filter) => !there.has(filter));
  if (missing.length === 0) return;
  const what = video.dynamicRange === 'sdr' ? 'is interlaced' : 'is in high dynamic range';
  throw new PermanentError(
    `${name} ${what}, and the ffmpeg of this worker has no filter ${missing.join(' and ')} to convert it; install an ffmpeg built with it`,
    { code: 'no-filter' },
  );
}

/** The first frame through the decoder: what cannot be decoded is told now, not by every chunk. */
async function assertDecodable(
  context: StageContext<Input>,
  path: string,
  stream: VideoStream | AudioStream,
  name: string,
): Promise<void> {
  const what = stream.type === 'video' ? 'picture' : 'sound';
  try {
    const { stdout } = await runPlan(context, {
      what: `trial of the ${what} (stream ${stream.index})`,
      args: [
        ...['-xerror', ...untrustedInput, '-i', fileArgument(path), '-map', `0:${stream.index}`],
        ...[stream.type === 'video' ? '-frames:v' : '-frames:a', '1', '-f', 'framecrc', '-'],
      ],
    });
    if (stdout.split('\n').some((line) => /^\d/.test(line))) return;
  } catch (error) {
    if (!(error instanceof ToolError) || error.code !== 'ffmpeg') throw error;
  }
  throw new PermanentError(
    `the ${what} of ${name} (${stream.codec}) cannot be decoded; give a whole file in a common codec (h264, hevc, av1, vp9; aac, mp3, opus)`,
    { code: 'undecodable' },
  );
}

/** What breaks off before the end it promises is refused: a stream that is silently shorter than its source is worse than none. */
async function assertWhole(
  { tools, signal }: StageContext<Input>,
  path: string,
  { seen, video, list, name }: { seen: MediaProbe; video: VideoStream; list: ListedFrames; name: string },
): Promise<void> {
  const tick = video.timeBase.num / video.timeBase.den;
  const lasts = (list.end - (list.times[0] as number)) * tick;
  const promised = Math.min(video.durationSeconds ?? Infinity, seen.durationSeconds ?? Infinity);
  if (!Number.isFinite(promised) || promised - lasts <= SHORT_SECONDS) return;
  if (list.packets !== null && video.frames !== null && list.packets >= video.frames) return;
  // Some containers tell only how long the longest stream is, and that may be the sound.
  if (video.durationSeconds === null) {
    for (const { index } of seen.audio) {
      const sound = await lastSound(tools, path, index, signal);
      if (sound !== null && sound - (seen.startSeconds ?? 0) >= promised - SHORT_SECONDS) return;
    }
  }
  throw new PermanentError(
    `${name} breaks off after ${lasts.toFixed(1)} s of the ${promised.toFixed(1)} s it promises; give the whole file`,
    { code: 'truncated' },
  );
}

const soundPackets = z.object({
  packets: z.array(z.object({ pts_time: z.coerce.number().optional() })).default([]),
});

async function lastSound(
  tools: StageContext<Input>['tools'],
  path: string,
  index: number,
  signal: AbortSignal,
): Promise<number | null> {
  const answer = await tools.ffprobe(
    [
      ...['-of', 'json=compact=1', ...untrustedInput, '-select_streams', String(index)],
      ...['-show_entries', 'packet=pts_time', '-i', fileArgument(path)],
    ],
    { signal },
  );
  return soundPackets.parse(answer).packets.reduce<number | null>((last, { pts_time: at }) => {
    return at === undefined ? last : Math.max(last ?? at, at);
  }, null);
}
