/** What was found out about a source becomes the facts of its video. */
import type { RowChange } from '@reelfleet/core';
import type { ProbeOutput } from '@reelfleet/pipelines';

export function probe({ durationSeconds, video, audio }: ProbeOutput, videoId: string): RowChange[] {
  const fps = video?.fps ?? null;
  return [
    {
      op: 'update',
      table: 'videos',
      key: ['id'],
      values: {
        id: videoId,
        duration_seconds: durationSeconds,
        video_codec: video?.codec ?? null,
        audio_codec: audio?.codec ?? null,
        // As a viewer sees it: what the file holds may lie on its side.
        source_width: video?.displayWidth ?? null,
        source_height: video?.displayHeight ?? null,
        frame_rate: fps === null ? null : fps.num / fps.den,
      },
    },
  ];
}
