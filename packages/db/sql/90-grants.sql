-- Least privilege: a worker may call what a worker does, and nothing else. Functions run as their owner.
revoke all on all functions in schema reelfleet from public;
insert into public.sweep_turn (next_at) select now() where not exists (select 1 from public.sweep_turn);
do $$
begin
  if exists (select 1 from pg_roles where rolname = 'reelfleet_worker') then
    grant usage on schema reelfleet to reelfleet_worker;
    grant execute on function
      reelfleet.claim(uuid, uuid[], int[], int, text[]), reelfleet.claimed_by(uuid, uuid[], int[]),
      reelfleet.beat(uuid, uuid[], int[], int, int[], text[], boolean, jsonb), reelfleet.checkpoint(uuid, jsonb),
      reelfleet.begin_call(uuid, uuid, int, uuid, text, text, jsonb), reelfleet.end_call(uuid, jsonb, bigint, bigint, text),
      reelfleet.settle(uuid, text, jsonb), reelfleet.happened(text, jsonb),
      reelfleet.worker_hello(uuid, text, text, jsonb, jsonb), reelfleet.worker_bye(uuid, jsonb),
      reelfleet.sweep_turn(int, int), reelfleet.chore_due(text, bigint), reelfleet.sweep_expire(text, int, int), reelfleet.sweep_due(int),
      reelfleet.sweep_store(text, bigint), reelfleet.sweep_lost(text, int), reelfleet.sweep_verify(text, int, boolean),
      reelfleet.sweep_cursor(text, boolean, text),
      reelfleet.redispatch(uuid[], int[], int[]), reelfleet.sweep_workers(int), reelfleet.sweep_retention(int, int),
      reelfleet.unnamed(text[], text[]), reelfleet.video_at_work(uuid, uuid), reelfleet.sweep_purge(text, int, jsonb),
      reelfleet.schema_version()
      to reelfleet_worker;
    if exists (select 1 from pg_namespace where nspname = 'bullmq') then
      grant usage on schema bullmq to reelfleet_worker;
      grant select, insert, update, delete, truncate on all tables in schema bullmq to reelfleet_worker;
      grant usage, select, update on all sequences in schema bullmq to reelfleet_worker;
      grant execute on all functions in schema bullmq to reelfleet_worker;
    end if;
  end if;
end $$;
