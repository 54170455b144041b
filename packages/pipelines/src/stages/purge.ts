/**
 * `purge`: all files of a deleted video are removed, in the archive and where an unfinished archive left them; then its row
 * goes, with all that hangs on it, by its recorder. Files first: a row without files can be purged again, files without a
 * row would be nobody's.
 */
import { defineStage, MINUTE, SECOND } from '@reelfleet/core';
import { archiveOf, type Moved, moved, untilEmpty, videoFiles } from './video-files.ts';

export const purge = defineStage({
  name: 'purge',
  description: 'Remove the files of a deleted video, and then the video',
  input: videoFiles,
  output: moved,
  policy: {
    maxAttempts: 5,
    concurrency: 2,
    stalledAfterMs: 15 * MINUTE,
    backoffMs: 5 * SECOND,
    backoffMaxMs: 5 * MINUTE,
  },
  async run({ input: { videoId, folders }, ...context }): Promise<Moved> {
    const sum = await untilEmpty(context, videoId, [archiveOf(videoId), ...folders], 'removing', (file) =>
      context.trees.delete(file.key),
    );
    return { videoId, ...sum };
  },
});
