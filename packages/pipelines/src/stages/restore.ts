/**
 * `restore`: the files of a deleted video come back from the archive, each to the key it had. The rows name those keys
 * since the restore was ordered; when all files are there the video is shown again, by its recorder.
 */
import { defineStage, MINUTE, SECOND } from '@reelfleet/core';
import { archiveOf, type Moved, moved, untilEmpty, videoFiles } from './video-files.ts';

export const restore = defineStage({
  name: 'restore',
  description: 'Bring the files of a deleted video back from the archive',
  input: videoFiles,
  output: moved,
  policy: {
    maxAttempts: 5,
    concurrency: 2,
    stalledAfterMs: 15 * MINUTE,
    backoffMs: 5 * SECOND,
    backoffMaxMs: 5 * MINUTE,
  },
  async run({ input: { videoId }, ...context }): Promise<Moved> {
    const from = archiveOf(videoId);
    const sum = await untilEmpty(context, videoId, [from], 'restoring', (file) =>
      context.trees.move(file, file.key.slice(from.length + 1)),
    );
    return { videoId, ...sum };
  },
});
