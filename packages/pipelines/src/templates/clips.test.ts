import { randomUUID } from 'node:crypto';
import { type AnyStage, type ArtifactRef, instantiate } from '@reelfleet/core';
import { describe, expect, test } from 'vitest';
import { clipsParams, runOf, stages } from '../index.ts';
import { clips } from './clips.ts';

const making = { newId: randomUUID, stages: stages as ReadonlyMap<string, AnyStage> };
const ref = (kind: ArtifactRef['kind']): ArtifactRef => ({
  ...{ id: randomUUID(), kind, uri: `file:///${kind}` },
  ...{ sha256: 'a'.repeat(64), sizeBytes: 1, contentType: 'video/mp4' },
});
const moment = (n: number) => ({ id: randomUUID(), identifier: `m${n}`, title: `Moment ${n}`, start: n, end: n + 5 });
const existing = (pictured: boolean) => ({
  ...{ clip: ref('clip'), start: 0, end: 5, paddingLeft: 0, paddingRight: 0, pictured },
  ...{ videoCodec: 'h264', audioCodec: null, width: 1_280, height: 720 },
});
const paramsOf = (moments: object[], more = {}) =>
  clipsParams.parse({
    videoId: randomUUID(),
    title: 'Film',
    source: ref('raw'),
    durationSeconds: 60,
    moments,
    ...more,
  });

describe('a run of clips', () => {
  test('starts with a clip for each moment and a picture of each, all of them optional', () => {
    const { tasks, edges } = instantiate(clips, paramsOf([moment(1), moment(2)]), making);
    expect(tasks.map(({ key, stage, title, optional }) => [key, stage, title, optional])).toEqual([
      ['clip/01', 'clip', 'clip 1/2 · Moment 1', true],
      ['clip/02', 'clip', 'clip 2/2 · Moment 2', true],
      ['clip-thumbnail/01', 'thumbnail', 'thumbnail 1/2 · Moment 1', true],
      ['clip-thumbnail/02', 'thumbnail', 'thumbnail 2/2 · Moment 2', true],
    ]);
    expect(edges).toEqual([
      { task: 'clip-thumbnail/01', on: 'clip/01', kind: 'hard' },
      { task: 'clip-thumbnail/02', on: 'clip/02', kind: 'hard' },
    ]);
  });

  test('makes no picture of a clip that has one, unless the clip is replaced', () => {
    const moments = [
      { ...moment(1), existing: existing(true) },
      { ...moment(2), existing: existing(false) },
    ];
    const keys = (more: object) => instantiate(clips, paramsOf(moments, more), making).tasks.map(({ key }) => key);
    expect(keys({})).toEqual(['clip/01', 'clip/02', 'clip-thumbnail/02']);
    expect(keys({ replace: true })).toEqual(['clip/01', 'clip/02', 'clip-thumbnail/01', 'clip-thumbnail/02']);
  });

  test('gives its stages what they take', () => {
    const params = paramsOf([{ ...moment(1), existing: existing(false) }], { paddingLeft: 2, replace: true });
    const { tasks } = instantiate(clips, params, making);
    const [clip, picture] = clips.nodes.map((node, index) => {
      const { key, payload } = tasks[index] as (typeof tasks)[number];
      const outputs = { 'clip/01': { clip: ref('clip') } };
      const input = node.input({ key, params, payload, outputs });
      return (stages.get(node.stage) as AnyStage).input.parse(input) as Record<string, unknown>;
    });
    expect(clip).toMatchObject({ name: 'Film', paddingLeft: 2, paddingRight: 0, replace: true, durationSeconds: 60 });
    expect(clip?.moment).toEqual({ ...params.moments[0], existing: undefined });
    expect(clip?.existing).not.toHaveProperty('pictured');
    expect(picture).toMatchObject({ source: { kind: 'clip' }, sprites: false, width: 1_280, height: 720 });
  });

  test('is refused without a moment, in one sentence', () => {
    const params = { videoId: randomUUID(), title: 'Film', source: ref('raw'), durationSeconds: 60, moments: [] };
    expect(() => runOf('clips', params)).toThrow('pipeline clips: moments: names no moment: there is nothing to cut');
  });
});
