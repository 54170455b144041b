/**
 * `moments`: the stretches of a video worth showing, found by the language provider in what is said. Whatever it answers, the
 * bounds of the order are kept here (moment-bounds.ts). The ids of the rows are made here too and kept in the checkpoint, so
 * that a retry asks for the same rows.
 */
import { createHash } from 'node:crypto';
import { defineStage, MINUTE, PermanentError, SECOND } from '@reelfleet/core';
import { v7 } from 'uuid';
import { z } from 'zod';
import { fitMoments } from '../moment-bounds.ts';
import { generationConfig, type MomentRef, type MomentsOutput, momentsOutput, spokenInput } from '../moments-shapes.ts';
import { askOnce, readSpoken } from '../spoken-file.ts';

export const momentsInput = z.object({ ...spokenInput, config: generationConfig });

export const moments = defineStage({
  name: 'moments',
  description: 'Find the moments of a video in what is said in it',
  input: momentsInput,
  output: momentsOutput,
  // A model may think for minutes, and asks for patience now and then, which costs no attempt.
  policy: { concurrency: 2, stalledAfterMs: 6 * MINUTE, backoffMs: 2 * SECOND },
  async run(context): Promise<MomentsOutput> {
    const { input, providers, progress, log } = context;
    const { config, title, durationSeconds, transcript } = input;
    const { language } = providers;
    progress(0.05, 'reading');
    const spoken = await readSpoken(context, transcript, title);
    const output = await askOnce(context, momentsOutput, async (to) => {
      progress(0.1, 'finding moments');
      const found = await language.findMoments({ spoken, generation: config }, to);
      const { moments: fitted, notes } = fitMoments(found, spoken, durationSeconds, config);
      if (fitted.length === 0)
        throw new PermanentError(
          `${language.name} (model ${config.model}) found no moment in "${title}" that keeps the bounds of the order: order again with other bounds or another prompt`,
          { code: 'no-moments' },
        );
      return {
        moments: fitted.map(newMoment),
        ...{ provider: language.name, model: config.model, configId: config.id, notes },
      };
    });
    for (const note of output.notes) log.info({ note }, 'moments: what was asked could not be kept whole');
    progress(1, 'found');
    return output;
  },
});

/** A row to be: its identifier is 16 hex digits (seed 003), of its id, so that one is found by the other. */
export function newMoment({ title, start, end }: { title: string; start: number; end: number }): MomentRef {
  const id = v7();
  return { id, identifier: createHash('sha256').update(id).digest('hex').slice(0, 16), title, start, end };
}
