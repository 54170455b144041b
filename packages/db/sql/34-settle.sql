-- End attempts: the fenced event of each item, with everything that follows from it, in one call.
-- p_items: [{id, version, event, output, code, message, delayMs, wish, artifacts, records, children, edges, skip}].
-- An item whose fence has moved changes nothing. Returns {settled: {id: status}, tickets}.
-- `resolve` (an operator's or an outside event's word on a waiting task) passes the same way, with p_worker null.

create or replace function reelfleet.settle(p_worker uuid, p_actor text, p_items jsonb) returns jsonb
language plpgsql security definer set search_path = public, pg_temp
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set plan_cache_mode = force_generic_plan as $$
declare
  runs uuid[];
  held uuid[];
  settled jsonb;
  due uuid[] := '{}';
  changed uuid[] := '{}';
  more uuid[];
  who_name text;
begin
  select worker_name into who_name from workers where id = p_worker;

  select coalesce(array_agg(distinct t.run_id), '{}') into runs
  from jsonb_to_recordset(p_items) as i(id uuid, version int) join tasks t on t.id = i.id and t.state_version = i.version;
  perform 1 from unnest(runs) as u(id) join pipeline_runs r on r.id = u.id order by r.id for update of r;

  select coalesce(array_agg(id), '{}') into held from (
    select t.id from jsonb_to_recordset(p_items) as i(id uuid, version int, event text)
    join tasks t on t.id = i.id and t.state_version = i.version
    where (coalesce(t.status, '') = 'running' and t.worker_id = p_worker and i.event in ('complete', 'fail', 'park', 'retry', 'release', 'cancel'))
       or (t.status = 'waiting' and p_worker is null and i.event = 'resolve')
    order by t.id for update of t) locked;
  if cardinality(held) = 0 then
    return jsonb_build_object('settled', '{}'::jsonb, 'tickets', '[]'::jsonb);
  end if;

  with items as (
    select i.*, t.run_id, reelfleet.next_state(t, i.event, i.wish) as next
    from jsonb_to_recordset(p_items) as i(id uuid, version int, event text, output jsonb, code text, message text, "delayMs" double precision, wish text)
    join tasks t on t.id = i.id and t.state_version = i.version
    where i.id = any(held)
  ), written as (
    update tasks t set
      status = i.next, state_version = t.state_version + 1, last_event = i.event, updated_by = p_actor, updated_at = now(),
      worker_id = null, claimed_at = null, claim_expires_at = null,
      output = case when i.event in ('complete', 'park', 'resolve') then coalesce(i.output, t.output) else t.output end,
      failures = case when i.event in ('retry', 'fail') then least(t.failures + 1, t.max_attempts) else t.failures end,
      progress_percent = case when i.next = 'completed' then 100 when i.next = 'queued' then 0 else least(t.progress_percent, 99) end,
      completed_at = case when i.next in ('completed', 'failed', 'cancelled') then now() end,
      processed_by_worker_id = case when i.next in ('completed', 'failed') and p_worker is not null then p_worker::text else t.processed_by_worker_id end,
      processed_by_worker_name = case when i.next in ('completed', 'failed') and p_worker is not null then who_name else t.processed_by_worker_name end,
      error_code = case when i.event in ('fail', 'retry', 'release') or i.next = 'failed' then i.code when i.next = 'completed' then null else t.error_code end,
      last_error = case when i.event in ('fail', 'retry') or i.next = 'failed' then i.message when i.next = 'completed' then null else t.last_error end,
      run_after = case when i.next = 'queued' then now() + make_interval(secs => coalesce(i."delayMs", 0) / 1000.0) else t.run_after end,
      dispatched_at = case when i.next = 'queued' and coalesce(i."delayMs", 0) = 0 and not reelfleet.paused(t.stage) then now() end,
      dispatches = t.dispatches + (i.next = 'queued' and coalesce(i."delayMs", 0) = 0 and not reelfleet.paused(t.stage))::int
    from items i where t.id = i.id
    returning t.id, t.status, t.dispatched_at
  )
  select jsonb_object_agg(id, status), coalesce(array_agg(id) filter (where status <> 'queued'), '{}'),
         coalesce(array_agg(id) filter (where status = 'queued' and dispatched_at is not null), '{}')
  into settled, changed, due from written;

  -- Files become visible: rows of this attempt only, carrying the version that completed it. What was settled is looked up
  -- by its id: a list of ids searched for each item would make this as slow as the square of the batch.
  if exists (select 1 from jsonb_array_elements(p_items) i where jsonb_array_length(coalesce(i->'artifacts', '[]')) > 0) then
    insert into artifacts (id, video_id, run_id, task_id, state_version, kind, uri, sha256, size_bytes, content_type)
    select a.id, t.video_id, t.run_id, t.id, t.state_version, a.kind, a.uri, a.sha256, a."sizeBytes", a."contentType"
    from jsonb_array_elements(p_items) i
    join tasks t on t.id = (i->>'id')::uuid,
    jsonb_to_recordset(coalesce(i->'artifacts', '[]')) as a(id uuid, kind text, uri text, sha256 text, "sizeBytes" bigint, "contentType" text)
    where settled->>(i->>'id') = 'completed';
  end if;

  if exists (select 1 from jsonb_array_elements(p_items) i where jsonb_array_length(coalesce(i->'records', '[]')) > 0) then
    perform set_config('reelfleet.actor', p_actor, true);
    perform reelfleet.apply_records(i->'records')
    from jsonb_array_elements(p_items) i
    where (i->>'id')::uuid = any(held) and settled->>(i->>'id') = 'completed' and jsonb_array_length(coalesce(i->'records', '[]')) > 0;
  end if;

  if exists (select 1 from jsonb_array_elements(p_items) i
             where jsonb_array_length(coalesce(i->'children', '[]')) + jsonb_array_length(coalesce(i->'edges', '[]')) + jsonb_array_length(coalesce(i->'skip', '[]')) > 0) then
    more := reelfleet.fan_out(p_actor, p_items, held);
    due := due || more;
    changed := changed || more;
  end if;

  due := due || reelfleet.advance(runs, changed, p_actor);
  return jsonb_build_object('settled', settled, 'tickets', reelfleet.tickets(due));
end $$;

-- Children and edges of completed expanders; nodes the pipeline decided not to do. Replaying it inserts nothing twice.
-- Returns the ids of the children and of the tasks that were skipped.
create or replace function reelfleet.fan_out(p_actor text, p_items jsonb, p_held uuid[]) returns uuid[]
language plpgsql set search_path = public, pg_temp as $$
declare
  born uuid[];
  dropped uuid[];
  stopped uuid[];
begin
  with parents as (
    select i, t.run_id, t.video_id, t.priority from jsonb_array_elements(p_items) i
    join tasks t on t.id = (i->>'id')::uuid and t.status = 'completed' where t.id = any(p_held)
  ), inserted as (
    insert into tasks (id, run_id, video_id, key, stage, title, phase, position, payload, optional, priority, max_attempts, max_crashes,
                       status, pending_deps, run_after, dispatched_at, dispatches, updated_by, last_event)
    select c.id, p.run_id, p.video_id, c.key, c.stage, c.title, c.phase, c.position, coalesce(c.payload, '{}'), coalesce(c.optional, false),
           p.priority, c."maxAttempts", c."maxCrashes",
           case when needs.open = 0 then 'queued' else 'blocked' end, needs.open,
           case when needs.open = 0 then now() end,
           case when needs.open = 0 and not stop.it and not reelfleet.paused(c.stage) then now() end,
           case when needs.open = 0 and not stop.it and not reelfleet.paused(c.stage) then 1 else 0 end, p_actor, 'create'
    from parents p,
         jsonb_to_recordset(p.i->'children') as c(id uuid, key text, stage text, title text, phase text, position smallint, payload jsonb,
                                                  optional boolean, "maxAttempts" smallint, "maxCrashes" smallint),
         lateral (select r.cancel_requested_at is not null as it from pipeline_runs r where r.id = p.run_id) stop,
         lateral (
           select count(*) as open from jsonb_to_recordset(p.i->'edges') as e(task text, "on" text, kind text)
           left join tasks d on d.run_id = p.run_id and d.key = e."on"
           where e.task = c.key and not coalesce(d.status = 'completed' or (e.kind = 'soft' and d.status in ('failed', 'cancelled', 'skipped')), false)) needs
    order by c.id
    on conflict (run_id, key) do nothing
    returning id
  )
  select coalesce(array_agg(id), '{}') into born from inserted;

  -- Dependants that have not started wait for the children too, also those cancelled meanwhile: a retry reads their edges.
  insert into task_dependencies (task_id, depends_on_id, kind)
  select x.id, d.id, e.kind
  from jsonb_array_elements(p_items) i
  join tasks t on t.id = (i->>'id')::uuid and t.status = 'completed',
  jsonb_to_recordset(i->'edges') as e(task text, "on" text, kind text)
  join tasks x on x.key = e.task
  join tasks d on d.key = e."on" and d.run_id = x.run_id
  where t.id = any(p_held) and x.run_id = t.run_id and (x.status in ('blocked', 'cancelled', 'skipped') or x.id = any(born))
  on conflict do nothing;

  with unwanted as (
    select x.id from jsonb_array_elements(p_items) i
    join tasks t on t.id = (i->>'id')::uuid and t.status = 'completed',
    jsonb_array_elements_text(i->'skip') as s(key)
    join tasks x on x.key = s.key
    where t.id = any(p_held) and x.run_id = t.run_id and x.status in ('blocked', 'queued')
    order by x.id for update of x
  ), gone as (
    update tasks x set status = 'skipped', state_version = x.state_version + 1, last_event = 'skip', updated_by = p_actor,
      dispatched_at = null, completed_at = now(), updated_at = now()
    from unwanted where x.id = unwanted.id returning x.id
  )
  select coalesce(array_agg(id), '{}') into dropped from gone;

  -- A run whose cancel was asked gets no new work: its children are born and cancelled in one breath.
  with doomed as (
    select x.id from tasks x join pipeline_runs r on r.id = x.run_id
    where x.id = any(born) and r.cancel_requested_at is not null order by x.id for update of x
  ), gone as (
    update tasks x set status = 'cancelled', state_version = x.state_version + 1, last_event = 'cancel', updated_by = r.cancel_requested_by,
      cancel_requested_at = r.cancel_requested_at, cancel_requested_by = r.cancel_requested_by,
      dispatched_at = null, completed_at = now(), updated_at = now()
    from doomed, pipeline_runs r where x.id = doomed.id and r.id = x.run_id returning x.id
  )
  select coalesce(array_agg(id), '{}') into stopped from gone;

  return born || dropped || stopped;
end $$;

-- After an unknown outcome: did this actor's event happen at exactly the next version? p_items: [{id, version, event}].
create or replace function reelfleet.happened(p_actor text, p_items jsonb) returns jsonb
language sql stable security definer set search_path = public, pg_temp
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set plan_cache_mode = force_generic_plan as $$
  select coalesce(jsonb_object_agg(i.id, a.state_after->>'status'), '{}'::jsonb)
  from jsonb_to_recordset(p_items) as i(id uuid, version int, event text)
  join task_audit a on a.task_id = i.id and a.state_version = i.version + 1 and a.actor = p_actor and a.action = i.event
$$;
