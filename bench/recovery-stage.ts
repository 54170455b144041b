/** Work that never ends by itself: who holds it says so, and holds it until it is killed or told to stop. */
import { basename } from 'node:path';
import { defineStage, defineTemplate } from '@reelfleet/core';
import { z } from 'zod';

const nothing = z.object({});
const HOUR_MS = 3_600_000;

/** Says `holds <task>-<version> <unix milliseconds>` on stdout when its handler starts. */
export const hold = defineStage({
  name: 'hold',
  description: 'Holds its task until somebody ends it',
  input: nothing,
  output: nothing,
  policy: { maxCrashes: 10_000, stalledAfterMs: HOUR_MS },
  async run({ scratch, signal }) {
    // The attempt's own folder is named after the fence.
    process.stdout.write(`holds ${basename(scratch)} ${Date.now()}\n`);
    return await new Promise<never>((_resolve, reject) => {
      const stop = () => reject(signal.reason);
      if (signal.aborted) stop();
      else signal.addEventListener('abort', stop, { once: true });
    });
  },
});

export const holding = defineTemplate({
  name: 'hold',
  params: nothing,
  nodes: [{ key: 'hold', stage: 'hold', phase: 'hold', title: () => 'hold', input: () => ({}) }],
});
