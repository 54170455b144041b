-- Transcripts that match, best first, of videos that are not deleted.
--
-- p_indexed is what the index over all transcripts can answer (words, wherever they stand), p_query is all that was asked. At
-- most p_ranked of the matches are ranked, the newest: a word that is in every transcript must not cost a look at all of them.
-- One more is counted, so that whoever asks knows that there are more. p_wanted is p_query without what must not be there,
-- which ts_rank cannot weigh.
--
-- The planner takes a parse of half an hour of text (4 ms) for one cheap function call, so that a scan of a few hundred
-- transcripts looks cheaper to it than the index: hence the settings.

create or replace function reelfleet.matching_transcripts(p_query tsquery, p_indexed tsquery, p_wanted tsquery, p_ranked int, p_limit int)
returns table (video_id uuid, language varchar, rank real, matches bigint)
language plpgsql stable rows 20 set search_path = public, pg_temp
set enable_seqscan = off set jit = off as $$
begin
  return query
  select m.video_id, m.language, ts_rank(m.vector, p_wanted, 1), count(*) over ()
  from (
    select t.* from (
      select i.video_id, i.language, i.search_vector as vector, i.created_at
      from transcripts i
      where to_tsvector('english', i.full_text) @@ p_indexed
      order by i.created_at desc, i.video_id desc offset 0) t
    -- One by one and only as far as is needed, where the planner would join all of them.
    cross join lateral (select from videos v where v.id = t.video_id and v.deleted_at is null offset 0) v
    where p_query = p_indexed or t.vector @@ p_query
    limit p_ranked + 1) m
  order by 3 desc, m.created_at desc, m.video_id desc
  limit p_limit;
end $$;
