import type { RunDetails, RunRow, TaskRow } from '@reelfleet/catalog';
import { describe, expect, it } from 'vitest';
import { changesBetween, runEnded } from './follow.ts';
import { pauseBefore } from './up/children.ts';

const run = (status: RunRow['status'], phase: string | null = 'music') => ({ id: 'r', status, phase }) as RunRow;
const task = (key: string, status: TaskRow['status'], stateVersion: number, progressPercent = 0) =>
  ({ id: key, key, status, stateVersion, progressPercent }) as TaskRow;
const details = (row: RunRow, ...tasks: TaskRow[]): RunDetails => ({ run: row, tasks, artifacts: [] });
const told = (before: RunDetails | null, after: RunDetails) =>
  changesBetween(before, after).map((change) =>
    change.kind === 'run'
      ? change.run.status
      : `${change.task.key} ${change.task.status} ${change.completed}/${change.total}`,
  );

describe('following a run', () => {
  it('tells each change once, and percentages not at all', () => {
    const first = details(run('running'), task('music/01', 'running', 2), task('music/02', 'queued', 1));
    expect(told(null, first)).toEqual(['music/01 running 0/2', 'music/02 queued 0/2', 'running']);
    expect(
      told(first, details(run('running'), task('music/01', 'running', 2, 50), task('music/02', 'queued', 1))),
    ).toEqual([]);
    const last = details(run('completed'), task('music/01', 'completed', 3), task('music/02', 'completed', 3));
    expect(told(first, last)).toEqual(['music/01 completed 1/2', 'music/02 completed 2/2', 'completed']);
  });

  it('sees that a task was tried again although its status reads the same', () => {
    const before = details(run('running'), task('a', 'queued', 1));
    expect(told(before, details(run('running'), task('a', 'queued', 3)))).toEqual(['a queued 0/1']);
  });

  it('ends with the run', () => {
    expect(
      (['queued', 'running', 'completed', 'failed', 'partial', 'cancelled'] as const).map((status) =>
        runEnded({ status }),
      ),
    ).toEqual([false, false, true, true, true, true]);
  });
});

describe('a worker that keeps dying', () => {
  it('is started at once the first time, then ever more slowly, up to ten seconds', () => {
    expect([1, 2, 3, 7, 50].map(pauseBefore)).toEqual([250, 500, 1000, 10_000, 10_000]);
  });
});
