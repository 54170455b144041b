/**
 * `probe`: what a media file is. The first look at anything a user gives us, so the file is opened with whitelists, its streams
 * are counted by reading it to the end, and what cannot be used is refused with one sentence, at the first attempt.
 */
import { fileURLToPath } from 'node:url';
import { artifactRef, defineStage, PermanentError } from '@reelfleet/core';
import { displaySize, type VideoStream } from '@reelfleet/media';
import { z } from 'zod';
import { probeSource } from '../stream-parts.ts';

const rational = z.object({ num: z.number().int(), den: z.number().int() });

/** An artifact as the API shows it is a stored file as stages know it: what else it shows is left aside. */
const SOURCE =
  'takes a stored file as the API shows it ({id, kind, uri, sha256, sizeBytes, contentType}, all six) or its file:/// address';

export const probeInput = z.object({
  /** A stored file, or the `file:///…` address of one that this worker can read. */
  source: z.union([artifactRef, z.string().regex(/^file:\/\/\//, SOURCE)], { error: SOURCE }),
  /** What people call it; its address otherwise. */
  name: z.string().optional(),
});

export const probeOutput = z.object({
  format: z.string(),
  durationSeconds: z.number().nullable(),
  sizeBytes: z.number().int(),
  startSeconds: z.number().nullable(),
  video: z
    .object({
      codec: z.string(),
      width: z.number().int(),
      height: z.number().int(),
      pixelFormat: z.string(),
      /** As a viewer sees it: upright, with square pixels. */
      displayWidth: z.number().int(),
      displayHeight: z.number().int(),
      sampleAspect: rational,
      /** Degrees clockwise that make it upright. */
      rotation: z.literal([0, 90, 180, 270]),
      bitDepth: z.number().int(),
      color: z.object({
        primaries: z.string().nullable(),
        transfer: z.string().nullable(),
        space: z.string().nullable(),
        range: z.string().nullable(),
      }),
      dynamicRange: z.enum(['sdr', 'pq', 'hlg']),
      fieldOrder: z.string().nullable(),
      /** Average over the whole stream. */
      fps: rational.nullable(),
      baseFps: rational.nullable(),
      variableFrameRate: z.boolean(),
      frames: z.number().int().nullable(),
      startSeconds: z.number().nullable(),
      durationSeconds: z.number().nullable(),
    })
    .nullable(),
  /** The default track, or the first. */
  audio: z.object({ codec: z.string(), sampleRate: z.number().int(), channels: z.number().int() }).nullable(),
  audioTracks: z.array(
    z.object({
      index: z.number().int(),
      codec: z.string(),
      sampleRate: z.number().int(),
      channels: z.number().int(),
      language: z.string().nullable(),
      title: z.string().nullable(),
      isDefault: z.boolean(),
    }),
  ),
  /** Covers that came along; no video. */
  pictures: z.array(z.object({ codec: z.string(), width: z.number().int(), height: z.number().int() })),
  chapters: z.array(z.object({ title: z.string(), startSeconds: z.number(), endSeconds: z.number() })),
});
export type ProbeOutput = z.infer<typeof probeOutput>;

export const probe = defineStage({
  name: 'probe',
  description: 'Find out what a media file is',
  input: probeInput,
  output: probeOutput,
  policy: { concurrency: 'cpu' },
  async run({ input, storage, tools, signal, progress, pausePoint, note }): Promise<ProbeOutput> {
    const { source } = input;
    const name = input.name ?? (typeof source === 'string' ? source : source.uri);
    progress(0, 'fetching');
    const path = typeof source === 'string' ? localPath(source) : await storage.borrow(source);
    progress(0.5, 'probing');
    await pausePoint('mid-work');
    const seen = await probeSource({ tools, signal, note }, path, name, { countPackets: true });
    const [video] = seen.video;
    const audio = seen.audio.find(({ isDefault }) => isDefault) ?? seen.audio[0];
    progress(1, 'probed');
    return {
      format: seen.format,
      durationSeconds: seen.durationSeconds,
      sizeBytes: seen.sizeBytes,
      startSeconds: seen.startSeconds,
      video: video ? { ...pick(video), ...displaySizes(video) } : null,
      audio: audio ? { codec: audio.codec, sampleRate: audio.sampleRate, channels: audio.channels } : null,
      audioTracks: seen.audio.map(({ index, codec, sampleRate, channels, language, title, isDefault }) => ({
        ...{ index, codec, sampleRate, channels, language, title, isDefault },
      })),
      pictures: seen.pictures.map(({ codec, width, height }) => ({ codec, width, height })),
      chapters: seen.chapters,
    };
  },
});

/** What of a stream is told: everything but how it lies in its file. */
function pick(video: VideoStream) {
  const { codec, width, height, pixelFormat, bitDepth, fps, baseFps, variableFrameRate, frames } = video;
  const { sampleAspect, rotation, color, dynamicRange, fieldOrder, startSeconds, durationSeconds } = video;
  return {
    ...{ codec, width, height, pixelFormat, bitDepth, fps, baseFps, variableFrameRate, frames },
    ...{ sampleAspect, rotation, color, dynamicRange, fieldOrder, startSeconds, durationSeconds },
  };
}

function displaySizes(video: VideoStream) {
  const { width, height } = displaySize(video);
  return { displayWidth: width, displayHeight: height };
}

function localPath(uri: string): string {
  try {
    return fileURLToPath(uri);
  } catch (cause) {
    throw new PermanentError(`${uri} is not the address of a file on this machine; write file:///absolute/path`, {
      code: 'bad-uri',
      cause,
    });
  }
}
