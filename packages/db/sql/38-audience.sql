-- Who watched what. A player says that a playback begins, and then how far it has come; what it says only ever raises what is
-- known, so words that are lost, doubled or late do no harm. A viewer is the cookie of a browser and nothing else, or nobody.

-- A playback begins. False: there is no such video, or it is deleted.
create or replace function reelfleet.playback_start(p_id uuid, p_token text, p_video uuid, p_viewer_id uuid, p_viewer text) returns boolean
language plpgsql set search_path = public, pg_temp as $$
declare
  viewer uuid;
begin
  if not exists (select 1 from videos where id = p_video and deleted_at is null) then return false; end if;
  if p_viewer is not null then
    insert into viewers (id, session_id) values (p_viewer_id, p_viewer)
    on conflict (session_id) do update set last_seen = now() returning id into viewer;
  end if;
  insert into playback_sessions (id, video_id, viewer_id, session_token) values (p_id, p_video, viewer, p_token)
  on conflict (session_token) do nothing;
  return true;
end $$;

-- How far it has come, in seconds. Nobody watches more than the time that has passed (and what a late word may take), nor
-- beyond the end; completed is nine tenths of the length watched, and its place reached. False: it never began.
create or replace function reelfleet.playback_beat(p_token text, p_watched float8, p_position float8, p_quality text, p_ended boolean) returns boolean
language plpgsql set search_path = public, pg_temp as $$
declare
  known playback_sessions;
  length float8;
begin
  select * into known from playback_sessions where session_token = p_token for update;
  if not found then return false; end if;
  select duration_seconds into length from videos where id = known.video_id;
  known.duration_watched := greatest(known.duration_watched, least(p_watched, extract(epoch from now() - known.started_at) + 10));
  known.max_position := greatest(known.max_position, least(p_position, length));
  update playback_sessions set
    duration_watched = known.duration_watched,
    max_position = known.max_position,
    quality_used = coalesce(p_quality, quality_used),
    completed = completed or coalesce(length > 0 and least(known.duration_watched, known.max_position) >= 0.9 * length, false),
    ended_at = case when p_ended then now() end
  where id = known.id;
  return true;
end $$;
