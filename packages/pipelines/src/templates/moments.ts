/** Template `moments`: the moments of a video whose transcript is there, scored and cut (seed 003, `moments_only`). */
import { artifactRef, defineTemplate } from '@reelfleet/core';
import { z } from 'zod';
import { momentsNodes, momentsOrder } from './moments-nodes.ts';

export const momentsParams = momentsOrder.extend({
  videoId: z.uuid(),
  /** What the video is called, for people. */
  title: z.string().min(1),
  /** The stored video and the file of its transcript. */
  source: artifactRef,
  transcript: artifactRef,
  durationSeconds: z.number().positive(),
});
export type MomentsParams = z.infer<typeof momentsParams>;

export const momentsTemplate = defineTemplate<MomentsParams>({
  name: 'moments',
  params: momentsParams,
  nodes: momentsNodes<MomentsParams>({
    needs: [],
    video: (_outputs, { title, source, transcript, durationSeconds }) => ({
      ...{ title, source, transcript, durationSeconds },
    }),
    title: ({ title }) => title,
  }),
});
