/**
 * The nodes that find moments and cut them, for any template that has a transcript: moments → score, refine → clips. Without its
 * moments such a run has failed; scores, refinements and clips that fail leave it partial. Clips wait for the scores, as seed 003
 * orders it, and do without them. They are cut of the moments as they were found: of root moments.
 */
import type { ArtifactRef, Need, PipelineNode } from '@reelfleet/core';
import { z } from 'zod';
import { generationConfig, type MomentsOutput } from '../moments-shapes.ts';
import { clipNodes } from './clip-nodes.ts';

/** What an order of moments says. */
export const momentsOrder = z.object({
  config: generationConfig,
  /** Its own config; left out: moments are not refined. */
  refinement: generationConfig.optional(),
  /** Seconds around each clip, as far as the video has them. */
  paddingLeft: z.number().nonnegative().default(0),
  paddingRight: z.number().nonnegative().default(0),
  /** Whether they are cut. */
  clips: z.boolean().default(true),
});
export type MomentsOrder = z.infer<typeof momentsOrder>;

export interface MomentsWish<P> {
  /** What must be done before, the tasks that `video` reads among it. */
  needs: readonly Need[];
  /** The video, and what is said in it. */
  video(
    outputs: Record<string, unknown>,
    params: P,
  ): { title: string; source: ArtifactRef; transcript: ArtifactRef; durationSeconds: number };
  title(params: P): string;
}

const found = (outputs: Record<string, unknown>) => outputs.moments as MomentsOutput;

export function momentsNodes<P extends MomentsOrder>(wish: MomentsWish<P>): PipelineNode<P>[] {
  const { needs } = wish;
  const spoken = (outputs: Record<string, unknown>, params: P) => {
    const { title, transcript, durationSeconds } = wish.video(outputs, params);
    return { title, transcript, durationSeconds };
  };
  return [
    {
      key: 'moments',
      stage: 'moments',
      phase: 'finding_moments',
      title: (params) => `moments · ${wish.title(params)}`,
      needs,
      input: ({ outputs, params }) => ({ ...spoken(outputs, params), config: params.config }),
    },
    {
      key: 'score',
      stage: 'score',
      phase: 'scoring',
      title: (params) => `score · ${wish.title(params)}`,
      needs: [...needs, 'moments'],
      optional: true,
      input: ({ outputs, params }) => ({
        ...spoken(outputs, params),
        moments: found(outputs).moments,
        model: found(outputs).model,
      }),
    },
    {
      key: 'refine',
      stage: 'refine',
      phase: 'refining',
      title: (params) => `refine · ${wish.title(params)}`,
      needs: [...needs, 'moments'],
      optional: true,
      unless: { of: 'moments', when: (_output, { refinement }) => refinement === undefined },
      input: ({ outputs, params }) => ({
        ...spoken(outputs, params),
        moments: found(outputs).moments,
        config: params.refinement,
      }),
    },
    ...clipNodes<P>({
      moments: { of: 'moments', list: (output, { clips }) => (clips ? (output as MomentsOutput).moments : []) },
      needs: [...needs, { on: 'score', kind: 'soft' }],
      cut(outputs, params) {
        const { title, source, durationSeconds } = wish.video(outputs, params);
        const { paddingLeft, paddingRight } = params;
        return { source, name: title, durationSeconds, paddingLeft, paddingRight };
      },
      title: wish.title,
    }),
  ];
}
