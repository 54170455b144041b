/** What is said, on the command line: orders of moments, clips and everything, and what they brought; through the real door. */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Database } from '@reelfleet/db';
import { migratedDatabase, type TestDatabase } from '@reelfleet/db/testing';
import { migrateQueue } from '@reelfleet/fleet';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runHere } from './testing.ts';

let database: TestDatabase;
let db: Database;
let dir: string;
const [MOMENT, CHILD] = ['aaaa000011112222', 'bbbb000011112222'];

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'reelfleet-said-'));
  database = await migratedDatabase({ migrateQueue });
  db = new Database(database.url, { name: 'test' });
  const [talk, silent, source, transcript, clip, moment] = Array.from({ length: 6 }, () => randomUUID());
  const artifact = (id: string | undefined, kind: string, name: string) =>
    `('${id}', '${talk}', '${kind}', 'file://${dir}/store/runs/r/${name}', '${'a'.repeat(64)}', 5, 'x/y')`;
  await db.query(`
    insert into videos (id, identifier, title, duration_seconds, video_url) values
      ('${talk}', 'talk', 'A Talk', 60, 'file://${dir}/store/runs/r/film.mp4'), ('${silent}', 'silent', 'Silent', 60, null);
    insert into artifacts (id, video_id, kind, uri, sha256, size_bytes, content_type) values
      ${artifact(source, 'raw', 'film.mp4')}, ${artifact(transcript, 'transcript', 'transcript.json')}, ${artifact(clip, 'clip', 'clip.mp4')};
    insert into transcripts (id, video_id, full_text, word_timestamps, segment_timestamps) values ('${transcript}', '${talk}',
      'Machines learn. So do we.', '[]', '[{"text": "Machines learn.", "start": 62, "end": 64}, {"text": "So do we.", "start": 64, "end": 65}]');
    insert into moments (id, identifier, video_id, title, start_time, end_time, score) values ('${moment}', '${MOMENT}', '${talk}', 'Who learns?', 2, 9, 8);
    insert into moments (identifier, video_id, title, start_time, end_time, is_refined, parent_id) values ('${CHILD}', '${talk}', 'Machines do', 3, 8, true, '${moment}');
    insert into clips (id, moment_id, video_id, uri, start_time, end_time, padding_left, padding_right) values
      ('${clip}', '${moment}', '${talk}', 'file://${dir}/store/runs/r/clip.mp4', 1, 11, 1, 2);
    insert into thumbnails (clip_id, uri) values ('${clip}', 'file:///t.jpg');`);
});
afterAll(async () => {
  await db.end();
  await database.drop();
  rmSync(dir, { recursive: true, force: true });
});

async function reelfleet(...args: string[]) {
  const env = {
    PATH: process.env.PATH,
    DATABASE_URL: database.url,
    REELFLEET_DATA: join(dir, 'data'),
    STORAGE_URL: `file://${dir}/store`,
  };
  const said = await runHere(args, env);
  expect(said.stderr).not.toMatch(/^\s+at /m);
  return said;
}
const json = async (...args: string[]) => {
  const said = await reelfleet(...args, '--json');
  expect(said.exitCode, said.stderr).toBe(0);
  return JSON.parse(said.stdout);
};
async function refused(exitCode: number, sentence: RegExp, ...args: string[]) {
  const said = await reelfleet(...args);
  expect([said.exitCode, said.stdout]).toEqual([exitCode, '']);
  expect(said.stderr.trim()).toMatch(sentence);
  expect(said.stderr.trim()).not.toContain('\n');
}

test('moments are listed with their scores, what they were refined of and their clips', async () => {
  const { stdout } = await reelfleet('moments', 'ls', 'talk');
  expect(stdout).toMatch(/MOMENT +START +END +SCORE +TITLE +REFINED +CLIP/);
  expect(stdout).toMatch(new RegExp(`${MOMENT} +0:02 +0:09 +8 +Who learns\\? +file://.*clip\\.mp4`));
  expect(stdout).toMatch(new RegExp(`${CHILD} +0:03 +0:08 +Machines do +of ${MOMENT}`));
  expect(await json('moments', 'ls', 'talk')).toMatchObject([
    { score: 8, clip: { startSeconds: 1 } },
    { parent: MOMENT },
  ]);
  expect((await reelfleet('moments', 'ls', 'silent')).stderr).toMatch(
    /no moments yet: "reelfleet enqueue moments silent"/,
  );
  await refused(1, /there is no video "nobody"/, 'moments', 'ls', 'nobody');
});

test('a search shows where something is said', async () => {
  const { stdout, stderr } = await reelfleet('search', 'learning machine');
  expect(stdout).toBe('A Talk  talk\n     1:02  Machines learn.\n');
  expect(stderr).toBe('1 video matches\n');
  expect(await json('search', 'machines')).toMatchObject({ total: 1, videos: [{ identifier: 'talk', places: 1 }] });
  expect((await reelfleet('search', 'zebra')).stderr).toBe('nobody says that in any transcript\n');
  await refused(2, /nothing in "of the" can be looked for/, 'search', 'of the');
  await refused(2, /--limit/, 'search', 'zebra', '--limit', '0');
});

test('moments, clips and everything are ordered of a video that is here', async () => {
  const made = await json(
    'enqueue',
    'moments',
    'talk',
    '--prompt',
    'Laughter',
    '--max-length',
    '20',
    '--padding-left',
    '0.5',
    '--no-clips',
  );
  expect(made).toMatchObject({ created: true, video: 'talk' });
  const [run] = await db.query<{ params: Record<string, unknown> }>(
    `select params from pipeline_runs where id = '${made.runId}'`,
  );
  expect(run?.params).toMatchObject({
    clips: false,
    paddingLeft: 0.5,
    config: { userPrompt: 'Laughter', maxMomentLength: 20 },
  });
  await refused(1, /"talk"|unfinished|already/, 'enqueue', 'moments', 'talk');

  const there = await reelfleet('enqueue', 'clips', 'talk');
  expect([there.exitCode, there.stdout]).toEqual([
    0,
    `moment ${MOMENT} has its clip: file://${dir}/store/runs/r/clip.mp4\nnothing is left to cut of video talk: --replace cuts anew what is there\n`,
  ]);
  expect(await json('enqueue', 'clips', 'talk', '--moments', MOMENT, '--replace')).toMatchObject({
    created: true,
    clips: [],
  });
  expect(await json('enqueue', 'full', 'talk', '--refine', 'Shorter')).toMatchObject({ created: true, video: 'talk' });
});

test('a file is for "full" alone, and a word that is a file and a video is told apart by how it is written', async () => {
  const film = join(dir, 'film.mov');
  writeFileSync(film, 'not really a film');
  await refused(
    2,
    /is a file, and moments takes a video that is here: "reelfleet enqueue full /,
    'enqueue',
    'moments',
    film,
  );
  await refused(2, /is an address, and clips takes a video/, 'enqueue', 'clips', 'https://example.org/a.mp4');
  const made = await json('enqueue', 'full', film, '--title', 'From Disk');
  expect(made).toMatchObject({ created: true, video: 'from-disk' });
  expect(await json('enqueue', 'full', 'https://example.org/a.mp4')).toMatchObject({ created: true, video: 'a' });

  const here = process.cwd();
  process.chdir(dir);
  try {
    writeFileSync('talk', 'a file of that name');
    await refused(
      2,
      /"talk" is a file and a video: write \.\/talk for the file, or the id of the video/,
      'enqueue',
      'full',
      'talk',
    );
  } finally {
    process.chdir(here);
  }
});

test('many come from a file of lines, of all kinds', async () => {
  const list = join(dir, 'orders.jsonl');
  const lines = [
    { kind: 'full', url: 'https://example.org/b.mp4' },
    { kind: 'clips', video: 'talk', moments: [MOMENT] },
  ];
  writeFileSync(list, lines.map((line) => JSON.stringify(line)).join('\n'));
  expect(await json('enqueue', '--from', list)).toMatchObject([
    { created: true, video: 'b' },
    { runId: null, clips: [{ moment: MOMENT }] },
  ]);
  writeFileSync(list, JSON.stringify({ video: 'nobody' }));
  await refused(1, /there is no video "nobody"/, 'enqueue', 'moments', '--from', list);
  await refused(2, /two places/, 'enqueue', 'moments', 'talk', '--from', list);
});

test.each([
  [['enqueue', 'moments'], /the video is missing/],
  [['enqueue', 'full'], /the source is missing/],
  [['enqueue', 'moments', 'talk', '--min-length', 'long'], /--min-length.*It takes a number from 1 to 3600/],
  [['enqueue', 'full', 'talk', '--title', 'New'], /title is for a video that comes in/],
  [['enqueue', 'full', 'talk', '--no-transcription'], /no option --no-transcription/],
])('%j is refused', async (args, sentence) => {
  await refused(2, sentence, ...args);
});
