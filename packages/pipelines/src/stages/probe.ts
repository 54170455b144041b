/**
 * `probe`: what a media file is. The first look at anything a user gives us, so the file is opened with whitelists, its streams
 * are counted by reading it to the end, and what cannot be used is refused with one sentence, at the first attempt.
 */
import { fileURLToPath } from 'node:url';
import { artifactRef, defineStage, PermanentError } from '@reelfleet/core';
import { type MediaProbe, probe as probeFile, ToolError } from '@reelfleet/media';
import { z } from 'zod';

const rational = z.object({ num: z.number().int(), den: z.number().int() });

/** An artifact as the API shows it is a stored file as stages know it: what else it shows is left aside. */
const SOURCE =
  'takes a stored file as the API shows it ({id, kind, uri, sha256, sizeBytes, contentType}, all six) or its file:/// address';

export const probeInput = z.object({
  /** A stored file, or the `file:///…` address of one that this worker can read. */
  source: z.union([artifactRef, z.string().regex(/^file:\/\/\//, SOURCE)], { error: SOURCE }),
});

export const probeOutput = z.object({
  format: z.string(),
  durationSeconds: z.number().nullable(),
  sizeBytes: z.number().int(),
  video: z
    .object({
      codec: z.string(),
      width: z.number().int(),
      height: z.number().int(),
      pixelFormat: z.string(),
      fps: rational.nullable(),
      frames: z.number().int().nullable(),
    })
    .nullable(),
  audio: z.object({ codec: z.string(), sampleRate: z.number().int(), channels: z.number().int() }).nullable(),
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
    const name = typeof source === 'string' ? source : source.uri;
    progress(0, 'fetching');
    const path = typeof source === 'string' ? localPath(source) : await storage.fetch(source);
    progress(0.5, 'probing');
    await pausePoint('mid-work');
    let seen: MediaProbe;
    try {
      seen = await probeFile(tools, path, { trust: 'user', countPackets: true, signal });
    } catch (error) {
      if (!(error instanceof ToolError) || error.code !== 'ffmpeg') throw error;
      for (const line of error.stderrTail.split('\n')) note(line);
      const message = `${name} cannot be read as video or audio; give a whole mp4, mov, mkv, webm, ts, avi, wav, flac, mp3 or ogg file`;
      throw new PermanentError(message, { code: 'unreadable-media', cause: error });
    }
    const [video] = seen.video;
    const [audio] = seen.audio;
    if (!video && !audio) throw new PermanentError(`${name} has neither video nor audio`, { code: 'no-streams' });
    progress(1, 'probed');
    return {
      format: seen.format,
      durationSeconds: seen.durationSeconds,
      sizeBytes: seen.sizeBytes,
      video: video
        ? {
            codec: video.codec,
            width: video.width,
            height: video.height,
            pixelFormat: video.pixelFormat,
            fps: video.fps,
            frames: video.frames,
          }
        : null,
      audio: audio ? { codec: audio.codec, sampleRate: audio.sampleRate, channels: audio.channels } : null,
      chapters: seen.chapters,
    };
  },
});

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
