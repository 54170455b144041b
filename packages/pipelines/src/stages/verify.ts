/**
 * `verify`: a second look at a stored album, on another worker where there is one. `render` looked before it stored, so what is
 * found here is not bad luck but a wrong album, and trying again would not make it right.
 */
import { artifactRef, defineStage, MINUTE, PermanentError } from '@reelfleet/core';
import { z } from 'zod';
import { albumFiles, fetchParts, inspectAlbum } from '../album-files.ts';

export const verifyInput = z.object({ video: artifactRef, album: albumFiles });

export const verifyOutput = z.object({
  /** What was looked at. */
  videoUri: z.string(),
  sha256: z.string(),
  durationSeconds: z.number(),
  frames: z.number().int(),
  chapters: z.number().int(),
  minSsim: z.number(),
});
export type VerifyOutput = z.infer<typeof verifyOutput>;

export const verify = defineStage({
  name: 'verify',
  description: 'Look at a rendered album a second time',
  input: verifyInput,
  output: verifyOutput,
  policy: { stalledAfterMs: 5 * MINUTE },
  async run(context): Promise<VerifyOutput> {
    const { video, album } = context.input;
    context.progress(0, 'fetching');
    const file = await context.storage.fetch(video, 'album.mp4');
    const parts = await fetchParts(context, album);
    await context.pausePoint('mid-work');
    const { problems, minSsim } = await inspectAlbum(context, file, album, parts, { from: 0.2, to: 1 });
    if (problems.length > 0) {
      const message = `album "${album.title}" must not be used: ${problems.join('; ')}. Enqueue it anew with reelfleet enqueue album`;
      throw new PermanentError(message, { code: 'bad-album' });
    }
    const { durationSeconds, totalFrames, entries } = parts.timeline;
    return {
      videoUri: video.uri,
      sha256: video.sha256,
      durationSeconds,
      frames: totalFrames,
      chapters: entries.length,
      minSsim,
    };
  },
});
