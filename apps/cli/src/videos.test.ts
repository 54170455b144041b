/** The verbs of the library on the command line, against a real database and through the same door as the real command. */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
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
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'reelfleet-cli-'));
  database = await migratedDatabase({ migrateQueue });
  db = new Database(database.url, { name: 'test' });
});
afterAll(async () => {
  await db.end();
  await database.drop();
  rmSync(dir, { recursive: true, force: true });
});

const reelfleet = (...args: string[]) =>
  runHere(args, { PATH: process.env.PATH, DATABASE_URL: database.url, REELFLEET_DATA: join(dir, 'data') });
const json = async (...args: string[]) => {
  const said = await reelfleet(...args, '--json');
  expect(said.stderr + said.stdout).not.toMatch(/^\s+at /m);
  expect(said.exitCode, said.stderr).toBe(0);
  return JSON.parse(said.stdout);
};
const addVideo = async (identifier: string) => {
  await db.query(
    `insert into videos (id, identifier, title) values ('${randomUUID()}', '${identifier}', 'Video ${identifier}')`,
  );
};

test('a video is filed, found, edited and shown', async () => {
  await addVideo('film');
  expect(await json('categories', 'add', 'Court Music', '--description', 'Stately')).toMatchObject({
    slug: 'court-music',
  });
  expect(
    await json(
      'videos',
      'edit',
      'film',
      '--title',
      'The Film',
      '--category',
      'Court Music',
      '--add-tags',
      'Night, slow',
    ),
  ).toEqual({
    video: 'film',
    stateVersion: 2,
  });
  for (const filter of [
    ['--category', 'court-music'],
    ['--tag', 'night'],
    ['--status', 'pending', '--tag', 'slow'],
    [],
  ])
    expect(await json('videos', 'ls', ...filter)).toMatchObject([
      { identifier: 'film', title: 'The Film', tags: ['night', 'slow'] },
    ]);
  const shown = await reelfleet('videos', 'show', 'film');
  expect(shown.stdout).toMatch(
    /video: +film \(.*\)\ntitle: +The Film\nstatus: +pending, draft, version 2\ncategory: +court-music\ntags: +night, slow\n/,
  );
  const table = await reelfleet('videos', 'ls');
  expect(table.stdout).toMatch(/film +The Film +pending +court-music +night slow/);

  const late = await reelfleet('videos', 'edit', 'film', '--title', 'Later', '--at', '1');
  expect([late.exitCode, late.stderr]).toEqual([
    1,
    expect.stringMatching(/^reelfleet: the video was changed meanwhile: it is at version 2, not 1/),
  ]);
  expect((await reelfleet('videos', 'edit', 'film', '--no-category', '--remove-tags', 'Night')).stdout).toBe(
    'video film is at version 3\n',
  );
  expect(await json('tags', 'ls')).toMatchObject([
    { slug: 'night', videos: 0 },
    { slug: 'slow', videos: 1 },
  ]);
  expect((await reelfleet('tags', 'rm', 'slow')).stdout).toBe('tag slow removed; 1 video without it now\n');
  expect(await json('categories', 'edit', 'court-music', '--name', 'Chamber Music')).toMatchObject({
    slug: 'chamber-music',
  });
  expect((await reelfleet('categories', 'rm', 'Chamber Music')).stdout).toBe('category chamber-music removed\n');
});

test('a video is deleted, listed as such, restored, and purged only with a yes', async () => {
  await addVideo('passing');
  const told = await json('videos', 'delete', 'passing');
  expect(told).toEqual({ video: 'passing', runId: expect.any(String), cancelled: 0, asked: 0 });
  expect((await json('videos', 'ls')).map((row: { identifier: string }) => row.identifier)).not.toContain('passing');
  expect(await json('videos', 'ls', '--deleted')).toMatchObject([{ identifier: 'passing' }]);
  expect((await reelfleet('videos', 'show', 'passing')).exitCode).toBe(1);
  expect((await reelfleet('videos', 'show', 'passing', '--deleted')).exitCode).toBe(0);
  const again = await reelfleet('videos', 'delete', 'passing');
  expect([again.exitCode, again.stderr]).toEqual([
    1,
    'reelfleet: video "passing" is deleted: `reelfleet videos restore passing` brings it back\n',
  ]);
  const restored = await json('videos', 'restore', 'passing');
  const refused = await reelfleet('videos', 'purge', 'passing', '--yes');
  expect([refused.exitCode, refused.stderr]).toEqual([
    1,
    expect.stringMatching(/^reelfleet: video "passing" is being restored: cancel run pipeline:restore-passing/),
  ]);
  expect((await reelfleet('cancel', restored.runId)).exitCode).toBe(0);
  const careful = await reelfleet('videos', 'purge', 'passing');
  expect([careful.exitCode, careful.stderr]).toEqual([2, expect.stringMatching(/add --yes if that is meant/)]);
  expect((await reelfleet('videos', 'purge', 'passing', '--yes')).stdout).toBe('video passing is being removed\n');
});

test.each([
  [['videos', 'show', 'nothing'], 1, /there is no video "nothing"/],
  [['videos', 'edit', 'nothing'], 2, /nothing to change/],
  [['videos', 'ls', '--status', 'odd'], 2, /It takes one of pending, processing, ready, failed/],
  [['videos', 'ls', '--tag', 'odd'], 1, /there is no tag "odd"/],
  [['videos'], 2, /takes a command: ls, show, edit, delete, restore, purge/],
  [['categories', 'add', '—'], 2, /has no letter and no digit/],
  [['categories', 'rm', 'odd'], 1, /there is no category "odd"/],
  [['tags', 'add', 'x'], 2, /there is no command "tags add"/],
  [
    ['enqueue', 'stage', 'purge', '--input', '{}'],
    2,
    /stage purge is ordered with its video: reelfleet videos purge VIDEO/,
  ],
] as const)('%j ends with one sentence', async (args, exitCode, sentence) => {
  const said = await reelfleet(...args);
  expect([said.exitCode, said.stdout]).toEqual([exitCode, '']);
  expect(said.stderr).toMatch(sentence);
  expect(said.stderr.trim().split('\n')).toHaveLength(1);
});
