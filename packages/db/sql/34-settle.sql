-- End attempts: the fenced event of each item, with everything that follows from it, in one call.
-- p_items: [{id, version, event, output, code, message, delayMs, wish, artifacts, records, children, edges, skip}].
-- An item whose fence has moved changes nothing. Returns {settled: {id: status}, tickets}.
-- `resolve` (an operator's or an outside event's word on a waiting task) passes the same way, with p_worker null.

drop function if exists reelfleet.settle(uuid, text, jsonb);
create function reelfleet.settle(p_worker uuid, p_actor text, p_items jsonb) returns json
language plpgsql security definer set search_path = public, pg_temp
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off set plan_cache_mode = force_generic_plan as $$
declare
  runs uuid[];
  held uuid[];
  settled json;
  due uuid[];
  changed uuid[];
  more uuid[];
begin
  select array_agg(distinct t.run_id) into runs
  from jsonb_to_recordset(p_items) as i(id uuid, version int) join tasks t on t.id = i.id and t.state_version = i.version;
  perform 1 from unnest(runs) as u(id) join pipeline_runs r on r.id = u.id order by r.id for update of r;

  -- The runs are locked, so what the next status hangs on (budgets, a request to cancel) holds still while it is worked
  -- out from the row as it was read. The update meets the tasks in the order of their ids, as claim does.
  with items as (
    select i.*, reelfleet.next_state(s, i.event, i.wish) as next, coalesce(i."delayMs", 0) as delay
    from jsonb_to_recordset(p_items) as i(id uuid, version int, event text, output jsonb, code text, message text, "delayMs" double precision, wish text)
    join tasks s on s.id = i.id and s.state_version = i.version
    where (coalesce(s.status, '') = 'running' and s.worker_id = p_worker and i.event in ('complete', 'fail', 'park', 'retry', 'release', 'cancel'))
       or (s.status = 'waiting' and p_worker is null and i.event = 'resolve')
    order by i.id
  ), written as (
    update tasks t set
      status = i.next, state_version = t.state_version + 1, last_event = i.event, updated_by = p_actor, updated_at = now(),
      worker_id = null, claimed_at = null, claim_expires_at = null,
      output = case when i.event in ('complete', 'park', 'resolve') then coalesce(i.output, t.output) else t.output end,
      failures = case when i.event in ('retry', 'fail') then least(t.failures + 1, t.max_attempts) else t.failures end,
      progress_percent = case when i.next = 'completed' then 100 when i.next = 'queued' then 0 else least(t.progress_percent, 99) end,
      completed_at = case when i.next in ('completed', 'failed', 'cancelled') then now() end,
      processed_by_worker_id = case when i.next in ('completed', 'failed') and p_worker is not null then p_worker::text else t.processed_by_worker_id end,
      processed_by_worker_name = case when i.next in ('completed', 'failed') and p_worker is not null
        then (select w.worker_name from workers w where w.id = p_worker) else t.processed_by_worker_name end,
      error_code = case when i.event in ('fail', 'retry', 'release') or i.next = 'failed' then i.code when i.next = 'completed' then null else t.error_code end,
      last_error = case when i.event in ('fail', 'retry') or i.next = 'failed' then i.message when i.next = 'completed' then null else t.last_error end,
      run_after = case when i.next = 'queued' then now() + make_interval(secs => i.delay / 1000.0) else t.run_after end,
      dispatched_at = case when i.next = 'queued' and i.delay = 0 and not reelfleet.paused(t.stage) then now() end,
      dispatches = t.dispatches + case when i.next = 'queued' and i.delay = 0 and not reelfleet.paused(t.stage) then 1 else 0 end
    from items i where t.id = i.id and t.state_version = i.version
    returning t.id, t.status, t.dispatched_at
  )
  select json_object_agg(id, status), array_agg(id), array_agg(id) filter (where status <> 'queued'),
         array_agg(id) filter (where status = 'queued' and dispatched_at is not null)
  into settled, held, changed, due from written;
  if held is null then
    return '{"settled": {}, "tickets": []}';
  end if;
  -- What follows goes by the id alone, so an older attempt's item must not ride in on a batch that settles the task.
  if cardinality(held) <> jsonb_array_length(p_items) then
    select jsonb_agg(e.i order by e.n) into p_items
    from jsonb_array_elements(p_items) with ordinality as e(i, n)
    join tasks t on t.id = (e.i->>'id')::uuid and t.state_version = (e.i->>'version')::int + 1
    where t.id = any(held);
  end if;

  -- Files become visible: rows of this attempt only, carrying the version that completed it. What was settled is looked up
  -- by its id: a list of ids searched for each item would make this as slow as the square of the batch.
  if jsonb_path_exists(p_items, '$[*].artifacts[*]') then
    insert into artifacts (id, video_id, run_id, task_id, state_version, kind, uri, sha256, size_bytes, content_type, segments)
    select a.id, t.video_id, t.run_id, t.id, t.state_version, a.kind, a.uri, a.sha256, a."sizeBytes", a."contentType", a.segments
    from jsonb_to_recordset(p_items) as i(id uuid, artifacts jsonb)
    join tasks t on t.id = i.id,
    jsonb_to_recordset(i.artifacts) as a(id uuid, kind text, uri text, sha256 text, "sizeBytes" bigint, "contentType" text, segments jsonb),
    (select settled::jsonb as ends) s
    where s.ends->>i.id::text = 'completed';
  end if;

  if jsonb_path_exists(p_items, '$[*].records[*]') then
    perform set_config('reelfleet.actor', p_actor, true);
    perform reelfleet.apply_records(i.records, t.run_id)
    from jsonb_to_recordset(p_items) as i(id uuid, records jsonb) join tasks t on t.id = i.id, (select settled::jsonb as ends) s
    where s.ends->>i.id::text = 'completed' and i.records <> '[]';
  end if;

  if jsonb_path_exists(p_items, '$[*] ? (exists (@.children[*]) || exists (@.edges[*]) || exists (@.skip[*]))') then
    more := reelfleet.fan_out(p_actor, p_items, held);
    due := due || more || reelfleet.advance(runs, changed || more, p_actor);
  else
    due := due || reelfleet.advance_ended(runs, changed, p_actor);
  end if;
  return json_build_object('settled', settled, 'tickets', reelfleet.tickets(due));
end $$;

-- Children and edges of completed expanders; nodes the pipeline decided not to do. Replaying it inserts nothing twice.
-- Returns the ids of the children and of the tasks that were skipped.
create or replace function reelfleet.fan_out(p_actor text, p_items jsonb, p_held uuid[]) returns uuid[]
language plpgsql set search_path = public, pg_temp as $$
declare
  paused_stages constant text[] := array(select c.stage from stage_controls c where c.paused_at is not null order by c.stage);
  born uuid[];
  dropped uuid[];
  stopped uuid[];
begin
  with parents as materialized (
    -- The needs of all children are counted in one go over the edges: child by child would cost the square of the fan-out.
    select i, t.run_id, t.video_id, t.priority, (
        select jsonb_object_agg(e.task, e.open)
        from (select e.task, count(*) as open from jsonb_to_recordset(i->'edges') as e(task text, "on" text, kind text)
              left join tasks d on d.run_id = t.run_id and d.key = e."on"
              where not coalesce(d.status = 'completed' or (e.kind = 'soft' and d.status in ('failed', 'cancelled', 'skipped')), false)
              group by e.task) e) as unmet
    from jsonb_array_elements(p_items) i
    join tasks t on t.id = (i->>'id')::uuid and t.status = 'completed' where t.id = any(p_held)
  ), inserted as (
    insert into tasks (id, run_id, video_id, key, stage, title, phase, position, payload, optional, priority, max_attempts, max_crashes,
                       status, pending_deps, run_after, dispatched_at, dispatches, updated_by, last_event)
    select c.id, p.run_id, p.video_id, c.key, c.stage, c.title, c.phase, c.position, coalesce(c.payload, '{}'), coalesce(c.optional, false),
           p.priority, c."maxAttempts", c."maxCrashes",
           case when needs.open = 0 then 'queued' else 'blocked' end, needs.open,
           case when needs.open = 0 then now() end,
           case when needs.open = 0 and not stop.it and c.stage <> all(paused_stages) then now() end,
           case when needs.open = 0 and not stop.it and c.stage <> all(paused_stages) then 1 else 0 end, p_actor, 'create'
    from parents p,
         jsonb_to_recordset(p.i->'children') as c(id uuid, key text, stage text, title text, phase text, position smallint, payload jsonb,
                                                  optional boolean, "maxAttempts" smallint, "maxCrashes" smallint),
         lateral (select r.cancel_requested_at is not null as it from pipeline_runs r where r.id = p.run_id) stop,
         lateral (select coalesce((p.unmet->>c.key)::int, 0) as open) needs
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
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off set plan_cache_mode = force_generic_plan as $$
  select coalesce(jsonb_object_agg(i.id, a.state_after->>'status'), '{}'::jsonb)
  from jsonb_to_recordset(p_items) as i(id uuid, version int, event text)
  join task_audit a on a.task_id = i.id and a.state_version = i.version + 1 and a.actor = p_actor and a.action = i.event
$$;
