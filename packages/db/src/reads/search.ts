/**
 * Searching what is said. Three statements, each bounded, however many transcripts there are: what the words mean to
 * Postgres; which videos match, found by the index over all transcripts (idx_transcripts_full_text) and ranked; and, for the
 * videos of the page alone, where in them the words are said. How long each takes, and why it is done this way: docs/search.md.
 */
import { type SQL, sql } from 'drizzle-orm';
import { type ReadQuery, readQuery } from '../search-query.ts';
import type { ReadHandle } from './client.ts';
import { uuidsOf } from './directory.ts';

/** A word that is in nearly every transcript must not cost a look at all of them: so many, the newest, are ranked. */
export const RANKED = 500;
/** Places shown for each video; how many there are is counted. */
const HITS = 3;

/** What `websearch_to_tsquery` makes of the words; null when nothing in them can be looked for. */
export async function understoodWords(db: ReadHandle, words: string): Promise<ReadQuery | null> {
  const rows = await db.execute<{ query: string; tree: string }>(sql`
    select query::text as query, querytree(query) as tree from websearch_to_tsquery('english', ${words}) as query`);
  const [row] = rows as unknown as { query: string; tree: string }[];
  return row === undefined ? null : readQuery(row.query, row.tree);
}

/** The statements, apart from what they answer: a benchmark asks Postgres how it goes about them. */
export const searchStatements = {
  /** Matches, best first, with how many there are (sql/50-search.sql). */
  matches: ({ query, indexed, wanted }: ReadQuery, limit: number): SQL => sql`
    select v.id, v.identifier, v.title, v.duration_seconds as "durationSeconds", v.thumbnail_url as "thumbnailUri", m.language,
      m.rank, m.matches
    from reelfleet.matching_transcripts(${query}::tsquery, ${indexed}::tsquery, ${wanted}::tsquery, ${RANKED}, ${limit})
      with ordinality as m(video_id, language, rank, matches, place)
    join videos v on v.id = m.video_id order by m.place`,

  /**
   * The best places of each video and how many there are. Taking a segment's words to their stems is most of the work, so
   * only those are that hold the beginnings of the stems (`hint`).
   */
  places: ({ query, any, marks }: ReadQuery, ids: readonly string[], hint: string | null): SQL => sql`
    select t.video_id as "videoId", f.places::int as places, f.best::text as best
    from transcripts t cross join lateral (
      select count(*) as places, json_agg(json_build_object('start', h.start, 'end', h."end", 'text',
          ts_headline('english', translate(h.text, ${marks.join('')}, ''), ${any}::tsquery, ${`HighlightAll=true, StartSel=${marks[0]}, StopSel=${marks[1]}`}))
        order by h.start) filter (where h.place <= ${HITS}) as best
      from (
        select s.*, row_number() over (order by s.vector @@ ${query}::tsquery desc, ts_rank(s.vector, ${any}::tsquery) desc, s.start) as place
        from (
          select x.start, x."end", x.text, to_tsvector('english', x.text) as vector
          from jsonb_to_recordset(t.segment_timestamps) as x(text text, start float8, "end" float8)
          ${hint === null ? sql.empty() : sql`where x.text ~* ${hint}`} offset 0) s
        where s.vector @@ ${any}::tsquery) h) f
    where t.video_id = any(${sql.param(`{${uuidsOf(ids).join(',')}}`)}::uuid[])`,
} as const;

/** A stretch of a hit's text, said by the words that were looked for or between them. */
export interface SearchPart {
  text: string;
  hit: boolean;
}

export interface FoundPlace {
  /** Seconds. */
  start: number;
  end: number;
  /** One after the other they are the segment's text. */
  parts: SearchPart[];
}

export interface FoundVideo {
  id: string;
  identifier: string;
  title: string;
  durationSeconds: number | null;
  /** Where its picture is stored. */
  thumbnailUri: string | null;
  language: string;
  rank: number;
  /** Segments in which any of the words is said. */
  places: number;
  /** The best of them, in the order of the video. */
  best: FoundPlace[];
}

/**
 * The best `limit` videos in which the words are said, of those that are not deleted. `matches` counts at most
 * {@link RANKED} videos; `more`: there are more, older ones, which were not ranked.
 */
export async function searchTranscripts(
  db: ReadHandle,
  understood: ReadQuery,
  limit: number,
): Promise<{ videos: FoundVideo[]; matches: number; more: boolean }> {
  type Match = Omit<FoundVideo, 'places' | 'best'> & { matches: string };
  const rows = (await db.execute(searchStatements.matches(understood, limit))) as unknown as Match[];
  const matches = Number(rows[0]?.matches ?? 0);
  const places = await placesOf(db, understood, rows);
  const videos = rows.map(({ matches: _matches, ...row }): FoundVideo => {
    const found = places.get(row.id);
    return { ...row, rank: Number(row.rank), places: found?.places ?? 0, best: found?.best ?? [] };
  });
  return { videos, matches: Math.min(matches, RANKED), more: matches > RANKED };
}

interface Places {
  places: number;
  best: FoundPlace[];
}

async function placesOf(
  db: ReadHandle,
  understood: ReadQuery,
  videos: readonly { id: string }[],
): Promise<Map<string, Places>> {
  const found = new Map<string, Places>();
  // A stem that does not begin as its word does (lie, of lying) is missed by the hint: then without it.
  for (const hint of [understood.hint, null]) {
    const ids = videos.map(({ id }) => id).filter((id) => !found.has(id));
    if (ids.length === 0) break;
    const rows = (await db.execute(searchStatements.places(understood, ids, hint))) as unknown as {
      videoId: string;
      places: number;
      best: string | null;
    }[];
    for (const { videoId, places, best } of rows) {
      if (places === 0) continue;
      const parsed = JSON.parse(best ?? '[]') as { start: number; end: number; text: string }[];
      found.set(videoId, {
        places,
        best: parsed.map(({ start, end, text }) => ({ start, end, parts: partsOf(text, understood.marks) })),
      });
    }
  }
  return found;
}

function partsOf(text: string, [open, close]: ReadQuery['marks']): SearchPart[] {
  return text.split(open).flatMap((piece, index) => {
    const [said = '', after = ''] = index === 0 ? ['', piece] : piece.split(close);
    return [
      { text: said, hit: true },
      { text: after, hit: false },
    ].filter((part) => part.text !== '');
  });
}
