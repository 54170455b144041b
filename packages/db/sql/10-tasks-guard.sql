-- Guard and audit of tasks, set-based: one check and one insert per statement, whatever its size.
-- Transition tables have no statistics, and a nested loop over two of them is quadratic: hence the joins that are set.
-- Making a state into JSON costs more than the row that holds it, and what a batch moves is mostly alike (a hundred claims
-- by one worker of what was enqueued together): so it is made once per distinct change.
-- No code path and no hand-typed SQL can change a task's status without an arrow of next_status, nor skip the audit.

create or replace function reelfleet.tasks_created() returns trigger
language plpgsql security definer set search_path = public, pg_temp set enable_hashjoin = on set enable_nestloop = off as $$
declare bad record;
begin
  select id, status, state_version, last_event into bad from added
  where state_version <> 1 or coalesce(last_event, 'create') <> 'create' or status not in ('blocked', 'queued', 'skipped')
  limit 1;
  if found then
    raise exception 'a task is created blocked, queued or skipped at version 1, not % at version % by %', bad.status, bad.state_version, bad.last_event
      using errcode = 'check_violation', detail = format('task %s', bad.id);
  end if;
  insert into task_audit (task_id, actor, action, state_before, state_after, state_version, "timestamp")
  select unnest(ids), actor, 'create', null, state, 1, now()
  from (
    select array_agg(id) as ids, coalesce(updated_by, current_user) as actor,
           jsonb_build_object('status', status, 'worker', worker_id, 'attemptNumber', attempt_number, 'failures', failures,
                              'crashes', crashes, 'runAfter', run_after, 'errorCode', error_code, 'error', last_error) as state
    from added
    group by updated_by, status, worker_id, attempt_number, failures, crashes, run_after, error_code, last_error) alike;
  return null;
end $$;

create or replace function reelfleet.tasks_changed() returns trigger
language plpgsql security definer set search_path = public, pg_temp set enable_hashjoin = on set enable_nestloop = off as $$
declare bad record;
begin
  select coalesce(o.id, n.id) as id, o.status as was, n.status as wished, o.state_version as had, n.state_version as has, n.last_event as event
  into bad
  from before o full join after n on n.id = o.id
  where o.id is null or n.id is null or n.run_id <> o.run_id
     or ((o.status <> n.status or o.state_version <> n.state_version)
         and (n.state_version <> o.state_version + 1
              or n.status is distinct from reelfleet.next_status(o.status, n.last_event, o.failures, o.max_attempts,
                   o.crashes, o.max_crashes, o.pending_deps, o.cancel_requested_at is not null, n.status)))
  limit 1;
  if found then
    raise exception 'no arrow leads a task from % (version %) to % (version %) by event %', bad.was, bad.had, bad.wished, bad.has, bad.event
      using errcode = 'check_violation', detail = format('task %s', bad.id),
            hint = 'change tasks through the functions of schema reelfleet, or with reelfleet retry and reelfleet cancel';
  end if;
  insert into task_audit (task_id, actor, action, state_before, state_after, state_version, "timestamp")
  select unnest(ids), actor, event, was, is_now, unnest(versions), now()
  from (
    select array_agg(n.id) as ids, array_agg(n.state_version) as versions, coalesce(n.updated_by, current_user) as actor, n.last_event as event,
           jsonb_build_object('status', o.status, 'worker', o.worker_id, 'attemptNumber', o.attempt_number, 'failures', o.failures,
                              'crashes', o.crashes, 'runAfter', o.run_after, 'errorCode', o.error_code, 'error', o.last_error) as was,
           jsonb_build_object('status', n.status, 'worker', n.worker_id, 'attemptNumber', n.attempt_number, 'failures', n.failures,
                              'crashes', n.crashes, 'runAfter', n.run_after, 'errorCode', n.error_code, 'error', n.last_error) as is_now
    from before o join after n on n.id = o.id
    where n.state_version <> o.state_version
    group by n.updated_by, n.last_event,
             o.status, o.worker_id, o.attempt_number, o.failures, o.crashes, o.run_after, o.error_code, o.last_error,
             n.status, n.worker_id, n.attempt_number, n.failures, n.crashes, n.run_after, n.error_code, n.last_error) alike;
  return null;
end $$;

create or replace trigger tasks_created after insert on public.tasks
  referencing new table as added for each statement execute function reelfleet.tasks_created();
create or replace trigger tasks_changed after update on public.tasks
  referencing old table as before new table as after for each statement execute function reelfleet.tasks_changed();
