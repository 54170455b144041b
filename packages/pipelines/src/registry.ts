/**
 * Everything this product can do, in one list: queues, command-line flags, worker options and validation follow from it.
 * A new stage is one file in `stages/`, its test, and one line here.
 */
import { type AnyStage, type PipelineTemplate, UserError } from '@reelfleet/core';
import type { z } from 'zod';
import { archive } from './stages/archive.ts';
import { clip } from './stages/clip.ts';
import { image } from './stages/image.ts';
import { importStage } from './stages/import.ts';
import { moments } from './stages/moments.ts';
import { music } from './stages/music.ts';
import { plan } from './stages/plan.ts';
import { probe } from './stages/probe.ts';
import { purge } from './stages/purge.ts';
import { refine } from './stages/refine.ts';
import { render } from './stages/render.ts';
import { restore } from './stages/restore.ts';
import { score } from './stages/score.ts';
import { thumbnail } from './stages/thumbnail.ts';
import { transcode } from './stages/transcode.ts';
import { transcodeAudio } from './stages/transcode-audio.ts';
import { transcodeChunk } from './stages/transcode-chunk.ts';
import { transcodeManifest } from './stages/transcode-manifest.ts';
import { transcription } from './stages/transcription.ts';
import { verify } from './stages/verify.ts';
import { album } from './templates/album.ts';
import { clips } from './templates/clips.ts';
import { full } from './templates/full.ts';
import { ingest } from './templates/ingest.ts';
import { archiveTemplate, purgeTemplate, restoreTemplate } from './templates/life.ts';
import { momentsTemplate } from './templates/moments.ts';
import { narrowed, type SingleParams, singleTemplate } from './templates/single.ts';

const available: readonly AnyStage[] = [
  ...[plan, music, image, render, verify, thumbnail, importStage, probe],
  ...[transcode, transcodeAudio, transcodeChunk, transcodeManifest, transcription],
  clip,
  ...[moments, refine, score],
];

/** For the files of videos that were deleted: only as runs of their own, since the ledger must agree. */
const ofDeleted: readonly AnyStage[] = [archive, restore, purge];

/** The stages this version serves, by name. */
export const stages: ReadonlyMap<string, AnyStage> = new Map(
  [...available, ...ofDeleted].map((stage) => [stage.name, stage]),
);

const known: readonly PipelineTemplate[] = [
  album,
  ingest,
  full,
  momentsTemplate,
  clips,
  singleTemplate(available),
  archiveTemplate,
  restoreTemplate,
  purgeTemplate,
];

/** The pipelines this version knows, by name: where workers look up the node of a task. */
export const templates: ReadonlyMap<string, PipelineTemplate> = new Map(
  known.map((template) => [template.name, template]),
);

/** Every stage name of the product, in the order of its work, those of later versions included. */
export const allStageNames = [
  'plan',
  'music',
  'image',
  'render',
  'verify',
  'thumbnail',
  'import',
  'probe',
  'transcode',
  'transcode-chunk',
  'transcode-audio',
  'transcode-manifest',
  'transcription',
  'moments',
  'refine',
  'score',
  'clip',
  'safety',
  'review',
  'publish',
  'archive',
  'restore',
  'purge',
] as const;
export type StageName = (typeof allStageNames)[number];

/** The stage of that name, or a sentence for the person who asked for it. */
export function stageNamed(name: string): AnyStage {
  const stage = stages.get(name);
  if (stage) return stage;
  const served = `this version serves ${[...stages.keys()].join(', ')}`;
  const later = (allStageNames as readonly string[]).includes(name);
  throw new UserError(
    later ? `stage ${name} is not available yet; ${served}` : `there is no stage named ${name}; ${served}`,
    { exitCode: 2 },
  );
}

/**
 * What to `instantiate` for a new run, with its params checked; throws a sentence for the person who ordered it. A run of
 * `single` starts from the one stage it names, whose input is checked here too, so that a bad order costs nothing.
 */
export function runOf(name: string, params: unknown): { template: PipelineTemplate; params: unknown } {
  const template = templates.get(name);
  if (!template)
    throw new UserError(`there is no pipeline named ${name}; there are ${[...templates.keys()].join(', ')}`, {
      exitCode: 2,
    });
  const checked = validated(template.params, params, `pipeline ${name}`);
  if (name !== 'single') return { template, params: checked };
  const { stage: stageName, input } = checked as SingleParams;
  const stage = stageNamed(stageName);
  if (ofDeleted.includes(stage)) throw new UserError(notAlone(stageName), { exitCode: 2 });
  validated(stage.input, input, `stage ${stageName}`);
  return { template: narrowed(template, stageName), params: checked };
}

/** Why a stage of a deleted video is no run of `single`. */
export const notAlone = (stage: string): string =>
  `stage ${stage} is ordered with its video: reelfleet videos ${stage === 'archive' ? 'delete' : stage} VIDEO`;

/** Parse with one sentence for people when it does not fit: `pipeline album: minutes: an album lasts 60 to 90 minutes; …` */
export function validated<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) =>
    issue.path.length > 0 ? `${issue.path.join('.')}: ${issue.message}` : issue.message,
  );
  throw new UserError(`${what}: ${problems.join('; ')}`, { exitCode: 2, cause: parsed.error });
}
