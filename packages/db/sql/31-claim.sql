-- Take tasks under a lease. A ticket is good for exactly one claim, at exactly its version. Answers per ticket:
-- claimed (with the task and the outputs it needs), stale (a duplicate, an old or a forged ticket) or refused (paused
-- stage, worker not active, or p_refusals[i]: the worker's own reason, such as a full disk); a refused row is marked
-- undispatched in the same call, so no ticket is eaten.
--
-- The planner settings of the ledger's functions say one thing: rows are reached by their key from a short list, whatever
-- the statistics of a young table suggest, and the plan is made once. Without them a call may cost as much as the backlog.
-- (jit: a one-row table that is read whole all the same counts as costing ten thousand million, which some servers take as
-- a reason to compile the plan: 300 ms for each sweep.)
-- So does an index on the very status that a row reached by its key is asked for: coalesce keeps those out.

-- A plain claim is three passes over its rows: lock the runs, take the tasks, answer. Taking is one update that meets the
-- tasks in the order of their ids, because its outer side is sorted and the only join it may use is a nested loop. Only
-- when something may be refused (the worker or a stage is not at work, the worker has reasons of its own) are the tasks
-- locked first, so that refused and taken ones are still locked in one order.

drop function if exists reelfleet.claim(uuid, uuid[], int[], int, text[]);
create function reelfleet.claim(p_worker uuid, p_ids uuid[], p_versions int[], p_lease_ms int, p_refusals text[])
returns json language plpgsql security definer set search_path = public, pg_temp
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off set plan_cache_mode = force_generic_plan as $$
declare
  worker_status text;
  paused_stages text[];
  runs uuid[];
  reasons jsonb;
  claimed json;
  taken_count int;
  films uuid[];
begin
  select w.status, array(select c.stage from stage_controls c where c.paused_at is not null order by c.stage)
  into worker_status, paused_stages from workers w where w.id = p_worker;
  if not found then
    raise exception 'worker % is not registered', p_worker using errcode = 'no_data_found';
  end if;

  -- The first claim of a run writes its row too, so those rows are locked first: runs by id, then tasks by id.
  select array_agg(distinct t.run_id) into runs from unnest(p_ids) as a(id) join tasks t on t.id = a.id;
  perform 1 from unnest(runs) as u(id) join pipeline_runs r on r.id = u.id
  where r.status = 'queued' order by r.id for update of r;

  if worker_status not in ('active', 'offline') or paused_stages <> '{}' or num_nonnulls(variadic p_refusals) > 0 then
    -- No SKIP LOCKED: a row locked for a millisecond would look stale.
    with locked as (
      select t.id, case
          when a.refusal is not null then a.refusal
          when worker_status not in ('active', 'offline') then 'worker ' || worker_status
          when t.stage = any(paused_stages) then 'stage paused'
          when t.run_after > now() then 'not due' end as reason
      from unnest(p_ids, p_versions, p_refusals) as a(id, version, refusal) join tasks t on t.id = a.id and a.version = t.state_version
      where coalesce(t.status, '') = 'queued'
      order by t.id for update of t
    )
    select jsonb_object_agg(id, reason) filter (where reason is not null) into reasons from locked;
    if reasons is not null then
      update tasks t set dispatched_at = null from jsonb_object_keys(reasons) k where t.id = k::uuid;
    end if;
  end if;

  with asked as (
    select a.id, a.version from unnest(p_ids, p_versions) as a(id, version)
    where reasons is null or not reasons ? a.id::text order by a.id
  ), taken as (
    update tasks t set status = 'running', state_version = t.state_version + 1, last_event = 'claim', updated_by = p_worker::text,
      worker_id = p_worker, claimed_at = now(), claim_expires_at = now() + make_interval(secs => p_lease_ms / 1000.0),
      attempt_number = t.attempt_number + 1, started_at = coalesce(t.started_at, now()), progress_percent = 0, current_step = null,
      updated_at = now()
    from asked a
    where t.id = a.id and t.state_version = a.version and coalesce(t.status, '') = 'queued' and (t.run_after > now()) is not true
    returning t.id, t.state_version, t.key, t.stage, t.title, t.payload, t.run_id, t.video_id, t.attempt_number, t.failures,
      t.max_attempts, t.priority, t.checkpoint
  ), first_claims as (
    update pipeline_runs r set status = 'running', started_at = coalesce(r.started_at, now()), state_version = r.state_version + 1
    where r.status = 'queued' and r.id = any(array(select run_id from taken))
    returning r.id
  )
  select json_agg(json_build_object(
      'id', t.id, 'version', t.state_version, 'key', t.key, 'stage', t.stage, 'title', t.title, 'payload', t.payload,
      'runId', t.run_id, 'videoId', t.video_id, 'template', r.template, 'params', r.params,
      'attemptNumber', t.attempt_number, 'failures', t.failures, 'maxAttempts', t.max_attempts, 'priority', t.priority,
      'checkpoint', t.checkpoint, 'outputs', coalesce((
        select json_object_agg(d.key, d.output) from task_dependencies td join tasks d on d.id = td.depends_on_id
        where td.task_id = t.id), '{}'::json))),
    count(*),
    array_agg(distinct t.video_id) filter (
      where t.video_id is not null and (r.params->>'makesVideo')::boolean and t.run_id in (select id from first_claims))
  into claimed, taken_count, films
  from taken t join pipeline_runs r on r.id = t.run_id;

  if taken_count < cardinality(p_ids) and reasons is null then
    -- Stale ones, as a rule. One that is queued, but not yet due, gives its ticket back; whoever holds its lock now does
    -- with it what is right.
    with early as (
      select t.id from unnest(p_ids, p_versions) as a(id, version) join tasks t on t.id = a.id and a.version = t.state_version
      where coalesce(t.status, '') = 'queued' and t.run_after > now() order by t.id for update of t skip locked
    ), marked as (
      update tasks t set dispatched_at = null from early where t.id = early.id returning t.id
    )
    select jsonb_object_agg(id, 'not due') into reasons from marked;
  end if;

  if films is not null then
    perform reelfleet.carry_video(f, 'running', null) from unnest(films) f;
  end if;
  return json_build_object('claimed', coalesce(claimed, '[]'), 'refused', coalesce(reasons, '{}'));
end $$;

-- After an unknown outcome of a claim: what this worker holds of these tasks at exactly the next version.
create or replace function reelfleet.claimed_by(p_worker uuid, p_ids uuid[], p_versions int[]) returns jsonb
language sql stable security definer set search_path = public, pg_temp
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off set plan_cache_mode = force_generic_plan as $$
  select coalesce(jsonb_agg(jsonb_build_object(
      'id', t.id, 'version', t.state_version, 'key', t.key, 'stage', t.stage, 'title', t.title, 'payload', t.payload,
      'runId', t.run_id, 'videoId', t.video_id, 'template', r.template, 'params', r.params,
      'attemptNumber', t.attempt_number, 'failures', t.failures, 'maxAttempts', t.max_attempts, 'priority', t.priority,
      'checkpoint', t.checkpoint, 'outputs', coalesce(o.outputs, '{}'::jsonb))), '[]'::jsonb)
  from unnest(p_ids, p_versions) as a(id, version)
  join tasks t on t.id = a.id and t.state_version = a.version + 1 and coalesce(t.status, '') = 'running' and t.worker_id = p_worker
  join pipeline_runs r on r.id = t.run_id
  left join lateral (
    select jsonb_object_agg(d.key, d.output) as outputs
    from task_dependencies td join tasks d on d.id = td.depends_on_id where td.task_id = t.id) o on true
$$;
