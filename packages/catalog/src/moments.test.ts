/** Moments in the library: what many videos share, what nobody may write twice, what a run counts. */
import { randomUUID } from 'node:crypto';
import { type ClaimedTask, instantiate, type RowChange, type SettleItem } from '@reelfleet/core';
import { bareRun } from '@reelfleet/db/testing';
import { configDefaults, full, fullParams, type MomentsOutput, type TranscriptionOutput } from '@reelfleet/pipelines';
import { beforeEach, expect, test } from 'vitest';
import { recorders } from './recorders/index.ts';
import { openWorld, rowsOf, type World } from './testing.ts';

let world: World;
beforeEach(async () => {
  world = await openWorld();
});

const ref = (kind: 'raw' | 'transcript' | 'captions') => ({
  ...{ id: randomUUID(), kind, uri: world.storage.uriOf(`runs/${randomUUID()}/${kind}`), sha256: 'a'.repeat(64) },
  ...{ sizeBytes: 1, contentType: 'x/y' },
});

async function film(identifier: string): Promise<string> {
  const id = randomUUID();
  await world.db.query(`insert into videos (id, identifier, title) values ('${id}', '${identifier}', 'Talk')`);
  return id;
}

/** A run with one task of this stage, claimed by a worker of its own. */
async function claimed(
  stage: 'moments' | 'transcription',
  videoId: string,
  template = 'single',
  configId: string | null = null,
) {
  const [runId, taskId] = [randomUUID(), randomUUID()];
  const run = bareRun(runId, { videoId, template, generationConfigId: configId, params: { videoId } });
  const task = {
    ...{ id: taskId, key: stage, stage, title: stage, phase: 'p', position: 0, payload: {} },
    ...{ optional: false, maxAttempts: 3, maxCrashes: 3 },
  };
  const { tickets } = await world.deps.ledger.enqueue(
    [{ run, tasks: [task], edges: [], before: [], after: [] }],
    'test',
  );
  const worker = await world.hire(`w-${runId}`);
  return { worker, task: await world.claim(worker, tickets[0] as (typeof tickets)[0]), runId };
}

const settle = async (
  worker: string,
  task: ClaimedTask,
  records: readonly RowChange[],
  more: Partial<SettleItem> = {},
) =>
  (
    await world.ledger.settle(worker, [
      { id: task.id, version: task.version, event: 'complete', output: {}, records, ...more },
    ])
  )[0]?.status;

const found = (titles: readonly string[], configId: string): MomentsOutput => ({
  moments: titles.map((title, at) => ({
    ...{
      id: randomUUID(),
      identifier: randomUUID().replaceAll('-', '').slice(0, 16),
      title,
      start: at * 40,
      end: at * 40 + 30,
    },
  })),
  ...{ provider: 'builtin', model: 'builtin', configId, notes: [] },
});
const rowsFor = (output: MomentsOutput, task: ClaimedTask): RowChange[] =>
  recorders.get('moments')?.(output as never, task) ?? [];

test('purging the video that first used a config leaves the moments, clips and runs of the others', async () => {
  const [one, two] = [await film('one'), await film('two')];
  const [said] = await world.db.query<{ id: string }>(
    `insert into transcripts (video_id, full_text, word_timestamps, segment_timestamps) values ('${one}', 'a', '[]', '[]') returning id`,
  );
  const wish = { ...configDefaults('generation'), model: 'builtin', operationType: 'generation' as const };
  const config = await world.deps.ledger.ensureConfig({ ...wish, transcriptId: said?.id ?? null });
  for (const videoId of [one, two]) {
    expect((await world.deps.ledger.ensureConfig(wish)).id).toBe(config.id);
    const { worker, task } = await claimed('moments', videoId, 'moments', config.id);
    const output = found(['A', 'B'], config.id);
    expect(await settle(worker, task, rowsFor(output, task))).toBe('completed');
    await world.db.query(`insert into clips (moment_id, video_id, uri, start_time, end_time, padding_left, padding_right)
      values ('${output.moments[0]?.id}', '${videoId}', 'file:///clip-${videoId}.mp4', 0, 30, 0, 0)`);
  }
  const left = (videoId: string) =>
    rowsOf(
      world,
      `select (select count(*)::int from moments where video_id = '${videoId}') as moments,
         (select count(*)::int from clips where video_id = '${videoId}') as clips,
         (select count(*)::int from pipeline_runs where video_id = '${videoId}' and generation_config_id is not null and total_moments_generated = 2) as runs`,
    );
  const configs = () => rowsOf(world, 'select id, transcript_id from generation_configs');
  expect(await left(two)).toEqual([{ moments: 2, clips: 1, runs: 1 }]);
  expect(await configs()).toEqual([{ id: config.id, transcript_id: said?.id }]);

  const mover = await world.hire('mover');
  for (const verb of ['delete', 'purge'] as const) {
    await world.operator.videos[verb]('one');
    await world.workAll(mover);
  }
  expect(await left(one)).toEqual([{ moments: 0, clips: 0, runs: 0 }]);
  expect(await left(two)).toEqual([{ moments: 2, clips: 1, runs: 1 }]);
  expect(await configs()).toEqual([{ id: config.id, transcript_id: null }]);
});

test('two workers that have a transcript of one video at the same time leave one, whole and unchanged', async () => {
  const video = await film('talk');
  const transcribed = (text: string): TranscriptionOutput => ({
    ...{
      transcript: ref('transcript'),
      captions: ref('captions'),
      language: 'en',
      words: 1,
      segments: 1,
      service: text,
    },
    processingSeconds: 1,
    said: {
      ...{ language: 'en', durationSeconds: 9, fullText: text, service: text },
      words: [{ word: text, start: 0, end: 1 }],
      segments: [{ text, start: 0, end: 1 }],
    },
  });
  // Two runs of one video, which only `single` may have at once.
  const both = await Promise.all(
    ['first', 'second'].map(async (text) => {
      const output = transcribed(text);
      const { worker, task } = await claimed('transcription', video);
      return () => settle(worker, task, recorders.get('transcription')?.(output as never, task) ?? [], { output });
    }),
  );
  expect(await Promise.all(both.map((write) => write()))).toEqual(['completed', 'completed']);
  const rows = await rowsOf(
    world,
    `select full_text, transcription_service, segment_timestamps from transcripts where video_id = '${video}'`,
  );
  expect(rows).toHaveLength(1);
  const text = rows[0]?.full_text;
  expect(rows[0]).toEqual({
    full_text: text,
    transcription_service: text,
    segment_timestamps: [{ text, start: 0, end: 1 }],
  });
  await expect(world.db.query(`update transcripts set full_text = 'other'`)).rejects.toThrow(
    'transcripts are written once',
  );
  await expect(
    world.db.query(
      `insert into transcripts (video_id, full_text, word_timestamps, segment_timestamps) values ('${video}', 'c', '[]', '[]')`,
    ),
  ).rejects.toThrow('idx_transcripts_video_id');
});

test('a video is ready when its own part of a full run is done, whatever becomes of its moments, and failed when that is not', async () => {
  const wish = { ...configDefaults('generation'), model: 'builtin', operationType: 'generation' as const };
  const config = await world.deps.ledger.ensureConfig(wish);
  const worker = await world.hire('maker');
  const made = { stages: world.deps.stages, newId: randomUUID };
  /** Works on a full run until a task of this stage fails; says what becomes of run and video. */
  async function failingIn(stage: string) {
    const videoId = await film(stage);
    const given = { url: `https://h.example/${stage}.mp4`, fileName: 'f.mp4', title: 'F', config, videoId };
    const params = { ...fullParams.parse(given), makesVideo: true };
    const run = bareRun(randomUUID(), { template: 'full', videoId, generationConfigId: config.id, params });
    const item = { run, ...instantiate(full, params, made), before: [], after: [] };
    const { tickets } = await world.deps.ledger.enqueue([item], 'test');
    const due = [...tickets];
    const seen: unknown[] = [];
    for (let ticket = due.shift(); ticket; ticket = due.shift()) {
      const task = await world.claim(worker, ticket);
      if (ticket.stage === stage) {
        const failed = {
          id: task.id,
          version: task.version,
          event: 'fail',
          code: 'no',
          message: `no ${stage}`,
        } as const;
        due.push(...((await world.ledger.settle(worker, [failed]))[0]?.tickets ?? []));
      } else {
        await world.complete(worker, task);
        due.push(...world.sent.splice(0));
      }
      seen.push((await rowsOf(world, `select status from videos where id = '${videoId}'`))[0]?.status);
    }
    const [row] = await rowsOf(
      world,
      `select r.status, r.error_stage, r.error_message, v.status as video from pipeline_runs r join videos v on v.id = r.video_id where r.id = '${run.id}'`,
    );
    return { row, seen };
  }
  const late = await failingIn('transcription');
  expect(late.row).toEqual({
    status: 'failed',
    error_stage: 'transcription',
    error_message: 'no transcription',
    video: 'ready',
  });
  expect([late.seen[0], late.seen.at(-1)]).toEqual(['processing', 'ready']);
  const early = await failingIn('probe');
  expect(early.row).toEqual({ status: 'failed', error_stage: 'probe', error_message: 'no probe', video: 'failed' });
});

test('a run counts what its own tasks have made, and no task counts for another run or writes anything else of one', async () => {
  const video = await film('talk');
  const config = await world.deps.ledger.ensureConfig({
    ...{ ...configDefaults('generation'), model: 'builtin', operationType: 'generation' },
  });
  const { worker, task, runId } = await claimed('moments', video);
  const other = await claimed('moments', video);
  expect(await settle(worker, task, rowsFor(found(['A', 'B', 'C'], config.id), task))).toBe('completed');
  const total = (id: string) =>
    rowsOf(
      world,
      `select total_moments_generated as moments, total_clips_created as clips from pipeline_runs where id = '${id}'`,
    );
  expect(await total(runId)).toEqual([{ moments: 3, clips: null }]);

  const forgeries: RowChange[] = [
    { op: 'add', table: 'pipeline_runs', key: ['id'], values: { id: runId, total_moments_generated: 1 } },
    {
      op: 'add',
      table: 'pipeline_runs',
      key: ['id'],
      values: { id: other.runId, total_moments_generated: 1, priority: 9 },
    },
    { op: 'update', table: 'pipeline_runs', key: ['id'], values: { id: other.runId, total_clips_created: 1 } },
    { op: 'delete', table: 'pipeline_runs', key: ['id'], values: { id: other.runId } },
  ];
  for (const forged of forgeries) {
    const forger = await claimed('moments', video);
    const mine =
      forged.values.id === other.runId ? { ...forged, values: { ...forged.values, id: forger.runId } } : forged;
    expect(await settle(forger.worker, forger.task, [mine])).toBe('failed');
    expect(await rowsOf(world, `select last_error from tasks where id = '${forger.task.id}'`)).toEqual([
      {
        last_error:
          'the ledger refused the result of this attempt: a recorder may only add to the totals of its own run',
      },
    ]);
    expect(await total(forger.runId)).toEqual([{ moments: null, clips: null }]);
  }
  expect(await total(runId)).toEqual([{ moments: 3, clips: null }]);
});
