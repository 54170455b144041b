-- What operators do to runs and tasks. Refusals that a person reads are raised with SQLSTATE RF400: one sentence each.

-- Cancel: what is not running ends at once, what is running is told by its worker's next beat.
create or replace function reelfleet.operator_cancel(p_actor text, p_runs uuid[], p_tasks uuid[]) returns jsonb
language plpgsql security definer set search_path = public, pg_temp
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off set plan_cache_mode = force_generic_plan as $$
declare
  runs uuid[];
  stopped uuid[];
  asked int;
  freed uuid[];
begin
  select coalesce(array_agg(id), '{}') into runs from (
    select r.id from pipeline_runs r
    where r.id in (select unnest(p_runs) union select t.run_id from unnest(p_tasks) as a(id) join tasks t on t.id = a.id)
    order by r.id for update) locked;

  update pipeline_runs set cancel_requested_at = now(), cancel_requested_by = p_actor
  where id = any(p_runs) and status in ('queued', 'running') and cancel_requested_at is null;

  perform 1 from tasks t where (t.run_id = any(p_runs) or t.id = any(p_tasks)) and t.status in ('blocked', 'queued', 'waiting', 'running')
  order by t.id for update;

  with gone as (
    update tasks t set status = 'cancelled', state_version = t.state_version + 1, last_event = 'cancel', updated_by = p_actor,
      cancel_requested_at = now(), cancel_requested_by = p_actor, dispatched_at = null, completed_at = now(), updated_at = now()
    where (t.run_id = any(p_runs) or t.id = any(p_tasks)) and t.status in ('blocked', 'queued', 'waiting')
    returning t.id
  ) select coalesce(array_agg(id), '{}') into stopped from gone;

  with told as (
    update tasks t set cancel_requested_at = coalesce(t.cancel_requested_at, now()), cancel_requested_by = coalesce(t.cancel_requested_by, p_actor)
    where (t.run_id = any(p_runs) or t.id = any(p_tasks)) and coalesce(t.status, '') = 'running'
    returning 1
  ) select count(*) into asked from told;

  -- A task that waited softly for one of them may be due now.
  freed := reelfleet.advance(runs, stopped, p_actor);
  return jsonb_build_object('cancelled', cardinality(stopped), 'asked', asked, 'tickets', reelfleet.tickets(freed));
end $$;

-- Retry: of a run, what failed, was cancelled, and what was skipped behind them; of a task, itself and what was skipped
-- behind it. What completed is never done again. Budgets start afresh and the cancel request is cleared.
create or replace function reelfleet.operator_retry(p_actor text, p_runs uuid[], p_tasks uuid[]) returns jsonb
language plpgsql security definer set search_path = public, pg_temp
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off set plan_cache_mode = force_generic_plan as $$
declare
  runs uuid[];
  chosen uuid[];
  kept uuid[];
  obstacle record;
  due uuid[];
begin
  select coalesce(array_agg(id), '{}') into runs from (
    select r.id from pipeline_runs r
    where r.id in (select unnest(p_runs) union select t.run_id from unnest(p_tasks) as a(id) join tasks t on t.id = a.id)
    order by r.id for update) locked;

  -- Its worker has been told to stop, or is about to be: the end is on its way and cannot be called back.
  select t.key as task into obstacle from tasks t where t.run_id = any(p_runs) and coalesce(t.status, '') = 'running' and t.cancel_requested_at is not null limit 1;
  if found then
    raise exception 'task % is still stopping after the cancel: retry when it has ended', obstacle.task using errcode = 'RF400';
  end if;

  perform reelfleet.retry_life(p_actor, runs);

  with recursive again as (
    select t.id from tasks t
    where (t.run_id = any(p_runs) and t.status in ('failed', 'cancelled')) or (t.id = any(p_tasks) and t.status in ('failed', 'cancelled', 'skipped'))
    union
    select t.id from again a
    join task_dependencies td on td.depends_on_id = a.id and td.kind = 'hard'
    join tasks t on t.id = td.task_id and t.status = 'skipped'
  )
  select coalesce(array_agg(id), '{}') into chosen from (
    select t.id from tasks t where t.id in (select id from again) order by t.id for update of t) locked;
  if cardinality(chosen) = 0 then
    return jsonb_build_object('retried', 0, 'tickets', '[]'::jsonb);
  end if;

  -- Behind a need that ended badly and stays so, a task would wait for ever. What was only dragged along stays skipped;
  -- what the operator named is refused.
  loop
    with hopeless as (
      select t.id from tasks t join task_dependencies td on td.task_id = t.id and td.kind = 'hard' join tasks d on d.id = td.depends_on_id
      where t.id = any(chosen) and t.status = 'skipped' and not t.id = any(p_tasks)
        and d.status in ('failed', 'cancelled', 'skipped') and not d.id = any(chosen))
    select coalesce(array_agg(c), '{}') into kept from unnest(chosen) c where c not in (select id from hopeless);
    exit when cardinality(kept) = cardinality(chosen);
    chosen := kept;
  end loop;
  select t.key as task, d.key as need, d.status into obstacle
  from tasks t join task_dependencies td on td.task_id = t.id and td.kind = 'hard'
  join tasks d on d.id = td.depends_on_id
  where t.id = any(chosen) and d.status in ('failed', 'cancelled', 'skipped') and not d.id = any(chosen) limit 1;
  if found then
    raise exception 'task % cannot be retried alone, because % before it is %: retry %, or the whole run',
      obstacle.task, obstacle.need, obstacle.status, obstacle.need
      using errcode = 'RF400';
  end if;

  update pipeline_runs set cancel_requested_at = null, cancel_requested_by = null where id = any(runs) and cancel_requested_at is not null;

  update tasks t set pending_deps = (
      select count(*) from task_dependencies td join tasks d on d.id = td.depends_on_id
      where td.task_id = t.id and (d.id = any(chosen)
        or not (d.status in ('completed', 'skipped') or (td.kind = 'soft' and d.status in ('failed', 'cancelled')))))
  where t.id = any(chosen);

  with back as (
    update tasks t set status = reelfleet.next_state(t, 'operator_retry'), state_version = t.state_version + 1, last_event = 'operator_retry',
      updated_by = p_actor, failures = 0, crashes = 0, cancel_requested_at = null, cancel_requested_by = null, completed_at = null,
      progress_percent = 0, error_code = null, last_error = null, run_after = now(), updated_at = now(),
      dispatched_at = case when t.pending_deps = 0 and not reelfleet.paused(t.stage) then now() end,
      dispatches = t.dispatches + (t.pending_deps = 0 and not reelfleet.paused(t.stage))::int
    where t.id = any(chosen)
    returning t.id, t.dispatched_at
  ) select coalesce(array_agg(id) filter (where dispatched_at is not null), '{}') into due from back;

  due := due || reelfleet.advance(runs, chosen, p_actor);
  return jsonb_build_object('retried', cardinality(chosen), 'tickets', reelfleet.tickets(due));
end $$;

-- Pausing a stage stops new claims of it; running work goes on. A row, so it survives a lost queue.
create or replace function reelfleet.pause_stage(p_stage text, p_actor text, p_reason text) returns void
language sql security definer set search_path = public, pg_temp
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off set plan_cache_mode = force_generic_plan as $$
  insert into stage_controls (stage, paused_at, paused_by, reason) values (p_stage, now(), p_actor, p_reason)
  on conflict (stage) do update set paused_at = coalesce(stage_controls.paused_at, now()), paused_by = excluded.paused_by, reason = excluded.reason
$$;
create or replace function reelfleet.resume_stage(p_stage text) returns boolean
language sql security definer set search_path = public, pg_temp
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off set plan_cache_mode = force_generic_plan as $$
  with lifted as (update stage_controls set paused_at = null, paused_by = null, reason = null where stage = p_stage and paused_at is not null returning 1)
  select exists (select 1 from lifted)
$$;

-- disable: no new claims, running work goes on. drain: it finishes and exits. enable: back to work.
create or replace function reelfleet.worker_control(p_name text, p_status text) returns jsonb
language sql security definer set search_path = public, pg_temp
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off set plan_cache_mode = force_generic_plan as $$
  with told as (
    update workers set status = p_status
    where (worker_name = p_name or id::text = p_name) and case p_status
        when 'active' then status in ('disabled', 'draining') when 'draining' then status in ('active', 'disabled')
        else status in ('active', 'offline', 'draining') end
    returning worker_name)
  select jsonb_build_object('changed', (select count(*) from told),
                            'known', (select count(*) from workers where worker_name = p_name or id::text = p_name))
$$;
