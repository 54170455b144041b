-- What time is over for. Ended runs go with their tasks; files of a video stay with the video. Audit rows go when
-- neither their task nor their run exists any more. Bounded; call again while it returns more than zero.
create or replace function reelfleet.sweep_retention(p_days int, p_limit int) returns int
language plpgsql security definer set search_path = public, pg_temp
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off set plan_cache_mode = force_generic_plan as $$
declare
  old uuid[];
  n int := 0;
  m int;
begin
  select coalesce(array_agg(id), '{}') into old from (
    select id from pipeline_runs
    where status in ('completed', 'failed', 'partial', 'cancelled') and completed_at < now() - make_interval(days => p_days)
    order by id limit p_limit for update skip locked) r;
  n := cardinality(old);
  if n > 0 then
    update artifacts set run_id = null, task_id = null where run_id = any(old) and video_id is not null;
    delete from pipeline_runs where id = any(old);
  end if;
  perform set_config('reelfleet.retention', 'on', true);
  delete from task_audit where id in (
    select a.id from task_audit a
    where a."timestamp" < now() - make_interval(days => p_days) and not exists (select 1 from tasks t where t.id = a.task_id)
    limit p_limit * 10);
  get diagnostics m = row_count;
  n := n + m;
  perform set_config('reelfleet.retention', '', true);
  delete from workers w where w.id in (
    select id from workers where status = 'offline' and last_heartbeat < now() - make_interval(days => p_days)
      and not exists (select 1 from worker_api_keys k where k.worker_id = workers.id)
      and not exists (select 1 from tasks t where t.worker_id = workers.id and t.status = 'running')
    order by id limit p_limit for update skip locked);
  get diagnostics m = row_count;
  return n + m;
end $$;

-- Of stored objects that are at least a day old (the caller looks), those that nothing names and no unfinished work may
-- still need. p_keys are storage keys, p_uris the same objects' URIs; answers the keys to remove. A member of a set is
-- named by the artifact whose address is its folder. Of a deleted video nothing is removed: its files may be on their way
-- between here and the archive, and its purge takes them all.
drop function if exists reelfleet.unnamed(text[], text[]);
create or replace function reelfleet.unnamed(p_keys text[], p_uris text[]) returns jsonb
language sql stable security definer set search_path = public, pg_temp
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off set plan_cache_mode = force_generic_plan as $$
  select coalesce(jsonb_agg(o.key), '[]'::jsonb)
  from (
    select k.key, k.uri, case when split_part(k.key, '/', 2) ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then split_part(k.key, '/', 2)::uuid end as run
    from unnest(p_keys, p_uris) as k(key, uri)
    where k.key like 'runs/%') o
  where not exists (select 1 from artifacts a where a.uri = o.uri)
    and not exists (
      select 1 from artifacts a where a.uri = regexp_replace(o.uri, '/[^/]*$', '')
        and a.segments @> jsonb_build_array(jsonb_build_object('name', regexp_replace(o.key, '^.*/', ''))))
    and not exists (
      select 1 from pipeline_runs r join videos v on v.id = r.video_id
      where r.id = o.run and (v.deleted_at is not null or o.uri in (v.video_url, v.thumbnail_url)
                              or exists (select 1 from thumbnails n where n.video_id = v.id and n.uri = o.uri)))
    and not exists (
      select 1 from tasks t
      where t.run_id = o.run and starts_with(o.key, 'runs/' || t.run_id::text || '/' || t.key || '/')
        and t.status not in ('completed', 'skipped'))
$$;
