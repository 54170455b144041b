-- The life of a video once it is there: edited, deleted, restored, purged. Every refusal is one sentence (RF400).
--
-- A deleted video is hidden at once (deleted_at) and its files move, by tasks, between their own place, runs/<run>/…, and
-- the archive, archive/<video>/runs/<run>/…. At every moment a row names the archive only when all files are there: the
-- rows are rewritten when an archive completes, and when a restore is ordered. Meanwhile they name runs/…, so that what
-- lies there is named, and what lies in the archive is no business of gc's: nothing is collected on the way.
--
-- Runs that move files say so in their params (`life`: archive, restore or purge). Locks: runs by id, tasks by id, then
-- the video; whoever finds a run that came in between starts anew (serialization_failure is repeated by the caller).

-- What a run for files of this video has to look through: the folders of its runs, also of those that retention has taken.
create or replace function reelfleet.video_folders(p_video uuid) returns jsonb
language plpgsql stable set search_path = public, pg_temp as $$
begin
  return (
    select coalesce(jsonb_agg(distinct f.folder order by f.folder), '[]')
    from (
      select 'runs/' || r.id as folder from pipeline_runs r where r.video_id = p_video
      union all
      select 'runs/' || substring(a.uri from '/runs/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/') from artifacts a
      where a.video_id = p_video and a.run_id is null
    ) f where f.folder is not null);
end $$;

-- Every row of this video that names a file below p_from names it below p_to: each table is one statement over an index.
-- Both are addresses with the slash at their end. Returns how many files are named anew.
create or replace function reelfleet.move_files(p_video uuid, p_from text, p_to text) returns int
language plpgsql set search_path = public, pg_temp as $$
declare
  skip constant int := length(p_from) + 1;
  n int;
begin
  perform set_config('reelfleet.moving', 'on', true);
  update artifacts set uri = p_to || substr(uri, skip) where video_id = p_video and starts_with(uri, p_from);
  get diagnostics n = row_count;
  update thumbnails set uri = p_to || substr(uri, skip)
  where (video_id = p_video or clip_id in (select c.id from clips c where c.video_id = p_video)) and starts_with(uri, p_from);
  update clips set uri = p_to || substr(uri, skip) where video_id = p_video and starts_with(uri, p_from);
  update video_qualities set playlist_uri = p_to || substr(playlist_uri, skip) where video_id = p_video and starts_with(playlist_uri, p_from);
  update transcripts set vtt_path = p_to || substr(vtt_path, skip) where video_id = p_video and starts_with(vtt_path, p_from);
  update audio_tracks set local_file_path = p_to || substr(local_file_path, skip)
  where video_job_id in (select j.id from video_jobs j where j.video_id = p_video) and starts_with(local_file_path, p_from);
  update images set local_file_path = p_to || substr(local_file_path, skip)
  where video_job_id in (select j.id from video_jobs j where j.video_id = p_video) and starts_with(local_file_path, p_from);
  update render_tasks set local_video_path = p_to || substr(local_video_path, skip)
  where video_job_id in (select j.id from video_jobs j where j.video_id = p_video) and starts_with(local_video_path, p_from);
  update video_jobs set
    local_video_path = case when starts_with(local_video_path, p_from) then p_to || substr(local_video_path, skip) else local_video_path end,
    output_directory = case when starts_with(output_directory, p_from) then p_to || substr(output_directory, skip) else output_directory end
  where video_id = p_video and (starts_with(local_video_path, p_from) or starts_with(output_directory, p_from));
  update videos set
    video_url = case when starts_with(video_url, p_from) then p_to || substr(video_url, skip) else video_url end,
    thumbnail_url = case when starts_with(thumbnail_url, p_from) then p_to || substr(thumbnail_url, skip) else thumbnail_url end
  where id = p_video and (starts_with(video_url, p_from) or starts_with(thumbnail_url, p_from));
  perform set_config('reelfleet.moving', '', true);
  return n;
end $$;

-- A transcript is written once; only the address of its captions follows the file. (A trigger before an update may not ask by
-- its condition whether a row changes that has a generated column: that one is not computed yet, and follows from the others.)
create or replace function reelfleet.immutable_transcript() returns trigger
language plpgsql set search_path = public, pg_temp as $$
declare
  was constant jsonb := to_jsonb(old) - 'search_vector';
  becomes constant jsonb := to_jsonb(new) - 'search_vector';
begin
  if becomes = was or current_setting('reelfleet.moving', true) = 'on' and becomes - 'vtt_path' = was - 'vtt_path' then
    return new;
  end if;
  raise exception '% are written once; row % cannot be changed, only replaced by a new one', tg_table_name, old.id
    using errcode = 'check_violation';
end $$;
create or replace trigger immutable before update on public.transcripts
  for each row execute function reelfleet.immutable_transcript();

-- Whether anybody works on this video besides this run: what is told to stop needs a moment for it.
create or replace function reelfleet.video_at_work(p_video uuid, p_run uuid) returns boolean
language plpgsql stable security definer set search_path = public, pg_temp
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off set plan_cache_mode = force_generic_plan as $$
begin
  return exists (select from tasks t where t.video_id = p_video and t.run_id <> p_run and coalesce(t.status, '') = 'running');
end $$;

-- Which unfinished run of this kind the video has: its identifier, or null.
create or replace function reelfleet.life_run(p_video uuid, p_life text) returns text
language plpgsql stable set search_path = public, pg_temp as $$
begin
  if p_life = 'purge' then
    return (select r.identifier from pipeline_runs r where r.idempotency_key = 'purge:' || p_video and coalesce(r.status, '') in ('queued', 'running'));
  end if;
  return (select r.identifier from pipeline_runs r
          where r.video_id = p_video and coalesce(r.status, '') in ('queued', 'running') and r.params->>'life' = p_life
            and r.cancel_requested_at is null limit 1);
end $$;

create or replace function reelfleet.refuse_taken_source(p_video videos) returns void
language plpgsql stable set search_path = public, pg_temp as $$
declare other text;
begin
  select v.identifier into other from videos v
  where v.id <> p_video.id and v.deleted_at is null and (v.source_url = p_video.source_url or v.source_sha256 = p_video.source_sha256) limit 1;
  if found then
    raise exception 'video "%" cannot come back, because "%" was made of the same source meanwhile: delete that one first', p_video.identifier, other
      using errcode = 'RF400';
  end if;
end $$;

-- Cancels the unfinished runs of a video (all, or those of one kind) before its row is locked: settles come in this order.
create or replace function reelfleet.stop_runs(p_actor text, p_video uuid, p_life text) returns jsonb
language plpgsql set search_path = public, pg_temp as $$
declare
  runs uuid[];
begin
  select array_agg(r.id) into runs from pipeline_runs r
  where r.video_id = p_video and coalesce(r.status, '') in ('queued', 'running') and (p_life is null or r.params->>'life' = p_life);
  if runs is null then
    return '{"cancelled": 0, "asked": 0, "tickets": []}';
  end if;
  return reelfleet.operator_cancel(p_actor, runs, '{}');
end $$;

-- The run of an order that came through, though its answer was lost.
create or replace function reelfleet.life_answer(p_item jsonb) returns jsonb
language plpgsql stable set search_path = public, pg_temp as $$
begin
  return (select jsonb_build_object('runId', r.id, 'cancelled', 0, 'asked', 0, 'tickets', '[]'::jsonb)
          from pipeline_runs r where r.id = (p_item->'run'->>'id')::uuid);
end $$;

create or replace function reelfleet.life_enqueue(p_actor text, p_video uuid, p_item jsonb, p_told jsonb) returns jsonb
language plpgsql set search_path = public, pg_temp as $$
declare
  issued jsonb;
begin
  issued := reelfleet.enqueue(jsonb_build_array(jsonb_set(p_item, '{run,params,folders}', reelfleet.video_folders(p_video))), p_actor);
  return p_told || jsonb_build_object('runId', issued->'runs'->0->>'runId', 'tickets', (p_told->'tickets') || (issued->'tickets'));
end $$;

-- Delete: hidden at once, its work cancelled, its files archived by the run p_item.
create or replace function reelfleet.delete_video(p_actor text, p_video uuid, p_item jsonb) returns jsonb
language plpgsql security definer set search_path = public, pg_temp
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off set plan_cache_mode = force_generic_plan as $$
declare
  told jsonb := reelfleet.life_answer(p_item);
  video videos;
begin
  if told is not null then return told; end if;
  told := reelfleet.stop_runs(p_actor, p_video, null);
  select * into video from videos v where v.id = p_video for update;
  if not found then
    raise exception 'this video is not there any more' using errcode = 'RF400';
  end if;
  if video.deleted_at is not null then
    raise exception 'video "%" is deleted already: restore it, or purge it for good', video.identifier using errcode = 'RF400';
  end if;
  if exists (select from pipeline_runs r where r.video_id = p_video and coalesce(r.status, '') in ('queued', 'running') and r.cancel_requested_at is null) then
    raise exception 'another run of this video began just now' using errcode = 'serialization_failure';
  end if;
  perform set_config('reelfleet.actor', p_actor, true);
  perform set_config('reelfleet.action', 'delete', true);
  update videos set deleted_at = now() where id = p_video;
  perform set_config('reelfleet.action', '', true);
  return reelfleet.life_enqueue(p_actor, p_video, p_item, told);
end $$;

-- Restore: the rows name the files' own place again (p_from is the archive's address of it), the run p_item brings them
-- there, and when they are all back the video is shown again.
create or replace function reelfleet.restore_video(p_actor text, p_video uuid, p_item jsonb) returns jsonb
language plpgsql security definer set search_path = public, pg_temp
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off set plan_cache_mode = force_generic_plan as $$
declare
  told jsonb := reelfleet.life_answer(p_item);
  video videos;
  busy text;
begin
  if told is not null then return told; end if;
  told := reelfleet.stop_runs(p_actor, p_video, 'archive');
  select * into video from videos v where v.id = p_video for update;
  if not found then
    raise exception 'this video is not there any more: it was purged' using errcode = 'RF400';
  end if;
  if video.deleted_at is null then
    raise exception 'video "%" is not deleted: there is nothing to restore', video.identifier using errcode = 'RF400';
  end if;
  busy := reelfleet.life_run(p_video, 'restore');
  if busy is not null then
    raise exception 'video "%" is being restored already: watch run %', video.identifier, busy using errcode = 'RF400';
  end if;
  perform reelfleet.refuse_purged(video);
  perform reelfleet.refuse_taken_source(video);
  if reelfleet.life_run(p_video, 'archive') is not null then
    raise exception 'another run of this video began just now' using errcode = 'serialization_failure';
  end if;
  perform reelfleet.name_live(p_actor, p_video, p_item->'run'->'params');
  return reelfleet.life_enqueue(p_actor, p_video, p_item, told);
end $$;

create or replace function reelfleet.refuse_purged(p_video videos) returns void
language plpgsql stable set search_path = public, pg_temp as $$
declare
  purge pipeline_runs;
begin
  select * into purge from pipeline_runs r where r.idempotency_key = 'purge:' || p_video.id;
  if purge.started_at is not null then
    raise exception 'video "%" cannot be restored: its purge has begun, and files of it are gone (run %)', p_video.identifier, purge.identifier
      using errcode = 'RF400';
  end if;
  if purge.status in ('queued', 'running') then
    raise exception 'video "%" is about to be purged: cancel run % first', p_video.identifier, purge.identifier using errcode = 'RF400';
  end if;
end $$;

create or replace function reelfleet.name_live(p_actor text, p_video uuid, p_params jsonb) returns void
language plpgsql set search_path = public, pg_temp as $$
begin
  perform set_config('reelfleet.actor', p_actor, true);
  perform set_config('reelfleet.action', 'unarchive', true);
  perform reelfleet.move_files(p_video, p_params->>'archiveUri', p_params->>'liveUri');
  perform set_config('reelfleet.action', '', true);
end $$;

-- Purge: of a deleted video only. One run does it, whoever asks how often (its key is the video's); one that failed or
-- was cancelled goes on.
create or replace function reelfleet.purge_video(p_actor text, p_video uuid, p_item jsonb) returns jsonb
language plpgsql security definer set search_path = public, pg_temp
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off set plan_cache_mode = force_generic_plan as $$
declare
  told jsonb := reelfleet.life_answer(p_item);
  purge pipeline_runs;
  video videos;
  busy text;
begin
  if told is not null then return told; end if;
  select * into purge from pipeline_runs r where r.idempotency_key = 'purge:' || p_video;
  told := reelfleet.stop_runs(p_actor, p_video, 'archive');
  if purge.id is not null and purge.status not in ('queued', 'running') then
    told := reelfleet.operator_retry(p_actor, array[purge.id], '{}') || jsonb_build_object('runId', purge.id) || (told - 'tickets');
  end if;
  select * into video from videos v where v.id = p_video for update;
  if not found then
    raise exception 'this video is not there any more: it was purged' using errcode = 'RF400';
  end if;
  if video.deleted_at is null then
    raise exception 'video "%" is not deleted: delete it first, which can be undone', video.identifier using errcode = 'RF400';
  end if;
  busy := reelfleet.life_run(p_video, 'restore');
  if busy is not null then
    raise exception 'video "%" is being restored: cancel run % first', video.identifier, busy using errcode = 'RF400';
  end if;
  if reelfleet.life_run(p_video, 'archive') is not null then
    raise exception 'another run of this video began just now' using errcode = 'serialization_failure';
  end if;
  if purge.id is null then
    return reelfleet.life_enqueue(p_actor, p_video, jsonb_set(p_item, '{run,idempotency_key}', to_jsonb('purge:' || p_video)), told);
  end if;
  if purge.status in ('queued', 'running') then
    raise exception 'video "%" is being purged already: watch run %', video.identifier, purge.identifier using errcode = 'RF400';
  end if;
  return told;
end $$;

-- Retry of runs that move files: only where the order still stands. Called by operator_retry, which holds their locks.
create or replace function reelfleet.retry_life(p_actor text, p_runs uuid[]) returns void
language plpgsql set search_path = public, pg_temp as $$
declare
  run record;
  video videos;
  busy text;
begin
  for run in
    select r.id, r.identifier, r.params, coalesce(r.video_id, (r.params->>'videoId')::uuid) as video_id from pipeline_runs r
    where r.id = any(p_runs) and (r.video_id is not null or r.params ? 'life') order by r.id
  loop
    select * into video from videos v where v.id = run.video_id for update;
    if not run.params ? 'life' then
      if video.deleted_at is not null then
        raise exception 'the video of run % is deleted: restore it first (reelfleet videos restore %)', run.identifier, video.identifier
          using errcode = 'RF400';
      end if;
      continue;
    end if;
    if video.deleted_at is null then
      raise exception 'run % has nothing to do any more: its video % is %', run.identifier, coalesce(video.identifier, run.video_id::text),
        case when video.id is null then 'gone' else 'not deleted' end using errcode = 'RF400';
    end if;
    select r.identifier into busy from pipeline_runs r
    where r.id <> run.id and coalesce(r.status, '') in ('queued', 'running') and r.cancel_requested_at is null
      and ((r.video_id = run.video_id and r.params ? 'life') or r.idempotency_key = 'purge:' || run.video_id) limit 1;
    if found then
      raise exception 'run % must wait: run % is at work on the files of the same video', run.identifier, busy using errcode = 'RF400';
    end if;
    if run.params->>'life' = 'restore' then
      perform reelfleet.refuse_purged(video);
      perform reelfleet.refuse_taken_source(video);
      perform reelfleet.name_live(p_actor, video.id, run.params);
    end if;
  end loop;
end $$;

-- What the completing settle of such a run writes; asked for by its recorder (25-records.sql).
create or replace function reelfleet.end_life(p_life text, p_video uuid, p_values jsonb) returns void
language plpgsql set search_path = public, pg_temp as $$
declare
  video videos;
begin
  select * into video from videos v where v.id = p_video for update;
  if not found then return; end if;
  if video.deleted_at is null then
    raise exception 'video "%" is not deleted any more: nothing of it is moved', video.identifier using errcode = 'RF400';
  end if;
  perform set_config('reelfleet.action', p_life, true);
  case p_life
    when 'archive' then
      -- A restore that was ordered meanwhile brings back what came here: then the rows stay as they are.
      if reelfleet.life_run(p_video, 'restore') is null then
        perform reelfleet.move_files(p_video, p_values->>'from', p_values->>'to');
      end if;
    when 'restore' then
      perform reelfleet.refuse_taken_source(video);
      update videos set deleted_at = null where id = p_video;
    when 'purge' then
      -- The last entry of its audit trail. Receipts stay, and the order of an album with its tracks, stills and licences.
      update videos set video_url = null, thumbnail_url = null where id = p_video;
      update video_jobs set local_video_path = null where video_id = p_video;
      delete from videos where id = p_video;
  end case;
  perform set_config('reelfleet.action', '', true);
end $$;

-- Deleted videos whose time is over get their purge, one run of p_items each, as many as there are. Bounded; call again
-- while it answers tickets. Whose purge has failed waits for an operator.
create or replace function reelfleet.sweep_purge(p_actor text, p_days int, p_items jsonb) returns jsonb
language plpgsql security definer set search_path = public, pg_temp
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off set plan_cache_mode = force_generic_plan as $$
declare
  due record;
  item jsonb;
  issued jsonb := '[]';
begin
  for due in
    select v.id, v.title, p_items->(row_number() over (order by v.deleted_at, v.id) - 1)::int as item from videos v
    where v.deleted_at < now() - make_interval(days => p_days)
      and not exists (select from pipeline_runs r where r.idempotency_key = 'purge:' || v.id)
      and reelfleet.life_run(v.id, 'restore') is null
    order by v.deleted_at, v.id limit jsonb_array_length(p_items)
  loop
    begin
      item := jsonb_set(due.item, '{run,params}', due.item->'run'->'params' || jsonb_build_object('videoId', due.id, 'title', due.title));
      item := jsonb_set(item, '{tasks,0,title}', to_jsonb(left((item->'tasks'->0->>'title') || due.title, 200)));
      issued := issued || (reelfleet.purge_video(p_actor, due.id, item)->'tickets');
    exception when sqlstate 'RF400' or serialization_failure or lock_not_available then
      -- Somebody else was quicker; what is left is found by the next sweep of this kind.
    end;
  end loop;
  return issued;
end $$;

-- An edit carries the version it read. p_change: {title, description, categoryId, addTags: [{id, name, slug}], removeTags: [slug]},
-- what is not there stays. Tags are made as they are needed. Returns the new version.
create or replace function reelfleet.edit_video(p_actor text, p_video uuid, p_version int, p_change jsonb) returns int
language plpgsql security definer set search_path = public, pg_temp
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off set plan_cache_mode = force_generic_plan as $$
declare
  now_at int;
begin
  perform set_config('reelfleet.actor', p_actor, true);
  perform set_config('reelfleet.action', 'edit', true);
  update videos v set
    title = coalesce(p_change->>'title', v.title),
    description = coalesce(p_change->>'description', v.description),
    category_id = case when p_change ? 'categoryId' then (p_change->>'categoryId')::uuid else v.category_id end
  where v.id = p_video and v.state_version = p_version and v.deleted_at is null returning v.state_version into now_at;
  if not found then
    select v.state_version into now_at from videos v where v.id = p_video and v.deleted_at is null;
    if not found then
      raise exception 'this video is not there any more' using errcode = 'RF400';
    end if;
    raise exception 'the video was changed meanwhile: it is at version %, not %; read it again and repeat the edit', now_at, p_version using errcode = 'RF400';
  end if;
  if p_change ? 'addTags' then
    insert into tags (id, name, slug) select t.id, t.name, t.slug from jsonb_to_recordset(p_change->'addTags') as t(id uuid, name text, slug text)
    order by t.slug on conflict do nothing;
    insert into video_tags (video_id, tag_id)
    select p_video, t.id from jsonb_to_recordset(p_change->'addTags') as a(slug text) join tags t on t.slug = a.slug on conflict do nothing;
  end if;
  if p_change ? 'removeTags' then
    delete from video_tags x using tags t
    where x.video_id = p_video and t.id = x.tag_id and t.slug in (select jsonb_array_elements_text(p_change->'removeTags'));
  end if;
  perform set_config('reelfleet.action', '', true);
  return now_at;
end $$;
