/** What a transcode leaves in the library, as seed 004 asks: progress by quality while it runs, qualities once it stands. */
import { beforeAll, describe, expect, test } from 'vitest';
import { openWorld, preview, rowsOf, type World } from './testing.ts';

let world: World;
let worker: string;
let runId: string;
beforeAll(async () => {
  world = await openWorld();
  worker = await world.hire('encoder');
  const [made] = await world.operator.enqueue([{ ...preview, tracks: 1 }]);
  runId = made?.runId as string;
});

const progress = (run = runId) =>
  rowsOf(
    world,
    `select q.quality, q.status, q.segments_total, q.segments_completed, q.progress_percent, q.started_at is not null as started,
      q.completed_at is not null as ended, t.key from quality_progress q join tasks t on t.id = q.task_id where t.run_id = '${run}' order by q.quality`,
  );
const lastWords = (run: string) =>
  rowsOf(
    world,
    `select distinct q.status, q.error_message from quality_progress q join tasks t on t.id = q.task_id
     where t.run_id = '${run}' and q.status <> 'skipped'`,
  );

/** Work tickets until one of `stage` would be next; answers that one. */
async function upTo(stage: string) {
  for (;;) {
    const at = world.sent.findIndex((ticket) => ticket.stage !== stage);
    if (at < 0) {
      const first = world.sent.findIndex(({ title }) => title.startsWith('transcode 1/'));
      return world.sent.splice(first, 1)[0];
    }
    const [ticket] = world.sent.splice(at, 1);
    if (ticket) await world.complete(worker, await world.claim(worker, ticket));
  }
}

describe('the progress of a transcode', () => {
  test('has a row for each quality from the plan on, those included that are not made', async () => {
    const first = await upTo('transcode-chunk');
    const pending = { segments_completed: 0, progress_percent: 0, started: false, ended: false, key: 'transcode' };
    expect(await progress()).toEqual([
      { quality: '1080p', status: 'skipped', segments_total: 0, ...pending },
      { quality: '360p', status: 'pending', segments_total: 4, ...pending },
      { quality: '720p', status: 'pending', segments_total: 4, ...pending },
    ]);
    if (first) await world.complete(worker, await world.claim(worker, first));
    expect((await progress()).slice(1)).toMatchObject([
      {
        quality: '360p',
        status: 'in_progress',
        segments_completed: 2,
        progress_percent: 50,
        started: true,
        ended: false,
      },
      {
        quality: '720p',
        status: 'in_progress',
        segments_completed: 2,
        progress_percent: 50,
        started: true,
        ended: false,
      },
    ]);
  });

  test('is complete when the stream stands, which then is what can be watched', async () => {
    await world.workAll(worker);
    expect((await progress()).slice(1)).toMatchObject([
      { status: 'completed', segments_completed: 4, progress_percent: 100, ended: true },
      { status: 'completed', segments_completed: 4, progress_percent: 100, ended: true },
    ]);
    const qualities = await rowsOf(
      world,
      `select q.quality, q.width, q.height, q.bitrate, q.codecs, q.playlist_uri = a.uri as stored, a.kind
       from video_qualities q join artifacts a on a.id = q.id where a.run_id = '${runId}' order by q.width desc`,
    );
    const common = { bitrate: 900, codecs: 'avc1.640028', stored: true, kind: 'manifest' };
    expect(qualities).toEqual([
      { quality: '720p', width: 1280, height: 720, ...common },
      { quality: '360p', width: 640, height: 360, ...common },
    ]);
    const [video] = await rowsOf(
      world,
      `select v.video_url = a.uri as same from videos v join artifacts a on a.video_id = v.id and a.kind = 'render'`,
    );
    expect(video).toEqual({ same: true });
    const tasks = await rowsOf(
      world,
      `select key from tasks where run_id = '${runId}' and stage like 'transcode%' and processed_by_worker_name = 'encoder' order by key`,
    );
    expect(tasks.map(({ key }) => key)).toEqual([
      ...['transcode', 'transcode/audio', 'transcode/chunk/001', 'transcode/chunk/002', 'transcode/manifest'],
    ]);
  });

  test('says failed, and why, when its run ends without the stream, and goes on when that is tried again', async () => {
    const [made] = await world.operator.enqueue([{ ...preview, tracks: 1, key: 'unlucky' }]);
    const run = made?.runId as string;
    const first = await upTo('transcode-chunk');
    if (first) await world.complete(worker, await world.claim(worker, first));
    await world.operator.cancel(run);
    expect(await lastWords(run)).toEqual([{ status: 'failed', error_message: 'cancelled by tester' }]);

    // The tickets of what was cancelled are stale.
    world.sent.length = 0;
    await world.operator.retry(run);
    await world.workAll(worker);
    expect(await lastWords(run)).toEqual([{ status: 'completed', error_message: null }]);
    expect((await progress(run)).slice(1)).toMatchObject([
      { status: 'completed', segments_completed: 4, ended: true },
      { status: 'completed', segments_completed: 4, ended: true },
    ]);
  });
});
