/** What the yard's workers can do: all that the product can, and the load's own pipelines beside it. */
import { recorders as productRecorders } from '@reelfleet/catalog';
import type { AnyStage, PipelineTemplate } from '@reelfleet/core';
import { stages as productStages, templates as productTemplates } from '@reelfleet/pipelines';
import type { runWorker } from '@reelfleet/worker';
import { hold, holdTemplate, poison, poisonTemplate } from './stages/actors.ts';
import { patiently } from './stages/patience.ts';
import { join, shot, shotsTemplate, split } from './stages/shots.ts';

const ours: readonly AnyStage[] = [split, shot, join, poison, hold];
const stages = new Map<string, AnyStage>([
  ...[...productStages].map(([name, stage]) => [name, patiently(stage)] as const),
  ...ours.map((stage) => [stage.name, stage] as const),
]);
const templates = new Map<string, PipelineTemplate>([
  ...productTemplates,
  ...[shotsTemplate, poisonTemplate, holdTemplate].map((template) => [template.name, template] as const),
]);

export const repertoire = { stages, templates, recorders: productRecorders } satisfies Parameters<typeof runWorker>[1];
