/** A run's tasks as a pipeline. */
import { expect, test } from 'vitest';
import type { TaskRow } from './api.ts';
import { childTitle, nodeKey, pipelineOf } from './pipeline.ts';

const task = (key: string, needs: string[] = [], more: Partial<TaskRow> = {}): TaskRow => ({
  id: key,
  key,
  stage: nodeKey(key),
  title: key,
  status: 'blocked',
  stateVersion: 1,
  attemptNumber: 0,
  progressPercent: 0,
  currentStep: null,
  workerName: null,
  failures: 0,
  maxAttempts: 3,
  crashes: 0,
  maxCrashes: 5,
  optional: false,
  needs,
  runAfter: null,
  claimExpiresAt: null,
  errorCode: null,
  lastError: null,
  startedAt: null,
  completedAt: null,
  ...more,
});
const album = (music: TaskRow['status'][]) => {
  const children = music.map((status, n) => task(`music/0${n + 1}`, ['plan'], { status }));
  const keys = children.map((one) => one.key);
  return [
    task('plan', [], { status: 'completed' }),
    ...children,
    task('image/01', ['plan'], { status: 'queued' }),
    task('render', ['plan', ...keys, 'image/01']),
    task('verify', ['render', ...keys]),
  ];
};

test('children of a fan-out are one node, and every node stands below all it needs', () => {
  const rows = pipelineOf(album(['queued', 'queued']));
  expect(rows.map((row) => row.map((node) => node.key))).toEqual([
    ['plan'],
    ['music', 'image'],
    ['render'],
    ['verify'],
  ]);
  expect(rows[2]?.[0]?.needs).toEqual([
    { key: 'plan', title: 'Plan', tasks: 1 },
    { key: 'music', title: 'Music', tasks: 2 },
    { key: 'image', title: 'Image', tasks: 1 },
  ]);
});

test('tasks that are named below another stand beside the fan-out and below it, as they need each other', () => {
  const chunks = [task('transcode/chunk/001', ['transcode']), task('transcode/chunk/002', ['transcode'])];
  const rows = pipelineOf([
    task('probe'),
    task('transcode', ['probe']),
    task('transcode/audio', ['transcode']),
    ...chunks,
    task('transcode/manifest', ['transcode', ...chunks.map(({ key }) => key), 'transcode/audio']),
  ]);
  expect(rows.map((row) => row.map(({ title, tasks }) => `${title} ×${tasks.length}`))).toEqual([
    ['Probe ×1'],
    ['Transcode ×1'],
    ['Transcode audio ×1', 'Transcode chunk ×2'],
    ['Transcode manifest ×1'],
  ]);
});

test.each<[TaskRow['status'][], string]>([
  [['completed', 'failed', 'running'], 'failed'],
  [['completed', 'running', 'queued'], 'running'],
  [['completed', 'queued'], 'running'],
  [['queued', 'queued'], 'queued'],
  [['completed', 'completed'], 'completed'],
  [['completed', 'cancelled'], 'cancelled'],
  [['skipped'], 'skipped'],
])('children that are %j make a node that is %s', (children, status) => {
  const node = pipelineOf(album(children))
    .flat()
    .find(({ key }) => key === 'music');
  expect(node?.status).toBe(status);
});

test('a circle of needs, which cannot come from the ledger, is drawn and not followed for ever', () => {
  const rows = pipelineOf([task('a', ['b']), task('b', ['a']), task('c', ['b'])]);
  expect(
    rows
      .flat()
      .map((node) => node.key)
      .sort(),
  ).toEqual(['a', 'b', 'c']);
});

test('a child goes by its own name', () => {
  expect(childTitle(task('music/07', [], { title: 'music 7/20 · Royal Court · Night' }))).toBe('Royal Court · Night');
  expect(childTitle(task('clip/1', [], { title: null }))).toBe('clip/1');
});
