/** `reelfleet enqueue ingest`: what becomes of a file, an address, a list of them, and of what is none. */
import { createHash, randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Database, inspectDatabase } from '@reelfleet/db';
import { migratedDatabase, type TestDatabase } from '@reelfleet/db/testing';
import { migrateQueue } from '@reelfleet/fleet';
import { startProcess, until } from '@reelfleet/testkit';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { examine } from './local-file.ts';
import { runHere } from './testing.ts';

const BIN = join(import.meta.dirname, '../bin/reelfleet.js');
let database: TestDatabase;
let db: Database;
let dir: string;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'reelfleet-ingest-'));
  database = await migratedDatabase({ migrateQueue });
  db = new Database(database.url, { name: 'test' });
});
afterAll(async () => {
  await db.end();
  await database.drop();
  rmSync(dir, { recursive: true, force: true });
});

const environment = () => ({
  PATH: process.env.PATH,
  DATABASE_URL: database.url,
  REELFLEET_DATA: join(dir, 'data'),
  STORAGE_URL: `file://${dir}/store`,
});
const stored = (): string[] => {
  try {
    return readdirSync(join(dir, 'store'), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(dir.length + '/store/'.length));
  } catch {
    return [];
  }
};

const ingest = (args: readonly string[], env: Record<string, string> = {}) =>
  runHere(['enqueue', 'ingest', ...args], { ...environment(), ...env });

let written = 0;
function film(bytes: Buffer = randomBytes(50_000), name?: string): string {
  written += 1;
  const path = join(dir, name ?? `Film ${written}.mp4`);
  writeFileSync(path, bytes);
  return path;
}

describe('a file', () => {
  it('is uploaded below its run, whole, before the run is there, and filed as asked', async () => {
    await db.query("insert into categories (name, slug) values ('Talks', 'talks')");
    const bytes = randomBytes(300_000);
    const path = film(bytes, 'Summer Night.MOV');
    const options = ['--category', 'talks', '--tags', 'sea, family', '--qualities', '1080,720p', '--codec', 'av1'];
    const answer = await ingest([path, ...options, '--priority', '7', '--json']);
    expect(answer).toMatchObject({ exitCode: 0, stderr: '' });
    const { runId, created, video } = JSON.parse(answer.stdout);
    expect([created, video]).toEqual([true, 'summer-night']);
    const [row] = await db.query<Record<string, unknown>>(
      `select v.title, v.source_sha256, r.priority, r.params->'qualities' as qualities, r.params->>'codec' as codec, a.uri, c.slug,
         (select jsonb_agg(t.slug order by t.slug) from video_tags x join tags t on t.id = x.tag_id where x.video_id = v.id) as tags
       from pipeline_runs r join videos v on v.id = r.video_id join artifacts a on a.run_id = r.id join categories c on c.id = v.category_id
       where r.id = '${runId}'`,
    );
    expect(row).toEqual({
      title: 'Summer Night',
      source_sha256: createHash('sha256').update(bytes).digest('hex'),
      priority: 7,
      qualities: [1080, 720],
      codec: 'av1',
      slug: 'talks',
      tags: ['family', 'sea'],
      uri: `file://${dir}/store/runs/${runId}/upload/source.mov`,
    });
    expect(stored()).toContain(`runs/${runId}/upload/source.mov`);
  });

  it('that is a video already is answered with it, in words and as JSON, and sent to nobody', async () => {
    const path = film();
    const first = JSON.parse((await ingest([path, '--json'])).stdout);
    const before = stored();
    const again = await ingest([path, '--title', 'Else', '--json']);
    expect([again.exitCode, JSON.parse(again.stdout)]).toEqual([0, { ...first, created: false }]);
    expect((await ingest([path])).stdout).toBe(
      `video ${first.video} was there already: run ${first.runId} brought it in\n`,
    );
    expect(stored()).toEqual(before);
    await db.query(`update videos set deleted_at = now() where identifier = '${first.video}'`);
    const deleted = await ingest([path]);
    expect(deleted).toMatchObject({ exitCode: 1, stdout: '' });
    expect(deleted.stderr).toMatch(/^reelfleet: this source is video "film-\d+", which was deleted: bring it back/);
    expect(stored()).toEqual(before);
  });

  it('says on the terminal which run follows', async () => {
    expect((await ingest([film()])).stdout).toMatch(
      /^run [0-9a-f-]{36} enqueued for video film-\d+: "reelfleet watch [0-9a-f-]{36}" follows it\n$/,
    );
  });

  it('is given up at Ctrl-C in the middle of its upload, and nothing of it is kept or accepted', async () => {
    const path = film();
    // Sparse: large enough to be on its way for a moment, and no load on the disk before.
    truncateSync(path, 600_000_000);
    const [before, rows] = [stored(), (await inspectDatabase(database.url)).rows];
    const child = startProcess({
      args: [BIN, 'enqueue', 'ingest', path],
      cwd: dir,
      env: { ...environment(), NODE_ENV: undefined },
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    await until(() => stored().some((key) => key.startsWith('.incoming/')), {
      what: 'the upload to begin',
      timeoutMs: 60_000,
      everyMs: 10,
    });
    child.kill('SIGINT');
    expect(await child.waitForExit({ timeoutMs: 20_000 })).toEqual({ code: 1, signal: null });
    expect(child.stderr).toEqual([
      expect.stringMatching(
        /^reelfleet: interrupted: Film \d+\.mp4 was not uploaded, and nothing was enqueued for it$/,
      ),
    ]);
    expect([stored(), (await inspectDatabase(database.url)).rows]).toEqual([before, rows]);
  }, 100_000);
});

describe('what is none ends with one sentence and exit code 2', () => {
  const socket = () => {
    const path = join(dir, 'socket');
    const server = createServer().listen(path);
    onTestFinished(() => void server.close());
    return path;
  };
  const folder = () => {
    mkdirSync(join(dir, 'folder'), { recursive: true });
    return join(dir, 'folder');
  };
  const list = (text: string) => film(Buffer.from(text), 'list.jsonl');
  it.each<[string, () => string[], RegExp]>([
    ['nothing', () => [], /the source is missing/],
    ['a file that is not there', () => [join(dir, 'none.mp4')], /there is no file .*none\.mp4/],
    ['a folder', () => [folder()], /folder is a folder: name a file in it/],
    ['an empty file', () => [film(Buffer.alloc(0), 'empty.mp4')], /empty\.mp4 is empty: there is nothing to import/],
    ['a socket', () => [socket()], /is no ordinary file/],
    ['an address of another kind', () => ['ftp://example.org/a.mp4'], /is no http or https address/],
    ['a file as an address', () => ['file:///etc/passwd'], /is no http or https address/],
    ['an address with a password', () => ['https://ann:hush@example.org/a.mp4'], /holds a user name or a password/],
    ['two sources', () => [film(), '--from', list('{}')], /two places to take orders from/],
    ['a quality that is none', () => [film(), '--qualities', 'high'], /got "high", takes heights separated by commas/],
    ['a quality nobody has', () => [film(), '--qualities', '700'], /qualities names 700: a stream has heights of/],
    ['a codec that is none', () => [film(), '--codec', 'h265'], /did you mean h264\?/],
    ['an identifier that is none', () => [film(), '--identifier', 'a b'], /identifier "a b" would not fit/],
    [
      'a list that names both',
      () => ['--from', list('{"file":"a.mp4","url":"https://example.org/a"}')],
      /a file and an address/,
    ],
    [
      'a list with a file that is not there',
      () => ['--from', list('{"url":"https://example.org/l1"}\n{"file":"none.mp4"}')],
      /order 2: there is no file none\.mp4/,
    ],
    [
      'a list with a wrong order',
      () => ['--from', list('{"url":"https://example.org/l1"}\n{"url":"nonsense"}')],
      /order 2: url "nonsense" is no http/,
    ],
  ])('%s', async (_title, args, sentence) => {
    const given = args();
    const [before, rows] = [stored(), (await inspectDatabase(database.url)).rows];
    const answer = await ingest(given);
    expect(answer.stderr).toMatch(/^reelfleet: [^\n]+\n$/);
    expect(answer.stderr).toMatch(sentence);
    expect(answer.stderr).not.toMatch(/hush|\n\s+at /);
    expect(answer).toMatchObject({ exitCode: 2, stdout: '' });
    expect([stored(), (await inspectDatabase(database.url)).rows]).toEqual([before, rows]);
  });

  it('a file that is larger than may be', async () => {
    const answer = await ingest([film(randomBytes(1_000_001))], { REELFLEET_IMPORT_MAX_MB: '1' });
    expect(answer).toMatchObject({ exitCode: 2, stderr: expect.stringMatching(/has 2 MB, more than the 1 MB/) });
  });

  it('a category that is none is not there: exit code 1, with a guess', async () => {
    const answer = await ingest([film(), '--category', 'talk']);
    expect(answer).toMatchObject({
      exitCode: 1,
      stderr: 'reelfleet: there is no category "talk": did you mean "talks"?\n',
    });
  });

  it('a file that this user may not read', async () => {
    const path = film();
    chmodSync(path, 0o000);
    chmodSync(dir, 0o755);
    const root = process.geteuid?.() === 0;
    if (root) process.seteuid?.(65_534);
    try {
      await expect(examine(path, 1e9)).rejects.toMatchObject({
        exitCode: 2,
        message: `${path} cannot be read: no permission for this user`,
      });
    } finally {
      if (root) process.seteuid?.(0);
    }
  });
});

it('a list of files and addresses is ordered in bulk, each line completed by the options, and answered in its order', async () => {
  const [one, two] = [film(), film()];
  const lines = [
    { url: 'https://example.org/bulk-1.mp4' },
    { file: one },
    { url: 'https://example.org/bulk-2.mp4', title: 'Own Title' },
    { file: two, tags: ['own'] },
    { file: one },
    { url: 'https://example.org/bulk-1.mp4' },
  ];
  const path = film(Buffer.from(lines.map((line) => JSON.stringify(line)).join('\n')), 'films.jsonl');
  const answer = await ingest(['--from', path, '--priority', '5', '--json']);
  expect(answer).toMatchObject({ exitCode: 0, stderr: '' });
  const placed = JSON.parse(answer.stdout) as { runId: string; created: boolean; video: string }[];
  expect(placed.map(({ created }) => created)).toEqual([true, true, true, true, false, false]);
  expect([placed[4]?.runId, placed[5]?.runId]).toEqual([placed[1]?.runId, placed[0]?.runId]);
  expect(placed[2]?.video).toBe('own-title');
  const priorities = await db.query<{ priority: number }>(
    `select distinct priority from pipeline_runs where id in (${placed.map(({ runId }) => `'${runId}'`).join(',')})`,
  );
  expect(priorities).toEqual([{ priority: 5 }]);
  expect((await ingest(['--from', path])).stdout).toMatch(/^0 runs enqueued, 6 were there already in /);
});
