/**
 * What a media file is, typed: ffprobe's JSON read through zod. Files that a user supplied are opened with whitelists, because
 * ffmpeg goes by content, not by name: an HLS playlist called `video.mp4` would copy other local files into the output.
 */
import { PermanentError, type RunOptions, type Tools } from '@reelfleet/core';
import { z } from 'zod';
import { bitDepth, dynamicRange, looksVariable, MAX_PIXELS, uprightBy } from './display.ts';

/** A fraction of integers, as ffmpeg writes frame rates and time bases. */
export interface Rational {
  num: number;
  den: number;
}

export interface VideoStream {
  type: 'video';
  index: number;
  codec: string;
  /** As coded: before the sample aspect ratio and the rotation. */
  width: number;
  height: number;
  /** Width of a sample to its height; 1:1 where the file says nothing. */
  sampleAspect: Rational;
  /** Degrees clockwise that make the picture upright. */
  rotation: 0 | 90 | 180 | 270;
  pixelFormat: string;
  bitDepth: number;
  /** By ffmpeg's names (`bt709`, `bt2020`, `smpte2084` …); null: not said. */
  color: { primaries: string | null; transfer: string | null; space: string | null; range: string | null };
  dynamicRange: 'sdr' | 'pq' | 'hlg';
  /** `progressive`, or which field comes first (`tt`, `bb`, `tb`, `bt`); null: not said. */
  fieldOrder: string | null;
  /** Average over the whole stream. */
  fps: Rational | null;
  /** The lowest rate that all its times are multiples of. */
  baseFps: Rational | null;
  variableFrameRate: boolean;
  timeBase: Rational;
  startSeconds: number | null;
  durationSeconds: number | null;
  /** As the container promises them, or counted where counting was asked for. */
  frames: number | null;
}
export interface AudioStream {
  type: 'audio';
  index: number;
  codec: string;
  sampleRate: number;
  channels: number;
  /** ISO 639 as the file has it; null: not said, or said to be undetermined. */
  language: string | null;
  title: string | null;
  isDefault: boolean;
  startSeconds: number | null;
  durationSeconds: number | null;
}
export interface OtherStream {
  type: 'other';
  index: number;
  codec: string;
  /** `subtitle`, `data`, …; `video` is a picture whose size cannot be told: damaged, or larger than what is opened. */
  kind: string;
}
export interface Chapter {
  title: string;
  startSeconds: number;
  endSeconds: number;
}
export interface MediaProbe {
  format: string;
  startSeconds: number | null;
  durationSeconds: number | null;
  sizeBytes: number;
  tags: Record<string, string>;
  video: VideoStream[];
  /** Pictures that came along with music or film (a cover): a single frame each, and not what the file shows. */
  pictures: VideoStream[];
  audio: AudioStream[];
  other: OtherStream[];
  chapters: Chapter[];
}

/** Containers a user may give us. No playlists, no concat scripts, no image sequences: those name other files. */
const userFormats = 'mov,mp4,matroska,webm,mpegts,mpeg,avi,flv,ogg,wav,flac,mp3,aac';
/** Decoders behind them; what is not here is not opened. */
const userCodecs =
  'h264,hevc,av1,libdav1d,libaom-av1,vp8,vp9,mpeg4,mpeg2video,mpeg1video,mjpeg,prores,theora,flv,' +
  'aac,aac_latm,mp3,mp3float,mp2,mp2float,ac3,eac3,opus,libopus,vorbis,flac,alac,pcm_s16le,pcm_s16be,pcm_s24le,pcm_s32le,pcm_f32le,pcm_u8,' +
  'mov_text,subrip,ass,webvtt';
/** Options to put before the `-i` of a file that a user supplied, for ffmpeg and ffprobe alike. */
export const untrustedInput: readonly string[] = [
  '-protocol_whitelist',
  'file,pipe',
  '-format_whitelist',
  userFormats,
  '-codec_whitelist',
  userCodecs,
  '-max_pixels',
  String(MAX_PIXELS),
];

const rationalText = z.string().regex(/^\d+\/\d+$/);
const count = z.coerce.number().int().nonnegative();
const seconds = z.coerce.number();
const streamJson = z.object({
  index: z.number().int(),
  codec_type: z.string().optional(),
  codec_name: z.string().default('unknown'),
  width: z.number().int().optional(),
  height: z.number().int().optional(),
  pix_fmt: z.string().optional(),
  sample_aspect_ratio: z.string().optional(),
  color_range: z.string().optional(),
  color_space: z.string().optional(),
  color_transfer: z.string().optional(),
  color_primaries: z.string().optional(),
  field_order: z.string().optional(),
  avg_frame_rate: rationalText.optional(),
  r_frame_rate: rationalText.optional(),
  time_base: rationalText.optional(),
  start_time: seconds.optional(),
  duration: seconds.optional(),
  nb_frames: count.optional(),
  nb_read_packets: count.optional(),
  sample_rate: count.optional(),
  channels: z.number().int().optional(),
  disposition: z.record(z.string(), z.number()).default({}),
  tags: z.record(z.string(), z.string()).default({}),
  side_data_list: z.array(z.looseObject({ rotation: z.number().optional() })).default([]),
});
type StreamJson = z.infer<typeof streamJson>;
const probeJson = z.object({
  streams: z.array(streamJson).default([]),
  chapters: z
    .array(z.object({ start_time: seconds, end_time: seconds, tags: z.record(z.string(), z.string()).default({}) }))
    .default([]),
  format: z.object({
    format_name: z.string(),
    start_time: seconds.optional(),
    duration: seconds.optional(),
    size: count.default(0),
    tags: z.record(z.string(), z.string()).default({}),
  }),
});

/** Probe a local file. `trust: 'user'` applies the whitelists. `countPackets` reads the whole file to count, not to believe. */
export async function probe(
  tools: Tools,
  path: string,
  options: { trust: 'own' | 'user'; countPackets?: boolean } & Pick<RunOptions, 'signal' | 'timeoutMs'>,
): Promise<MediaProbe> {
  const { trust, countPackets, ...run } = options;
  const answer = await tools.ffprobe(
    [
      ...(trust === 'user' ? untrustedInput : ['-protocol_whitelist', 'file,pipe']),
      ...(countPackets ? ['-count_packets'] : []),
      '-show_streams',
      '-show_format',
      '-show_chapters',
      '-i',
      fileArgument(path),
    ],
    { timeoutMs: 120_000, ...run },
  );
  return parseProbe(answer, path);
}

/** ffmpeg reads `-x.mp4` as an option and `a:b.mp4` as a protocol; `file:` before a path says that it is neither. */
export function fileArgument(path: string): string {
  return `file:${path}`;
}

/** The pure half of {@link probe}. Throws a PermanentError when the answer does not describe a media file. */
export function parseProbe(answer: unknown, name: string): MediaProbe {
  const parsed = probeJson.safeParse(answer);
  if (!parsed.success) {
    throw new PermanentError(
      `${name} is not a media file that can be read; check that it is a whole video, audio or image file`,
      {
        code: 'unreadable-media',
        cause: parsed.error,
      },
    );
  }
  const { streams, chapters, format } = parsed.data;
  const result: MediaProbe = {
    format: format.format_name,
    startSeconds: format.start_time ?? null,
    durationSeconds: format.duration ?? null,
    sizeBytes: format.size,
    tags: format.tags,
    video: [],
    pictures: [],
    audio: [],
    other: [],
    chapters: chapters.map((chapter) => ({
      title: chapter.tags.title ?? '',
      startSeconds: chapter.start_time,
      endSeconds: chapter.end_time,
    })),
  };
  for (const stream of streams) {
    const common = { index: stream.index, codec: stream.codec_name };
    if (stream.codec_type === 'video' && stream.width && stream.height) {
      const video = videoStream(stream, stream.width, stream.height);
      if (stream.disposition.attached_pic) result.pictures.push(video);
      else result.video.push(video);
    } else if (stream.codec_type === 'audio' && stream.sample_rate && stream.channels) {
      const { language, title } = stream.tags;
      result.audio.push({
        ...common,
        type: 'audio',
        sampleRate: stream.sample_rate,
        channels: stream.channels,
        language: language && language !== 'und' ? language : null,
        title: title ?? null,
        isDefault: stream.disposition.default === 1,
        startSeconds: stream.start_time ?? null,
        durationSeconds: stream.duration ?? null,
      });
    } else {
      result.other.push({ ...common, type: 'other', kind: stream.codec_type ?? 'unknown' });
    }
  }
  return result;
}

function videoStream(stream: StreamJson, width: number, height: number): VideoStream {
  const fps = rational(stream.avg_frame_rate);
  const baseFps = rational(stream.r_frame_rate);
  const fieldOrder = said(stream.field_order);
  const transfer = said(stream.color_transfer);
  return {
    type: 'video',
    index: stream.index,
    codec: stream.codec_name,
    width,
    height,
    sampleAspect: rational(stream.sample_aspect_ratio?.replace(':', '/')) ?? { num: 1, den: 1 },
    rotation: uprightBy(stream.side_data_list.find(({ rotation }) => rotation !== undefined)?.rotation ?? 0),
    pixelFormat: stream.pix_fmt ?? 'unknown',
    bitDepth: bitDepth(stream.pix_fmt ?? 'unknown'),
    color: {
      primaries: said(stream.color_primaries),
      transfer,
      space: said(stream.color_space),
      range: said(stream.color_range),
    },
    dynamicRange: dynamicRange(transfer),
    fieldOrder,
    fps,
    baseFps,
    variableFrameRate: looksVariable(fps, baseFps, fieldOrder),
    timeBase: rational(stream.time_base) ?? { num: 1, den: 1 },
    startSeconds: stream.start_time ?? null,
    durationSeconds: stream.duration ?? null,
    frames: stream.nb_read_packets ?? stream.nb_frames ?? null,
  };
}

/** ffprobe's ways of saying that a file does not say. */
const said = (word: string | undefined): string | null =>
  word === undefined || word === 'unknown' || word === 'unspecified' || word === 'reserved' ? null : word;

/** `30000/1001` → { num, den }; `0/0`, ffmpeg's word for unknown, → null. */
export function rational(text: string | undefined): Rational | null {
  const [num, den] = (text ?? '').split('/').map(Number);
  return num && den ? { num, den } : null;
}
