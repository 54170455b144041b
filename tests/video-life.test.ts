/**
 * A video is deleted, brought back and purged by worker processes that are killed in the middle: whoever goes on, every
 * file is somewhere at every moment, and where it should be at the end.
 */
import { createHash, randomUUID } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { migratedDatabase } from '@reelfleet/db/testing';
import { migrateQueue } from '@reelfleet/fleet';
import { storageOf } from '@reelfleet/storage';
import { atTestEnd, brokenInvariants, startGcsServer, until } from '@reelfleet/testkit';
import { expect, test } from 'vitest';
import { type AlbumFleet, albumFleet } from './support/album.ts';

const invariants = fileURLToPath(new URL('./invariants.sql', import.meta.url));
const contentType = 'video/mp4';
const FILES = 150;

async function fleetOfItsOwn(env: Record<string, string> = {}) {
  const database = await migratedDatabase({ migrateQueue });
  atTestEnd(() => database.drop());
  return { ...albumFleet(database.url, env), url: database.url };
}

/** A video whose run is over: one file, and a set of many. */
async function makeVideo(fleet: AlbumFleet, identifier: string) {
  const [id, run] = [randomUUID(), randomUUID()];
  const storage = storageOf(fleet.settings);
  const files = new Map<string, string>();
  const put = async (key: string) => {
    const stored = await storage.put(key, Buffer.from(`${identifier} ${key}`), { contentType });
    files.set(key, stored.sha256);
    return stored;
  };
  const film = await put(`runs/${run}/import/2/film.mp4`);
  const folder = `runs/${run}/transcode/chunk/000/2/720p`;
  const members = [];
  for (let n = 0; n < FILES; n++) {
    const name = `${String(n).padStart(5, '0')}.m4s`;
    const { sha256, sizeBytes } = await put(`${folder}/${name}`);
    members.push({ name, sha256, sizeBytes });
  }
  const bytes = members.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const hash = createHash('sha256').update('list').digest('hex');
  await fleet.db.query(`
    insert into videos (id, identifier, title, video_url) values ('${id}', '${identifier}', '${identifier}', '${film.uri}');
    insert into pipeline_runs (id, identifier, template, video_id, status, started_at, completed_at) values ('${run}', '${run}', 'ingest', '${id}', 'completed', now(), now());
    insert into artifacts (video_id, run_id, kind, uri, sha256, size_bytes, content_type, segments) values
      ('${id}', '${run}', 'raw', '${film.uri}', '${film.sha256}', ${film.sizeBytes}, '${contentType}', null),
      ('${id}', '${run}', 'rendition', '${storage.uriOf(folder)}', '${hash}', ${bytes}, '${contentType}', '${JSON.stringify(members)}');`);
  return { id, run, files, storage };
}
type Made = Awaited<ReturnType<typeof makeVideo>>;

async function order(fleet: AlbumFleet, verb: string, video: string, ...more: string[]): Promise<string> {
  const said = await fleet.cli('videos', verb, video, '--json', ...more);
  expect(said.code, said.stderr).toBe(0);
  return (JSON.parse(said.stdout) as { runId: string }).runId;
}

async function keysOf({ storage }: Made): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of storage.list('')) keys.push(key);
  return keys.sort();
}

/** A worker does some of it, is killed with -9, and another one does the rest. */
async function killedOnce(fleet: AlbumFleet, stage: string, run: string, middle: () => Promise<void>): Promise<void> {
  const first = await fleet.startWorker({ REELFLEET_PAUSE_AT: `${stage}:after-checkpoint` });
  await first.waitForLine(/^paused at after-checkpoint/, { timeoutMs: 30_000 });
  await middle();
  first.kill('SIGKILL');
  await first.waitForExit();
  const second = await fleet.startWorker();
  expect(await fleet.ended(run, 60_000)).toBe('completed');
  const [task] = await fleet.tasks(run);
  expect(task).toMatchObject({ status: 'completed', attempts: 2, failures: 0 });
  second.kill('SIGTERM');
  await second.waitForExit();
}

test('kill -9 in the middle of an archive, of a restore and of a purge: each goes on elsewhere and ends whole', {
  timeout: 180_000,
}, async () => {
  const fleet = await fleetOfItsOwn();
  const made = await makeVideo(fleet, 'film');
  const sound = async () => expect(await brokenInvariants(fleet.url, invariants, { quiet: false })).toEqual([]);
  const part = (prefix: string) => async () => {
    const there = (await keysOf(made)).filter((key) => key.startsWith(prefix)).length;
    expect(there).toBeGreaterThan(0);
    expect(there).toBeLessThan(made.files.size);
    // Where every file is to be found is known at any moment.
    expect((await fleet.cli('fsck')).code).toBe(prefix === '' ? 1 : 0);
  };

  await killedOnce(fleet, 'archive', await order(fleet, 'delete', 'film'), part('archive/'));
  expect(await keysOf(made)).toEqual([...made.files.keys()].map((key) => `archive/${made.id}/${key}`).sort());
  expect((await fleet.cli('fsck')).code).toBe(0);
  await sound();

  await killedOnce(fleet, 'restore', await order(fleet, 'restore', 'film'), part('runs/'));
  expect(await keysOf(made)).toEqual([...made.files.keys()].sort());
  for (const [key, sha256] of made.files)
    expect(await made.storage.checksum(made.storage.uriOf(key))).toMatchObject({ sha256 });
  expect((await fleet.cli('videos', 'show', 'film')).code).toBe(0);
  await sound();

  const archiver = await fleet.startWorker();
  expect(await fleet.ended(await order(fleet, 'delete', 'film'), 60_000)).toBe('completed');
  archiver.kill('SIGTERM');
  await archiver.waitForExit();
  await killedOnce(fleet, 'purge', await order(fleet, 'purge', 'film', '--yes'), part(''));
  expect(await keysOf(made)).toEqual([]);
  expect(readdirSync(join(fleet.folder, 'storage')).filter((name) => name !== '.incoming')).toEqual([]);
  expect(await fleet.db.query(`select from videos`)).toEqual([]);
  expect(await fleet.db.query(`select from artifacts`)).toEqual([]);
  await sound();
});

test('deleting a video whose work is under way: the work is told to stop, then the files go', {
  timeout: 120_000,
}, async () => {
  const fleet = await fleetOfItsOwn();
  const made = await makeVideo(fleet, 'busy');
  const worker = await fleet.startWorker({ REELFLEET_PAUSE_AT: 'plan:mid-work', REELFLEET_CONCURRENCY: '4' });
  const input = JSON.stringify({ niche: 'sea', moods: ['calm'], tracks: 2, totalSeconds: 40, seed: 1 });
  const said = await fleet.cli('enqueue', 'stage', 'plan', '--input', input, '--video', 'busy', '--json');
  expect(said.code, said.stderr).toBe(0);
  const { runId } = JSON.parse(said.stdout) as { runId: string };
  await until(async () => (await fleet.tasks(runId))[0]?.status === 'running', { what: 'the work to begin' });

  const archive = await order(fleet, 'delete', 'busy');
  expect((await fleet.cli('videos', 'ls', '--json')).stdout.trim()).toBe('[]');
  expect(await fleet.ended(archive, 60_000)).toBe('completed');
  expect(await fleet.runStatus(runId)).toBe('cancelled');
  const trail = await fleet.db.query<{ stage: string; at: Date }>(
    `select t.stage, a."timestamp" as at from task_audit a join tasks t on t.id = a.task_id
     where a.state_after->>'status' in ('cancelled', 'completed') order by a.id`,
  );
  expect(trail.map((row) => row.stage)).toEqual(['plan', 'archive']);
  expect((await keysOf(made)).every((key) => key.startsWith(`archive/${made.id}/`))).toBe(true);
  worker.kill('SIGTERM');
  await worker.waitForExit();
});

test('in a bucket that fails often, the sweep purges what was deleted longer ago than ARCHIVE_RETENTION_DAYS, and nothing else', {
  timeout: 120_000,
}, async () => {
  const bucket = await startGcsServer();
  const fleet = await fleetOfItsOwn(bucket.env);
  const [old, fresh] = [await makeVideo(fleet, 'old'), await makeVideo(fleet, 'fresh')];
  bucket.setFaults({ rate: 0.05, seed: 11 });
  const runs = [await order(fleet, 'delete', 'old'), await order(fleet, 'delete', 'fresh')];
  await fleet.db.query(`update videos set deleted_at = now() - interval '8 days' where id = '${old.id}'`);
  await fleet.startWorker({ ARCHIVE_RETENTION_DAYS: '7' });
  await until(async () => (await fleet.db.query(`select from videos where id = '${old.id}'`)).length === 0, {
    what: 'the old video to be gone',
    timeoutMs: 60_000,
  });
  expect(await fleet.ended(runs[1] as string, 60_000)).toBe('completed');
  expect(await keysOf(fresh)).toEqual([...fresh.files.keys()].map((key) => `archive/${fresh.id}/${key}`).sort());
  expect(
    await fleet.db.query(
      `select idempotency_key as key, updated_by as by from pipeline_runs r join tasks t on t.run_id = r.id where r.template = 'purge'`,
    ),
  ).toMatchObject([{ key: `purge:${old.id}` }]);

  expect(await fleet.ended(await order(fleet, 'restore', 'fresh'), 60_000)).toBe('completed');
  bucket.setFaults(null);
  expect(Object.keys(bucket.injected)).not.toEqual([]);
  expect(await keysOf(fresh)).toEqual([...fresh.files.keys()].sort());
  for (const [key, sha256] of fresh.files)
    expect(await fresh.storage.checksum(fresh.storage.uriOf(key))).toMatchObject({ sha256 });
  expect(await brokenInvariants(fleet.url, invariants, { quiet: false })).toEqual([]);
});
