/** A track becomes the row that holds its place in the album. */
import type { RowChange } from '@reelfleet/core';
import type { MusicOutput } from '@reelfleet/pipelines';
import type { AlbumRows } from './index.ts';

export function music(output: MusicOutput, { videoJobId }: AlbumRows): RowChange[] {
  return [
    {
      op: 'upsert',
      table: 'audio_tracks',
      key: ['video_job_id', 'order_index'],
      values: {
        id: output.audio.id,
        video_job_id: videoJobId,
        order_index: output.orderIndex,
        artifact_id: output.audio.id,
        provider: output.provider,
        provider_track_id: output.providerTrackId,
        duration_seconds: output.durationSeconds,
        local_file_path: output.audio.uri,
        license_document_url: output.licenseUrl,
        prompt_text: output.prompt,
      },
    },
  ];
}
