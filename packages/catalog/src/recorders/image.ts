/** A still becomes the row that pairs it with its track. */
import type { RowChange } from '@reelfleet/core';
import type { ImageOutput } from '@reelfleet/pipelines';
import type { AlbumRows } from './index.ts';

export function image(output: ImageOutput, { videoJobId }: AlbumRows): RowChange[] {
  return [
    {
      op: 'upsert',
      table: 'images',
      key: ['video_job_id', 'order_index'],
      values: {
        id: output.image.id,
        video_job_id: videoJobId,
        order_index: output.orderIndex,
        artifact_id: output.image.id,
        provider: output.provider,
        provider_image_id: output.providerImageId,
        local_file_path: output.image.uri,
        prompt_text: output.prompt,
      },
    },
  ];
}
