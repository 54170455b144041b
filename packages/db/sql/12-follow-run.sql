-- An album follows its run.
--
-- Within an attempt at the run its status only moves forward, through every state in order and with one update each, so
-- that whoever observes the table sees them all. A retry of an ended run may begin again. An album that was exported or
-- published (completed) stays so unless its run ends badly.
--
-- Once per statement: nearly all runs have no album, and asking that of a hundred at once costs a tenth of a hundred
-- calls.

create or replace function reelfleet.follow_runs() returns trigger
language plpgsql as $$
declare
  states constant public.video_job_status[] := array['planned', 'generating_music', 'generating_image', 'rendering', 'ready_for_export'];
  ended constant text[] := array['completed', 'failed', 'partial', 'cancelled'];
  run record;
  job record;
  target public.video_job_status;
  step public.video_job_status;
begin
  if not exists (select from after n where exists (select from public.video_jobs j where j.run_id = n.id)) then
    return null;
  end if;
  for run in
    select n.*, o.status as was from after n cross join lateral (select * from before o where o.id = n.id offset 0) o
    where (o.status is distinct from n.status or o.phase is distinct from n.phase)
      and exists (select from public.video_jobs j where j.run_id = n.id)
    order by n.id
  loop
    select j.id, j.status into job from public.video_jobs j where j.run_id = run.id for update;
    continue when not found;
    target := null;

    if run.status in ('failed', 'cancelled') then
      if job.status <> 'failed' then
        update public.video_jobs set status = 'failed', error_message = case run.status
            when 'cancelled' then 'cancelled by ' || coalesce(run.cancel_requested_by, 'an operator')
            else coalesce(run.error_message, 'the run failed' || coalesce(' in stage ' || run.error_stage, '')) end
          where id = job.id;
      end if;
      continue;
    end if;

    continue when job.status = 'completed';
    if run.status in ('completed', 'partial') then
      target := 'ready_for_export';
    elsif run.phase = any (states::text[]) then
      target := run.phase::public.video_job_status;
    end if;

    if run.was = any (ended) and run.status <> run.was and (job.status = 'failed' or target < job.status) then
      target := coalesce(target, 'planned');
      update public.video_jobs set status = 'planned', error_message = null where id = job.id;
      job.status := 'planned';
    end if;

    continue when target is null or job.status = 'failed';
    foreach step in array states loop
      if step > job.status and step <= target then
        update public.video_jobs set status = step where id = job.id;
      end if;
    end loop;
  end loop;
  return null;
end $$;

create or replace trigger follow_runs after update on public.pipeline_runs
  referencing old table as before new table as after for each statement execute function reelfleet.follow_runs();
