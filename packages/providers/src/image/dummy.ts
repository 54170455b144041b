/**
 * The built-in image provider. Needs no network and no key: it paints on a thread of its own, so that the worker's
 * heartbeats go on while a picture is made, and writes the PNG when the whole of it is there.
 */
import { rename, rm, writeFile } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';
import { type ImageProvider, PermanentError } from '@reelfleet/core';
import type { Request } from './paint.ts';
import type { PaintMessage } from './paint-worker.ts';

/** Beyond this a float canvas would take gigabytes. */
const MAX_SIDE = 7680;

/** Paints a still from its words and a seed; the same request gives the same bytes. */
export const dummyImage: ImageProvider = {
  name: 'dummy',
  async generate(request, to) {
    const { width, height } = request;
    if (![width, height].every((side) => Number.isInteger(side) && side >= 16 && side <= MAX_SIDE)) {
      throw new PermanentError(
        `cannot paint a picture of ${width}×${height}: both sides must be whole numbers from 16 to ${MAX_SIDE}`,
      );
    }
    const png = await paintInThread(request, to.report, to.signal);
    // Whole or not at all: a reader never meets half a picture under the final name.
    const partial = `${to.path}.partial`;
    try {
      await writeFile(partial, png, to.signal ? { signal: to.signal } : {});
      await rename(partial, to.path);
    } catch (error) {
      await rm(partial, { force: true });
      throw to.signal?.aborted ? to.signal.reason : error;
    }
    to.report?.(1);
    return { providerId: null };
  },
};

function paintInThread(
  request: Request,
  report?: (fraction: number) => void,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  if (signal?.aborted) return Promise.reject(signal.reason);
  return new Promise((resolve, reject) => {
    const thread = new Worker(new URL('./paint-worker.ts', import.meta.url), { workerData: request });
    const end = () => {
      signal?.removeEventListener('abort', abort);
      void thread.terminate();
    };
    const abort = () => {
      end();
      reject(signal?.reason);
    };
    signal?.addEventListener('abort', abort, { once: true });
    thread.on('message', (message: PaintMessage) => {
      if ('fraction' in message) report?.(message.fraction);
      else {
        end();
        resolve(message.png);
      }
    });
    thread.on('error', (error) => {
      end();
      reject(error);
    });
    thread.on('exit', (code) => {
      end();
      reject(new Error(`the painting thread ended with code ${code} before the picture was there`));
    });
  });
}
