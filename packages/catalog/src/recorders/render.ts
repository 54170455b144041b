/** A render becomes its own row with the commands that made it, and the facts of the video it is. */
import type { ClaimedTask, RowChange } from '@reelfleet/core';
import type { RenderOutput } from '@reelfleet/pipelines';
import type { AlbumRows } from './index.ts';

export function render(output: RenderOutput, { videoId, videoJobId }: AlbumRows, task: ClaimedTask): RowChange[] {
  const { video, width, height } = output;
  return [
    {
      op: 'insert',
      table: 'render_tasks',
      values: {
        id: video.id,
        video_job_id: videoJobId,
        task_id: task.id,
        ffmpeg_command: output.ffmpegCommand,
        local_video_path: video.uri,
        resolution: `${width}x${height}`,
        duration_seconds: output.durationSeconds,
        status: 'completed',
        // Postgres reads this word as the time of the statement: the database's clock is the only one.
        completed_at: 'now',
      },
    },
    { op: 'update', table: 'video_jobs', key: ['id'], values: { id: videoJobId, local_video_path: video.uri } },
    {
      op: 'update',
      table: 'videos',
      key: ['id'],
      values: {
        id: videoId,
        video_url: video.uri,
        duration_seconds: output.durationSeconds,
        file_size_bytes: output.sizeBytes,
        video_codec: output.videoCodec,
        audio_codec: output.audioCodec,
        source_width: width,
        source_height: height,
        frame_rate: output.fps,
      },
    },
  ];
}
