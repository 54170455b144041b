/** An imported source becomes the file of its video; the ledger refuses bytes that are another video's already. */
import type { RowChange } from '@reelfleet/core';
import type { ImportOutput } from '@reelfleet/pipelines';

export function importSource({ source }: ImportOutput, videoId: string): RowChange[] {
  return [
    {
      op: 'update',
      table: 'videos',
      key: ['id'],
      values: { id: videoId, source_sha256: source.sha256, file_size_bytes: source.sizeBytes, video_url: source.uri },
    },
  ];
}
