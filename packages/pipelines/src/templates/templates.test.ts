import { randomUUID } from 'node:crypto';
import { type AnyStage, expand, instantiate, nodeOf } from '@reelfleet/core';
import { describe, expect, test } from 'vitest';
import {
  album,
  albumOrder,
  albumParams,
  allStageNames,
  runOf,
  type StreamPlan,
  stageNamed,
  stages,
  targetSeconds,
  templates,
} from '../index.ts';

const making = { newId: randomUUID, stages: stages as ReadonlyMap<string, AnyStage> };
const order = { channel: 'Castle', niche: 'Royal Court Ambience', moods: ['elegant', 'serene'] };
const ids = { channelId: randomUUID(), videoId: randomUUID(), videoJobId: randomUUID() };
const params = albumParams.parse({ ...order, ...ids, preview: true, tracks: 2, seed: 5 });
const planned = {
  title: 'Court',
  description: 'D',
  pairs: [
    { orderIndex: 1, title: 'Entry', musicPrompt: 'm1', visualPrompt: 'v1', seconds: 20 },
    { orderIndex: 2, title: 'Dance', musicPrompt: 'm2', visualPrompt: 'v2', seconds: 20 },
  ],
  prompts: { music_prompts: [], visual_prompts: [] },
};
const ref = (kind: string, name: string) => ({
  id: randomUUID(),
  kind,
  uri: `file:///${name}`,
  sha256: 'a'.repeat(64),
  sizeBytes: 1,
  contentType: 'x/y',
});

/** What the tasks of a stream of one chunk answer. */
function streamed() {
  const rendition = {
    quality: '360p',
    width: 640,
    height: 360,
    maxKbits: 900,
    bufferKbit: 1_800,
    progressId: randomUUID(),
  };
  const cut = { from: null, to: null, widerFrom: null, widerTo: null, seeks: [null] };
  const chunk = { index: 0, startFrame: 0, frames: 30, firstSegment: 0, segments: 1 };
  const color = { primaries: null, transfer: null, space: null, range: null };
  const sound = { index: 1, sampleRate: 48_000, name: 'Sound', language: null, isDefault: true, soundSeconds: 1 };
  const plan: StreamPlan = {
    ...{ source: ref('render', 'v') as never, name: 'Court', codec: 'h264', bits: 8, origin: 0, segments: 1 },
    picture: { index: 0, timeBase: { num: 1, den: 30 }, dynamicRange: 'sdr', fieldOrder: null, color },
    grid: { rate: { num: 30, den: 1 }, frames: 30, kind: 'constant', why: 'it is' },
    ...{ renditions: [rendition], durationSeconds: 1, startSeconds: 0, skipped: [], sound: [sound] },
    chunks: [{ ...chunk, source: { frames: 30, digest: 'x', ...cut } }],
  };
  const member = { name: 'init.mp4', sha256: 'a'.repeat(64), sizeBytes: 1 };
  const set = { ...ref('rendition', '360p'), segments: [member] };
  const part = {
    quality: '360p',
    progressId: rendition.progressId,
    codecs: 'avc1.64001e',
    set,
    frames: [30],
    keys: 'k',
    percent: 100,
  };
  const made = { index: 0, startFrame: 0, frames: 30, decoded: 30, encoder: 'libx264', renditions: [part] };
  return { transcode: plan, 'transcode/chunk/001': { ...made, startedAt: new Date().toISOString() } };
}

describe('an order', () => {
  test('of an album is 60 to 90 minutes and 20 tracks, unless it is a preview', () => {
    expect(albumOrder.parse(order)).toMatchObject({
      minutes: 60,
      tracks: 20,
      preview: false,
      width: 1920,
      height: 1080,
      fps: 30,
      seed: 1,
    });
    expect(() => albumOrder.parse({ ...order, minutes: 45 })).toThrow('an album lasts 60 to 90 minutes');
    expect(() => albumOrder.parse({ ...order, tracks: 4 })).toThrow('an album has 20 tracks');
    expect(() => albumOrder.parse({ ...order, secondsPerTrack: 20 })).toThrow('for previews only');
    expect(albumOrder.parse({ ...order, minutes: 1, tracks: 4, secondsPerTrack: 20, preview: true }).tracks).toBe(4);
  });

  test('of a preview asks for a stream in few qualities, and never for one that its picture is too small for', () => {
    const node = album.nodes.find(({ key }) => key === 'transcode') as (typeof album.nodes)[number];
    const wishOf = (width: number, height: number, preview = true) =>
      (
        node.input({
          ...{ key: 'transcode', payload: {}, outputs: { render: { video: null } } },
          params: { ...params, preview, width, height },
        }) as { qualities?: number[] }
      ).qualities;
    expect([wishOf(1_920, 1_080), wishOf(640, 360), wishOf(320, 180), wishOf(1_920, 1_080, false)]).toEqual([
      [720, 360],
      [360],
      undefined,
      undefined,
    ]);
  });

  test('aims inside its limits, since tracks come out only about as long as asked', () => {
    expect(targetSeconds({ minutes: 60, tracks: 20, preview: false })).toBe(3_630);
    expect(targetSeconds({ minutes: 75, tracks: 20, preview: false })).toBe(4_500);
    expect(targetSeconds({ minutes: 90, tracks: 20, preview: false })).toBe(5_370);
    expect(targetSeconds({ minutes: 60, tracks: 4, preview: true, secondsPerTrack: 20 })).toBe(80);
  });
});

describe('a run of album', () => {
  test('starts with its single tasks and waits for the plan', () => {
    const { tasks, edges } = instantiate(album, params, making);
    expect(tasks.map((task) => task.key)).toEqual([
      ...['plan', 'render', 'verify', 'thumbnail'],
      ...['transcode', 'transcode/audio', 'transcode/manifest'],
    ]);
    expect(tasks.map((task) => task.title)[0]).toBe('plan · Royal Court Ambience');
    expect(edges).toContainEqual({ task: 'render', on: 'plan', kind: 'hard' });
  });

  test('fans out into one track and one still per pair, paired by order index', () => {
    const { tasks, edges } = expand(album, 'plan', planned, params, making);
    expect(tasks.map((task) => task.key)).toEqual(['music/01', 'music/02', 'image/01', 'image/02']);
    expect(tasks[1]?.title).toBe('music 2/2 · Dance');
    expect(tasks[1]?.payload).toEqual({ orderIndex: 2, title: 'Dance', prompt: 'm2', seconds: 20, seed: 502 });
    expect(tasks[2]?.payload).toEqual({ orderIndex: 1, title: 'Entry', prompt: 'v1', seed: 501 });
    expect(edges).toContainEqual({ task: 'render', on: 'image/02', kind: 'hard' });
  });

  test('passes every phase of a video job in order', () => {
    const phases = album.nodes.map((node) => node.phase);
    expect([...new Set(phases)]).toEqual([
      'planned',
      'generating_music',
      'generating_image',
      'rendering',
      'ready_for_export',
    ]);
  });

  test('gives every stage an input that its stage accepts', () => {
    const tracks = [2, 1].map((orderIndex) => ({
      orderIndex,
      title: `T${orderIndex}`,
      audio: ref('audio', 'a'),
      samples: 1_024,
    }));
    const stills = [1, 2].map((orderIndex) => ({
      orderIndex,
      image: ref('image', `i${orderIndex}`),
      segment: ref('segment', 's'),
      frames: 300,
    }));
    const outputs = {
      plan: planned,
      'music/02': tracks[0],
      'music/01': tracks[1],
      'image/01': stills[0],
      'image/02': stills[1],
      render: { video: ref('render', 'v') },
      ...streamed(),
    };
    const children = [
      ...expand(album, 'plan', planned, params, making).tasks,
      ...expand(album, 'transcode', outputs.transcode, params, making).tasks,
    ];
    for (const task of [...instantiate(album, params, making).tasks, ...children]) {
      const node = nodeOf(album, task.key);
      const input = node.input({ key: task.key, params, payload: task.payload, outputs });
      expect(stages.get(task.stage)?.input.safeParse(input).error, task.key).toBeUndefined();
      if (task.key === 'render')
        expect(input).toMatchObject({
          tracks: [{ orderIndex: 1 }, { orderIndex: 2 }],
          orderedSeconds: 40,
          artist: 'Castle',
        });
      if (task.key === 'thumbnail') expect(input).toMatchObject({ source: { uri: 'file:///i1' } });
    }
  });
});

describe('the registry', () => {
  test('serves stages that are all on the list of names', () => {
    for (const name of stages.keys()) expect(allStageNames).toContain(name);
    expect(() => stageNamed('safety')).toThrow(/stage safety is not available yet; this version serves plan, music/);
    expect(() => stageNamed('cook')).toThrow(/there is no stage named cook/);
  });

  test('starts a single run from the one stage it names, and finds its node again', () => {
    const { template, params: checked } = runOf('single', {
      stage: 'probe',
      input: { source: 'file:///a.mp4' },
      title: 'look',
    });
    expect(
      instantiate(template, checked, making).tasks.map(({ key, stage, title }) => ({ key, stage, title })),
    ).toEqual([{ key: 'probe', stage: 'probe', title: 'look' }]);
    const registered = templates.get('single');
    if (registered)
      expect(nodeOf(registered, 'probe').input({ key: 'probe', params: checked, payload: {}, outputs: {} })).toEqual({
        source: 'file:///a.mp4',
      });
  });

  test('refuses a bad order with one sentence that names what is wrong', () => {
    expect(() => runOf('single', { stage: 'probe', input: { source: 5 } })).toThrow(/^stage probe: source: /);
    expect(() => runOf('album', { ...order, ...ids, minutes: 10 })).toThrow(
      'pipeline album: minutes: an album lasts 60 to 90 minutes; a shorter one is a preview',
    );
    expect(() => runOf('opera', {})).toThrow(
      'there is no pipeline named opera; there are album, ingest, full, moments, clips, single',
    );
  });
});

describe('the transcription of an ingest', () => {
  const source = { videoId: randomUUID(), url: 'https://example.org/talk.mp4', fileName: 'talk.mp4', title: 'Talk' };
  const skipped = (output: object, more: object = {}) => {
    const { template, params } = runOf('ingest', { ...source, ...more });
    return expand(template, 'probe', output, params, making).skip.includes('transcription');
  };
  const [silent, sounding] = [
    { video: {}, audio: null },
    { video: {}, audio: { codec: 'aac' } },
  ];

  test('is left out where there is no sound, or where it is not wanted', () => {
    expect([skipped(sounding), skipped(silent), skipped(sounding, { transcribe: false })]).toEqual([false, true, true]);
  });

  test('is optional there, and not in full, where everything depends on it', () => {
    const optional = (template: string, more: object = {}) => {
      const run = runOf(template, { ...source, ...more });
      return instantiate(run.template, run.params, making).tasks.find(({ key }) => key === 'transcription')?.optional;
    };
    expect(optional('ingest')).toBe(true);
    expect(templates.get('full')?.nodes.find(({ key }) => key === 'transcription')).toMatchObject({ optional: false });
    expect(templates.get('full')?.nodes.find(({ key }) => key === 'transcription')?.unless).toBeUndefined();
  });

  test('is told the language that was ordered, and the transcript that is there', () => {
    const kept = { transcript: ref('transcript', 'a'), captions: ref('captions', 'b') };
    const { template, params } = runOf('ingest', { ...source, language: 'de', transcript: kept });
    const outputs = { import: { source: ref('raw', 'talk.mp4') }, probe: sounding };
    expect(nodeOf(template, 'transcription').input({ key: 'transcription', params, payload: {}, outputs })).toEqual({
      ...{ source: outputs.import.source, name: 'talk.mp4', language: 'de', transcript: kept },
    });
  });
});
