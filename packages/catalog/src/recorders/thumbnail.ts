/** A thumbnail becomes the one picture of its video, or of the clip it was made of. */
import type { RowChange } from '@reelfleet/core';
import type { ThumbnailOutput } from '@reelfleet/pipelines';

export function thumbnail({ thumbnail: file, clipId }: ThumbnailOutput, videoId: string): RowChange[] {
  if (clipId !== undefined) {
    const values = { id: file.id, clip_id: clipId, video_id: videoId, uri: file.uri, size_bytes: file.sizeBytes };
    return [{ op: 'clip-picture', table: 'thumbnails', values }];
  }
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
