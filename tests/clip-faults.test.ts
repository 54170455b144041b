/** Clips on worker processes that are killed between any two steps: each is made once, and nobody can tell from it. */
import { randomUUID } from 'node:crypto';
import { createReadStream, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { migratedDatabase } from '@reelfleet/db/testing';
import { migrateQueue } from '@reelfleet/fleet';
import { openTools } from '@reelfleet/media';
import { openStorage } from '@reelfleet/storage';
import { atTestEnd } from '@reelfleet/testkit';
import { expect, test } from 'vitest';
import { countedFrames, counter } from '../packages/pipelines/src/testing-stream.ts';
import { type AlbumFleet, albumFleet } from './support/album.ts';

const tools = openTools({ threads: 2 });

/** A video that is here, with one moment of its: seconds 1 to 7 of ten. */
async function makeVideo(fleet: AlbumFleet) {
  const film = join(fleet.folder, 'film.mp4');
  await tools.ffmpeg([
    ...['-y', '-f', 'lavfi', '-i', counter('128x72', '25', 250), '-f', 'lavfi', '-i', 'sine=440:d=10'],
    ...['-c:v', 'libx264', '-preset', 'veryfast', '-g', '50', '-c:a', 'aac', film],
  ]);
  const [video, run, artifact, moment] = [randomUUID(), randomUUID(), randomUUID(), randomUUID()];
  const storage = openStorage(fleet.settings.STORAGE_URL);
  const stored = await storage.put(`runs/${run}/import/2/film.mp4`, createReadStream(film), {
    contentType: 'video/mp4',
  });
  const { uri, sha256, sizeBytes, contentType } = stored;
  await fleet.db.query(`
    insert into videos (id, identifier, title, video_url, duration_seconds) values ('${video}', 'film', 'The film', '${uri}', 10);
    insert into pipeline_runs (id, identifier, template, video_id, status, started_at, completed_at) values ('${run}', '${run}', 'ingest', '${video}', 'completed', now(), now());
    insert into artifacts (id, video_id, run_id, kind, uri, sha256, size_bytes, content_type) values ('${artifact}', '${video}', '${run}', 'raw', '${uri}', '${sha256}', ${sizeBytes}, '${contentType}');
    insert into moments (id, identifier, video_id, title, start_time, end_time) values ('${moment}', 'a1b2', '${video}', 'A moment', 1, 7);`);
  return video;
}

test('kill -9 before the file is stored and after it: the clip is made once, whole, and counted once', {
  timeout: 120_000,
}, async () => {
  const database = await migratedDatabase({ migrateQueue });
  atTestEnd(() => database.drop());
  const fleet = albumFleet(database.url);
  const video = await makeVideo(fleet);
  const said = await fleet.cli('enqueue', 'clips', 'film', '--padding-left', '0', '--padding-right', '0', '--json');
  expect(said.code, said.stderr).toBe(0);
  const { runId } = JSON.parse(said.stdout) as { runId: string };
  for (const point of ['before-upload', 'after-checkpoint']) {
    const victim = await fleet.startWorker({ REELFLEET_PAUSE_AT: `clip:${point}` });
    await victim.waitForLine(new RegExp(`^paused at ${point}`), { timeoutMs: 60_000 });
    expect(await fleet.db.query(`select id from clips`)).toEqual([]);
    victim.kill('SIGKILL');
    await victim.waitForExit();
  }
  await fleet.startWorker();
  expect(await fleet.ended(runId, 60_000)).toBe('completed');
  expect(await fleet.tasks(runId)).toMatchObject([
    { key: 'clip/01', status: 'completed', attempts: 3, crashes: 1, failures: 0 },
    { key: 'clip-thumbnail/01', status: 'completed', attempts: 1 },
  ]);

  const clips = await fleet.db.query<{ uri: string; start: number; end: number }>(
    `select c.uri, c.start_time as start, c.end_time as end from clips c join artifacts a on a.id = c.id and a.uri = c.uri where c.video_id = '${video}'`,
  );
  expect(clips).toMatchObject([{ start: 1, end: 7 }]);
  // Stored once: the second attempt's file, which the third one found.
  const files = readdirSync(join(fleet.folder, 'storage'), { recursive: true, encoding: 'utf8' });
  expect(files.filter((name) => name.endsWith('clip.mp4'))).toHaveLength(1);
  const path = fileURLToPath(clips[0]?.uri as string);
  expect(await countedFrames(tools, path, fleet.folder)).toEqual(Array.from({ length: 150 }, (_, n) => 25 + n));
  const [row] = await fleet.db.query<{ clips: number }>(
    `select total_clips_created as clips from pipeline_runs where id = '${runId}'`,
  );
  expect(row?.clips).toBe(1);
  await fleet.expectWhole(runId);
  expect(fleet.ffmpegs()).toEqual([]);
});
