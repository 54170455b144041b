-- Accept runs: domain rows, runs, tasks and edges in one statement, set-based over the whole batch.
-- p_items: [{run, before, after, tasks, edges}], see packages/db/src/ledger.ts. The same idempotency key, or the same
-- run id again, answers with the first run and inserts nothing. Returns {runs: [{id, runId, created}], tickets}.

create or replace function reelfleet.enqueue(p_items jsonb, p_actor text) returns jsonb
language plpgsql security definer set search_path = public, pg_temp
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set plan_cache_mode = force_generic_plan as $$
declare
  fresh uuid[];
  item jsonb;
  answer jsonb;
begin
  -- Two enqueues of one key wait for each other here, before either has written a domain row.
  perform pg_advisory_xact_lock(hashtextextended(k, 7)) from (
    select distinct coalesce(i->'run'->>'idempotency_key', case when jsonb_array_length(coalesce(i->'before', '[]')) > 0 then i->'run'->>'id' end) as k
    from jsonb_array_elements(p_items) i order by 1) keys
  where k is not null;

  select coalesce(array_agg(id), '{}') into fresh from (
    select distinct on (coalesce(key, id::text)) id from (
      select (i->'run'->>'id')::uuid as id, i->'run'->>'idempotency_key' as key, n
      from jsonb_array_elements(p_items) with ordinality as e(i, n)) asked
    where not exists (select 1 from pipeline_runs r where r.id = asked.id)
      and not exists (select 1 from pipeline_runs r where r.idempotency_key = asked.key)
    order by coalesce(key, id::text), n) firsts;

  perform set_config('reelfleet.actor', p_actor, true);
  for item in select i from jsonb_array_elements(p_items) i
    where (i->'run'->>'id')::uuid = any(fresh) and jsonb_array_length(coalesce(i->'before', '[]')) > 0 loop
    perform reelfleet.apply_records(item->'before');
  end loop;

  insert into pipeline_runs (id, identifier, idempotency_key, template, video_id, channel_id, generation_config_id, params,
                             status, priority, phase, open_tasks)
  select r.id, r.identifier, r.idempotency_key, r.template, r.video_id, r.channel_id, r.generation_config_id, coalesce(r.params, '{}'),
         'queued', coalesce(r.priority, 0), r.phase,
         (select count(*) from jsonb_array_elements(i->'tasks') t
          where not exists (select 1 from jsonb_array_elements(i->'edges') e where e->>'task' = t->>'key'))
  from jsonb_array_elements(p_items) i,
       jsonb_to_record(i->'run') as r(id uuid, identifier text, idempotency_key text, template text, video_id uuid, channel_id uuid,
                                      generation_config_id uuid, params jsonb, priority smallint, phase text)
  where r.id = any(fresh);

  insert into tasks (id, run_id, video_id, key, stage, title, phase, position, payload, optional, priority, max_attempts, max_crashes,
                     status, pending_deps, run_after, dispatched_at, dispatches, updated_by, last_event)
  select t.id, (i->'run'->>'id')::uuid, (i->'run'->>'video_id')::uuid, t.key, t.stage, t.title, t.phase, t.position,
         coalesce(t.payload, '{}'), coalesce(t.optional, false), coalesce((i->'run'->>'priority')::smallint, 0::smallint), t.max_attempts, t.max_crashes,
         case when needs.n = 0 then 'queued' else 'blocked' end, needs.n,
         case when needs.n = 0 then now() end,
         case when needs.n = 0 and not reelfleet.paused(t.stage) then now() end,
         case when needs.n = 0 and not reelfleet.paused(t.stage) then 1 else 0 end, p_actor, 'create'
  from jsonb_array_elements(p_items) i,
       jsonb_to_recordset(i->'tasks') as t(id uuid, key text, stage text, title text, phase text, position smallint, payload jsonb,
                                           optional boolean, max_attempts smallint, max_crashes smallint),
       lateral (select count(*) as n from jsonb_array_elements(i->'edges') e where e->>'task' = t.key) needs
  where (i->'run'->>'id')::uuid = any(fresh);

  insert into task_dependencies (task_id, depends_on_id, kind)
  select t.id, d.id, e.kind
  from jsonb_array_elements(p_items) i,
       jsonb_to_recordset(i->'edges') as e(task text, "on" text, kind text)
       join tasks t on t.key = e.task
       join tasks d on d.key = e."on" and d.run_id = t.run_id
  where (i->'run'->>'id')::uuid = any(fresh) and t.run_id = (i->'run'->>'id')::uuid;

  for item in select i from jsonb_array_elements(p_items) i
    where (i->'run'->>'id')::uuid = any(fresh) and jsonb_array_length(coalesce(i->'after', '[]')) > 0 loop
    perform reelfleet.apply_records(item->'after');
  end loop;

  select jsonb_agg(jsonb_build_object('id', asked.id, 'runId', coalesce(mine.id, other.id), 'created', asked.id = any(fresh)) order by asked.n)
  into answer
  from (select (i->'run'->>'id')::uuid as id, i->'run'->>'idempotency_key' as key, n
        from jsonb_array_elements(p_items) with ordinality as e(i, n)) asked
  left join pipeline_runs mine on mine.id = asked.id
  left join pipeline_runs other on other.idempotency_key = asked.key;

  return jsonb_build_object('runs', coalesce(answer, '[]'::jsonb),
    'tickets', reelfleet.tickets(array(select t.id from tasks t where t.run_id = any(fresh) and coalesce(t.status, '') = 'queued'
      order by t.run_id, t.position, t.key)));
end $$;
