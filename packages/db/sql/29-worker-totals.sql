-- What workers count, summed over the fleet so that no sum ever falls.
--
-- A worker reports how much it has counted since it started (never how much since its last report: a reply that is lost
-- must not count twice). Its row holds the latest report as metadata.counters, and as metadata.folded what of it was
-- already added to worker_totals. It contributes the difference; so a frozen worker that was written off, and wakes up
-- and beats again, contributes only what is new.

-- The row's metadata with a report; an older one that comes late (a beat that hung in the network) changes nothing.
create or replace function reelfleet.with_report(p_metadata jsonb, p_report jsonb) returns jsonb
language sql immutable set search_path = public, pg_temp as $$
  select case when jsonb_typeof(p_report->'seq') = 'number'
                and (p_report->'seq')::numeric > coalesce((p_metadata->'seq')::numeric, -1)
    then coalesce(p_metadata, '{}'::jsonb) || jsonb_build_object('seq', p_report->'seq',
           'counters', case jsonb_typeof(p_report->'counters') when 'object' then p_report->'counters' else '{}'::jsonb end,
           'gauges', case jsonb_typeof(p_report->'gauges') when 'object' then p_report->'gauges' else '{}'::jsonb end)
    else p_metadata end
$$;

-- What a row contributes beyond what worker_totals has of it.
create or replace function reelfleet.worker_counts(p_metadata jsonb) returns table (key text, value numeric)
language sql immutable set search_path = public, pg_temp as $$
  select c.key, c.value::numeric - coalesce((p_metadata->'folded'->c.key)::numeric, 0)
  from jsonb_each(case when jsonb_typeof(p_metadata->'counters') = 'object' then p_metadata->'counters' else '{}'::jsonb end) c
  -- A case, since the order of conditions is the planner's. What no worker counts to in its life would spoil the sum for good.
  where case when jsonb_typeof(c.value) = 'number'
    then c.value::numeric < 1e15 and c.value::numeric > coalesce((p_metadata->'folded'->c.key)::numeric, 0) end
$$;

-- Whoever leaves (goodbye, silence, retention, or an operator's own SQL) leaves what it counted: so a row that is offline
-- contributes nothing, and a sum over the fleet reads the others and worker_totals.
create or replace function reelfleet.fold_worker() returns trigger
language plpgsql set search_path = public, pg_temp as $$
declare
  leaving jsonb := case tg_op when 'DELETE' then old.metadata else new.metadata end;
begin
  if leaving ? 'counters' then
    -- One at a time: two that leave at once would lock the totals in different orders.
    perform pg_advisory_xact_lock(hashtext('reelfleet:worker_totals'));
    insert into worker_totals as t (key, total)
    select c.key, c.value from reelfleet.worker_counts(leaving) c
    on conflict (key) do update set total = t.total + excluded.total;
  end if;
  if tg_op = 'DELETE' then
    return old;
  end if;
  new.metadata := (leaving - 'counters' - 'gauges')
    || jsonb_build_object('folded', coalesce(leaving->'folded', '{}'::jsonb) || coalesce(leaving->'counters', '{}'::jsonb));
  return new;
end $$;

create or replace trigger worker_leaves before update on public.workers
  for each row when (new.status = 'offline' and new.metadata ? 'counters') execute function reelfleet.fold_worker();
create or replace trigger worker_deleted before delete on public.workers
  for each row execute function reelfleet.fold_worker();
