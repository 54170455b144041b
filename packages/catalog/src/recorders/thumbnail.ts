/** A thumbnail becomes the one picture of its video. */
import type { RowChange } from '@reelfleet/core';
import type { ThumbnailOutput } from '@reelfleet/pipelines';

export function thumbnail({ thumbnail: file }: ThumbnailOutput, videoId: string): RowChange[] {
  return [
    // Its index is partial, which an upsert cannot name: the old row goes first.
    { op: 'delete', table: 'thumbnails', key: ['video_id'], values: { video_id: videoId } },
    {
      op: 'insert',
      table: 'thumbnails',
      values: { id: file.id, video_id: videoId, uri: file.uri, size_bytes: file.sizeBytes },
    },
    { op: 'update', table: 'videos', key: ['id'], values: { id: videoId, thumbnail_url: file.uri } },
  ];
}
