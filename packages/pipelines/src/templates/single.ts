/**
 * Template `single`: any one stage with its input, for one-off work and for trying a stage out. As a template it holds one node
 * per stage, so that a running task finds its node by key; a run is started from the one node it asks for.
 */
import { type AnyStage, defineTemplate, type PipelineTemplate } from '@reelfleet/core';
import { z } from 'zod';

export const singleParams = z.object({
  /** Name of the stage. */
  stage: z.string().min(1),
  /** Its input; the stage checks it. */
  input: z.unknown(),
  title: z.string().trim().min(1).max(200).optional(),
});
export type SingleParams = z.infer<typeof singleParams>;

/** The template over all given stages: what workers look tasks up in. */
export function singleTemplate(stages: readonly AnyStage[]): PipelineTemplate<SingleParams> {
  return defineTemplate<SingleParams>({
    name: 'single',
    params: singleParams,
    nodes: stages.map(({ name }) => ({
      key: name,
      stage: name,
      phase: name,
      title: (params) => params.title ?? name,
      input: ({ params }) => params.input,
    })),
  });
}

/** The template of one run: only the node of its stage. */
export function narrowed(template: PipelineTemplate, stage: string): PipelineTemplate {
  return { ...template, nodes: template.nodes.filter((node) => node.key === stage) };
}
