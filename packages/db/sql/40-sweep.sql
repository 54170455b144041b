-- The sweep: every step one bounded call, safe side by side, its cost following the work to do, not the table.

create table if not exists reelfleet.chores (name text primary key, next_at timestamptz not null);

-- The turn: one sweeper per interval for the whole fleet. `since` starts the current unbroken series of sweeps.
create or replace function reelfleet.sweep_turn(p_interval_ms int, p_lease_ms int) returns boolean
language plpgsql security definer set search_path = public, pg_temp
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off set plan_cache_mode = force_generic_plan as $$
begin
  update sweep_turn set next_at = now() + make_interval(secs => p_interval_ms / 1000.0), last_at = now(),
    since = case when last_at is null or since is null
                   or now() - last_at > make_interval(secs => greatest(p_lease_ms / 3.0, 2.0 * p_interval_ms) / 1000.0)
                 then now() else since end
  where next_at <= now();
  return found;
end $$;

-- Once a day, say: true for exactly one caller per period.
create or replace function reelfleet.chore_due(p_name text, p_every_ms bigint) returns boolean
language sql security definer set search_path = public, pg_temp
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off set plan_cache_mode = force_generic_plan as $$
  with mine as (
    insert into reelfleet.chores as c (name, next_at) values (p_name, now() + make_interval(secs => p_every_ms / 1000.0))
    on conflict (name) do update set next_at = excluded.next_at where c.next_at <= now()
    returning 1)
  select exists (select 1 from mine)
$$;

-- Expired leases. Nothing expires until sweeps have run for a whole lease since the postmaster started and since the
-- last gap between sweeps: after an outage every living worker gets the time to beat first. A lease that no beat has
-- extended since the postmaster started was ended by the outage (its worker had to stop before it was over): the task is
-- released, since it is not to blame.
create or replace function reelfleet.sweep_expire(p_actor text, p_lease_ms int, p_limit int) returns jsonb
language plpgsql security definer set search_path = public, pg_temp
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off set plan_cache_mode = force_generic_plan as $$
declare
  lease interval := make_interval(secs => p_lease_ms / 1000.0);
  found_ids uuid[];
  runs uuid[];
  ends uuid[];
  due uuid[];
  n int;
begin
  if now() - pg_postmaster_start_time() < lease or not exists (select 1 from sweep_turn where since is not null and now() - since >= lease) then
    return jsonb_build_object('expired', 0, 'tickets', '[]'::jsonb);
  end if;
  select coalesce(array_agg(id), '{}') into found_ids from (
    select id from tasks where status = 'running' and worker_id is not null and claim_expires_at < now() limit p_limit) late;
  if cardinality(found_ids) = 0 then
    return jsonb_build_object('expired', 0, 'tickets', '[]'::jsonb);
  end if;
  select coalesce(array_agg(id), '{}') into runs from (
    select r.id from pipeline_runs r where r.id in (select run_id from tasks where id = any(found_ids)) order by r.id for update) locked;
  with late as (
    select t.id, case when t.claim_expires_at < pg_postmaster_start_time() + lease then 'release' else 'expire' end as event
    from tasks t where t.id = any(found_ids) and coalesce(t.status, '') = 'running' and t.claim_expires_at < now() order by t.id for update of t
  ), written as (
    update tasks t set status = reelfleet.next_state(t, late.event), state_version = t.state_version + 1, last_event = late.event, updated_by = p_actor,
      crashes = case late.event when 'expire' then least(t.crashes + 1, t.max_crashes) else t.crashes end,
      worker_id = null, claimed_at = null, claim_expires_at = null, updated_at = now(),
      progress_percent = case when reelfleet.next_state(t, late.event) = 'queued' then 0 else least(t.progress_percent, 99) end,
      completed_at = case when reelfleet.next_state(t, late.event) <> 'queued' then now() end,
      error_code = case late.event when 'expire' then 'lease-expired' else 'database-restarted' end,
      last_error = case when reelfleet.next_state(t, late.event) = 'failed'
        then format('its lease expired %s times in a row: the task may be killing its worker, see reelfleet show TASK', t.crashes + 1) else t.last_error end,
      run_after = now(),
      dispatched_at = case when reelfleet.next_state(t, late.event) = 'queued' and not reelfleet.paused(t.stage) then now() end,
      dispatches = t.dispatches + (reelfleet.next_state(t, late.event) = 'queued' and not reelfleet.paused(t.stage))::int
    from late where t.id = late.id
    returning t.id, t.status, t.dispatched_at
  )
  select coalesce(array_agg(id) filter (where status <> 'queued'), '{}'),
         coalesce(array_agg(id) filter (where status = 'queued' and dispatched_at is not null), '{}'), count(*)
  into ends, due, n from written;
  due := due || reelfleet.advance_ended(runs, ends, p_actor);
  return jsonb_build_object('expired', n, 'tickets', reelfleet.tickets(due));
end $$;

-- Due and undispatched rows get tickets. Stages are hopped over by the index, so a paused stage's backlog costs nothing.
create or replace function reelfleet.sweep_due(p_limit int) returns jsonb
language plpgsql security definer set search_path = public, pg_temp
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off set plan_cache_mode = force_generic_plan as $$
declare
  found_ids uuid[];
  due uuid[];
begin
  with recursive stages as (
    (select t.stage from tasks t where t.status = 'queued' and t.dispatched_at is null order by t.stage limit 1)
    union all
    select (select t.stage from tasks t where t.status = 'queued' and t.dispatched_at is null and t.stage > s.stage order by t.stage limit 1)
    from stages s where s.stage is not null
  )
  -- Each stage gets its share, so that none can starve another.
  select coalesce(array_agg(c.id), '{}') into found_ids from (
    select d.id from (select st.stage, greatest(1, p_limit / count(*) over ()) as share from stages st
                      where st.stage is not null and not reelfleet.paused(st.stage)) s, lateral (
      (select t.id from tasks t where t.stage = s.stage and t.status = 'queued' and t.dispatched_at is null and t.run_after <= now() order by t.run_after limit s.share)
      union all
      (select t.id from tasks t where t.stage = s.stage and t.status = 'queued' and t.dispatched_at is null and t.run_after is null limit s.share)) d) c;

  with free as (
    select t.id from unnest(found_ids) as f(id) join tasks t on t.id = f.id
    where coalesce(t.status, '') = 'queued' and t.dispatched_at is null
    order by t.id for update of t skip locked
  ), sent as (
    update tasks t set dispatched_at = now(), dispatches = t.dispatches + 1 from free where t.id = free.id returning t.id
  ) select coalesce(array_agg(id), '{}') into due from sent;
  return reelfleet.tickets(due);
end $$;

-- The rising number: p_seen is what the queue's store holds (null: nothing). Lower or missing means the store was lost
-- or rewound; Postgres remembers when. Returns the number to write there next.
create or replace function reelfleet.sweep_store(p_store text, p_seen bigint) returns jsonb
language plpgsql security definer set search_path = public, pg_temp
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off set plan_cache_mode = force_generic_plan as $$
declare
  q queue_stores;
  lost boolean;
begin
  insert into queue_stores (name, epoch, lost_at) values (p_store, 0, now()) on conflict (name) do nothing;
  select * into q from queue_stores where name = p_store for update;
  lost := p_seen is null or p_seen < q.epoch;
  if lost then
    update queue_stores set lost_at = now() where name = p_store;
  elsif p_seen > q.epoch then
    update queue_stores set epoch = p_seen where name = p_store;
  end if;
  return jsonb_build_object('lost', lost, 'next', greatest(q.epoch, coalesce(p_seen, 0)) + 1);
end $$;

-- Rows dispatched before the store was lost count as undispatched: re-issued in bounded batches (a paused stage's rows
-- are only marked).
create or replace function reelfleet.sweep_lost(p_store text, p_limit int) returns jsonb
language plpgsql security definer set search_path = public, pg_temp
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off set plan_cache_mode = force_generic_plan as $$
declare
  lost timestamptz;
  due uuid[];
begin
  select lost_at into lost from queue_stores where name = p_store;
  if lost is null then return '[]'::jsonb; end if;
  with gone as (
    select t.id from tasks t where t.status = 'queued' and t.dispatched_at < lost order by t.dispatched_at limit p_limit for update of t skip locked
  ), sent as (
    update tasks t set dispatched_at = case when reelfleet.paused(t.stage) then null else now() end,
      dispatches = t.dispatches + (not reelfleet.paused(t.stage))::int
    from gone where t.id = gone.id returning t.id, t.dispatched_at
  ) select coalesce(array_agg(id) filter (where dispatched_at is not null), '{}') into due from sent;
  return reelfleet.tickets(due);
end $$;

-- Tickets to look up once, 5 s after their dispatch: a stored cursor moves over the index. p_rotate walks the whole
-- queue slowly instead, for tickets removed by hand. Returns {rows: [{id, version, dispatches, stage}], cursor}; the
-- caller moves the cursor with sweep_cursor once it has looked, so that a queue that is away loses nothing.
create or replace function reelfleet.sweep_verify(p_store text, p_limit int, p_rotate boolean) returns jsonb
language sql stable security definer set search_path = public, pg_temp
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off set plan_cache_mode = force_generic_plan as $$
  with batch as (
    select t.id, t.state_version, t.dispatches, t.stage, t.dispatched_at
    from queue_stores q, lateral (
      select * from tasks t
      where t.status = 'queued' and t.dispatched_at <= now() - interval '5 seconds'
        and t.dispatched_at > coalesce(case when p_rotate then q.rotate_cursor else q.verify_cursor end, '-infinity')
      order by t.dispatched_at fetch first p_limit rows with ties) t
    where q.name = p_store)
  select jsonb_build_object(
    'rows', coalesce(jsonb_agg(jsonb_build_object('id', id, 'version', state_version, 'dispatches', dispatches, 'stage', stage)), '[]'::jsonb),
    'cursor', max(dispatched_at)::text)
  from batch
$$;
create or replace function reelfleet.sweep_cursor(p_store text, p_rotate boolean, p_cursor text) returns void
language sql security definer set search_path = public, pg_temp
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off set plan_cache_mode = force_generic_plan as $$
  update queue_stores set
    verify_cursor = case when p_rotate then verify_cursor else p_cursor::timestamptz end,
    rotate_cursor = case when p_rotate then p_cursor::timestamptz else rotate_cursor end
  where name = p_store
$$;

-- Tickets that were looked up and are not there: dispatched anew, if the row has not moved.
create or replace function reelfleet.redispatch(p_ids uuid[], p_versions int[], p_dispatches int[]) returns jsonb
language plpgsql security definer set search_path = public, pg_temp
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off set plan_cache_mode = force_generic_plan as $$
declare due uuid[];
begin
  with gone as (
    select t.id from tasks t join unnest(p_ids, p_versions, p_dispatches) as a(id, version, dispatches)
      on a.id = t.id and a.version = t.state_version and a.dispatches = t.dispatches
    where coalesce(t.status, '') = 'queued' and t.dispatched_at is not null
    order by t.id for update of t skip locked
  ), sent as (
    update tasks t set dispatched_at = case when reelfleet.paused(t.stage) then null else now() end,
      dispatches = t.dispatches + (not reelfleet.paused(t.stage))::int
    from gone where t.id = gone.id returning t.id, t.dispatched_at
  ) select coalesce(array_agg(id) filter (where dispatched_at is not null), '{}') into due from sent;
  return reelfleet.tickets(due);
end $$;

-- Workers without a beat are offline; one that beats again is active again. A locked row is just beating, or leaving; it
-- is not waited for, since whoever leaves next to us waits for the totals that we hold (29-worker-totals.sql).
create or replace function reelfleet.sweep_workers(p_offline_ms int) returns int
language sql security definer set search_path = public, pg_temp
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off set plan_cache_mode = force_generic_plan as $$
  with gone as (
    update workers set status = 'offline'
    where id in (
      select id from workers
      where status in ('active', 'draining') and last_heartbeat < now() - make_interval(secs => p_offline_ms / 1000.0)
      order by id for update skip locked)
    returning 1)
  select count(*)::int from gone
$$;
