/**
 * Templates `archive`, `restore` and `purge`: one task each, for the files of a video that was deleted. They are ordered
 * with the video (`reelfleet videos delete|restore|purge`) and not as a `single` stage: only the ledger knows whether the
 * video is in a state for it. It fills in the folders, and reads `life` to tell these runs from those that make something.
 */
import { defineTemplate, type PipelineTemplate } from '@reelfleet/core';
import { z } from 'zod';

export const lives = ['archive', 'restore', 'purge'] as const;
export type Life = (typeof lives)[number];

export const lifeParams = z.object({
  life: z.enum(lives),
  videoId: z.uuid(),
  /** What the video is called, for people. */
  title: z.string(),
  folders: z.array(z.string()).default([]),
  /** Where rows name its files when it is not deleted, and where in the archive; both with the slash at the end. */
  liveUri: z.string().optional(),
  archiveUri: z.string().optional(),
});
export type LifeParams = z.infer<typeof lifeParams>;

const template = (life: Life): PipelineTemplate<LifeParams> =>
  defineTemplate<LifeParams>({
    name: life,
    params: lifeParams,
    nodes: [
      {
        key: life,
        stage: life,
        phase: life,
        title: ({ title }) => `${life} · ${title}`,
        input: ({ params: { videoId, folders } }) => ({ videoId, folders }),
      },
    ],
  });

export const archiveTemplate = template('archive');
export const restoreTemplate = template('restore');
export const purgeTemplate = template('purge');
