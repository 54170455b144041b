/** `thumbnail`: a JPEG for lists and players, from a still or from a video's first frame. */
import { join } from 'node:path';
import { artifactRef, defineStage, RetryableError } from '@reelfleet/core';
import { planPictureCheck, planThumbnail, probe } from '@reelfleet/media';
import { z } from 'zod';
import { runPlan } from '../run-plan.ts';

export const thumbnailInput = z.object({
  /** An image, or a video of which the first frame is taken. */
  source: artifactRef,
  width: z.number().int().min(16).max(3840).multipleOf(2).default(1280),
  height: z.number().int().min(16).max(2160).multipleOf(2).default(720),
});

export const thumbnailOutput = z.object({ thumbnail: artifactRef, width: z.number().int(), height: z.number().int() });
export type ThumbnailOutput = z.infer<typeof thumbnailOutput>;

export const thumbnail = defineStage({
  name: 'thumbnail',
  description: 'Make a thumbnail',
  input: thumbnailInput,
  output: thumbnailOutput,
  policy: { concurrency: 'cpu' },
  async run(context): Promise<ThumbnailOutput> {
    const { input, storage, scratch, tools, signal, progress, pausePoint } = context;
    const { width, height } = input;
    progress(0, 'fetching');
    const source = await storage.fetch(input.source);
    const output = join(scratch, 'thumbnail.jpg');
    await runPlan(context, planThumbnail({ source, output, width, height }));
    await pausePoint('mid-work');
    const [picture] = (await probe(tools, output, { trust: 'own', signal })).video;
    if (picture?.width !== width || picture.height !== height) {
      throw new RetryableError(
        `thumbnail of ${input.source.uri} came out at ${picture?.width}×${picture?.height} instead of ${width}×${height}`,
      );
    }
    // A file that breaks off has a good header too.
    await runPlan(context, planPictureCheck(output));
    await pausePoint('before-upload');
    const thumbnail = await storage.put(
      'thumbnail.jpg',
      { path: output },
      { kind: 'thumbnail', contentType: 'image/jpeg' },
    );
    progress(1, 'stored');
    return { thumbnail, width, height };
  },
});
