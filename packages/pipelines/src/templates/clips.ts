/** Template `clips`: one clip for each chosen moment of a video that is here, and a picture of each (seed 003, `clips_only`). */
import { artifactRef, defineTemplate } from '@reelfleet/core';
import { z } from 'zod';
import { momentRef } from '../moments-shapes.ts';
import { madeClip } from '../stages/clip.ts';
import { clipNodes } from './clip-nodes.ts';

export const clipsParams = z.object({
  videoId: z.uuid(),
  /** What the video is called, for people. */
  title: z.string().min(1),
  /** The stored video. */
  source: artifactRef,
  durationSeconds: z.number().positive(),
  /** Root moments, each with the clip it has already, and whether that has its picture. */
  moments: z
    .array(momentRef.and(z.object({ existing: madeClip.extend({ pictured: z.boolean() }).optional() })))
    .min(1, 'names no moment: there is nothing to cut'),
  /** Seconds before and after each, as far as the video has them. */
  paddingLeft: z.number().nonnegative().default(0),
  paddingRight: z.number().nonnegative().default(0),
  /** Cut anew what has a clip. */
  replace: z.boolean().default(false),
});
export type ClipsParams = z.infer<typeof clipsParams>;

export const clips = defineTemplate<ClipsParams>({
  name: 'clips',
  params: clipsParams,
  nodes: clipNodes<ClipsParams>({
    moments: { list: ({ moments }) => moments },
    cut: (_outputs, { source, title, durationSeconds, paddingLeft, paddingRight }) => ({
      ...{ source, name: title, durationSeconds, paddingLeft, paddingRight },
    }),
    replace: ({ replace }) => replace,
    title: ({ title }) => title,
  }),
});
