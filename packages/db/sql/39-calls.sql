-- Requests that cost money: written down before they are sent, their answers kept before they are used.

-- Write a request down, fenced: whoever lost the task sends nothing. One row per task and request; a later try finds the
-- first one's row, whose id is what all tries are known by, with its answer when that arrived. Null: not yours any more.
create or replace function reelfleet.begin_call(p_worker uuid, p_task uuid, p_version int, p_call uuid, p_provider text, p_hash text, p_request jsonb) returns jsonb
language plpgsql security definer set search_path = public, pg_temp
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off set plan_cache_mode = force_generic_plan as $$
declare
  found_call record;
begin
  perform 1 from tasks t
  where t.id = p_task and t.state_version = p_version and t.status = 'running' and t.worker_id = p_worker
  for share;
  if not found then return null; end if;
  insert into provider_calls (id, task_id, provider, request_hash, request) values (p_call, p_task, p_provider, p_hash, p_request)
  on conflict (task_id, request_hash) do nothing;
  select c.id, c.status, c.response into found_call from provider_calls c where c.task_id = p_task and c.request_hash = p_hash;
  return jsonb_build_object('callId', found_call.id,
    'kept', case when found_call.status = 'completed' then jsonb_build_object('response', found_call.response) end);
end $$;

-- Keep an answer. Not fenced: it is paid, and the next attempt uses it. The first one stands.
create or replace function reelfleet.end_call(p_call uuid, p_response jsonb, p_tokens_in bigint, p_tokens_out bigint, p_cost text) returns void
language sql security definer set search_path = public, pg_temp
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off set plan_cache_mode = force_generic_plan as $$
  update provider_calls set status = 'completed', response = p_response, tokens_in = p_tokens_in, tokens_out = p_tokens_out,
    cost_usd = p_cost::numeric, completed_at = now()
  where id = p_call and status <> 'completed' and task_id is not null
$$;

-- What was said in a video goes with the video: of a call whose task is gone only provider, time, tokens and cost stay.
create or replace function reelfleet.call_forgets() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
begin
  new.request := null;
  new.response := null;
  return new;
end $$;
create or replace trigger provider_calls_forget before update of task_id on public.provider_calls
  for each row when (old.task_id is not null and new.task_id is null) execute function reelfleet.call_forgets();
