/**
 * The thread in which a track is made: composes, renders, writes, tells how far it is. It lives for one track, so that
 * ending it frees everything and stopping it is always possible. Messages: a number 0..1 after every few
 * seconds of music; an error is thrown and reaches the parent as one.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { compose } from './compose.ts';
import { framesOf, render } from './render.ts';
import { SAMPLE_RATE } from './strike.ts';
import { WavWriter } from './wav.ts';

export interface RenderJob {
  prompt: string;
  seed: number;
  seconds: number;
  path: string;
}

/** Seconds of music between two messages. */
const REPORT_EVERY = 5;

function work(job: RenderJob): void {
  const frames = framesOf(job.seconds);
  const file = new WavWriter(job.path, frames, SAMPLE_RATE);
  try {
    let done = 0;
    let told = 0;
    for (const block of render(compose(job))) {
      file.write(block.left, block.right, block.from, block.to);
      done += block.to - block.from;
      if (done - told < REPORT_EVERY * SAMPLE_RATE) continue;
      told = done;
      parentPort?.postMessage(done / frames);
    }
  } finally {
    file.close();
  }
}

if (parentPort) work(workerData as RenderJob);
