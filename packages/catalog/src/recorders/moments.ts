/**
 * Moments become rows as they are found, refined and scored (seed 003), and are counted on their run. A refined moment is a
 * child of the one it was made of, which stays as it was.
 */
import type { ClaimedTask, RowChange } from '@reelfleet/core';
import type { MomentRef, MomentsOutput, RefineOutput, ScoreOutput } from '@reelfleet/pipelines';

export function moments({ moments, model, configId }: MomentsOutput, videoId: string, task: ClaimedTask): RowChange[] {
  return [
    ...moments.map((moment) => row(moment, videoId, { generation_model: model, generation_config_id: configId })),
    {
      op: 'add',
      table: 'pipeline_runs',
      key: ['id'],
      values: { id: task.runId, total_moments_generated: moments.length },
    },
  ];
}

export function refine({ moments, model, configId }: RefineOutput, videoId: string): RowChange[] {
  return moments.map(({ parentId, ...moment }) =>
    row(moment, videoId, {
      generation_model: model,
      generation_config_id: configId,
      is_refined: true,
      parent_id: parentId,
    }),
  );
}

export function score({ scores, model }: ScoreOutput): RowChange[] {
  return scores.map(({ momentId, score }) => ({
    op: 'update',
    table: 'moments',
    key: ['id'],
    // Postgres reads this word as the time of the statement: the database's clock is the only one.
    values: { id: momentId, score, scoring_model: model, scored_at: 'now' },
  }));
}

const row = (
  { id, identifier, title, start, end }: MomentRef,
  videoId: string,
  more: Record<string, unknown>,
): RowChange => ({
  op: 'insert',
  table: 'moments',
  values: { id, identifier, video_id: videoId, start_time: start, end_time: end, title, ...more },
});
