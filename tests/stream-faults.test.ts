/** A stream on worker processes of which one is killed: it costs one chunk at most, and nobody can tell from the stream. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { migratedDatabase } from '@reelfleet/db/testing';
import { migrateQueue } from '@reelfleet/fleet';
import { openTools } from '@reelfleet/media';
import { atTestEnd, until } from '@reelfleet/testkit';
import { expect, test } from 'vitest';
import { sketchProviders } from '../packages/pipelines/src/testing.ts';
import { COUNT, countedFrames, counter, makeStream } from '../packages/pipelines/src/testing-stream.ts';
import { albumFleet } from './support/album.ts';

/** Ten a second: three chunks of a minute or so, at little cost. */
const FRAMES = 1_530;

test('kill -9 of the worker at a chunk: the others finish it, at most one chunk is encoded twice, and the frames are the same', {
  timeout: 300_000,
}, async () => {
  const database = await migratedDatabase({ migrateQueue });
  atTestEnd(() => database.drop());
  const fleet = albumFleet(database.url);
  const tools = openTools({ threads: 2 });
  const film = join(fleet.folder, 'film.mp4');
  await tools.ffmpeg([
    ...['-y', '-f', 'lavfi', '-i', counter('128x72', '10', FRAMES), '-f', 'lavfi', '-i', 'sine=440:d=153'],
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '250', film],
  ]);
  const victim = await fleet.startWorker({ REELFLEET_PAUSE_AT: 'transcode-chunk:before-upload' });
  const said = await fleet.cli('enqueue', 'ingest', film, '--no-transcription', '--json');
  expect(said.code, said.stderr).toBe(0);
  const { runId } = JSON.parse(said.stdout) as { runId: string };
  // All of one chunk is encoded and nothing of it is stored: the most that a death can cost.
  await victim.waitForLine(/paused at before-upload/, { timeoutMs: 120_000 });
  victim.kill('SIGKILL');
  await victim.waitForExit();
  await Promise.all([fleet.startWorker(), fleet.startWorker()]);
  const chunks = () =>
    fleet.db.query<{ key: string; status: string; attempts: number; crashes: number }>(
      `select key, status, attempt_number as attempts, crashes from tasks where run_id = '${runId}' and stage = 'transcode-chunk' order by key`,
    );
  await until(
    async () =>
      (await fleet.tasks(runId)).find(({ key }) => key === 'transcode/manifest')?.status === 'completed' || null,
    { what: 'the playlists', timeoutMs: 120_000, everyMs: 200 },
  );
  const seen = await chunks();
  expect(seen).toHaveLength(3);
  expect(seen.reduce((sum, { attempts }) => sum + attempts, 0)).toBe(seen.length + 1);

  const [master] = await fleet.db.query<{ uri: string }>(
    `select uri from artifacts where run_id = '${runId}' and uri like '%master.m3u8'`,
  );
  const path = fileURLToPath(master?.uri as string);
  expect(await countedFrames(tools, path, fleet.folder)).toEqual(Array.from({ length: FRAMES }, (_, n) => n % COUNT));
  // An undisturbed run of the same film.
  const calm = await makeStream({ root: fleet.folder, tools, providers: sketchProviders(tools) }, film);
  const md5 = (file: string) =>
    execFileSync(
      'ffmpeg',
      ['-v', 'error', '-allowed_extensions', 'ALL', '-i', file, '-map', '0:v', '-f', 'framemd5', '-'],
      {
        encoding: 'utf8',
        maxBuffer: 64 * 2 ** 20,
      },
    )
      .split('\n')
      .filter((line) => !line.startsWith('#'))
      .map((line) => line.split(',').at(-1));
  expect(md5(path)).toEqual(md5(calm.path));
  expect(fleet.ffmpegs()).toEqual([]);
});
