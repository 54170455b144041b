-- Accept runs: domain rows, runs, tasks and edges in one statement, set-based over the whole batch.
-- p_items: [{run, before, after, tasks, edges}], see packages/db/src/ledger.ts. The same idempotency key, or the same
-- run id again, answers with the first run and inserts nothing. Returns {runs: [{id, runId, created}], tickets}.

create or replace function reelfleet.enqueue(p_items jsonb, p_actor text) returns jsonb
language plpgsql security definer set search_path = public, pg_temp
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off set plan_cache_mode = force_generic_plan as $$
declare
  paused_stages constant text[] := array(select c.stage from stage_controls c where c.paused_at is not null order by c.stage);
  ids uuid[];
  keys text[];
  created boolean[];
  fresh uuid[];
  fresh_items jsonb[];
  with_edges boolean;
  item jsonb;
  answer jsonb;
  issued jsonb;
  gone text;
begin
  -- Two enqueues of one key wait for each other here, before either has written a domain row.
  perform pg_advisory_xact_lock(hashtextextended(k, 7)) from (
    select distinct coalesce(i->'run'->>'idempotency_key', case when i->'before' <> '[]' then i->'run'->>'id' end) as k
    from jsonb_array_elements(p_items) i order by 1) locks
  where k is not null;

  -- A fresh statement, which sees what those that were waited for have written. Of several with one key the first counts.
  with asked as (
    select n, i, (i->'run'->>'id')::uuid as id, i->'run'->>'idempotency_key' as key
    from jsonb_array_elements(p_items) with ordinality as e(i, n)
  ), judged as (
    select a.*, row_number() over (partition by coalesce(a.key, a.id::text) order by a.n) = 1
        and same.id is null and twin.id is null as is_new
    from asked a
    left join pipeline_runs same on same.id = a.id
    left join pipeline_runs twin on twin.idempotency_key = a.key
  )
  select array_agg(id order by n), array_agg(key order by n), array_agg(is_new order by n),
    coalesce(array_agg(id order by n) filter (where is_new), '{}'), array_agg(i order by n) filter (where is_new),
    bool_or(i->'edges' <> '[]') filter (where is_new)
  into ids, keys, created, fresh, fresh_items, with_edges
  from judged;

  perform set_config('reelfleet.actor', p_actor, true);
  for item in select i from unnest(fresh_items) i where i->'before' <> '[]' loop
    perform reelfleet.apply_records(item->'before');
  end loop;

  insert into pipeline_runs (id, identifier, idempotency_key, template, video_id, channel_id, generation_config_id, params,
                             status, priority, phase, open_tasks)
  select r.id, r.identifier, r.idempotency_key, r.template, r.video_id, r.channel_id, r.generation_config_id, coalesce(r.params, '{}'),
         'queued', coalesce(r.priority, 0), r.phase,
         jsonb_array_length(i->'tasks') - case when i->'edges' <> '[]' then (
           select count(distinct e.task) from jsonb_to_recordset(i->'edges') as e(task text)) else 0 end
  from unnest(fresh_items) i,
       jsonb_to_record(i->'run') as r(id uuid, identifier text, idempotency_key text, template text, video_id uuid, channel_id uuid,
                                      generation_config_id uuid, params jsonb, priority smallint, phase text);

  -- A fresh statement: the foreign key has waited for whoever deletes a video just now. Only what moves its files may still come.
  select v.identifier into gone from unnest(fresh) as u(id) join pipeline_runs r on r.id = u.id join videos v on v.id = r.video_id
  where v.deleted_at is not null and not r.params ? 'life' limit 1;
  if found then
    raise exception 'video "%" is deleted: restore it first', gone using errcode = 'RF400';
  end if;

  -- How many needs a task has is looked up in one map per run: counting them task by task would cost the square of a graph.
  insert into tasks (id, run_id, video_id, key, stage, title, phase, position, payload, optional, priority, max_attempts, max_crashes,
                     status, pending_deps, run_after, dispatched_at, dispatches, updated_by, last_event)
  select t.id, r.id, r.video_id, t.key, t.stage, t.title, t.phase, t.position,
         coalesce(t.payload, '{}'), coalesce(t.optional, false), coalesce(r.priority, 0::smallint), t.max_attempts, t.max_crashes,
         case when needs.n = 0 then 'queued' else 'blocked' end, needs.n,
         case when needs.n = 0 then now() end,
         case when needs.n = 0 and t.stage <> all(paused_stages) then now() end,
         case when needs.n = 0 and t.stage <> all(paused_stages) then 1 else 0 end, p_actor, 'create'
  from unnest(fresh_items) i,
       jsonb_to_record(i->'run') as r(id uuid, video_id uuid, priority smallint),
       lateral (select case when i->'edges' <> '[]' then (
           select jsonb_object_agg(e.task, e.n)
           from (select task, count(*) as n from jsonb_to_recordset(i->'edges') as e(task text) group by task) e) end as by_task offset 0) edges,
       jsonb_to_recordset(i->'tasks') as t(id uuid, key text, stage text, title text, phase text, position smallint, payload jsonb,
                                           optional boolean, max_attempts smallint, max_crashes smallint),
       lateral (select coalesce((edges.by_task->>t.key)::int, 0) as n) needs;

  if with_edges then
    insert into task_dependencies (task_id, depends_on_id, kind)
    select t.id, d.id, e.kind
    from unnest(fresh, fresh_items) as u(run_id, i), jsonb_to_recordset(u.i->'edges') as e(task text, "on" text, kind text)
    join tasks t on t.key = e.task
    join tasks d on d.key = e."on" and d.run_id = t.run_id
    where t.run_id = u.run_id;
  end if;

  for item in select i from unnest(fresh_items) i where i->'after' <> '[]' loop
    perform reelfleet.apply_records(item->'after');
  end loop;

  select coalesce(jsonb_agg(jsonb_build_object('id', asked.id, 'runId', coalesce(mine.id, other.id), 'created', asked.is_new) order by asked.n), '[]')
  into answer
  from unnest(ids, keys, created) with ordinality as asked(id, key, is_new, n)
  left join pipeline_runs mine on mine.id = asked.id
  left join pipeline_runs other on other.idempotency_key = asked.key;

  select coalesce(jsonb_agg(jsonb_build_object('id', t.id, 'version', t.state_version, 'dispatches', t.dispatches,
           'stage', t.stage, 'title', t.title, 'priority', t.priority) order by t.run_id, t.position, t.key), '[]')
  into issued
  from unnest(fresh) as u(id) join tasks t on t.run_id = u.id
  where coalesce(t.status, '') = 'queued' and t.dispatched_at is not null;
  return jsonb_build_object('runs', answer, 'tickets', issued);
end $$;
