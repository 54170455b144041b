/**
 * A transcode becomes the rows people follow it by (seed 004): one in `quality_progress` for each rendition from the plan on,
 * counted up by the chunks, and one in `video_qualities` for each that can be watched, from the moment the whole stream has
 * been verified. The source stays the content of its video; the stream is found through the manifest.
 */
import type { ClaimedTask, RowChange } from '@reelfleet/core';
import type { ChunkOutput, TranscodeManifestOutput, TranscodeOutput } from '@reelfleet/pipelines';

const progress = (op: 'update' | 'add', values: Record<string, unknown>): RowChange => ({
  op,
  table: 'quality_progress',
  key: ['id'],
  values,
});

/** Also of a run that was planned once before (retried after all had ended): its rows begin anew. */
export function transcodePlan(
  { renditions, skipped, segments }: TranscodeOutput,
  _video: string,
  task: ClaimedTask,
): RowChange[] {
  const row = (progressId: string, quality: string, rest: Record<string, unknown>): RowChange => ({
    op: 'insert',
    table: 'quality_progress',
    values: { id: progressId, task_id: task.id, quality, ...rest },
  });
  return [
    { op: 'delete', table: 'quality_progress', key: ['task_id'], values: { task_id: task.id } },
    ...renditions.map(({ progressId, quality }) =>
      row(progressId, quality, { status: 'pending', segments_total: segments, segments_completed: 0 }),
    ),
    ...skipped.map(({ progressId, quality }) => row(progressId, quality, { status: 'skipped', segments_total: 0 })),
  ];
}

/** Of a run that had ended without its stream, and was tried again. */
const goesOn = { error_message: null, completed_at: null };

export function transcodeChunk({ index, renditions, startedAt }: ChunkOutput): RowChange[] {
  return renditions.flatMap(({ progressId, frames, percent }) => [
    // The first range is begun first, whichever ends first.
    progress('update', {
      id: progressId,
      status: 'in_progress',
      ...goesOn,
      ...(index === 0 ? { started_at: startedAt } : {}),
    }),
    progress('add', { id: progressId, segments_completed: frames.length, progress_percent: percent }),
  ]);
}

export function transcodeManifest({ renditions }: TranscodeManifestOutput, videoId: string): RowChange[] {
  return [
    ...renditions.map(({ progressId }) =>
      // Postgres reads this word as the time of the statement: the database's clock is the only one.
      progress('update', {
        id: progressId,
        ...goesOn,
        status: 'completed',
        progress_percent: 100,
        completed_at: 'now',
      }),
    ),
    // Qualities of an earlier stream of this video, whose playlists are not the ones to watch any more.
    { op: 'delete', table: 'video_qualities', key: ['video_id'], values: { video_id: videoId } },
    ...renditions.map(
      ({ quality, width, height, bitrate, codecs, playlist }): RowChange => ({
        op: 'insert',
        table: 'video_qualities',
        values: {
          id: playlist.id,
          video_id: videoId,
          quality,
          width,
          height,
          bitrate,
          codecs,
          playlist_uri: playlist.uri,
        },
      }),
    ),
  ];
}
