/**
 * Orders of moments, of clips, and of everything at once (`full`) as rows. Pure: the videos and the configs they need were looked
 * up before. `full` of a video that is here is the same run over the file it has: nothing is stored twice, and a transcript that
 * there is is taken as it is.
 */
import { type EnqueueItem, instantiate, type PipelineTemplate, UserError } from '@reelfleet/core';
import { v7 } from 'uuid';
import { type BuildDeps, type Identifiers, paramsOf, templateOf } from './build.ts';
import { buildFromSource } from './build-ingest.ts';
import type { Configs } from './configs.ts';
import { type Names, thereAlready } from './names.ts';
import { baseName } from './order-ingest.ts';
import type { CheckedClips, CheckedFull, CheckedMoments } from './order-moments.ts';
import { slug } from './references.ts';
import { filmOf, type Subject, toCut, transcriptOf } from './subjects.ts';

export function buildMoments(
  deps: BuildDeps,
  order: CheckedMoments,
  names: Names,
  identifiers: Identifiers,
  configs: Configs,
): EnqueueItem {
  const subject = subjectOf(order.video, names);
  // First what takes longest to get.
  const transcript = transcriptOf(subject, order.where);
  const template = templateOf(deps, 'moments');
  const params = paramsOf(template, order.where, {
    videoId: subject.id,
    title: subject.title,
    ...filmOf(subject, order.where),
    transcript,
    ...configs,
    ...order.cut,
    clips: order.clips,
  });
  return runOf(deps, template, params, subject, order, identifiers, configs.config.id);
}

export function buildClips(deps: BuildDeps, order: CheckedClips, names: Names, identifiers: Identifiers): EnqueueItem {
  const subject = subjectOf(order.video, names);
  const template = templateOf(deps, 'clips');
  const params = paramsOf(template, order.where, {
    videoId: subject.id,
    title: subject.title,
    ...filmOf(subject, order.where),
    moments: toCut(subject, order).moments,
    ...order.cut,
    replace: order.replace,
  });
  return runOf(deps, template, params, subject, order, identifiers, null);
}

export function buildFull(
  deps: BuildDeps,
  order: CheckedFull,
  names: Names,
  identifiers: Identifiers,
  configs: Configs,
): EnqueueItem {
  const { of, where, cut, clips } = order;
  const asked = { ...configs, ...cut, clips };
  const here = subjectOfFull(order, names);
  if (here === null) {
    if ('video' in of) throw new Error(`video ${of.video} was not looked up`);
    const run = { key: order.key, priority: order.priority, template: 'full', generationConfigId: configs.config.id };
    return buildFromSource(deps, of, { ...run, params: asked }, names, identifiers);
  }
  const template = templateOf(deps, 'full');
  const { source } = filmOf(here, where);
  const { transcript, captions } = here;
  const params = paramsOf(template, where, {
    videoId: here.id,
    upload: source,
    fileName: baseName(decodeURIComponent(source.uri)) || here.title,
    title: here.title,
    qualities: of.qualities,
    codec: of.codec,
    language: of.language,
    ...(transcript && captions ? { transcript: { transcript, captions } } : {}),
    ...asked,
  });
  // A video that can be watched stays so, whatever becomes of this run.
  const made = here.status === 'ready' ? params : { ...params, makesVideo: true };
  return runOf(deps, template, made, here, order, identifiers, configs.config.id);
}

/** The video that an order of `full` is about, if it is here; its source may be one that somebody brought in before. */
export function subjectOfFull({ of }: CheckedFull, names: Names): Subject | null {
  if ('video' in of) return subjectOf(of.video, names);
  const there = thereAlready(of, names);
  return there === null ? null : subjectOf(there.identifier, names);
}

export function subjectOf(ref: string, { subjects }: Names): Subject {
  const subject = subjects.get(ref);
  if (!subject) throw new UserError(`there is no video "${ref}" any more`, { kind: 'missing' });
  return subject;
}

function runOf(
  deps: BuildDeps,
  template: PipelineTemplate,
  params: Record<string, unknown>,
  subject: Subject,
  { key, priority }: { key: string | null; priority: number },
  identifiers: Identifiers,
  generationConfigId: string | null,
): EnqueueItem {
  const runId = v7();
  return {
    run: {
      id: runId,
      identifier: identifiers.next(slug(subject.identifier, 60), runId),
      idempotencyKey: key,
      template: template.name,
      videoId: subject.id,
      channelId: null,
      generationConfigId,
      params,
      priority,
      phase: template.nodes[0]?.phase ?? '',
    },
    ...instantiate(template, params, { newId: v7, stages: deps.stages }),
    before: [],
    after: [],
  };
}
