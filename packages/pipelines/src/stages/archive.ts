/**
 * `archive`: the files of a deleted video go to the archive, the tree of each of its runs as a whole, so that playlists,
 * which name their segments by relative path, stay right. The rows follow when all are there: its recorder says so.
 */
import { defineStage, MINUTE, SECOND } from '@reelfleet/core';
import type { z } from 'zod';
import { archiveOf, movedTo, untilEmpty, videoFiles } from './video-files.ts';

export type ArchiveOutput = z.infer<typeof movedTo>;

export const archive = defineStage({
  name: 'archive',
  description: 'Move the files of a deleted video to the archive',
  input: videoFiles,
  output: movedTo,
  policy: {
    maxAttempts: 5,
    concurrency: 2,
    stalledAfterMs: 15 * MINUTE,
    backoffMs: 5 * SECOND,
    backoffMaxMs: 5 * MINUTE,
  },
  async run({ input: { videoId, folders }, ...context }): Promise<ArchiveOutput> {
    const to = archiveOf(videoId);
    const { trees } = context;
    const sum = await untilEmpty(context, videoId, folders, 'archiving', (file) =>
      trees.move(file, `${to}/${file.key}`),
    );
    return { videoId, ...sum, from: `${trees.uriOf('runs')}/`, to: `${trees.uriOf(`${to}/runs`)}/` };
  },
});
