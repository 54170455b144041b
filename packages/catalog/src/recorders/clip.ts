/**
 * A clip becomes the row of its moment (seed 003) and is counted on its run. A moment has one clip: the first stays, unless the
 * order was to replace it. What is written, and what goes with what is replaced, is the ledger's to decide.
 */
import type { RowChange } from '@reelfleet/core';
import type { ClipOutput } from '@reelfleet/pipelines';

export function clip(output: ClipOutput, videoId: string): RowChange[] {
  const { clip: file, existing, replace, width, height } = output;
  if (existing) return [];
  return [
    {
      op: replace ? 'replace-clip' : 'keep-clip',
      table: 'clips',
      values: {
        id: file.id,
        moment_id: output.momentId,
        video_id: videoId,
        uri: file.uri,
        start_time: output.start,
        end_time: output.end,
        padding_left: output.paddingLeft,
        padding_right: output.paddingRight,
        size_bytes: file.sizeBytes,
        format: 'mp4',
        video_codec: output.videoCodec,
        audio_codec: output.audioCodec,
        resolution: width === null || height === null ? null : `${width}x${height}`,
      },
    },
  ];
}
