-- One beat per worker process: extends the leases of its running handlers, carries their progress, and answers per task
-- held, cancel (held, and somebody asked to cancel), busy (its row is locked: its own settle is in flight, say) or lost.
-- p_report, when there is one, says what the process has counted so far: {seq, counters, gauges}.

drop function if exists reelfleet.beat(uuid, uuid[], int[], int, int[], text[], boolean, jsonb);
create or replace function reelfleet.beat(
  p_worker uuid, p_ids uuid[], p_versions int[], p_lease_ms int, p_progress int[], p_steps text[], p_draining boolean, p_report jsonb
) returns jsonb language plpgsql security definer set search_path = public, pg_temp
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off set plan_cache_mode = force_generic_plan as $$
declare
  me record;
  answers jsonb;
begin
  update workers w set last_heartbeat = now(),
    status = case when w.status = 'disabled' then 'disabled' when p_draining or w.status = 'draining' then 'draining' else 'active' end,
    metadata = reelfleet.with_report(w.metadata, p_report)
  where w.id = p_worker returning w.status into me;
  if not found then
    raise exception 'worker % is not registered', p_worker using errcode = 'no_data_found';
  end if;

  with asked as (select * from unnest(p_ids, p_versions, p_progress, p_steps) as a(id, version, progress, step)),
  free as (
    select t.id, a.version from tasks t join asked a on a.id = t.id and a.version = t.state_version
    where coalesce(t.status, '') = 'running' and t.worker_id = p_worker
    order by t.id for update of t skip locked
  ), kept as (
    update tasks t set claim_expires_at = now() + make_interval(secs => p_lease_ms / 1000.0),
      progress_percent = greatest(t.progress_percent, least(coalesce(a.progress, 0), 99)),
      current_step = coalesce(left(a.step, 50), t.current_step)
    from asked a, free f where t.id = f.id and a.id = f.id and a.version = f.version
    returning t.id, t.cancel_requested_at is not null as cancel
  )
  select coalesce(jsonb_object_agg(a.id, case
      when k.cancel then 'cancel' when k.id is not null then 'held'
      when exists (select 1 from tasks t where t.id = a.id and t.state_version = a.version and t.status = 'running' and t.worker_id = p_worker) then 'busy'
      else 'lost' end), '{}'::jsonb)
  into answers
  from asked a left join kept k on k.id = a.id;

  return jsonb_build_object('tasks', answers, 'worker', me.status, 'schema', reelfleet.schema_version());
end $$;
