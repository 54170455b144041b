/** The ledger and the tools as they are, with a meter beside them. */
import type { Ledger, Tools } from '@reelfleet/core';
import type { Meter } from './meter.ts';

/** Measures size and duration of the calls a worker makes all day, and how many of its writes the fence refused. */
export function meteredLedger(ledger: Ledger, meter: Meter): Ledger {
  async function measured<T>(
    call: 'claim' | 'beat' | 'checkpoint' | 'settle',
    size: number,
    work: Promise<T>,
  ): Promise<T> {
    const sentAt = performance.now();
    meter.ledgerBatch.observe({ call }, size);
    try {
      const answer = await work;
      meter.ledgerDuration.observe({ call }, (performance.now() - sentAt) / 1_000);
      return answer;
    } catch (error) {
      meter.ledgerErrors.inc({ call });
      throw error;
    }
  }
  return {
    ...ledger,
    claim: (worker, lease, asks) => measured('claim', asks.length, ledger.claim(worker, lease, asks)),
    beat: (worker, lease, items, state) => measured('beat', items.length, ledger.beat(worker, lease, items, state)),
    async checkpoint(worker, items, signal) {
      const held = await measured('checkpoint', items.length, ledger.checkpoint(worker, items, signal));
      for (const one of held) if (!one) meter.fencedWrites.inc({ call: 'checkpoint' });
      return held;
    },
    async settle(worker, items, signal) {
      const answers = await measured('settle', items.length, ledger.settle(worker, items, signal));
      for (const { status } of answers) if (status === null) meter.fencedWrites.inc({ call: 'settle' });
      return answers;
    },
  };
}

/** Measures how fast ffmpeg goes in a stage. */
export function meteredTools(tools: Tools, stage: string, meter: Meter): Tools {
  return {
    ...tools,
    async ffmpeg(args, options = {}) {
      let written = 0;
      try {
        const result = await tools.ffmpeg(args, {
          ...options,
          onProgress(progress) {
            written = progress.outTimeSeconds;
            options.onProgress?.(progress);
          },
        });
        // A still has no length, hence no speed.
        if (written > 0) {
          meter.ffmpegOutput.inc({ stage }, written);
          if (result.durationMs > 0) meter.ffmpegSpeed.observe({ stage }, (written * 1_000) / result.durationMs);
        }
        return result;
      } catch (error) {
        if (!options.signal?.aborted) meter.ffmpegFailures.inc({ stage });
        throw error;
      }
    },
  };
}
