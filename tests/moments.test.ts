/** Moments of a whole fleet: real ledger, real queue, a worker, and a language model behind real HTTP that fails now and then. */
import { randomUUID } from 'node:crypto';
import { recorders } from '@reelfleet/catalog';
import { type AnyStage, defineStage, instantiate, PermanentError, type Spoken } from '@reelfleet/core';
import {
  type ClipsParams,
  clip,
  configDefaults,
  type MomentsParams,
  moments,
  momentsTemplate,
  refine,
  score,
  thumbnail,
} from '@reelfleet/pipelines';
import { findMessages, openAi, openAiLanguage } from '@reelfleet/providers';
import { type OpenAiScript, startOpenAi } from '@reelfleet/providers/testing';
import { atTestEnd, until } from '@reelfleet/testkit';
import { describe, expect, test } from 'vitest';
import { openFleet } from './support/fleet.ts';

/** Thirty sentences of four seconds, a second apart. */
const spoken: Spoken = {
  language: 'en',
  words: Array.from({ length: 120 }, (_, at) => {
    const start = Math.floor(at / 4) * 5 + (at % 4) + 0.25;
    return { word: at % 4 === 3 ? 'said.' : `word${at}`, start, end: start + 0.9 };
  }),
  segments: Array.from({ length: 30 }, (_, at) => ({
    ...{ text: `Sentence ${at} is “said”.`, start: at * 5 + 0.25, end: at * 5 + 4.15 },
  })),
};
const SECONDS = 150;

const found = [
  { start: 10, end: 29, title: 'The first thing', importance: 7 },
  { start: 60, end: 84, title: 'The other thing', importance: 9 },
];
/** What a good model answers to each kind of question. */
function answerOf(body: Record<string, unknown>): unknown {
  const kind = (body.response_format as { json_schema: { name: string } }).json_schema.name;
  if (kind === 'moments') return { moments: found };
  if (kind === 'scores') return { scores: [1, 2].map((moment) => ({ moment, score: 4 + moment })) };
  return { moments: [{ moment: 2, start: 65, end: 84, title: 'The other thing, better' }] };
}

async function open(script: OpenAiScript = {}, stages: readonly AnyStage[] = [clip, thumbnail]) {
  const server = await startOpenAi({ chat: ({ body }) => answerOf(body), ...script });
  atTestEnd(() => server.close());
  const impatient = [moments, score, refine].map((stage) => ({
    ...stage,
    policy: { ...stage.policy, backoffMs: 10, backoffMaxMs: 20 },
  }));
  const fleet = await openFleet({
    ...{ stages: [...impatient, ...stages] as AnyStage[], templates: [momentsTemplate], recorders },
    providers: { language: openAiLanguage(openAi({ apiKey: 'sk-hush', baseUrl: server.baseUrl }), 'a-model') },
  });
  atTestEnd(() => fleet.close());
  await fleet.start();

  /** A video with its transcript, as row and as file. */
  async function film() {
    const id = randomUUID();
    const said = { ...spoken, durationSeconds: SECONDS, fullText: 'said', service: 'test' };
    const stored = await fleet.storage.put(`runs/${id}/transcript.json`, Buffer.from(JSON.stringify(said)), {
      contentType: 'application/json',
    });
    const json = (value: unknown) => JSON.stringify(value).replaceAll("'", "''");
    await fleet.db.query(`with v as (insert into videos (id, identifier, title) values ('${id}', '${id}', 'Talk') returning id)
      insert into transcripts (video_id, full_text, word_timestamps, segment_timestamps, language)
      select id, 'said', '${json(spoken.words)}', '${json(spoken.segments)}', 'en' from v`);
    return { id, transcript: { id: randomUUID(), kind: 'transcript' as const, ...stored } };
  }

  async function order(more: Partial<MomentsParams> = {}) {
    const { id: videoId, transcript } = await film();
    const wish = { minMomentLength: 10, maxMomentLength: 30, minMoments: 1, model: 'a-model' };
    const config = await fleet.operator.ensureConfig({
      ...configDefaults('generation'),
      ...wish,
      operationType: 'generation',
    });
    const refinement = await fleet.operator.ensureConfig({
      ...{ ...configDefaults('refinement'), ...wish, minMoments: null, operationType: 'refinement' },
    });
    const source = { ...transcript, kind: 'raw' as const };
    const params = momentsTemplate.params.parse({
      ...{
        videoId,
        title: 'Talk',
        source,
        transcript,
        durationSeconds: SECONDS,
        config,
        refinement,
        clips: false,
        ...more,
      },
    });
    const runId = randomUUID();
    const run = {
      ...{ id: runId, identifier: `pipeline:talk:${runId}`, idempotencyKey: null, template: 'moments', videoId },
      ...{
        channelId: null,
        generationConfigId: config.id,
        params: params as Record<string, unknown>,
        priority: 0,
        phase: 'p',
      },
    };
    const tasks = instantiate(momentsTemplate, params, { newId: randomUUID, stages: fleet.stages });
    const { tickets } = await fleet.operator.enqueue([{ run, ...tasks, before: [], after: [] }], 'test');
    await fleet.queue.send(tickets);
    return { runId, videoId, config, refinement };
  }
  const runOf = async (id: string) =>
    (
      await fleet.db.query<Record<string, unknown>>(
        `select status, error_stage, error_message, total_moments_generated as moments, total_clips_created as clips from pipeline_runs where id = '${id}'`,
      )
    )[0];
  const ended = (id: string) =>
    until(
      async () => {
        const run = await runOf(id);
        return run && !['queued', 'running'].includes(run.status as string) ? run : null;
      },
      { what: 'the run to end', timeoutMs: 20_000 },
    );
  const rows = (videoId: string) =>
    fleet.db.query<Record<string, unknown>>(
      `select m.*, scored_at is not null as scored from moments m where video_id = '${videoId}' order by is_refined, start_time`,
    );
  return { ...fleet, server, order, ended, rows };
}

describe('a run of moments', () => {
  test('leaves moments, their scores with model and time, refinements that keep their parents, and rows of which the prompt that was sent can be made again', async () => {
    const world = await open();
    const { runId, videoId, config, refinement } = await world.order();
    expect(await world.ended(runId)).toEqual({
      status: 'completed',
      error_stage: null,
      error_message: null,
      moments: 2,
      clips: null,
    });
    const [first, second, refined, ...more] = await world.rows(videoId);
    expect(more).toEqual([]);
    expect(first).toMatchObject({
      ...{ start_time: 10.1, end_time: 29.3, title: 'The first thing', is_refined: false, parent_id: null, score: 5 },
      ...{ generation_model: 'a-model', generation_config_id: config.id, scoring_model: 'a-model', scored: true },
    });
    expect(second).toMatchObject({ title: 'The other thing', score: 6 });
    expect(refined).toMatchObject({
      ...{ title: 'The other thing, better', is_refined: true, parent_id: second?.id, score: null, scored: false },
      ...{ start_time: 65.1, generation_config_id: refinement.id },
    });
    expect([first?.identifier, refined?.identifier]).toEqual([
      expect.stringMatching(/^[0-9a-f]{16}$/),
      expect.stringMatching(/^[0-9a-f]{16}$/),
    ]);

    // The prompt that was sent can be made again from the rows of prompt, transcript and config, and from nothing else.
    // biome-ignore lint/suspicious/noExplicitAny: a row of many columns.
    const [row] = await world.db.query<Record<string, any>>(`
      select p.system_prompt, p.user_prompt, c.*, t.language, t.word_timestamps, t.segment_timestamps
      from moments m join generation_configs c on c.id = m.generation_config_id join prompts p on p.id = c.prompt_id
      join transcripts t on t.video_id = m.video_id where m.video_id = '${videoId}' and not m.is_refined limit 1`);
    if (!row) throw new Error('no moment');
    const said = { language: row.language, words: row.word_timestamps, segments: row.segment_timestamps };
    const [messages, ...windows] = findMessages(said, {
      ...{ systemPrompt: row.system_prompt, userPrompt: row.user_prompt, model: row.model },
      ...{ temperature: row.temperature, topP: row.top_p, topK: row.top_k },
      ...{ minMomentLength: row.min_moment_length, maxMomentLength: row.max_moment_length },
      ...{ minMoments: row.min_moments, maxMoments: row.max_moments },
    });
    expect(windows).toEqual([]);
    expect(world.server.requests[0]?.body.messages).toEqual(messages);
    expect(messages?.[1]?.content).toContain('[145.25-149.15] Sentence 29 is “said”.');
  });

  test('pays for each answer once and writes down what it used, whatever happens on the way', async () => {
    const world = await open();
    world.server.next({ kind: 'rate-limit', retryAfter: '1' }, { kind: 'error', status: 500 }, { kind: 'drop' });
    const { runId } = await world.order();
    expect(await world.ended(runId)).toMatchObject({ status: 'completed' });
    // Patience is no failure; an error and a lost answer are one each.
    expect((await world.tasks(runId)).find(({ key }) => key === 'moments')).toMatchObject({
      attempts: 4,
      failures: 2,
      crashes: 0,
    });
    const calls = await world.db.query<Record<string, unknown>>(
      `select c.status, tokens_in > 0 and tokens_out > 0 as counted, request::text || response::text as kept, c.id from provider_calls c join tasks t on t.id = c.task_id order by c.created_at`,
    );
    expect(calls.map(({ status, counted }) => [status, counted])).toEqual(Array(3).fill(['completed', true]));
    expect(calls.map(({ kept }) => kept).join()).not.toContain('hush');
    // Only the answer that never arrived was asked for again, under the same id.
    expect(calls.map(({ id }) => world.server.answeredByCall.get(id as string))).toEqual([2, 1, 1]);
  });

  test('that got nothing usable twice has failed with one sentence, and a retry asks anew', async () => {
    const answers = ['Sure! Here they are:', '{"moments": [', { moments: found }];
    const world = await open({
      chat: ({ body }) =>
        JSON.stringify(body.response_format).includes('"importance"') ? answers.shift() : answerOf(body),
    });
    const { runId, videoId } = await world.order();
    const run = await world.ended(runId);
    expect(run).toMatchObject({ status: 'failed', error_stage: 'moments', moments: null });
    expect(run.error_message).toMatch(
      /^model "a-model" of 127\.0\.0\.1:\d+ answered twice with what cannot be used \(it is not JSON, or breaks off\): retry the task, or choose another model$/,
    );
    const tasks = await world.tasks(runId);
    expect(tasks.map(({ key, status, attempts }) => [key, status, attempts])).toEqual([
      ['moments', 'failed', 1],
      ['refine', 'skipped', 0],
      ['score', 'skipped', 0],
    ]);
    const { tickets } = await world.operator.retry('test', { runs: [runId] });
    await world.queue.send(tickets);
    expect(await world.ended(runId)).toMatchObject({ status: 'completed', moments: 2 });
    expect(await world.rows(videoId)).toHaveLength(3);
    expect(answers).toEqual([]);
  });

  test('whose scores failed is partial, and its moments are cut all the same; so is one whose clips failed in part', async () => {
    const cut: string[] = [];
    // Stands for the real one, which has its own tests: here one of two clips cannot be made.
    const failing = defineStage({
      ...{ name: 'clip', description: 'fails for one moment', input: clip.input, output: clip.output },
      async run({ input, storage }) {
        const { moment } = input as { moment: ClipsParams['moments'][number] };
        if (moment.title === 'The first thing') throw new PermanentError('this clip cannot be cut');
        cut.push(moment.id);
        const stored = await storage.put('clip.mp4', Buffer.from('clip'), { kind: 'clip', contentType: 'video/mp4' });
        return {
          ...{
            clip: stored,
            momentId: moment.id,
            existing: false,
            replace: false,
            start: moment.start,
            end: moment.end,
          },
          ...{ paddingLeft: 0, paddingRight: 0, videoCodec: 'h264', audioCodec: null, width: 2, height: 2 },
          ...{ frames: 1, copiedFrames: 0, encodedFrames: 1, likeness: 1 },
        } as never;
      },
    });
    const pictured = defineStage({
      ...{ name: 'thumbnail', description: 'a picture', input: thumbnail.input, output: thumbnail.output },
      run: async ({ storage }) => ({
        thumbnail: await storage.put('thumbnail.jpg', Buffer.from('jpg'), {
          kind: 'thumbnail',
          contentType: 'image/jpeg',
        }),
        ...{ width: 1280, height: 720 },
      }),
    });
    const world = await open(
      {
        chat: ({ body }) =>
          JSON.stringify(body.response_format).includes('"scores"') ? 'no scores today' : answerOf(body),
      },
      [failing, pictured] as AnyStage[],
    );
    const { runId, videoId } = await world.order({ clips: true });
    expect(await world.ended(runId)).toMatchObject({ status: 'partial', moments: 2, clips: 1 });
    const tasks = await world.tasks(runId);
    expect(tasks.map(({ key, status }) => [key, status])).toEqual([
      ['clip-thumbnail/01', 'skipped'],
      ['clip-thumbnail/02', 'completed'],
      ['clip/01', 'failed'],
      ['clip/02', 'completed'],
      ['moments', 'completed'],
      ['refine', 'completed'],
      ['score', 'failed'],
    ]);
    const roots = (await world.rows(videoId)).filter(({ is_refined: refined }) => !refined);
    expect(cut).toEqual([roots[1]?.id]);
    expect(roots.map(({ score }) => score)).toEqual([null, null]);
  });
});
