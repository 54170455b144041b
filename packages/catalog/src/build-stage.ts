/** An order of one stage as rows: a run of template `single` that starts with that stage's node only. */
import { type EnqueueItem, instantiate } from '@reelfleet/core';
import { v7 } from 'uuid';
import { type BuildDeps, type Identifiers, paramsOf, templateOf } from './build.ts';
import type { Names } from './names.ts';
import type { CheckedStage } from './orders.ts';
import { slug } from './references.ts';

export function buildStage(deps: BuildDeps, order: CheckedStage, names: Names, identifiers: Identifiers): EnqueueItem {
  const runId = v7();
  const video = order.video === undefined ? undefined : names.videos.get(order.video);
  const single = templateOf(deps, 'single');
  const params = paramsOf(single, order.where, { stage: order.stage, input: order.input });
  // The template holds one node per stage; this run starts with its own only.
  const template = { ...single, nodes: single.nodes.filter((node) => node.stage === order.stage) };
  return {
    run: {
      id: runId,
      identifier: identifiers.next(slug(video?.identifier ?? order.stage, 60), runId),
      idempotencyKey: order.key,
      template: single.name,
      videoId: video?.id ?? null,
      channelId: null,
      generationConfigId: null,
      params,
      priority: order.priority,
      phase: template.nodes[0]?.phase ?? '',
    },
    ...instantiate(template, params, { newId: v7, stages: deps.stages }),
    before: [],
    after: [],
  };
}
