/** Searching what is said: what is found, where, in which order, and by which way. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Database, text } from './client.ts';
import { openReads, RANKED, type Reads, searchTranscripts, understoodWords } from './reads/index.ts';
import { readQuery } from './search-query.ts';
import { migratedDatabase, type TestDatabase } from './testing.ts';

let database: TestDatabase;
let db: Database;
let reads: Reads;
beforeAll(async () => {
  database = await migratedDatabase();
  db = new Database(database.url, { name: 'search' });
  reads = openReads(database.url, { name: 'search' });
  await say('habits', ['The power of daily habits.', 'A habit is built while running.', 'Nobody sees it.']);
  await say('racing', [
    'We ran yesterday.',
    'Running every day makes a runner.',
    'Runs, and running shoes.',
    'Run on.',
  ]);
  await say('machines', ['The machine is learning.', 'Deep machine learning <b>explained</b> by 3 people.']);
  await say('lies', ['He kept lying about the storm.']);
  await say('gone', ['The power of running away.'], { deleted: true });
});
afterAll(async () => {
  await Promise.all([reads.end(), db.end()]);
  await database.drop();
});

async function say(identifier: string, lines: readonly string[], { deleted = false } = {}): Promise<void> {
  const segments = lines.map((line, n) => ({ text: line, start: n * 2, end: n * 2 + 2 }));
  await db.query(
    `with v as (insert into videos (identifier, title, deleted_at) values ($1::text, $1::text, ${deleted ? 'now()' : 'null'}) returning id)
    insert into transcripts (video_id, full_text, word_timestamps, segment_timestamps) select id, $2::text, '[]', $3::text::jsonb from v`,
    [text(identifier), text(lines.join(' ')), text(JSON.stringify(segments))],
  );
}

async function search(words: string, limit = 10) {
  const understood = await understoodWords(reads.db, words);
  return understood && (await searchTranscripts(reads.db, understood, limit));
}
const found = async (words: string) => (await search(words))?.videos.map(({ identifier }) => identifier);

test('all words are to be said, in any of their forms; best first, and nothing of deleted videos', async () => {
  expect(await found('run')).toEqual(['racing', 'habits']);
  expect(await found('powerful habit')).toEqual(['habits']);
  expect(await found('habits storm')).toEqual([]);
  expect(await found('habits OR storm')).toEqual(expect.arrayContaining(['habits', 'lies']));
  expect(await found('running -habit')).toEqual(['racing']);
});

test('words in quotes stand side by side and in this order', async () => {
  expect(await found('machine learning')).toEqual(['machines']);
  expect(await found('"machine learning"')).toEqual(['machines']);
  expect(await found('"learning machine"')).toEqual([]);
  expect(await found('"is learning" "deep machine"')).toEqual(['machines']);
});

test('each video comes with the places, by their times, what was looked for marked and everything else as it was said', async () => {
  const [video] = (await search('"machine learning"'))?.videos ?? [];
  expect(video?.places).toBe(2);
  expect(video?.best).toEqual([
    {
      start: 0,
      end: 2,
      parts: [
        { text: 'The ', hit: false },
        { text: 'machine', hit: true },
        { text: ' is ', hit: false },
        { text: 'learning', hit: true },
        { text: '.', hit: false },
      ],
    },
    {
      start: 2,
      end: 4,
      parts: [
        { text: 'Deep ', hit: false },
        { text: 'machine', hit: true },
        { text: ' ', hit: false },
        { text: 'learning', hit: true },
        { text: ' <b>explained</b> by 3 people.', hit: false },
      ],
    },
  ]);
  const [racing] = (await search('running'))?.videos ?? [];
  expect([racing?.places, racing?.best.length]).toEqual([3, 3]);
});

test('a word whose stem begins otherwise is found in its place all the same', async () => {
  const [video] = (await search('lie'))?.videos ?? [];
  expect(video?.best[0]?.parts.filter(({ hit }) => hit)).toEqual([{ text: 'lying', hit: true }]);
});

test.each([['the of'], ['-storm'], ['   '], ["'"], ['!&|<->()'], ['the -storm']])(
  'nothing can be looked for in %j, and that is told apart from finding nothing',
  async (words) => expect(await search(words)).toBeNull(),
);

test.each([['\\'], ["o'clock"], ['a:b & c | !d'], ['100%'], ['\u{1F3A5} film'], ['https://example.org/a?b=c&d=e']])(
  'what people type is never a mistake of the database: %j',
  async (words) => {
    await expect(search(words)).resolves.not.toThrow();
  },
);

test('of a word that everybody says the newest are ranked, and that there are more is said', {
  timeout: 60_000,
}, async () => {
  await db.query(
    `with v as (insert into videos (identifier, title) select 'many-' || n, 'many' from generate_series(1, ${RANKED + 1}) n returning id)
    insert into transcripts (video_id, full_text, word_timestamps, segment_timestamps) select id, 'everybody says zebra', '[]', '[{"text": "zebra", "start": 0, "end": 1}]' from v`,
  );
  expect(await search('zebra', 3)).toMatchObject({ matches: RANKED, more: true, videos: { length: 3 } });
});

test('the index over all transcripts answers, however few there are', async () => {
  const before = await scans();
  await search('running');
  // What a session has counted is published when it is idle for a moment.
  await expect.poll(scans, { timeout: 15_000 }).toBeGreaterThan(before);
});
const scans = async () =>
  Number(
    (
      await db.query<{ n: string }>(
        `select idx_scan as n from pg_stat_user_indexes where indexrelname = 'idx_transcripts_full_text'`,
      )
    )[0]?.n,
  );

describe('the notation of Postgres', () => {
  test('is read with its quotes: words with quotes, backslashes and operators in them stay words', () => {
    const query = "'it''s' <-> 'a\\\\b' & ( 'x & y' | 'z' <2> 'q' )";
    expect(readQuery(query, query)).toMatchObject({
      indexed: "'it''s' & 'a\\\\b' & ( 'x & y' | 'z' & 'q' )",
      any: "'it''s' | 'a\\\\b' | 'x & y' | 'z' | 'q'",
      hint: "it\\'|a\\\\|x\\ \\&\\ |z|q",
    });
  });
  test('without a word that is wanted is nothing to look for', () => {
    expect(readQuery('', '')).toBeNull();
    expect(readQuery("!'storm'", 'T')).toBeNull();
  });
});
