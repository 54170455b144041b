import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { migratedDatabase, type TestDatabase } from './testing.ts';

/** Heading → SQL of docs/queries.md. */
const queries = new Map(
  [
    ...readFileSync(join(import.meta.dirname, '../../../docs/queries.md'), 'utf8').matchAll(
      /^### (.+)\n(?:(?!```|#).*\n)*```sql\n([\s\S]*?)```/gm,
    ),
  ].map(([, heading = '', sql = '']) => [heading, sql]),
);

const id = (n: number) => `00000000-0000-7000-8000-${String(n).padStart(12, '0')}`;
const [channel, quiet, job, fresh, video, deleted, category, run, transcode, transcript, prompt, moment] = Array.from(
  { length: 12 },
  (_, n) => id(n + 1),
) as [string, string, string, string, string, string, string, string, string, string, string, string];

const rows = `
  insert into channels (id, name, brand_niche, is_active) values ('${channel}', 'Castle', 'medieval', true), ('${quiet}', 'Quiet', 'rain', false);
  insert into categories (id, name, slug) values ('${category}', 'Talks', 'talks');
  insert into videos (id, identifier, title, status, category_id, source_url) values
    ('${video}', 'motivation', 'Why 24 hours', 'ready', '${category}', 'https://example.org/a');
  insert into videos (id, identifier, title, status, source_url, deleted_at) values
    ('${deleted}', 'old', 'Old', 'ready', 'https://example.org/a', now());
  insert into video_jobs (id, channel_id, status, niche_label, mood_keywords, target_duration_minutes, output_directory, created_at) values
    ('${job}', '${channel}', 'completed', 'Royal Court', 'elegant', 60, 'runs/1', now() - interval '1 hour'),
    ('${fresh}', '${channel}', 'planned', 'Forest', 'calm', 90, 'runs/2', now());
  insert into audio_tracks (video_job_id, provider, order_index, duration_seconds, local_file_path, prompt_text) values
    ('${job}', 'dummy', 2, 181.5, 'b.wav', 'b'), ('${job}', 'dummy', 1, 180, 'a.wav', 'a');
  insert into images (video_job_id, provider, order_index, local_file_path, prompt_text) values
    ('${job}', 'dummy', 2, 'b.png', 'b'), ('${job}', 'dummy', 1, 'a.png', 'a'), ('${job}', 'dummy', 3, 'c.png', 'c');
  insert into video_qualities (video_id, quality, width, height, bitrate) values ('${video}', '720p', 1280, 720, 2500), ('${video}', '480p', 854, 480, 1200);
  insert into pipeline_runs (id, identifier, template, video_id) values ('${run}', 'pipeline:motivation:1', 'ingest', '${video}');
  insert into tasks (id, run_id, video_id, key, stage, last_checkpoint) values
    ('${transcode}', '${run}', '${video}', 'transcode', 'transcode', now() - interval '40 minutes'),
    ('${id(40)}', '${run}', '${video}', 'probe', 'probe', now());
  insert into quality_progress (task_id, quality, status, segments_total, segments_completed, progress_percent) values
    ('${transcode}', '720p', 'in_progress', 10, 4, 40), ('${transcode}', '2160p', 'skipped', null, 0, 0);
  insert into viewers (id, session_id) values ('${id(50)}', 'one'), ('${id(51)}', 'two');
  insert into playback_sessions (video_id, viewer_id, session_token, duration_watched, completed) values
    ('${video}', '${id(50)}', 'a', 3600, true), ('${video}', '${id(50)}', 'b', 1800, false), ('${video}', '${id(51)}', 'c', 1800, true), ('${video}', null, 'd', 0, true);
  insert into transcripts (id, video_id, full_text, word_timestamps, segment_timestamps) values
    ('${transcript}', '${video}', 'The power of daily habits', '[]', '[]');
  insert into prompts (id, user_prompt, system_prompt, prompt_hash) values ('${prompt}', 'find', 'you', 'p');
  insert into generation_configs (id, prompt_id, transcript_id, model, operation_type, config_hash) values ('${id(60)}', '${prompt}', '${transcript}', 'm', 'generation', 'hash');
  insert into moments (id, identifier, video_id, start_time, end_time, title, generation_config_id, score) values
    ('${moment}', '0658152d253996fe', '${video}', 10.5, 45.25, 'Habits', '${id(60)}', 7);
  insert into clips (moment_id, video_id, uri, start_time, end_time, padding_left, padding_right) values ('${moment}', '${video}', 'file:///c.mp4', 0.5, 60.25, 10, 15);
`;

/** What each query is asked, and what must come back. */
const cases: Record<string, { parameters?: unknown[]; expected: unknown }> = {
  'Get all active channels with job counts': {
    expected: [{ id: channel, name: 'Castle', brand_niche: 'medieval', total_jobs: '2', completed_jobs: '1' }],
  },
  'Get video job with all related assets': {
    parameters: [job],
    expected: [
      expect.objectContaining({
        id: job,
        niche_label: 'Royal Court',
        audio_tracks: [
          expect.objectContaining({ order_index: 1, duration_seconds: 180, local_file_path: 'a.wav' }),
          expect.objectContaining({ order_index: 2, duration_seconds: 181.5 }),
        ],
        images: [1, 2, 3].map((order_index) => expect.objectContaining({ order_index })),
      }),
    ],
  },
  'Get jobs ready for next pipeline step': { expected: [expect.objectContaining({ id: fresh, status: 'planned' })] },
  'Get Ready Videos with Category': {
    expected: [expect.objectContaining({ identifier: 'motivation', category_name: 'Talks' })],
  },
  'Get Video with Qualities': {
    parameters: ['motivation'],
    expected: expect.arrayContaining([
      expect.objectContaining({ id: video, quality: '720p', width: 1280, height: 720, bitrate: 2500 }),
      expect.objectContaining({ id: video, quality: '480p' }),
    ]),
  },
  'Get Transcoding Progress': {
    parameters: [video],
    expected: expect.arrayContaining([
      expect.objectContaining({
        id: transcode,
        status: 'queued',
        quality: '720p',
        quality_status: 'in_progress',
        quality_percent: 40,
      }),
      expect.objectContaining({ quality: '2160p', quality_status: 'skipped' }),
    ]),
  },
  'Analytics Overview': {
    expected: [
      { total_views: '4', unique_viewers: '2', watch_hours: 2, completion_rate: expect.stringMatching(/^0\.750*$/) },
    ],
  },
  'Find Stale Jobs': { expected: [expect.objectContaining({ id: transcode })] },
  'Query Interactively: videos': { expected: [expect.anything(), expect.anything()] },
  'Query Interactively: playback sessions': { expected: [{ count: '4' }] },
  'Duplicate download detection': {
    parameters: ['https://example.org/a'],
    expected: [
      { id: video, identifier: 'motivation', deleted_at: null },
      { id: deleted, identifier: 'old', deleted_at: expect.any(Date) },
    ],
  },
  'Reuse of an identical config': { parameters: ['hash'], expected: [{ id: id(60) }] },
  'Full-text search': {
    parameters: ['habit'],
    expected: [{ identifier: 'motivation', title: 'Why 24 hours', rank: expect.any(Number) }],
  },
  'Clips with their length': { expected: [{ title: 'Habits', uri: 'file:///c.mp4', duration_seconds: 59.75 }] },
  'Optimistic concurrency': { parameters: [video, 'A better title', 1], expected: [{ state_version: 2 }] },
  'The audit trail of a video': {
    parameters: [deleted],
    expected: [
      {
        state_version: 1,
        actor: expect.any(String),
        action: 'create',
        was: null,
        became: 'draft',
        timestamp: expect.any(Date),
      },
    ],
  },
  'The audit trail of a task': {
    parameters: [transcode],
    expected: [
      {
        state_version: 1,
        actor: expect.any(String),
        action: 'create',
        was: null,
        became: 'queued',
        timestamp: expect.any(Date),
      },
    ],
  },
};

let database: TestDatabase;
let client: pg.Client;
beforeAll(async () => {
  database = await migratedDatabase();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
  await client.query(rows);
});
afterAll(async () => {
  await client.end();
  await database.drop();
});

describe('docs/queries.md', () => {
  test('has no query without a test and no test without a query', () => {
    expect([...queries.keys()].sort()).toEqual(Object.keys(cases).sort());
  });

  test.each(Object.entries(cases))('%s answers as it should', async (heading, { parameters = [], expected }) => {
    const result = await client.query(queries.get(heading) ?? '', parameters);
    expect(result.rows).toEqual(expected);
  });

  test('an edit that names an old version changes nothing', async () => {
    const { rowCount } = await client.query(queries.get('Optimistic concurrency') ?? '', [video, 'Too late', 1]);
    expect(rowCount).toBe(0);
  });

  test('the search of transcripts can use its index', async () => {
    await client.query('set enable_seqscan = off; set enable_indexscan = off; set enable_nestloop = off');
    const { rows: plan } = await client.query(`explain ${queries.get('Full-text search')}`, ['habit']);
    await client.query('reset all');
    expect(plan.map((line) => line['QUERY PLAN']).join('\n')).toContain('idx_transcripts_full_text');
  });
});
