/**
 * `refine`: where the moments of a video had better begin and end, and what to call them. Refined moments are children of the
 * ones they are made of, which stay as they are; one that is best as it is gets no child. The bounds of the refinement's own
 * config hold, and refined moments do not overlap either.
 */
import { defineStage, MINUTE, SECOND } from '@reelfleet/core';
import { z } from 'zod';
import { fitMoments } from '../moment-bounds.ts';
import { generationConfig, momentRef, type RefineOutput, refineOutput, spokenInput } from '../moments-shapes.ts';
import { askOnce, readSpoken } from '../spoken-file.ts';
import { newMoment } from './moments.ts';

export const refineInput = z.object({
  ...spokenInput,
  /** Root moments. */
  moments: z.array(momentRef).min(1),
  config: generationConfig,
});

export const refine = defineStage({
  name: 'refine',
  description: 'Refine where moments begin and end, and their titles',
  input: refineInput,
  output: refineOutput,
  policy: { concurrency: 2, stalledAfterMs: 6 * MINUTE, backoffMs: 2 * SECOND },
  async run(context): Promise<RefineOutput> {
    const { input, providers, progress } = context;
    const { moments, config, title, durationSeconds, transcript } = input;
    const { language } = providers;
    progress(0.05, 'reading');
    const spoken = await readSpoken(context, transcript, title);
    const output = await askOnce(context, refineOutput, async (to) => {
      progress(0.1, 'refining');
      const answers = await language.refineMoments({ spoken, moments, generation: config }, to);
      const refined = moments.flatMap(({ id }, at) => {
        const answer = answers[at];
        return answer ? [{ ...answer, parentId: id }] : [];
      });
      // How many there are was decided when they were found.
      const bounds = { ...config, minMoments: null, maxMoments: null };
      const { moments: fitted, notes } = fitMoments(refined, spoken, durationSeconds, bounds);
      return {
        moments: fitted.map((moment) => ({
          ...newMoment(moment),
          parentId: (refined[moment.from] as { parentId: string }).parentId,
        })),
        ...{ provider: language.name, model: config.model, configId: config.id, notes },
      };
    });
    progress(1, 'refined');
    return output;
  },
});
