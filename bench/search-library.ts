/**
 * A library to search in: videos with transcripts of 30 minutes, 4,500 words in 400 segments each, with the timestamps of every
 * word and segment, as the transcription stage leaves them. Made by Postgres itself, set-based. Words follow Zipf's law (the
 * word of rank r is r times as rare as the first); every twelfth comes from the forty that this talk is about, so that rare
 * words stand together as they do in speech.
 */
import pg from 'pg';
import { vocabulary } from './search-vocabulary.ts';

export interface LibrarySize {
  readonly transcripts: number;
  readonly words: number;
  readonly segments: number;
  readonly vocabulary: number;
}

export const THIRTY_MINUTES = { words: 4_500, segments: 400, vocabulary: 30_000 } as const;
const SECONDS = 1_800;
/** Transcripts per statement: what one sorts and aggregates stays in memory. */
const PART = 50;

const partSql = ({ words, segments, vocabulary: size }: LibrarySize) => `
  with drawn as (
    select t.n as talk, w.n as at,
      case when random() < 1 / 12.0
        then 401 + (hashint8(t.n * 64 + floor(random() * 40)::bigint) & 2147483647) % (${size} - 401)
        else floor(exp(random() * ln(${size}.0)))::int end as rank
    from generate_series($1::int, $2::int) as t(n), generate_series(0, ${words - 1}) as w(n) offset 0
  ), spoken as (
    select d.talk, d.at, d.at * ${segments} / ${words} as segment, b.word from drawn d join bench_words b on b.rank = d.rank
  ), segmented as (
    select talk, segment, min(at) as first, max(at) as last,
      initcap(left(string_agg(word, ' ' order by at), 1)) || substr(string_agg(word, ' ' order by at), 2) || '.' as text
    from spoken group by talk, segment
  ), videoed as (
    insert into videos (id, identifier, title, status, duration_seconds, created_at)
    select v.id, 'talk-' || v.n, 'Talk ' || v.n, 'pending', ${SECONDS}, now() - make_interval(mins => $3::int - v.n)
    from (select n, ('0197a3f2-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid as id from generate_series($1::int, $2::int) as t(n)) v
    returning id, identifier
  )
  insert into transcripts (id, video_id, full_text, word_timestamps, segment_timestamps, language, number_of_words, number_of_segments,
    transcription_service)
  select v.id, v.id, texts.full_text, words.stamps, texts.stamps, 'en', ${words}, ${segments}, 'bench'
  from videoed v
  join (select talk, string_agg(text, ' ' order by segment) as full_text,
      ('[' || string_agg(format('{"text":%s,"start":%s,"end":%s}', to_json(text), round(first * ${SECONDS / words}, 2),
        round((last + 1) * ${SECONDS / words}, 2)), ',' order by segment) || ']')::jsonb as stamps
    from segmented group by talk) texts on v.identifier = 'talk-' || texts.talk
  join (select talk, ('[' || string_agg('{"word":"' || word || '","start":' || round(at * ${SECONDS / words}, 2) || ',"end":'
        || round(at * ${SECONDS / words} + ${(SECONDS / words) * 0.8}, 2) || '}', ',' order by at) || ']')::jsonb as stamps
    from spoken group by talk) words on words.talk = texts.talk`;

/** Fill an empty database that has Reelfleet's schema. Two connections share the work. */
export async function makeLibrary(url: string, size: LibrarySize, say: (line: string) => void): Promise<void> {
  const clients = await Promise.all([connect(url), connect(url)]);
  const [first] = clients;
  await first?.query('create table bench_words (rank int primary key, word text not null)');
  await first?.query('insert into bench_words select n, w from unnest($1::text[]) with ordinality as u(w, n)', [
    vocabulary(size.vocabulary),
  ]);
  await first?.query('analyze bench_words');
  const sql = partSql(size);
  let next = 1;
  await Promise.all(
    clients.map(async (client, at) => {
      await client.query('select setseed($1)', [at === 0 ? 0.25 : 0.75]);
      await client.query("set work_mem = '256MB'");
      while (next <= size.transcripts) {
        const from = next;
        const to = Math.min(size.transcripts, from + PART - 1);
        next = to + 1;
        await client.query(sql, [from, to, size.transcripts]);
        if (to % 1_000 === 0) say(`${to} transcripts`);
      }
    }),
  );
  // The entries that wait for GIN's own pages, and what the planner knows: as autovacuum leaves it.
  await first?.query('drop table bench_words');
  await first?.query('vacuum analyze transcripts');
  await first?.query('vacuum analyze videos');
  await Promise.all(clients.map((client) => client.end()));
}

async function connect(connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString });
  client.on('error', () => {});
  await client.connect();
  return client;
}
