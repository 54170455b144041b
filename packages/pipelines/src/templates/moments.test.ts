/** Runs of `moments` and `full`: what they are made of, what follows what, and that every stage is given what it takes. */
import { randomUUID } from 'node:crypto';
import { type AnyStage, expand, instantiate, nodeOf, runStatus } from '@reelfleet/core';
import { expect, test } from 'vitest';
import { configDefaults, full, fullParams, ingest, momentsParams, momentsTemplate, stages } from '../index.ts';

const making = { newId: randomUUID, stages: stages as ReadonlyMap<string, AnyStage> };
const ref = (kind: string) => ({
  ...{ id: randomUUID(), kind, uri: `file:///${kind}`, sha256: 'a'.repeat(64), sizeBytes: 1, contentType: 'x/y' },
});
const config = (operationType: 'generation' | 'refinement') => ({
  ...configDefaults(operationType),
  ...{ id: randomUUID(), promptId: randomUUID(), model: 'builtin', operationType },
});
const order = { config: config('generation'), paddingLeft: 2 };
const params = momentsParams.parse({
  ...order,
  ...{ videoId: randomUUID(), title: 'Talk', source: ref('raw'), transcript: ref('transcript'), durationSeconds: 90 },
});
const found = {
  moments: ['one', 'two'].map((title, at) => ({
    ...{ id: randomUUID(), identifier: `m${at}`, title, start: at * 40, end: at * 40 + 30 },
  })),
  ...{ provider: 'builtin', model: 'builtin', configId: order.config.id, notes: [] },
};
const clip = { clip: ref('clip') };

test('a run of moments finds, scores and cuts: a clip and a picture for each moment', () => {
  const started = instantiate(momentsTemplate, params, making);
  expect(started.tasks.map(({ key, optional }) => [key, optional])).toEqual([
    ['moments', false],
    ['score', true],
    ['refine', true],
  ]);
  const more = expand(momentsTemplate, 'moments', found, params, making);
  expect(more.tasks.map(({ key, optional }) => [key, optional])).toEqual([
    ['clip/01', true],
    ['clip/02', true],
    ['clip-thumbnail/01', true],
    ['clip-thumbnail/02', true],
  ]);
  expect(more.skip).toEqual(['refine']);
  // Clips wait for the scores, and do without them.
  expect(more.edges).toContainEqual({ task: 'clip/02', on: 'score', kind: 'soft' });
  expect(more.edges).toContainEqual({ task: 'clip-thumbnail/02', on: 'clip/02', kind: 'hard' });
});

test('moments can be found without being cut, and are refined when that is ordered', () => {
  const { tasks } = expand(momentsTemplate, 'moments', found, { ...params, clips: false }, making);
  expect(tasks).toEqual([]);
  const refined = { ...params, refinement: config('refinement') };
  expect(expand(momentsTemplate, 'moments', found, refined, making).skip).toEqual([]);
});

test('every stage gets an input it accepts, in moments and in full, and clips are cut of the moments as they were found', () => {
  const whole = fullParams.parse({
    ...{ ...order, refinement: config('refinement'), videoId: randomUUID() },
    ...{ upload: ref('raw'), fileName: 'talk.mp4', title: 'Talk' },
  });
  const outputs = {
    import: { source: ref('raw'), fileName: 'talk.mp4', url: null },
    probe: { durationSeconds: 90, video: {}, audio: {} },
    transcription: { transcript: ref('transcript'), captions: ref('captions') },
    moments: found,
    ...{ 'clip/01': clip, 'clip/02': clip },
  };
  const of = [
    { template: momentsTemplate, given: { ...params, refinement: config('refinement') } },
    { template: full, given: whole },
  ];
  for (const { template, given } of of) {
    const tasks = [
      ...instantiate(template, given, making).tasks.filter(({ stage }) =>
        ['moments', 'score', 'refine', 'transcription'].includes(stage),
      ),
      ...expand(template, 'moments', found, given, making).tasks,
    ];
    for (const task of tasks) {
      const input = nodeOf(template, task.key).input({ key: task.key, params: given, payload: task.payload, outputs });
      expect(stages.get(task.stage)?.input.safeParse(input).error, `${template.name} ${task.key}`).toBeUndefined();
      if (task.key === 'clip/02')
        expect(input).toMatchObject({ moment: found.moments[1], durationSeconds: 90, paddingLeft: 2, paddingRight: 0 });
    }
  }
});

test('full is all of ingest, then the moments; only there is the transcription no choice', () => {
  const keys = (template: typeof full | typeof ingest) => template.nodes.map(({ key }) => key);
  expect(keys(full)).toEqual([...keys(ingest), ...keys(momentsTemplate as never)]);
  const transcription = (template: typeof full | typeof ingest) =>
    template.nodes.find(({ key }) => key === 'transcription');
  expect([transcription(ingest)?.optional, transcription(full)?.optional]).toEqual([true, false]);
  expect(transcription(full)?.unless).toBeUndefined();
  const given = fullParams.parse({
    ...order,
    videoId: randomUUID(),
    url: 'https://h.example/t.mp4',
    fileName: 't',
    title: 'T',
  });
  expect(instantiate(full, given, making).edges).toContainEqual({ task: 'moments', on: 'transcription', kind: 'hard' });
});

test('a run is partial when some clips failed and others did not, and failed when it has no moments', () => {
  const run = { cancelRequested: false, claimedOnce: true };
  const task = (status: 'completed' | 'failed' | 'skipped', optional = true) => ({ status, optional });
  const made = task('completed', false);
  expect(runStatus([made, task('completed'), task('failed'), task('completed')], run)).toBe('partial');
  expect(runStatus([made, task('failed'), task('completed')], run)).toBe('partial');
  expect(runStatus([task('failed', false), task('skipped'), task('skipped')], run)).toBe('failed');
  expect(runStatus([made, task('completed'), task('skipped')], run)).toBe('completed');
});
