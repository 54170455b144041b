-- What follows when tasks have ended or come back: dependants skipped, recounted and unblocked, runs rolled up.
-- Internal: the caller (settle, operator, sweep) holds the locks of the runs, so nothing in a run moves meanwhile.

-- For a row or two: it is called anew for each, since Postgres inlines no function with a subquery. Where there may be
-- many rows, the few stages that are paused are listed first.
create or replace function reelfleet.paused(p_stage text) returns boolean language sql stable as $$
  select exists (select 1 from public.stage_controls c where c.stage = p_stage and c.paused_at is not null)
$$;

-- Tickets for tasks that have just been dispatched, in the order given and the form every caller adds to its queue.
create or replace function reelfleet.tickets(p_ids uuid[]) returns jsonb language plpgsql stable as $$
begin
  if coalesce(cardinality(p_ids), 0) = 0 then return '[]'; end if;
  return (
    select coalesce(jsonb_agg(jsonb_build_object('id', t.id, 'version', t.state_version, 'dispatches', t.dispatches,
             'stage', t.stage, 'title', t.title, 'priority', t.priority) order by d.n), '[]'::jsonb)
    from unnest(p_ids) with ordinality as d(id, n) join public.tasks t on t.id = d.id
    where coalesce(t.status, '') = 'queued' and t.dispatched_at is not null);
end $$;

-- What is asked of few of the runs that are rolled up, so that it is not got ready for all: the phase of one that goes on,
-- how one ended that did not end well. (coalesce keeps the index on all failed tasks out of it: see 31-claim.sql.)
create or replace function reelfleet.phase_of(p_run uuid) returns text language plpgsql stable as $$
begin
  return (select t.phase from public.tasks t where t.run_id = p_run and t.status in ('blocked', 'queued', 'running', 'waiting')
          order by t.position, t.key limit 1);
end $$;
create or replace function reelfleet.error_of(p_run uuid, out stage text, out message text) language plpgsql stable as $$
begin
  select t.stage, t.last_error into stage, message from public.tasks t
  where t.run_id = p_run and coalesce(t.status, '') = 'failed' order by t.optional, t.completed_at nulls last, t.key limit 1;
end $$;
create or replace function reelfleet.canceller_of(p_run uuid) returns text language plpgsql stable as $$
begin
  return (select max(t.cancel_requested_by) from public.tasks t where t.run_id = p_run and t.status = 'cancelled');
end $$;

-- Whether the first nodes of a run, those that make its video, are done.
create or replace function reelfleet.video_made(p_run uuid, p_nodes int) returns boolean language plpgsql stable as $$
begin
  return p_nodes > 0 and not exists (select from public.tasks t where t.run_id = p_run and t.position < p_nodes
                                     and not t.optional and t.status not in ('completed', 'skipped'));
end $$;

-- Runs' status, counters and phase from their tasks: the SQL twin of runStatus in packages/core/src/pipeline.ts. Counting
-- is one pass over a run's tasks.
create or replace function reelfleet.roll_up(p_runs uuid[]) returns void language plpgsql as $$
declare
  films jsonb;
  unhappy jsonb;
begin
  with sums as (
    select t.run_id,
      count(*) filter (where t.status in ('queued', 'running', 'waiting')) as open,
      bool_or(t.status = 'cancelled') as any_cancelled,
      bool_or(t.status = 'failed') as any_failed,
      bool_or(not t.optional and t.status = 'failed') as required_failed,
      bool_or(not t.optional and t.status = 'cancelled') as required_cancelled,
      bool_or(t.status = 'blocked') as any_blocked
    from unnest(p_runs) as u(id) join public.tasks t on t.run_id = u.id group by t.run_id
  ), wanted as (
    select s.*, r.phase as was, case
        when s.open > 0 then case when r.started_at is null then 'queued' else 'running' end
        when r.cancel_requested_at is not null and s.any_cancelled then 'cancelled'
        when s.required_failed then 'failed'
        when s.required_cancelled then 'cancelled'
        when s.any_blocked then 'running'
        when s.any_failed or s.any_cancelled then 'partial'
        else 'completed' end as status
    from sums s join public.pipeline_runs r on r.id = s.run_id
  ), placed as (
    select w.*, coalesce(case when w.open > 0 or w.any_blocked then reelfleet.phase_of(w.run_id) end, w.was) as phase
    from wanted w offset 0
  ), written as (
    update public.pipeline_runs r set
      status = w.status, open_tasks = w.open, phase = w.phase,
      state_version = r.state_version + (r.status <> w.status)::int,
      completed_at = case when w.status in ('queued', 'running') then null else coalesce(r.completed_at, now()) end,
      error_stage = case when w.status in ('failed', 'partial') then (reelfleet.error_of(w.run_id)).stage end,
      error_message = case
        when w.status in ('failed', 'partial') then (reelfleet.error_of(w.run_id)).message
        when w.status = 'cancelled' then 'cancelled by ' || coalesce(r.cancel_requested_by, reelfleet.canceller_of(w.run_id), 'an operator') end
    from placed w
    where r.id = w.run_id and (r.status, r.open_tasks, r.phase) is distinct from (w.status, w.open::int, w.phase)
    returning r.id, r.video_id, r.status, r.error_message, r.params
  )
  -- A run that makes its video carries it along; runs over a finished video leave its status alone. One that goes on to find
  -- moments has made it when its first nodes are done, whatever becomes of the rest.
  select jsonb_agg(jsonb_build_object('video', video_id, 'error', error_message,
             'status', case when reelfleet.video_made(id, (params->>'videoNodes')::int) then 'completed' else status end))
           filter (where video_id is not null and (params->>'makesVideo')::boolean),
         jsonb_agg(jsonb_build_object('run', id, 'error', error_message)) filter (where status in ('failed', 'cancelled', 'partial'))
  into films, unhappy from written;
  if films is not null then
    perform reelfleet.carry_video(f.video, f.status, f.error)
    from jsonb_to_recordset(films) as f(video uuid, status text, error text);
  end if;
  -- Renditions that will not come any more say so, until the run is tried again.
  if unhappy is not null then
    update public.quality_progress q set status = 'failed', error_message = u.error, completed_at = now()
    from jsonb_to_recordset(unhappy) as u(run uuid, error text) join public.tasks t on t.run_id = u.run and t.stage = 'transcode'
    where q.task_id = t.id and q.status in ('pending', 'in_progress');
  end if;
end $$;

create or replace function reelfleet.carry_video(p_video uuid, p_run_status text, p_error text) returns void
language plpgsql set search_path = public, pg_temp as $$
declare
  goal text := case p_run_status when 'queued' then null when 'running' then 'processing'
                 when 'completed' then 'ready' when 'partial' then 'ready' else 'failed' end;
begin
  if goal is null then return; end if;
  perform set_config('reelfleet.actor', 'ledger', true);
  if goal in ('processing', 'ready', 'failed') then
    perform set_config('reelfleet.action', 'processing', true);
    update videos set status = 'processing', error_message = null, state_version = state_version + 1
    where id = p_video and status <> 'processing' and status <> goal;
  end if;
  if goal <> 'processing' then
    perform set_config('reelfleet.action', goal, true);
    update videos set status = goal, error_message = case when goal = 'failed' then p_error end, state_version = state_version + 1
    where id = p_video and status <> goal;
  end if;
  perform set_config('reelfleet.action', '', true);
end $$;

-- p_changed: tasks whose status has just changed to an end, or back from one. Returns the ids that became due and were
-- dispatched, so that the caller's answer carries their tickets.
create or replace function reelfleet.advance(p_runs uuid[], p_changed uuid[], p_actor text) returns uuid[]
language plpgsql set search_path = public, pg_temp as $$
declare
  frontier uuid[] := p_changed;
  affected uuid[] := p_changed;
  fresh uuid[] := '{}';
  first_pass boolean := true;
  paused_stages text[];
begin
  -- 1. A hard need that can never be met skips its dependant, and so on down the hard edges.
  loop
    with doomed as (
      select t.id from tasks t
      where t.status in ('blocked', 'queued') and t.id in (
        select d.task_id from task_dependencies d join tasks p on p.id = d.depends_on_id
        where d.depends_on_id = any(frontier) and d.kind = 'hard' and p.status in ('failed', 'cancelled', 'skipped')
        -- and a child born behind a need that had ended before it
        union all
        select d.task_id from task_dependencies d join tasks p on p.id = d.depends_on_id
        where first_pass and d.task_id = any(p_changed) and d.kind = 'hard' and p.status in ('failed', 'cancelled', 'skipped'))
      order by t.id for update of t
    ), gone as (
      update tasks t set status = 'skipped', state_version = t.state_version + 1, last_event = 'skip', updated_by = p_actor,
        dispatched_at = null, completed_at = now(), updated_at = now()
      from doomed where t.id = doomed.id returning t.id
    )
    select coalesce(array_agg(id), '{}') into frontier from gone;
    first_pass := false;
    exit when cardinality(frontier) = 0;
    affected := affected || frontier;
  end loop;

  -- 2. Blocked dependants are recounted from their edges, never by plus or minus one.
  with dependants as (
    select t.id from tasks t
    where coalesce(t.status, '') = 'blocked'
      and t.id = any(array(select d.task_id from task_dependencies d where d.depends_on_id = any(affected) union select unnest(affected)))
    order by t.id for update of t
  ), counts as (
    select x.id, count(d.id) as open
    from dependants x
    left join task_dependencies td on td.task_id = x.id
    left join tasks d on d.id = td.depends_on_id
      and not (d.status in ('completed', 'skipped') or (td.kind = 'soft' and d.status in ('failed', 'cancelled')))
    group by x.id
  )
  update tasks t set pending_deps = c.open, updated_at = now()
  from counts c where t.id = c.id and t.pending_deps <> c.open;

  -- 3. Whose last need is met becomes due, unless its run is being cancelled.
  paused_stages := array(select c.stage from stage_controls c where c.paused_at is not null order by c.stage);
  with ready as (
    select t.id from tasks t join pipeline_runs r on r.id = t.run_id
    where t.run_id = any(p_runs) and t.status = 'blocked' and t.pending_deps = 0 and r.cancel_requested_at is null
    order by t.id for update of t
  ), freed as (
    update tasks t set status = 'queued', state_version = t.state_version + 1, last_event = 'unblock', updated_by = p_actor,
      run_after = now(), updated_at = now(),
      dispatched_at = case when t.stage <> all(paused_stages) then now() end,
      dispatches = t.dispatches + (t.stage <> all(paused_stages))::int
    from ready where t.id = ready.id returning t.id
  )
  select coalesce(array_agg(id), '{}') into fresh from freed;

  -- A fresh statement: in the same one it would see the tasks as they were.
  perform reelfleet.roll_up(p_runs);
  return fresh;
end $$;

-- The same for tasks that have ended, none of them new or back again: where nothing waits for any of them, as in runs of
-- one task, they move their runs only.
create or replace function reelfleet.advance_ended(p_runs uuid[], p_ended uuid[], p_actor text) returns uuid[] language plpgsql as $$
begin
  if exists (select from unnest(p_ended) as e(id) where exists (select from public.task_dependencies d where d.depends_on_id = e.id)) then
    return reelfleet.advance(p_runs, p_ended, p_actor);
  end if;
  perform reelfleet.roll_up(p_runs);
  return '{}';
end $$;
