/**
 * The built-in musician: no network, no key, no cost. It makes each track in a thread of its own, so heartbeats and
 * everything else in this process go on undisturbed, and the file appears under its name only when it is whole.
 */
import { rename, rm } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';
import { type MusicProvider, messageOf, PermanentError } from '@reelfleet/core';
import type { RenderJob } from './render-worker.ts';

/** Tracks shorter or longer than this are mistakes of the caller, not music. */
const SHORTEST_SECONDS = 0.1;
const LONGEST_SECONDS = 3 * 3600;

/**
 * `MUSIC_PROVIDER=dummy`. The length is exact to the sample. Throws `PermanentError` for a length outside 0.1 s..3 h,
 * `signal.reason` when the signal fires (the thread is stopped and no file is left), and an error naming the path when
 * it cannot be written.
 */
export const dummyMusic: MusicProvider = {
  name: 'dummy',
  async generate({ prompt, seed, seconds }, { path, signal, report }) {
    if (!(seconds >= SHORTEST_SECONDS && seconds <= LONGEST_SECONDS)) {
      throw new PermanentError(
        `a track of ${seconds} seconds cannot be made; ask for ${SHORTEST_SECONDS} to ${LONGEST_SECONDS} seconds`,
      );
    }
    signal?.throwIfAborted();
    const unfinished = `${path}.part`;
    try {
      await renderInThread({ prompt, seed, seconds, path: unfinished }, signal, report);
      await rename(unfinished, path);
    } catch (error) {
      await rm(unfinished, { force: true });
      if (signal?.aborted) throw signal.reason;
      throw new Error(`the track ${path} could not be made: ${messageOf(error)}`, { cause: error });
    }
    report?.(1);
    return { providerId: null, licenseUrl: null };
  },
};

async function renderInThread(
  job: RenderJob,
  signal: AbortSignal | undefined,
  report: ((fraction: number) => void) | undefined,
): Promise<void> {
  const worker = new Worker(new URL('./render-worker.ts', import.meta.url), { workerData: job, name: 'music' });
  const stopped = Promise.withResolvers<void>();
  const stop = (): void => {
    // Wait until the thread is gone: after this nobody writes to the file any more.
    worker.terminate().then(() => stopped.reject(signal?.reason), stopped.reject);
  };
  signal?.addEventListener('abort', stop, { once: true });
  worker.on('message', (fraction: number) => report?.(fraction));
  worker.once('error', stopped.reject);
  worker.once('exit', (code) =>
    code === 0 ? stopped.resolve() : stopped.reject(new Error(`its thread ended with code ${code}`)),
  );
  try {
    await stopped.promise;
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}
