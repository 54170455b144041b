-- The state machine of a task, the SQL twin of packages/core/src/task.ts (property tests hold the two equal).
-- settle, sweep, operator and the guard trigger all ask here; callers send events, never statuses.

create or replace function reelfleet.next_status(
  status text, event text, failures int, max_attempts int, crashes int, max_crashes int,
  pending_deps int, cancel_requested boolean, wish text default null
) returns text language sql immutable parallel safe as $$
  select case event
    when 'unblock' then case when status = 'blocked' and pending_deps = 0 then 'queued' end
    when 'skip' then case when status in ('blocked', 'queued') then 'skipped' end
    when 'claim' then case when status = 'queued' then 'running' end
    when 'complete' then case when status = 'running' then 'completed' end
    when 'fail' then case when status = 'running' then 'failed' end
    when 'park' then case when status = 'running' then case when cancel_requested then 'cancelled' else 'waiting' end end
    when 'retry' then case when status = 'running' then
      case when cancel_requested then 'cancelled' when failures + 1 >= max_attempts then 'failed' else 'queued' end end
    when 'release' then case when status = 'running' then case when cancel_requested then 'cancelled' else 'queued' end end
    when 'expire' then case when status = 'running' then
      case when cancel_requested then 'cancelled' when crashes + 1 >= max_crashes then 'failed' else 'queued' end end
    when 'resolve' then case when status = 'waiting' and wish in ('completed', 'failed') then wish end
    when 'cancel' then case when status in ('blocked', 'queued', 'waiting', 'running') then 'cancelled' end
    when 'operator_retry' then case when status in ('failed', 'cancelled', 'skipped') then
      case when pending_deps > 0 then 'blocked' else 'queued' end end
  end
$$;

create or replace function reelfleet.next_state(t public.tasks, event text, wish text default null)
returns text language sql immutable parallel safe as $$
  select reelfleet.next_status(t.status, event, t.failures, t.max_attempts, t.crashes, t.max_crashes,
                               t.pending_deps, t.cancel_requested_at is not null, wish)
$$;
