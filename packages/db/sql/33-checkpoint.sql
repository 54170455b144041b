-- Durable progress the next attempt reads. Fenced, does not raise the version; crashes are forgiven when there are more
-- stored units than any attempt had before ("most", kept while an attempt that began anew has fewer).
-- p_items: [{id, version, data, units, progress, step}]. Returns the ids that were held.

create or replace function reelfleet.checkpoint(p_worker uuid, p_items jsonb) returns jsonb
language plpgsql security definer set search_path = public, pg_temp
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off set plan_cache_mode = force_generic_plan as $$
declare held jsonb;
begin
  with asked as (
    -- Two of one attempt can share a batch: the later one stands.
    select distinct on (i.id, i.version) i.*
    from jsonb_array_elements(p_items) with ordinality as e(item, n),
         jsonb_to_record(e.item) as i(id uuid, version int, data jsonb, units int, progress int, step text)
    order by i.id, i.version, e.n desc
  ), mine as (
    select t.id, t.checkpoint as before from tasks t join asked a on a.id = t.id and a.version = t.state_version
    where t.id = any(array(select a.id from asked a)) and coalesce(t.status, '') = 'running' and t.worker_id = p_worker
    order by t.id for update of t
  ), counted as (
    select a.*, coalesce(a.units, 0) as stored, coalesce((m.before->>'units')::int, 0) as last,
      coalesce((m.before->>'most')::int, (m.before->>'units')::int, 0) as most
    from asked a join mine m on m.id = a.id
  ), saved as (
    update tasks t set
      -- Within one attempt it does not go backwards: a copy of an older one can come out of the network late.
      checkpoint = case when t.last_checkpoint >= t.claimed_at and c.stored < c.last then t.checkpoint
        else jsonb_build_object('units', c.stored, 'data', c.data)
          || case when c.most > c.stored then jsonb_build_object('most', c.most) else '{}' end end,
      last_checkpoint = now(),
      crashes = case when c.stored > c.most then 0 else t.crashes end,
      progress_percent = greatest(t.progress_percent, least(coalesce(c.progress, 0), 99)),
      current_step = coalesce(left(c.step, 50), t.current_step)
    from counted c where t.id = c.id and c.version = t.state_version
    returning t.id
  )
  select coalesce(jsonb_agg(id), '[]'::jsonb) into held from saved;
  return held;
end $$;
