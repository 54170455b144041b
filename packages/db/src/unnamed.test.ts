/** Which stored objects nothing names: files of sets by their folders, and at a cost that follows what is asked, not what is kept. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Database, openSweepLedger } from './index.ts';
import { migratedDatabase, type TestDatabase } from './testing.ts';

const ROOT = 'gs://bucket/store';
const uriOf = (key: string) => `${ROOT}/${key.split('/').map(encodeURIComponent).join('/')}`;
/** Rows and entries of indexes read for one key: a few in each of the tables that could name it. */
const MOST_READ_PER_KEY = 6;

let database: TestDatabase;
let db: Database;
const [run, video] = [randomUUID(), randomUUID()];
beforeAll(async () => {
  database = await migratedDatabase();
  db = new Database(database.url, { name: 'test', max: 1 });
  const sha = '0'.repeat(64);
  await db.query(`
    insert into videos (identifier, title, video_url) select 'v' || n, 'v', '${ROOT}/runs/other/' || n from generate_series(1, 5000) n;
    insert into videos (id, identifier, title) values ('${video}', 'film', 'film');
    insert into pipeline_runs (id, identifier, template, video_id, status) values ('${run}', 'r', 'ingest', '${video}', 'completed');
    insert into artifacts (kind, uri, sha256, size_bytes, content_type) select 'raw', '${ROOT}/runs/other/' || n, '${sha}', 1, 'video/mp4' from generate_series(1, 5000) n;
    insert into artifacts (video_id, run_id, kind, uri, sha256, size_bytes, content_type, segments)
    select '${video}', '${run}', 'rendition', '${uriOf(`runs/${run}/chunk`)}/' || n, '${sha}', 100, 'video/mp4',
      (select jsonb_agg(jsonb_build_object('name', 'é ' || m || '.m4s', 'sha256', '${sha}', 'sizeBytes', 1)) from generate_series(1, 100) m)
    from generate_series(1, 50) n`);
});
afterAll(async () => {
  await db.end();
  await database.drop();
});

const unnamed = (keys: readonly string[]) => openSweepLedger(db).unnamed(keys.map((key) => ({ key, uri: uriOf(key) })));
const members = (chunk: number) => Array.from({ length: 100 }, (_, n) => `runs/${run}/chunk/${chunk}/é ${n + 1}.m4s`);

async function readOf(call: () => Promise<unknown>): Promise<number> {
  const tables = `('artifacts', 'videos', 'thumbnails', 'pipeline_runs', 'tasks')`;
  const counted = async () => {
    await db.query('select pg_stat_force_next_flush()');
    const [row] = await db.query<{ n: number }>(
      `select (sum(t.seq_tup_read) + (select sum(i.idx_tup_read) from pg_stat_user_indexes i where i.relname in ${tables}))::int as n
       from pg_stat_user_tables t where t.relname in ${tables}`,
    );
    return row?.n ?? 0;
  };
  const before = await counted();
  await call();
  return (await counted()) - before;
}

test('every file of a set is named by its folder; a stranger beside them is not', async () => {
  expect(await unnamed([1, 2, 50].flatMap(members))).toEqual([]);
  const strangers = [
    `runs/${run}/chunk/1/é 101.m4s`,
    `runs/${run}/chunk/1`,
    `runs/${run}/chunk/1/deeper/é 1.m4s`,
    `runs/${run}/chunk/51/é 1.m4s`,
    `runs/${randomUUID()}/chunk/1/é 1.m4s`,
  ];
  // The folder's own address is the set's; no object can have it, and none is removed for it.
  expect(await unnamed(strangers)).toEqual(strangers.filter((key) => !key.endsWith('/chunk/1')));
});

test('of a deleted video everything stays, also what nothing names', async () => {
  const left = [`runs/${run}/chunk/001/1/left.m4s`];
  expect(await unnamed(left)).toEqual(left);
  await db.query(`update videos set deleted_at = now() where id = '${video}'`);
  expect(await unnamed(left)).toEqual([]);
  await db.query(`update videos set deleted_at = null where id = '${video}'`);
});

test('asking reads a few rows for each key, however many artifacts and videos there are', async () => {
  const named = [1, 2, 3, 4, 5].flatMap(members);
  const garbage = named.map((key) => `${key}.left`);
  for (const keys of [named, garbage]) {
    await unnamed(keys); // the plan is made
    const read = await readOf(() => unnamed(keys));
    expect(read).toBeGreaterThan(0);
    expect(read).toBeLessThan(keys.length * MOST_READ_PER_KEY);
  }
});
