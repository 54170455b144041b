/**
 * What travels between the stages of a transcode, as shapes: the plan that all of them work by, what a chunk and the sound
 * answer, and the sentences for sources that no stream can be made of.
 */
import { artifactRef, artifactSet, PermanentError, type StageContext } from '@reelfleet/core';
import { MAX_PIXELS, type MediaProbe, probe, ToolError, videoCodecs } from '@reelfleet/media';
import { z } from 'zod';

const whole = z.number().int();
const count = whole.nonnegative();
export const rationalShape = z.object({ num: whole.positive(), den: whole.positive() });
const color = z.object({
  primaries: z.string().nullable(),
  transfer: z.string().nullable(),
  space: z.string().nullable(),
  range: z.string().nullable(),
});

export const pictureShape = z.object({
  index: count,
  timeBase: rationalShape,
  dynamicRange: z.enum(['sdr', 'pq', 'hlg']),
  fieldOrder: z.string().nullable(),
  color,
});
export const gridShape = z.object({
  rate: rationalShape,
  frames: whole.positive(),
  kind: z.enum(['constant', 'variable']),
  why: z.string(),
});
const seconds = z.number();
export const chunkShape = z.object({
  index: count,
  startFrame: count,
  frames: whole.positive(),
  firstSegment: count,
  segments: whole.positive(),
  source: z.object({
    frames: whole.positive(),
    digest: z.string(),
    from: seconds.nullable(),
    to: seconds.nullable(),
    widerFrom: seconds.nullable(),
    widerTo: seconds.nullable(),
    seeks: z.array(seconds.nullable()).min(1),
  }),
});
export const renditionShape = z.object({
  quality: z.string(),
  width: whole.positive(),
  height: whole.positive(),
  maxKbits: whole.positive(),
  bufferKbit: whole.positive(),
  /** Of the row in `quality_progress` that people follow it by. */
  progressId: z.uuid(),
});
export const trackShape = z.object({
  index: count,
  sampleRate: whole.positive(),
  name: z.string(),
  language: z.string().nullable(),
  isDefault: z.boolean(),
  /** Until when the source has sound, from the first frame of its picture; null: the file does not say. */
  soundSeconds: seconds.nullable(),
});

/** The part of the plan that every chunk works by. */
const shared = {
  source: artifactRef,
  /** What people call the source. */
  name: z.string(),
  codec: z.enum(videoCodecs),
  bits: z.union([z.literal(8), z.literal(10)]),
  picture: pictureShape,
  /** When slot 0 is shown, in ticks of the picture's time base. */
  origin: whole,
  grid: gridShape,
  renditions: z.array(renditionShape).min(1),
  segments: whole.positive(),
};

export const streamPlan = z.object({
  ...shared,
  durationSeconds: z.number().positive(),
  /** When the picture begins, by the clock of the source. */
  startSeconds: seconds,
  skipped: z.array(z.object({ quality: z.string(), progressId: z.uuid() })),
  chunks: z.array(chunkShape).min(1),
  sound: z.array(trackShape),
});
export type StreamPlan = z.infer<typeof streamPlan>;

export const chunkInput = z.object({ ...shared, chunk: chunkShape });
export type ChunkInput = z.infer<typeof chunkInput>;

/** The name of the header in every set of segments. */
export const HEADER = 'init.mp4';

export const renditionPart = z.object({
  quality: z.string(),
  progressId: z.uuid(),
  /** As playlists name it, read from the file. */
  codecs: z.string(),
  /** The header and the segments, in their order. */
  set: artifactSet,
  /** Frames of each segment, counted in the file. */
  frames: z.array(whole.positive()).min(1),
  /** Where key frames are, in frames of the stream: the SHA-256 of their list. */
  keys: z.string(),
  /** This range's share of the rendition, in per cent; the shares of all ranges are 100. */
  percent: count,
});
export type RenditionPart = z.infer<typeof renditionPart>;

export const chunkOutput = z.object({
  index: count,
  startFrame: count,
  frames: whole.positive(),
  /** Frames of the source that were decoded for it. */
  decoded: whole.positive(),
  /** ffmpeg's name of the encoder. */
  encoder: z.string(),
  renditions: z.array(renditionPart).min(1),
  startedAt: z.iso.datetime(),
});
export type ChunkOutput = z.infer<typeof chunkOutput>;

export const soundOutput = z.object({
  tracks: z.array(
    z.object({
      name: z.string(),
      language: z.string().nullable(),
      isDefault: z.boolean(),
      channels: whole.positive(),
      sampleRate: whole.positive(),
      /** Heard, counted by decoding. */
      samples: whole.positive(),
      codecs: z.string(),
      set: artifactSet,
    }),
  ),
});
export type SoundOutput = z.infer<typeof soundOutput>;

/** Open what a user gave, or say in one sentence why it is of no use. */
export async function probeSource(
  context: Pick<StageContext<unknown>, 'tools' | 'signal' | 'note'>,
  path: string,
  name: string,
  options: { countPackets: boolean },
): Promise<MediaProbe> {
  let seen: MediaProbe;
  try {
    seen = await probe(context.tools, path, { trust: 'user', ...options, signal: context.signal });
  } catch (error) {
    if (!(error instanceof ToolError) || error.code !== 'ffmpeg') throw error;
    for (const line of error.stderrTail.split('\n')) context.note(line);
    throw new PermanentError(
      `${name} cannot be read as video or audio; give a whole mp4, mov, mkv, webm, ts, avi, wav, flac, mp3 or ogg file`,
      { code: 'unreadable-media', cause: error },
    );
  }
  const millions = (pixels: number) => Math.round(pixels / 1e6);
  if (seen.video.length === 0 && seen.other.some(({ kind }) => kind === 'video'))
    throw new PermanentError(
      `the picture of ${name} cannot be opened: it is damaged, or has more than ${millions(MAX_PIXELS)} million pixels (8K); give a whole file, scaled down if need be`,
      { code: 'unreadable-picture' },
    );
  if (seen.video.length === 0 && seen.audio.length === 0)
    throw new PermanentError(`${name} has neither video nor audio`, { code: 'no-streams' });
  const large = seen.video.find(({ width, height }) => width * height > MAX_PIXELS);
  if (large)
    throw new PermanentError(
      `the picture of ${name} has ${large.width}×${large.height}, ${millions(large.width * large.height)} million pixels; at most ${millions(MAX_PIXELS)} million are taken (8K), so scale it down first`,
      { code: 'too-large' },
    );
  return seen;
}
