/** What an order comes to, whatever its kind: its run with all rows, its answer, or the answer that is there already. Pure. */
import type { EnqueueItem } from '@reelfleet/core';
import type { BuildDeps, Identifiers } from './build.ts';
import { buildAlbum } from './build-album.ts';
import { buildIngest } from './build-ingest.ts';
import { buildClips, buildFull, buildMoments, subjectOf, subjectOfFull } from './build-moments.ts';
import { buildStage } from './build-stage.ts';
import type { Configs } from './configs.ts';
import { type Names, thereAlready } from './names.ts';
import type { ClipsOrdered, Enqueued, Ingested } from './operator-types.ts';
import type { CheckedOrder } from './orders.ts';
import { toCut } from './subjects.ts';

export type Answer = Enqueued | Ingested | ClipsOrdered;

/** The answer of an order whose source is a video already, or all of whose clips are there. */
export function existing(order: CheckedOrder, names: Names): Answer | undefined {
  if (order.kind === 'clips') {
    const subject = subjectOf(order.video, names);
    const { moments, there } = toCut(subject, order);
    if (moments.length > 0) return undefined;
    return { runId: null, created: false, video: subject.identifier, clips: there };
  }
  const video = order.kind === 'ingest' ? thereAlready(order, names) : null;
  return video ? { runId: video.runId, created: false, video: video.identifier } : undefined;
}

/** What is answered for a run: with the video that it makes or is about, and for clips those that are there already. */
export function answerFor(run: Enqueued, { before }: EnqueueItem, order: CheckedOrder, names: Names): Answer {
  switch (order.kind) {
    case 'album':
    case 'stage':
      return run;
    case 'clips': {
      const subject = subjectOf(order.video, names);
      return { ...run, video: subject.identifier, clips: toCut(subject, order).there };
    }
    case 'moments':
      return { ...run, video: subjectOf(order.video, names).identifier };
    case 'ingest':
    case 'full': {
      const made = before.find(({ table }) => table === 'videos')?.values.identifier;
      if (made !== undefined) return { ...run, video: String(made) };
      return { ...run, video: order.kind === 'full' ? (subjectOfFull(order, names)?.identifier ?? null) : null };
    }
    default:
      return order satisfies never;
  }
}

/** Each kind of order as its run and rows. `configs` of orders of moments. */
export function build(
  deps: BuildDeps,
  order: CheckedOrder,
  names: Names,
  identifiers: Identifiers,
  configs: Configs | undefined,
): EnqueueItem {
  switch (order.kind) {
    case 'album':
      return buildAlbum(deps, order, names, identifiers);
    case 'stage':
      return buildStage(deps, order, names, identifiers);
    case 'ingest':
      return buildIngest(deps, order, names, identifiers);
    case 'moments':
      return buildMoments(deps, order, names, identifiers, given(configs));
    case 'clips':
      return buildClips(deps, order, names, identifiers);
    case 'full':
      return buildFull(deps, order, names, identifiers, given(configs));
    default:
      return order satisfies never;
  }
}

function given(configs: Configs | undefined): Configs {
  if (!configs) throw new Error('an order of moments came without its configs');
  return configs;
}
