/** A plan becomes the job's prompts, and the video's description and title where the order gave none. */
import type { RowChange } from '@reelfleet/core';
import type { PlanOutput } from '@reelfleet/pipelines';
import type { AlbumRows } from './index.ts';

export function plan(output: PlanOutput, { videoId, videoJobId, titled }: AlbumRows): RowChange[] {
  const video = { id: videoId, description: output.description };
  return [
    { op: 'update', table: 'video_jobs', key: ['id'], values: { id: videoJobId, prompts_json: output.prompts } },
    {
      op: 'update',
      table: 'videos',
      key: ['id'],
      values: titled ? video : { ...video, title: [...output.title].slice(0, 500).join('') },
    },
  ];
}
