/** An order of an album as rows: channel, video and job around a run of template `album`. */
import { type EnqueueItem, instantiate, type RowChange } from '@reelfleet/core';
import { v7 } from 'uuid';
import { type BuildDeps, type Identifiers, paramsOf, templateOf } from './build.ts';
import type { Names } from './names.ts';
import { type CheckedAlbum, MOST_SEED } from './orders.ts';
import { slug } from './references.ts';

export function buildAlbum(deps: BuildDeps, order: CheckedAlbum, names: Names, identifiers: Identifiers): EnqueueItem {
  const runId = v7();
  const videoId = v7();
  const videoJobId = v7();
  const channel = names.channels.get(order.channel);
  if (!channel) throw new Error(`channel ${order.channel} was not resolved`);
  const persona = order.persona === undefined ? undefined : names.personas.get(order.persona);
  const niche = order.niche ?? channel.brandNiche;
  const title = order.title ?? niche;
  // Titles repeat, identifiers do not: the end of the id tells two apart.
  const identifier = `${slug(title, 60)}-${videoId.slice(-8)}`;
  const template = templateOf(deps, 'album');
  const params = paramsOf(template, order.where, {
    channel: channel.name,
    channelId: channel.id,
    videoId,
    videoJobId,
    niche,
    moods: order.moods,
    minutes: order.minutes,
    tracks: order.tracks,
    preview: order.preview,
    secondsPerTrack: order.secondsPerTrack,
    ...order.size,
    persona: persona?.name,
    seed: order.seed ?? Number.parseInt(runId.slice(-8), 16) % MOST_SEED,
    title: order.title,
  });
  const before: RowChange[] = [
    { op: 'keep', table: 'channels', values: { id: channel.id, name: channel.name, brand_niche: channel.brandNiche } },
    {
      op: 'insert',
      table: 'videos',
      values: {
        id: videoId,
        identifier,
        title,
        persona_id: persona?.id ?? null,
        channel_id: channel.id,
        status: 'pending',
        review_status: 'draft',
      },
    },
  ];
  const after: RowChange[] = [
    {
      op: 'insert',
      table: 'video_jobs',
      values: {
        id: videoJobId,
        run_id: runId,
        video_id: videoId,
        channel_id: channel.id,
        niche_label: niche,
        mood_keywords: order.moods.join(', '),
        target_duration_minutes: order.minutes,
        track_count: order.tracks,
        preview: order.preview,
        output_directory: deps.storage.uriOf(`runs/${runId}`),
      },
    },
  ];
  return {
    run: {
      id: runId,
      identifier: identifiers.next(slug(title, 60), runId),
      idempotencyKey: order.key,
      template: template.name,
      videoId,
      channelId: channel.id,
      generationConfigId: null,
      // The ledger carries the video's status along with a run that says it makes its video.
      params: { ...params, makesVideo: true },
      priority: order.priority,
      phase: template.nodes[0]?.phase ?? '',
    },
    ...instantiate(template, params, { newId: v7, stages: deps.stages }),
    before,
    after,
  };
}
