/** Prompts and configs: one row for each content, by the hash that design/3 gives them. */
import { createHash, randomUUID } from 'node:crypto';
import type { ConfigWish } from '@reelfleet/core';
import { atTestEnd } from '@reelfleet/testkit';
import { expect, test } from 'vitest';
import { Database } from './client.ts';
import { configHash, ensureConfig, promptHash } from './configs.ts';
import { migratedDatabase } from './testing.ts';

const wish: ConfigWish = {
  userPrompt: 'Find engaging moments about productivity',
  systemPrompt: 'You are an AI that identifies key moments',
  model: 'qwen3_vl_fp8',
  operationType: 'generation',
  temperature: 0.7,
  topP: 0.9,
  topK: null,
  minMomentLength: 30,
  maxMomentLength: 90.5,
  minMoments: 3,
  maxMoments: 10,
};

/** As many clients of one new database. */
async function clients(count: number): Promise<Database[]> {
  const database = await migratedDatabase();
  atTestEnd(() => database.drop());
  return Array.from({ length: count }, () => {
    const db = new Database(database.url, { name: 'configs', max: 4 });
    atTestEnd(() => db.end());
    return db;
  });
}
const open = async (): Promise<Database> => (await clients(1))[0] as Database;

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const counts = (db: Database) =>
  db.query(
    'select (select count(*)::int from prompts) as prompts, (select count(*)::int from generation_configs) as configs',
  );

test('50 configs of equal content at once, over several connections, make one prompt and one config', async () => {
  const all = await clients(5);
  const db = all[0] as Database;
  const made = await Promise.all(Array.from({ length: 50 }, (_, at) => ensureConfig(all[at % 5] as Database, wish)));
  expect(new Set(made.map(({ id, promptId }) => `${id} ${promptId}`)).size).toBe(1);
  expect(await counts(db)).toEqual([{ prompts: 1, configs: 1 }]);
});

test('the hashes are those of the JSON arrays of the fields in the order of the seed, nulls kept', async () => {
  const db = await open();
  const { id, promptId } = await ensureConfig(db, wish);
  const rows = await db.query(
    'select c.id, config_hash, prompt_hash from generation_configs c join prompts p on p.id = c.prompt_id',
  );
  const prompt = sha256(`["${wish.userPrompt}","${wish.systemPrompt}"]`);
  const config = sha256(`["${promptId}","qwen3_vl_fp8","generation",0.7,0.9,null,30,90.5,3,10]`);
  expect(rows).toEqual([{ id, config_hash: config, prompt_hash: prompt }]);
  expect([promptHash(wish), configHash({ ...wish, promptId })]).toEqual([prompt, config]);
});

test('any other field makes another config, its transcript does not, and texts cannot be joined into each other', async () => {
  const db = await open();
  const { id } = await ensureConfig(db, wish);
  const others: Partial<ConfigWish>[] = [
    ...[{ model: 'minimax' }, { operationType: 'refinement' as const }, { temperature: null }, { topP: 0.5 }],
    ...[{ topK: 50 }, { minMomentLength: 30.5 }, { maxMomentLength: null }, { minMoments: 2 }, { maxMoments: 11 }],
    { userPrompt: `${wish.userPrompt}${wish.systemPrompt.slice(0, 3)}`, systemPrompt: wish.systemPrompt.slice(3) },
  ];
  const ids = [];
  for (const change of others) ids.push((await ensureConfig(db, { ...wish, ...change })).id);
  expect(new Set([id, ...ids]).size).toBe(others.length + 1);
  expect((await ensureConfig(db, { ...wish, transcriptId: randomUUID() })).id).toBe(id);
});

test('a config keeps the transcript of its first use, if that is there, and serves others all the same', async () => {
  const db = await open();
  const [video] = await db.query<{
    id: string;
  }>(`with v as (insert into videos (identifier, title) values ('v', 'V') returning id)
    insert into transcripts (video_id, full_text, word_timestamps, segment_timestamps) select id, 'a', '[]', '[]' from v returning id`);
  const transcriptId = video?.id ?? '';
  const first = await ensureConfig(db, { ...wish, transcriptId });
  const second = await ensureConfig(db, { ...wish, transcriptId: null });
  const unknown = await ensureConfig(db, { ...wish, model: 'other', transcriptId: randomUUID() });
  expect(second.id).toBe(first.id);
  expect(await db.query('select id, transcript_id from generation_configs order by id')).toEqual([
    { id: first.id, transcript_id: transcriptId },
    { id: unknown.id, transcript_id: null },
  ]);
});

test('what Postgres cannot keep of a text is not in its hash either', async () => {
  const db = await open();
  const odd = { ...wish, userPrompt: 'a\u0000b\ud800' };
  const ensured = await ensureConfig(db, odd);
  expect(await ensureConfig(db, { ...wish, userPrompt: ensured.userPrompt })).toEqual(ensured);
  const [row] = await db.query('select user_prompt, prompt_hash from prompts');
  expect(row).toEqual({ user_prompt: ensured.userPrompt, prompt_hash: promptHash(ensured) });
});
