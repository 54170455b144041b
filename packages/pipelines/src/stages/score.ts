/** `score`: how much each moment deserves to be shown, 0 to 10, by the language provider. */
import { defineStage, MINUTE, SECOND } from '@reelfleet/core';
import { z } from 'zod';
import { momentRef, type ScoreOutput, scoreOutput, spokenInput } from '../moments-shapes.ts';
import { askOnce, readSpoken } from '../spoken-file.ts';

export const scoreInput = z.object({
  ...spokenInput,
  moments: z.array(momentRef).min(1),
  /** Whom to ask: the model that found them, usually. */
  model: z.string().min(1).max(100),
});

export const score = defineStage({
  name: 'score',
  description: 'Score the moments of a video from 0 to 10',
  input: scoreInput,
  output: scoreOutput,
  policy: { concurrency: 2, stalledAfterMs: 6 * MINUTE, backoffMs: 2 * SECOND },
  async run(context): Promise<ScoreOutput> {
    const { input, providers, progress } = context;
    const { moments, model, title, transcript } = input;
    const { language } = providers;
    progress(0.05, 'reading');
    const spoken = await readSpoken(context, transcript, title);
    const output = await askOnce(context, scoreOutput, async (to) => {
      progress(0.1, 'scoring');
      const scores = await language.scoreMoments({ spoken, moments, model }, to);
      return {
        scores: moments.map(({ id }, at) => ({ momentId: id, score: scores[at] as number })),
        ...{ provider: language.name, model },
      };
    });
    progress(1, 'scored');
    return output;
  },
});
