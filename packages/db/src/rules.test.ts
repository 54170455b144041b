/** The triggers of drizzle/0001_rules.sql: what no statement can do to the domain tables, whoever types it. */
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { migratedDatabase, type TestDatabase } from './testing.ts';

let database: TestDatabase;
let client: pg.Client;

beforeAll(async () => {
  database = await migratedDatabase();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
  // Here only follow_runs is asked what it does; the ledger's guards of runs have tests of their own.
  const { rows } = await client.query(`select tgname from pg_trigger
    where tgrelid = 'pipeline_runs'::regclass and not tgisinternal and tgname <> 'follow_runs'`);
  for (const { tgname } of rows) await client.query(`drop trigger ${pg.escapeIdentifier(tgname)} on pipeline_runs`);
});
afterAll(async () => {
  await client.end();
  await database.drop();
});
beforeEach(() => client.query('begin'));
afterEach(() => client.query('rollback'));

const one = async (sql: string, parameters: unknown[] = []) => (await client.query(sql, parameters)).rows[0];

/** The statement is refused with this message, and the test's transaction goes on. */
async function refused(sql: string, message: RegExp | string): Promise<void> {
  await client.query('savepoint s');
  await expect(client.query(sql)).rejects.toThrow(message);
  await client.query('rollback to s');
}

const video = (identifier: string, more = '') =>
  one(
    `insert into videos (identifier, title ${more && ', '}${more.split('=')[0] ?? ''}) values ($1, 'T' ${more && ', '}${more.split('=')[1] ?? ''}) returning id`,
    [identifier],
  ).then((row) => row.id as string);

describe('a video', () => {
  test('rises by one version at every update, whether or not the statement says so', async () => {
    const id = await video('v');
    await client.query(`update videos set title = 'A'`);
    await client.query('update videos set title = $1, state_version = state_version + 1', ['B']);
    expect(
      await one('select title, state_version, updated_at >= created_at as touched from videos where id = $1', [id]),
    ).toEqual({
      title: 'B',
      state_version: 3,
      touched: true,
    });
    await refused(
      'update videos set state_version = 7',
      'is at version 3, so the next one is 4, not 7; read the row again',
    );
    await refused('update videos set state_version = 1', 'not 1');
    await refused(
      `insert into videos (identifier, title, state_version) values ('x', 'X', 4)`,
      'begins at version 1, not 4',
    );
  });

  test('goes only along the arrows of its two states', async () => {
    await video('v');
    await refused(`update videos set status = 'ready'`, 'video v is pending; it cannot become ready');
    for (const status of ['processing', 'failed', 'processing', 'ready', 'processing']) {
      await client.query('update videos set status = $1', [status]);
    }
    await refused(`update videos set status = 'pending'`, 'it cannot become pending');
    await refused(`update videos set review_status = 'published'`, 'stands at draft; it cannot become published');
    for (const review of ['pending_review', 'rejected', 'draft', 'pending_review', 'published', 'draft']) {
      await client.query('update videos set review_status = $1', [review]);
    }
    await refused(`update videos set review_status = 'whatever'`, 'cannot become whatever');
  });

  test('leaves a trail of every version with who and why, also when a reference is cut', async () => {
    const category = (await one(`insert into categories (name, slug) values ('C', 'c') returning id`)).id;
    const id = await video('v', `category_id='${category}'`);
    await client.query(
      `select set_config('reelfleet.actor', 'ann', true), set_config('reelfleet.action', 'rename', true)`,
    );
    await client.query(`update videos set title = 'New'`);
    await client.query(`select set_config('reelfleet.actor', '', true), set_config('reelfleet.action', '', true)`);
    await client.query('delete from categories');
    const { rows } = await client.query(
      `select state_version, actor = current_user as default_actor, actor, action, state_before->>'title' as was, state_after->>'title' as became,
         state_after->>'category_id' as category from video_audit where video_id = $1 order by id`,
      [id],
    );
    expect(rows).toMatchObject([
      { state_version: 1, default_actor: true, action: 'create', was: null, became: 'T', category },
      { state_version: 2, actor: 'ann', action: 'rename', was: 'T', became: 'New', category },
      { state_version: 3, default_actor: true, action: 'update', was: 'New', became: 'New', category: null },
    ]);
  });

  test('is unique by its source among those that are not deleted', async () => {
    await video('a', `source_url='https://example.org'`);
    await refused(
      `insert into videos (identifier, title, source_url) values ('b', 'B', 'https://example.org')`,
      'uq_videos_source_url',
    );
    await client.query('update videos set deleted_at = now()');
    await video('b', `source_url='https://example.org'`);
    await refused('update videos set deleted_at = null', 'uq_videos_source_url');
  });
});

describe('what is written once', () => {
  test('audit trails take no update, delete or truncate, except retention', async () => {
    await video('v');
    for (const table of ['task_audit', 'video_audit']) {
      await refused(`update ${table} set actor = 'x'`, `${table} is an audit trail`);
      await refused(`delete from ${table}`, `${table} is an audit trail`);
      await refused(`truncate ${table}`, `${table} is an audit trail`);
    }
    await client.query(`set local reelfleet.retention = 'on'`);
    expect((await client.query('delete from video_audit')).rowCount).toBe(1);
    await refused('update video_audit set actor = null', 'only retention removes them');
    await refused('truncate video_audit', '(truncate refused)');
  });

  test('transcripts, prompts and configs do not change, but a config may lose its transcript', async () => {
    const id = await video('v');
    await client.query(
      `insert into transcripts (id, video_id, full_text, word_timestamps, segment_timestamps) values ($1, $1, 'a', '[]', '[]')`,
      [id],
    );
    await client.query(`insert into prompts (id, user_prompt, system_prompt, prompt_hash) values ($1, 'u', 's', 'h')`, [
      id,
    ]);
    await client.query(
      `insert into generation_configs (id, prompt_id, transcript_id, model, operation_type, config_hash) values ($1, $1, $1, 'm', 'generation', 'h')`,
      [id],
    );
    await refused(`update transcripts set full_text = 'b'`, 'transcripts are written once');
    await refused(`update prompts set user_prompt = 'b'`, 'prompts are written once');
    await refused(`update generation_configs set temperature = 1`, 'generation_configs are written once');
    await refused(
      `update generation_configs set temperature = 1, transcript_id = null`,
      'generation_configs are written once',
    );
    await client.query('delete from transcripts');
    expect(await one('select transcript_id from generation_configs')).toEqual({ transcript_id: null });
    await refused(`update generation_configs set transcript_id = '${id}'`, 'generation_configs are written once');
    // An upsert of the same text is no change.
    await client.query(`update prompts set user_prompt = 'u'`);
  });
});

describe('moments and clips', () => {
  const moment = (identifier: string, videoId: string, parent: string | null = null, refined = false) =>
    one(
      `insert into moments (identifier, video_id, start_time, end_time, title, parent_id, is_refined) values ($1, $2, 0, 1, 'M', $3, $4) returning id`,
      [identifier, videoId, parent, refined],
    ).then((row) => row.id as string);
  const clip = (momentId: string, videoId: string) =>
    `insert into clips (moment_id, video_id, uri, start_time, end_time, padding_left, padding_right) values ('${momentId}', '${videoId}', 'u', 0, 1, 0, 0)`;

  test('a refined moment has a parent of the same video, yet the parent can be deleted', async () => {
    const [v, w] = [await video('v'), await video('w')];
    const root = await moment('root', v);
    const refinement = await moment('fine', v, root, true);
    await refused(
      `insert into moments (identifier, video_id, start_time, end_time, title, is_refined) values ('x', '${v}', 0, 1, 'X', true)`,
      'moment x is refined, so it needs the original',
    );
    await refused(`update moments set is_refined = true where id = '${root}'`, 'needs the original');
    await refused(
      `insert into moments (identifier, video_id, start_time, end_time, title, parent_id) values ('x', '${w}', 0, 1, 'X', '${root}')`,
      'belong to different videos',
    );
    await client.query('delete from moments where id = $1', [root]);
    expect(await one('select is_refined, parent_id from moments where id = $1', [refinement])).toEqual({
      is_refined: true,
      parent_id: null,
    });
  });

  test('a clip belongs to a root moment of its own video, and such a moment stays one', async () => {
    const [v, w] = [await video('v'), await video('w')];
    const root = await moment('root', v);
    const other = await moment('other', v);
    const refinement = await moment('fine', v, root, true);
    await refused(clip(refinement, v), 'moment fine is a refinement');
    await refused(clip(root, w), 'moment root belongs to another video');
    await client.query(clip(root, v));
    await refused(
      `update moments set parent_id = '${other}' where id = '${root}'`,
      'has a clip, so it stays a root moment',
    );
    await refused(`update clips set video_id = '${w}'`, 'belongs to another video');
  });
});

describe('workers', () => {
  test('one with running tasks or with keys cannot be deleted, and keys never', async () => {
    const { id } = await one(`insert into workers (worker_name) values ('w1') returning id`);
    await client.query(`insert into pipeline_runs (id, identifier, template) values ($1, 'r', 'single')`, [id]);
    await client.query(`insert into tasks (id, run_id, key, stage) values ($1, $1, 'k', 's')`, [id]);
    await client.query(
      `update tasks set status = 'running', state_version = 2, last_event = 'claim', worker_id = $1, claimed_at = now(), claim_expires_at = now()`,
      [id],
    );
    await refused(
      'delete from workers',
      'worker w1 is working on 1 task(s) and cannot be deleted; drain or disable it',
    );
    const spare = await one(`insert into workers (worker_name) values ('w2') returning id, worker_id`);
    expect(spare.worker_id).toHaveLength(36);
    await client.query(`insert into worker_api_keys (worker_id, key_hash, key_prefix) values ($1, 'h', 'rf_12345')`, [
      spare.id,
    ]);
    await refused(`delete from workers where id = '${spare.id}'`, 'worker w2 has API keys, whose trail is kept');
    await refused(
      'delete from worker_api_keys',
      'API key rf_12345… is part of the trail and cannot be deleted; revoke it',
    );
    await client.query(`insert into workers (worker_name) values ('w3')`);
    expect((await client.query(`delete from workers where worker_name = 'w3'`)).rowCount).toBe(1);
  });

  test('a task that runs holds a whole claim, and no other holds any part of one', async () => {
    await client.query(
      `insert into pipeline_runs (id, identifier, template) values (gen_random_uuid(), 'r', 'single')`,
    );
    const task = (columns: string, values: string) =>
      `insert into tasks (run_id, key, stage, ${columns}) select id, 'k', 's', ${values} from pipeline_runs`;
    await refused(task('status', `'running'`), 'tasks_claim_check');
    await refused(task('status, claimed_at', `'queued', now()`), 'tasks_claim_check');
    await refused(task('progress_percent', '101'), 'tasks_progress_percent_check');
    await refused(task('status', `'sleeping'`), /tasks_status_check|created blocked, queued or skipped/);
  });
});

describe('an album', () => {
  beforeEach(async () => {
    await client.query(`
      insert into channels (id, name, brand_niche) values ('00000000-0000-7000-8000-000000000001', 'C', 'n');
      insert into pipeline_runs (id, identifier, template) values ('00000000-0000-7000-8000-000000000002', 'r', 'album');
      insert into video_jobs (channel_id, run_id, niche_label, mood_keywords, target_duration_minutes, output_directory)
        values ('00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-000000000002', 'n', 'm', 60, 'o');
      create table public.seen (n serial, status text);
      create function see() returns trigger language plpgsql as $$ begin
        insert into public.seen (status) values (new.status); return null; end $$;
      create trigger see after update of status on video_jobs for each row execute function see();`);
  });

  /** Update the run; answer the states an observer of video_jobs sees meanwhile. */
  async function observe(set: string): Promise<string[]> {
    await client.query('truncate public.seen');
    await client.query(`update pipeline_runs set ${set}`);
    return (await client.query('select status from public.seen order by n')).rows.map((row) => row.status);
  }
  const job = () => one('select status, error_message, state_version from video_jobs');

  test('passes every state in order, one update each, however far its run jumps ahead', async () => {
    expect(await observe(`status = 'running', phase = 'planned'`)).toEqual([]);
    expect(await observe(`phase = 'generating_music'`)).toEqual(['generating_music']);
    expect(await observe(`phase = 'rendering'`)).toEqual(['generating_image', 'rendering']);
    expect(await observe(`phase = 'generating_image'`)).toEqual([]);
    expect(await observe(`phase = 'something else'`)).toEqual([]);
    expect(await observe(`status = 'completed'`)).toEqual(['ready_for_export']);
    expect(await job()).toMatchObject({ status: 'ready_for_export', state_version: 5 });
  });

  test('reaches ready_for_export through all states when its run completes at once', async () => {
    expect(await observe(`status = 'partial'`)).toEqual([
      'generating_music',
      'generating_image',
      'rendering',
      'ready_for_export',
    ]);
  });

  test('fails with its run, says why or who, and begins again with a retry', async () => {
    await observe(`status = 'running', phase = 'rendering'`);
    expect(await observe(`status = 'failed', error_message = 'disk full'`)).toEqual(['failed']);
    expect(await job()).toMatchObject({ status: 'failed', error_message: 'disk full' });
    expect(await observe(`status = 'running', phase = 'generating_image'`)).toEqual([
      'planned',
      'generating_music',
      'generating_image',
    ]);
    expect(await job()).toMatchObject({ error_message: null });
    expect(await observe(`status = 'cancelled', cancel_requested_by = 'ann'`)).toEqual(['failed']);
    expect(await job()).toMatchObject({ error_message: 'cancelled by ann' });
    expect(await observe(`status = 'queued'`)).toEqual(['planned', 'generating_music', 'generating_image']);
  });

  test('that was exported stays completed through a retry, but not when its run ends badly', async () => {
    await observe(`status = 'partial'`);
    await client.query(`update video_jobs set status = 'completed'`);
    expect(await observe(`status = 'running', phase = 'rendering'`)).toEqual([]);
    expect(await observe(`status = 'completed'`)).toEqual([]);
    expect(await observe(`status = 'failed', error_stage = 'publish'`)).toEqual(['failed']);
    expect(await job()).toMatchObject({ error_message: 'the run failed in stage publish' });
  });

  test('is 60 to 90 minutes of 20 tracks, unless it says it is a preview', async () => {
    await refused('update video_jobs set target_duration_minutes = 59', 'video_jobs_album_check');
    await refused('update video_jobs set track_count = 4', 'video_jobs_album_check');
    await client.query('update video_jobs set target_duration_minutes = 2, track_count = 4, preview = true');
    await refused('update video_jobs set track_count = 21', 'video_jobs_track_count_check');
  });

  test('has one unfinished run per video and template, and any number of single ones', async () => {
    const id = await video('v');
    const run = (identifier: string, template: string) =>
      `insert into pipeline_runs (identifier, template, video_id) values ('${identifier}', '${template}', '${id}')`;
    await client.query(run('1', 'ingest'));
    await refused(run('2', 'ingest'), 'uq_pipeline_runs_unfinished');
    await client.query(`update pipeline_runs set status = 'completed' where identifier = '1'`);
    await client.query(run('2', 'ingest'));
    await client.query(run('3', 'single'));
    await client.query(run('4', 'single'));
    await refused(`update pipeline_runs set status = 'running' where identifier = '1'`, 'uq_pipeline_runs_unfinished');
  });
});

test('how long a run took follows from its two times', async () => {
  await client.query(
    `insert into pipeline_runs (identifier, template, started_at, completed_at) values ('r', 'single', '2026-01-01', '2026-01-01 00:15:00.5')`,
  );
  expect(await one('select duration_seconds from pipeline_runs')).toEqual({ duration_seconds: 900.5 });
});
