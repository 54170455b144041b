-- A clip and its picture become rows (asked for by their recorders, 25-records.sql). A moment has one clip, whoever cut it first;
-- one that is ordered anew takes its place, row and file and picture at once. The rows of artifacts that name what nobody has any
-- more go here, and nothing else does: the files are then gc's.

-- p_values: the row of clips, whose id is its file's artifact. A clip that comes second, and is not to replace the first, leaves
-- nothing behind; nor does one whose moment has gone.
create or replace function reelfleet.record_clip(p_replace boolean, p_values jsonb, p_run uuid) returns void
language plpgsql set search_path = public, pg_temp as $$
declare
  clip clips := jsonb_populate_record(null::clips, p_values);
  old clips;
begin
  -- Those who have cut the same moment come one after the other.
  perform from moments m where m.id = clip.moment_id for no key update;
  if found then
    select * into old from clips c where c.moment_id = clip.moment_id;
  end if;
  if not exists (select from moments m where m.id = clip.moment_id) or (old.id is not null and not p_replace) then
    delete from artifacts a where a.id = clip.id and a.video_id = clip.video_id;
    return;
  end if;
  if old.id is not null then
    delete from artifacts a where a.video_id = old.video_id
      and (a.id = old.id or a.id in (select n.id from thumbnails n where n.clip_id = old.id));
    delete from clips c where c.id = old.id;
  end if;
  insert into clips (id, moment_id, video_id, uri, start_time, end_time, padding_left, padding_right, size_bytes, format, video_codec,
                     audio_codec, resolution)
  values (clip.id, clip.moment_id, clip.video_id, clip.uri, clip.start_time, clip.end_time, clip.padding_left, clip.padding_right,
          clip.size_bytes, clip.format, clip.video_codec, clip.audio_codec, clip.resolution);
  if p_run is not null then
    perform reelfleet.add_to_run(p_run, 'add', jsonb_build_object('id', p_run, 'total_clips_created', 1));
  end if;
end $$;

-- p_values: the row of thumbnails, whose id is its file's artifact, with the video that the clip must be of. A clip that was
-- replaced meanwhile needs no picture.
create or replace function reelfleet.record_clip_thumbnail(p_values jsonb) returns void
language plpgsql set search_path = public, pg_temp as $$
declare
  picture thumbnails := jsonb_populate_record(null::thumbnails, p_values);
begin
  perform from clips c where c.id = picture.clip_id and c.video_id = picture.video_id for no key update;
  if not found then
    delete from artifacts a where a.id = picture.id and a.video_id = picture.video_id;
    return;
  end if;
  delete from artifacts a where a.video_id = picture.video_id
    and a.id in (select n.id from thumbnails n where n.clip_id = picture.clip_id and n.id <> picture.id);
  delete from thumbnails n where n.clip_id = picture.clip_id;
  insert into thumbnails (id, clip_id, uri, size_bytes) values (picture.id, picture.clip_id, picture.uri, picture.size_bytes);
end $$;
