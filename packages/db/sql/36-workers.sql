-- A worker process introduces itself, and takes its leave. A name that is disabled stays disabled over a restart.
create or replace function reelfleet.worker_hello(p_id uuid, p_name text, p_type text, p_capabilities jsonb, p_metadata jsonb) returns text
language sql security definer set search_path = public, pg_temp as $$
  insert into workers (id, worker_id, worker_name, worker_type, status, registered_at, last_heartbeat, capabilities, metadata)
  values (p_id, p_id::text, p_name, p_type,
          case when exists (select 1 from workers w where w.worker_name = p_name and w.status = 'disabled') then 'disabled' else 'active' end,
          now(), now(), p_capabilities, p_metadata)
  on conflict (id) do update set last_heartbeat = now(), status = case when workers.status = 'disabled' then 'disabled' else 'active' end
  returning status
$$;
drop function if exists reelfleet.worker_bye(uuid);
create or replace function reelfleet.worker_bye(p_id uuid, p_report jsonb default null) returns void
language sql security definer set search_path = public, pg_temp as $$
  update workers set status = case when status = 'disabled' then status else 'offline' end,
    metadata = reelfleet.with_report(metadata, p_report)
  where id = p_id
$$;
