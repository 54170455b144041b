-- Domain rows a recorder asks for, applied in order. Tables are allow-listed; columns must exist (the catalog says) and
-- exactly those present are written, so that defaults stand. What ends the moving of a video's files (archive, restore,
-- purge) concerns thousands of rows of many tables, and is one function of its own: 37-videos.sql; so are a clip and its picture,
-- which take the place of others: 26-clips.sql. p_run is the run whose task
-- has made the rows, if a task has; of runs a recorder may only count up what its own one has made.

drop function if exists reelfleet.apply_records(jsonb);
create or replace function reelfleet.apply_records(p_records jsonb, p_run uuid default null) returns void
language plpgsql set search_path = public, pg_temp as $$
declare
  allowed constant text[] := array['channels', 'personas', 'categories', 'tags', 'video_tags', 'videos', 'video_jobs', 'audio_tracks',
    'images', 'render_tasks', 'thumbnails', 'transcripts', 'prompts', 'generation_configs', 'moments', 'clips', 'quality_progress',
    'video_qualities', 'safety_reports', 'publish_receipts'];
  rec record;
  cols text[];
  keys text[];
  col_list text;
  match text;
  sets text;
  statement text;
begin
  for rec in select * from jsonb_to_recordset(p_records) as r(op text, "table" text, key text[], "values" jsonb) loop
    if rec.op in ('archive', 'restore', 'purge') and rec."table" = 'videos' then
      perform reelfleet.end_life(rec.op, (rec."values"->>'id')::uuid, rec."values");
      continue;
    end if;
    if rec.op in ('keep-clip', 'replace-clip') and rec."table" = 'clips' then
      perform reelfleet.record_clip(rec.op = 'replace-clip', rec."values", p_run);
      continue;
    elsif rec.op = 'clip-picture' and rec."table" = 'thumbnails' then
      perform reelfleet.record_clip_thumbnail(rec."values");
      continue;
    end if;
    if rec."table" = 'pipeline_runs' then
      perform reelfleet.add_to_run(p_run, rec.op, rec."values");
      continue;
    end if;
    -- A file that came before its run is named with it; nobody renames or removes one this way.
    if not rec."table" = any(allowed) and not (rec."table" = 'artifacts' and rec.op = 'insert') then
      raise exception 'a recorder may not write table %', rec."table" using errcode = 'insufficient_privilege';
    end if;
    select array_agg(k order by k) into cols from jsonb_object_keys(rec."values") k;
    keys := coalesce(rec.key, '{}');
    if exists (select 1 from unnest(cols || keys) c where not exists (
        select 1 from pg_attribute a where a.attrelid = format('public.%I', rec."table")::regclass and a.attname = c and a.attnum > 0 and not a.attisdropped)) then
      raise exception 'a recorder named a column that table % does not have, among %', rec."table", cols using errcode = 'undefined_column';
    end if;
    select string_agg(format('%I', c), ', ') into col_list from unnest(cols) c;
    select string_agg(format('t.%I = v.%I', k, k), ' and ') into match from unnest(keys) k;
    case rec.op
      when 'insert' then
        execute format('insert into public.%1$I (%2$s) select %2$s from jsonb_populate_record(null::public.%1$I, $1)', rec."table", col_list)
          using rec."values";
      when 'keep' then
        execute format('insert into public.%1$I (%2$s) select %2$s from jsonb_populate_record(null::public.%1$I, $1) on conflict do nothing', rec."table", col_list)
          using rec."values";
      when 'upsert' then
        select string_agg(format('%1$I = excluded.%1$I', c), ', ') into sets from unnest(cols) c where not c = any(keys) and c <> 'id';
        execute format('insert into public.%1$I as t (%2$s) select %2$s from jsonb_populate_record(null::public.%1$I, $1) on conflict (%3$s) do %4$s',
            rec."table", col_list, (select string_agg(format('%I', k), ', ') from unnest(keys) k),
            case when sets is null then 'nothing' else 'update set ' || sets end)
          using rec."values";
      when 'update' then
        select string_agg(format('%1$I = v.%1$I', c), ', ') into sets from unnest(cols) c where not c = any(keys);
        statement := format('update public.%1$I t set %2$s from jsonb_populate_record(null::public.%1$I, $1) v where %3$s', rec."table", sets, match);
        if rec."table" = 'videos' and rec."values" ? 'source_sha256' then
          perform reelfleet.update_source(statement, rec."values");
        else
          execute statement using rec."values";
        end if;
      when 'add' then
        select string_agg(format('%1$I = coalesce(t.%1$I, 0) + coalesce(v.%1$I, 0)', c), ', ') into sets from unnest(cols) c where not c = any(keys);
        execute format('update public.%1$I t set %2$s from jsonb_populate_record(null::public.%1$I, $1) v where %3$s', rec."table", sets, match)
          using rec."values";
      when 'delete' then
        execute format('delete from public.%1$I t using jsonb_populate_record(null::public.%1$I, $1) v where %2$s', rec."table", match)
          using rec."values";
      else
        raise exception 'a recorder asked for %, which is not insert, keep, upsert, update, add, delete, or the archive, restore or purge of a video', rec.op using errcode = 'invalid_parameter_value';
    end case;
  end loop;
end $$;

-- How many moments and clips a run has made (seed 003), as its tasks make them. All else of a run is the ledger's. The settle
-- holds the run's lock.
create or replace function reelfleet.add_to_run(p_run uuid, p_op text, p_values jsonb) returns void
language plpgsql set search_path = public, pg_temp as $$
begin
  if p_op <> 'add' or p_run is null or p_run is distinct from (p_values->>'id')::uuid
    or exists (select from jsonb_object_keys(p_values) k where k not in ('id', 'total_moments_generated', 'total_clips_created'))
  then
    raise exception 'a recorder may only add to the totals of its own run' using errcode = 'insufficient_privilege';
  end if;
  update pipeline_runs r set
    total_moments_generated = case when p_values ? 'total_moments_generated'
      then coalesce(r.total_moments_generated, 0) + (p_values->>'total_moments_generated')::int else r.total_moments_generated end,
    total_clips_created = case when p_values ? 'total_clips_created'
      then coalesce(r.total_clips_created, 0) + (p_values->>'total_clips_created')::int else r.total_clips_created end
  where r.id = p_run;
end $$;

-- Bytes that are another video's already are refused by its name, where the unique index would only say that they are. That
-- one may come from a settle at the same moment: the index has waited for it, and then it can be seen.
create or replace function reelfleet.update_source(p_statement text, p_values jsonb) returns void
language plpgsql set search_path = public, pg_temp as $$
begin
  perform reelfleet.refuse_twin(p_values);
  execute p_statement using p_values;
exception when unique_violation then
  perform reelfleet.refuse_twin(p_values);
  raise;
end $$;

create or replace function reelfleet.refuse_twin(p_values jsonb) returns void
language plpgsql set search_path = public, pg_temp as $$
declare
  twin record;
begin
  select v.identifier, v.deleted_at is not null as deleted into twin from videos v
  where v.source_sha256 = p_values->>'source_sha256' and v.id <> (p_values->>'id')::uuid
  order by v.deleted_at is null desc, v.deleted_at desc limit 1;
  if not found then return; end if;
  if twin.deleted then
    raise exception 'these bytes are video "%", which was deleted: bring it back (reelfleet videos restore %), or purge it first; nothing was kept twice',
      twin.identifier, twin.identifier using errcode = 'RF400';
  end if;
  raise exception 'these bytes are video "%" already: nothing was kept twice', twin.identifier using errcode = 'RF400';
end $$;
