/**
 * The shapes that moments travel in, for stages, templates and orders: how they were asked for, what they are, what each stage
 * answers. Times are seconds from the beginning of the video.
 */
import { artifactRef } from '@reelfleet/core';
import { z } from 'zod';

const seconds = z.number().nonnegative();

export const operationTypes = ['generation', 'refinement'] as const;

/**
 * How moments are asked for: a row of `generation_configs` with the texts of its row of `prompts`. Null leaves a value to the
 * language provider, or a bound open.
 */
export const generationConfig = z
  .object({
    id: z.uuid(),
    promptId: z.uuid(),
    systemPrompt: z.string(),
    userPrompt: z.string(),
    model: z.string().min(1).max(100),
    operationType: z.enum(operationTypes),
    temperature: z.number().min(0).max(2).nullable(),
    topP: z.number().positive().max(1).nullable(),
    topK: z.number().int().positive().nullable(),
    minMomentLength: z.number().positive().nullable(),
    maxMomentLength: z.number().positive().nullable(),
    minMoments: z.number().int().positive().nullable(),
    maxMoments: z.number().int().positive().nullable(),
  })
  .refine((config) => inOrder(config.minMomentLength, config.maxMomentLength), {
    path: ['maxMomentLength'],
    message: 'is below minMomentLength: no moment is as long as both ask',
  })
  .refine((config) => inOrder(config.minMoments, config.maxMoments), {
    path: ['maxMoments'],
    message: 'is below minMoments: no number is what both ask',
  });
export type GenerationConfig = z.infer<typeof generationConfig>;

const inOrder = (least: number | null, most: number | null) => least === null || most === null || least <= most;

/** A moment as it is passed on: enough to cut, name and refine it. `id` is its row's, `identifier` what people call it. */
export const momentRef = z
  .object({
    id: z.uuid(),
    identifier: z.string().min(1).max(20),
    title: z.string().min(1).max(500),
    start: seconds,
    end: seconds,
  })
  .refine(({ start, end }) => end > start, { path: ['end'], message: 'is not after its start' });
export type MomentRef = z.infer<typeof momentRef>;

/** What all stages of moments read: what was said, and in which video. */
export const spokenInput = {
  /** The file of the transcript, kind `transcript`. */
  transcript: artifactRef,
  /** What people call the video. */
  title: z.string(),
  durationSeconds: z.number().positive(),
};

/** The answer of stage `moments`. `notes` says in a sentence each what could not be kept of what was asked. */
export const momentsOutput = z.object({
  moments: z.array(momentRef).min(1),
  provider: z.string(),
  model: z.string(),
  configId: z.uuid(),
  notes: z.array(z.string()),
});
export type MomentsOutput = z.infer<typeof momentsOutput>;

/** The answer of stage `score`. */
export const scoreOutput = z.object({
  scores: z.array(z.object({ momentId: z.uuid(), score: z.number().int().min(0).max(10) })),
  provider: z.string(),
  model: z.string(),
});
export type ScoreOutput = z.infer<typeof scoreOutput>;

/** The answer of stage `refine`: children of root moments, at most one of each. */
export const refineOutput = z.object({
  moments: z.array(momentRef.and(z.object({ parentId: z.uuid() }))),
  provider: z.string(),
  model: z.string(),
  configId: z.uuid(),
  notes: z.array(z.string()),
});
export type RefineOutput = z.infer<typeof refineOutput>;
