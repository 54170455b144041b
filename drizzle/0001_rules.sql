-- What drizzle cannot express: the rules of the domain tables, as triggers, and storage settings.
-- The rules of the engine's own tables (tasks, pipeline_runs) lie with the ledger functions in packages/db/sql/.
-- Every refusal is one sentence with SQLSTATE 23514, so that it can be shown to people as it is.

create schema if not exists reelfleet;
--> statement-breakpoint
-- Room on the page for heartbeats and progress, so that they stay HOT updates.
alter table tasks set (fillfactor = 70);
--> statement-breakpoint
insert into sweep_turn (id) values (true) on conflict do nothing;
--> statement-breakpoint

-- Optimistic concurrency -------------------------------------------------------------------------------------------

-- Every update raises state_version by exactly one, whether or not the statement says so: an editor that names the
-- version it read in its WHERE clause can never overwrite a change it has not seen.
create function reelfleet.raise_version() returns trigger
language plpgsql set search_path = public, pg_temp as $$
begin
  if new.state_version is distinct from old.state_version and new.state_version is distinct from old.state_version + 1 then
    raise exception '% % is at version %, so the next one is %, not %; read the row again and repeat the edit',
      tg_table_name, old.id, old.state_version, old.state_version + 1, coalesce(new.state_version::text, 'null')
      using errcode = 'check_violation';
  end if;
  new.state_version := old.state_version + 1;
  new.updated_at := now();
  return new;
end $$;
--> statement-breakpoint
create function reelfleet.first_version() returns trigger
language plpgsql set search_path = public, pg_temp as $$
begin
  if new.state_version <> 1 then
    raise exception 'a new row of % begins at version 1, not %', tg_table_name, new.state_version using errcode = 'check_violation';
  end if;
  return new;
end $$;
--> statement-breakpoint
create function reelfleet.touch() returns trigger
language plpgsql set search_path = public, pg_temp as $$
begin
  new.updated_at := now();
  return new;
end $$;
--> statement-breakpoint
create trigger first_version before insert on videos for each row execute function reelfleet.first_version();
--> statement-breakpoint
create trigger raise_version before update on videos for each row execute function reelfleet.raise_version();
--> statement-breakpoint
create trigger first_version before insert on video_jobs for each row execute function reelfleet.first_version();
--> statement-breakpoint
create trigger raise_version before update on video_jobs for each row execute function reelfleet.raise_version();
--> statement-breakpoint
create trigger touch before update on channels for each row execute function reelfleet.touch();
--> statement-breakpoint
create trigger touch before update on moments for each row execute function reelfleet.touch();
--> statement-breakpoint

-- Videos: two state machines and the audit -------------------------------------------------------------------------

create function reelfleet.guard_video() returns trigger
language plpgsql set search_path = public, pg_temp as $$
begin
  if new.status <> old.status and (old.status, new.status) not in (
    ('pending', 'processing'),
    ('processing', 'ready'), ('processing', 'failed'),
    ('ready', 'processing'), ('failed', 'processing'))
  then
    raise exception 'video % is %; it cannot become %', old.identifier, old.status, new.status using errcode = 'check_violation';
  end if;
  if new.review_status <> old.review_status and (old.review_status, new.review_status) not in (
    ('draft', 'pending_review'),
    ('pending_review', 'published'), ('pending_review', 'rejected'),
    ('rejected', 'draft'), ('published', 'draft'))
  then
    raise exception 'the review of video % stands at %; it cannot become %', old.identifier, old.review_status, new.review_status
      using errcode = 'check_violation';
  end if;
  return new;
end $$;
--> statement-breakpoint
create trigger guard_video before update of status, review_status on videos
  for each row execute function reelfleet.guard_video();
--> statement-breakpoint

-- Who and why come from the settings reelfleet.actor and reelfleet.action of the transaction. A setting that was made
-- local to an earlier transaction reads as '', not as null.
create function reelfleet.audit_video() returns trigger
language plpgsql set search_path = public, pg_temp as $$
begin
  insert into public.video_audit (video_id, actor, action, state_before, state_after, state_version)
  values (
    new.id,
    coalesce(nullif(current_setting('reelfleet.actor', true), ''), current_user),
    coalesce(nullif(current_setting('reelfleet.action', true), ''), case tg_op when 'INSERT' then 'create' else 'update' end),
    case tg_op when 'UPDATE' then to_jsonb(old) end,
    to_jsonb(new),
    new.state_version);
  return null;
end $$;
--> statement-breakpoint
create trigger audit_video after insert or update on videos for each row execute function reelfleet.audit_video();
--> statement-breakpoint

-- What is written once ---------------------------------------------------------------------------------------------

-- An audit trail only grows. Retention, which says so in reelfleet.retention, may remove old rows.
create function reelfleet.append_only() returns trigger
language plpgsql set search_path = public, pg_temp as $$
begin
  if tg_op = 'DELETE' and current_setting('reelfleet.retention', true) = 'on' then
    return null;
  end if;
  raise exception '% is an audit trail: rows are only added, and only retention removes them (% refused)', tg_table_name, lower(tg_op)
    using errcode = 'check_violation';
end $$;
--> statement-breakpoint
create trigger append_only before update or delete or truncate on task_audit
  for each statement execute function reelfleet.append_only();
--> statement-breakpoint
create trigger append_only before update or delete or truncate on video_audit
  for each statement execute function reelfleet.append_only();
--> statement-breakpoint
create function reelfleet.immutable() returns trigger
language plpgsql set search_path = public, pg_temp as $$
begin
  raise exception '% are written once; row % cannot be changed, only replaced by a new one', tg_table_name, old.id
    using errcode = 'check_violation';
end $$;
--> statement-breakpoint
create trigger immutable before update on transcripts
  for each row when (old.* is distinct from new.*) execute function reelfleet.immutable();
--> statement-breakpoint
create trigger immutable before update on prompts
  for each row when (old.* is distinct from new.*) execute function reelfleet.immutable();
--> statement-breakpoint
-- A config may lose its transcript (ON DELETE SET NULL), and that is all that may happen to it.
create function reelfleet.immutable_config() returns trigger
language plpgsql set search_path = public, pg_temp as $$
begin
  if to_jsonb(new) - 'transcript_id' = to_jsonb(old) - 'transcript_id' and new.transcript_id is null then
    return new;
  end if;
  raise exception 'generation_configs are written once; row % cannot be changed, only replaced by a new one', old.id
    using errcode = 'check_violation';
end $$;
--> statement-breakpoint
create trigger immutable before update on generation_configs
  for each row when (old.* is distinct from new.*) execute function reelfleet.immutable_config();
--> statement-breakpoint

-- Moments and clips ------------------------------------------------------------------------------------------------

-- A trigger and not a CHECK: under ON DELETE SET NULL a CHECK would make the parent undeletable.
create function reelfleet.guard_moment() returns trigger
language plpgsql set search_path = public, pg_temp as $$
begin
  if new.is_refined and new.parent_id is null and (tg_op = 'INSERT' or not old.is_refined) then
    raise exception 'moment % is refined, so it needs the original as its parent_id', new.identifier using errcode = 'check_violation';
  end if;
  if exists (select from public.moments p where p.id = new.parent_id and p.video_id <> new.video_id) then
    raise exception 'moment % and its parent belong to different videos', new.identifier using errcode = 'check_violation';
  end if;
  if tg_op = 'UPDATE' and exists (
    select from public.clips c where c.moment_id = new.id
      and (new.is_refined or new.parent_id is not null or new.video_id <> c.video_id))
  then
    raise exception 'moment % has a clip, so it stays a root moment of its video', new.identifier using errcode = 'check_violation';
  end if;
  return new;
end $$;
--> statement-breakpoint
create trigger guard_moment before insert or update of is_refined, parent_id, video_id on moments
  for each row execute function reelfleet.guard_moment();
--> statement-breakpoint
create function reelfleet.guard_clip() returns trigger
language plpgsql set search_path = public, pg_temp as $$
declare
  moment record;
begin
  select m.identifier, m.video_id, m.is_refined, m.parent_id into moment from public.moments m where m.id = new.moment_id;
  if not found then
    return new; -- the foreign key says so
  end if;
  if moment.is_refined or moment.parent_id is not null then
    raise exception 'moment % is a refinement; a clip belongs to the root moment', moment.identifier using errcode = 'check_violation';
  end if;
  if moment.video_id is distinct from new.video_id then
    raise exception 'moment % belongs to another video than its clip', moment.identifier using errcode = 'check_violation';
  end if;
  return new;
end $$;
--> statement-breakpoint
create trigger guard_clip before insert or update of moment_id, video_id on clips
  for each row execute function reelfleet.guard_clip();
--> statement-breakpoint

-- Workers and their keys -------------------------------------------------------------------------------------------

create function reelfleet.guard_worker() returns trigger
language plpgsql set search_path = public, pg_temp as $$
declare
  running bigint;
begin
  select count(*) into running from public.tasks t where t.worker_id = old.id and t.status = 'running';
  if running > 0 then
    raise exception 'worker % is working on % task(s) and cannot be deleted; drain or disable it', coalesce(old.worker_name, old.worker_id), running
      using errcode = 'check_violation';
  end if;
  if exists (select from public.worker_api_keys k where k.worker_id = old.id) then
    raise exception 'worker % has API keys, whose trail is kept, and cannot be deleted; disable it', coalesce(old.worker_name, old.worker_id)
      using errcode = 'check_violation';
  end if;
  return old;
end $$;
--> statement-breakpoint
create trigger guard_worker before delete on workers for each row execute function reelfleet.guard_worker();
--> statement-breakpoint
create function reelfleet.guard_api_key() returns trigger
language plpgsql set search_path = public, pg_temp as $$
begin
  raise exception 'API key %… is part of the trail and cannot be deleted; revoke it by setting revoked_at', old.key_prefix
    using errcode = 'check_violation';
end $$;
--> statement-breakpoint
create trigger guard_api_key before delete on worker_api_keys for each row execute function reelfleet.guard_api_key();
--> statement-breakpoint

-- An album follows its run -----------------------------------------------------------------------------------------

-- Within an attempt at the run its status only moves forward, through every state in order and with one update each, so
-- that whoever observes the table sees them all. A retry of an ended run may begin again. An album that was exported or
-- published (completed) stays so unless its run ends badly.
create function reelfleet.follow_run() returns trigger
language plpgsql set search_path = public, pg_temp as $$
declare
  states constant public.video_job_status[] := array['planned', 'generating_music', 'generating_image', 'rendering', 'ready_for_export'];
  ended constant text[] := array['completed', 'failed', 'partial', 'cancelled'];
  job record;
  target public.video_job_status;
  step public.video_job_status;
begin
  select j.id, j.status into job from public.video_jobs j where j.run_id = new.id for update;
  if not found then
    return null;
  end if;

  if new.status in ('failed', 'cancelled') then
    if job.status <> 'failed' then
      update public.video_jobs set status = 'failed', error_message = case new.status
          when 'cancelled' then 'cancelled by ' || coalesce(new.cancel_requested_by, 'an operator')
          else coalesce(new.error_message, 'the run failed' || coalesce(' in stage ' || new.error_stage, '')) end
        where id = job.id;
    end if;
    return null;
  end if;

  if job.status = 'completed' then
    return null;
  end if;
  if new.status in ('completed', 'partial') then
    target := 'ready_for_export';
  elsif new.phase = any (states::text[]) then
    target := new.phase::public.video_job_status;
  end if;

  if old.status = any (ended) and new.status <> old.status and (job.status = 'failed' or target < job.status) then
    target := coalesce(target, 'planned');
    update public.video_jobs set status = 'planned', error_message = null where id = job.id;
    job.status := 'planned';
  end if;

  if target is null or job.status = 'failed' then
    return null;
  end if;
  foreach step in array states loop
    if step > job.status and step <= target then
      update public.video_jobs set status = step where id = job.id;
    end if;
  end loop;
  return null;
end $$;
--> statement-breakpoint
create trigger follow_run after update of status, phase on pipeline_runs
  for each row when (old.status is distinct from new.status or old.phase is distinct from new.phase)
  execute function reelfleet.follow_run();
