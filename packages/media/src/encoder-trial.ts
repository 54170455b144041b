/** Which of the hardware encoders that a worker was told to use it really has: one frame through each, before it says so. */
import { messageOf, type Tools } from '@reelfleet/core';
import { encoders, planEncoderTrial } from './encoders.ts';

const TRIAL_MS = 20_000;

/** Those of `wanted` that work on this machine, in their order. `refused` hears of the others; being without is no error. */
export async function workingEncoders(
  tools: Tools,
  wanted: readonly string[],
  refused: (encoder: string, error: string) => void,
): Promise<string[]> {
  const working: string[] = [];
  for (const name of wanted) {
    const encoder = encoders.get(name);
    try {
      if (!encoder?.hardware) throw new Error('it is not one this version knows');
      await tools.ffmpeg(planEncoderTrial(encoder).args, { timeoutMs: TRIAL_MS });
      working.push(name);
    } catch (error) {
      refused(name, messageOf(error));
    }
  }
  return working;
}
