/**
 * What archiving, restoring and purging have in common: all files below some folders, thousands of them, several at a time.
 * What is done is not found again, so an attempt needs nothing but the folders to go on where the last one stopped; the
 * checkpoint says how many there were, for the record and so that a worker's death is forgiven.
 */
import { NotYetError, SECOND, type StageContext } from '@reelfleet/core';
import { z } from 'zod';

/** Which video, and where its files are when it is not deleted: `runs/<run>` for each of its runs. */
export const videoFiles = z.object({
  videoId: z.uuid(),
  folders: z.array(z.string().regex(/^runs\/[0-9a-f-]{36}$/)),
});

export const moved = z.object({
  videoId: z.uuid(),
  files: z.number().int().nonnegative(),
  bytes: z.number().nonnegative(),
});
export const movedTo = moved.extend({ from: z.string(), to: z.string() });
export type Moved = z.infer<typeof moved>;

const counted = z.object({ files: z.number().int().nonnegative(), bytes: z.number().nonnegative() });

/** Where all files of a deleted video wait: each below it under the key it had. */
export const archiveOf = (videoId: string): string => `archive/${videoId}`;

interface File {
  key: string;
  sizeBytes: number;
}

/** A request at a time per file would wait for the store most of the time; a bucket takes far more than these. */
const LANES = 8;
const BATCH = 100;
/** Between two looks whether the work on the video has stopped: about as long as its workers take to hear of it. */
const LOOK_AGAIN_MS = 2 * SECOND;

/**
 * Do `act` with every file below `folders`, until none is left there. Throws {@link NotYetError} while somebody works on the
 * video: what that stores must not be missed. Answers how many there were, those of earlier attempts included.
 */
export async function untilEmpty(
  context: Pick<
    StageContext<unknown>,
    'trees' | 'checkpoint' | 'saveCheckpoint' | 'progress' | 'signal' | 'othersAtWork' | 'pausePoint'
  >,
  videoId: string,
  folders: readonly string[],
  step: string,
  act: (file: File) => Promise<void>,
): Promise<{ files: number; bytes: number }> {
  if (await context.othersAtWork(videoId))
    throw new NotYetError('another task of this video is still at work, and has been told to stop', {
      retryAfterMs: LOOK_AGAIN_MS,
    });
  const before = counted.safeParse(context.checkpoint);
  const sum = before.success ? { ...before.data } : { files: 0, bytes: 0 };
  for (;;) {
    context.progress(0, 'listing');
    const files: File[] = [];
    for (const folder of folders) for await (const file of context.trees.list(folder)) files.push(file);
    if (files.length === 0) return sum;
    await context.pausePoint('mid-work');
    for (let start = 0; start < files.length; start += BATCH) {
      const batch = files.slice(start, start + BATCH);
      await inLanes(batch, context.signal, act);
      sum.files += batch.length;
      sum.bytes += batch.reduce((bytes, file) => bytes + file.sizeBytes, 0);
      context.progress((start + batch.length) / files.length, step);
      await context.saveCheckpoint(sum, sum.files);
    }
  }
}

async function inLanes(files: readonly File[], signal: AbortSignal, act: (file: File) => Promise<void>): Promise<void> {
  const waiting = [...files];
  const lane = async () => {
    for (let file = waiting.shift(); file; file = waiting.shift()) {
      signal.throwIfAborted();
      await act(file);
    }
  };
  // All lanes end before an error leaves here: nothing is moved any more when the attempt is over.
  const ends = await Promise.allSettled(Array.from({ length: LANES }, lane));
  const failed = ends.find((end) => end.status === 'rejected');
  if (failed) throw failed.reason;
}
