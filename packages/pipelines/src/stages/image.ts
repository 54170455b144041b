/**
 * `image`: one still of an album, and the segment that albums repeat: encoded here, once, so that the work spreads over the
 * fleet. The picture is stored first, since it may have been paid for; a retry goes on from it.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { artifactRef, defineStage, MINUTE, RetryableError, type StageContext } from '@reelfleet/core';
import {
  MIN_SSIM,
  planStill,
  planStillCheck,
  probe,
  readStillCheck,
  SEGMENT_FRAMES,
  STILL_SSIM,
  type StillFormat,
  stillQuantizers,
} from '@reelfleet/media';
import { z } from 'zod';
import { runPlan } from '../run-plan.ts';

export const imageInput = z.object({
  orderIndex: z.number().int().min(1),
  title: z.string().min(1),
  prompt: z.string().min(1),
  seed: z.number().int().nonnegative(),
  width: z.number().int().min(64).max(7680).multipleOf(2),
  height: z.number().int().min(64).max(4320).multipleOf(2),
  fps: z.number().int().min(1).max(60),
});
type Input = z.infer<typeof imageInput>;

export const imageOutput = z.object({
  orderIndex: z.number().int(),
  title: z.string(),
  prompt: z.string(),
  /** What the provider made, as PNG. */
  image: artifactRef,
  /** One closed GOP of the still at the album's format. */
  segment: artifactRef,
  frames: z.number().int().positive(),
  width: z.number().int(),
  height: z.number().int(),
  fps: z.number().int(),
  /** Likeness of the segment to the picture. */
  ssim: z.number(),
  provider: z.enum(['dummy', 'leonardo', 'gemini']),
  providerImageId: z.string().nullable(),
});
export type ImageOutput = z.infer<typeof imageOutput>;

const storedPicture = z.object({
  image: artifactRef,
  made: imageOutput.pick({ provider: true, providerImageId: true }),
});
type Picture = z.infer<typeof storedPicture>;
const checkpoint = z.union([z.object({ done: imageOutput }), storedPicture]);

export const image = defineStage({
  name: 'image',
  description: 'Make one still from its prompt, and the piece of film it is shown as',
  input: imageInput,
  output: imageOutput,
  policy: { concurrency: 'cpu', stalledAfterMs: 5 * MINUTE },
  async run(context): Promise<ImageOutput> {
    const { input, storage, scratch, progress, saveCheckpoint, pausePoint } = context;
    const saved = checkpoint.safeParse(context.checkpoint).data;
    if (saved && 'done' in saved && (await storage.has(saved.done.image)) && (await storage.has(saved.done.segment)))
      return saved.done;
    const png = join(scratch, 'still.png');
    let picture: Picture;
    if (saved && 'image' in saved && (await storage.has(saved.image))) {
      await storage.fetch(saved.image, 'still.png');
      picture = saved;
    } else {
      picture = await makePicture(context, png);
      await saveCheckpoint(picture, 1);
    }
    await pausePoint('mid-upload');
    const { width, height, fps } = input;
    const segment = join(scratch, 'segment.mp4');
    const { ssim } = await encodeStill(context, {
      image: png,
      segment,
      format: { width, height, fps },
      what: named(input),
    });
    progress(0.9, 'storing');
    const output: ImageOutput = {
      orderIndex: input.orderIndex,
      title: input.title,
      prompt: input.prompt,
      ...picture.made,
      image: picture.image,
      segment: await storage.put('segment.mp4', { path: segment }, { kind: 'segment', contentType: 'video/mp4' }),
      frames: SEGMENT_FRAMES,
      width,
      height,
      fps,
      ssim,
    };
    await saveCheckpoint({ done: output }, 2);
    progress(1, 'stored');
    return output;
  },
});

const named = (input: Input) => `still ${input.orderIndex} (${input.title})`;

/** Have the picture made, look whether it is one, store it. */
async function makePicture(context: StageContext<Input>, png: string): Promise<Picture> {
  const { input, providers, signal, storage, progress, pausePoint, tools } = context;
  const { prompt, seed, width, height } = input;
  progress(0, 'painting');
  const { providerId } = await providers.image.generate(
    { prompt, seed, width, height },
    { path: png, signal, report: (fraction) => progress(0.5 * fraction, 'painting') },
  );
  await pausePoint('mid-work');
  const [picture] = (await probe(tools, png, { trust: 'own', signal })).video;
  if (!picture)
    throw new RetryableError(`${named(input)}: image provider ${providers.image.name} made no picture`, {
      code: 'bad-still',
    });
  await pausePoint('before-upload');
  const stored = await storage.put('still.png', { path: png }, { kind: 'image', contentType: 'image/png' });
  return { image: stored, made: { provider: providers.image.name, providerImageId: providerId } };
}

/**
 * Encode a still's segment and decode it whole: every frame must show the same picture, and that picture be like the still.
 * The quantizer goes down until it is like enough; grain takes more bits than sky.
 */
export async function encodeStill(
  context: Pick<StageContext<unknown>, 'tools' | 'signal' | 'scratch' | 'progress' | 'moved' | 'note' | 'log'>,
  still: { image: string; segment: string; format: StillFormat; what: string },
): Promise<{ ssim: number }> {
  const frames = join(context.scratch, 'frames.txt');
  let best = 0;
  for (const quantizer of stillQuantizers) {
    context.progress(0.55, 'encoding');
    await runPlan(context, planStill({ image: still.image, output: still.segment, quantizer, ...still.format }));
    context.progress(0.75, 'checking');
    const { stdout } = await runPlan(
      context,
      planStillCheck({ image: still.image, segment: still.segment, frames, ...still.format }),
    );
    const seen = readStillCheck(stdout, await readFile(frames, 'utf8'));
    if (seen.frames !== SEGMENT_FRAMES || seen.pictures !== 1) {
      const message = `${still.what}: its segment decodes to ${seen.frames} frames with ${seen.pictures} different pictures instead of ${SEGMENT_FRAMES} alike`;
      throw new RetryableError(message, { code: 'bad-segment' });
    }
    best = seen.ssim;
    if (best >= STILL_SSIM) break;
  }
  if (best < MIN_SSIM) {
    throw new RetryableError(`${still.what}: its segment differs from the picture (SSIM ${best.toFixed(4)})`, {
      code: 'bad-segment',
    });
  }
  return { ssim: best };
}
