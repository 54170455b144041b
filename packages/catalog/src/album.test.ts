import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brokenInvariants } from '@reelfleet/testkit';
import { beforeAll, describe, expect, test } from 'vitest';
import { fileName } from './export.ts';
import { recorders } from './recorders/index.ts';
import { openWorld, preview, rowsOf, type World } from './testing.ts';

const invariants = fileURLToPath(new URL('../../../tests/invariants.sql', import.meta.url));

let world: World;
let runId: string;
let worker: string;
beforeAll(async () => {
  world = await openWorld();
  worker = await world.hire('artist');
  runId = await finishedAlbum();
});

async function finishedAlbum(order: Partial<typeof preview> & { title?: string } = {}): Promise<string> {
  const [made] = await world.operator.enqueue([{ ...preview, tracks: 3, ...order }]);
  await world.workAll(worker);
  return made?.runId as string;
}

describe('recorders', () => {
  test('write the rows of an album with the statements that complete its tasks', async () => {
    const [job] = await rowsOf(world, `select * from video_jobs where run_id = '${runId}'`);
    expect(job).toMatchObject({
      status: 'ready_for_export',
      track_count: 3,
      prompts_json: { music_prompts: [{ order_index: 1, prompt: 'music 1' }, {}, {}] },
    });
    const [video] = await rowsOf(world, `select * from videos where id = '${job?.video_id}'`);
    expect(video).toMatchObject({
      title: 'The Royal Court album',
      description: 'Made of calm and warm',
      status: 'ready',
      duration_seconds: 60,
      video_codec: 'h264',
      audio_codec: 'aac',
      source_width: 1920,
      source_height: 1080,
      frame_rate: 30,
      video_url: job?.local_video_path,
    });
    const parts = (table: string, at: string) =>
      rowsOf(
        world,
        `select t.order_index, t.prompt_text, t.provider, a.kind, a.uri = t.local_file_path as same, a.state_version is not null as won
        from ${table} t join artifacts a on a.id = t.artifact_id where t.video_job_id = '${at}' order by 1`,
      );
    const numbers = [1, 2, 3];
    expect(await parts('audio_tracks', String(job?.id))).toEqual(
      numbers.map((n) => ({
        order_index: n,
        prompt_text: `music ${n}`,
        provider: 'dummy',
        kind: 'audio',
        same: true,
        won: true,
      })),
    );
    expect(await parts('images', String(job?.id))).toEqual(
      numbers.map((n) => ({
        order_index: n,
        prompt_text: `picture ${n}`,
        provider: 'dummy',
        kind: 'image',
        same: true,
        won: true,
      })),
    );
    expect(
      await rowsOf(
        world,
        `select r.*, t.key from render_tasks r join tasks t on t.id = r.task_id where video_job_id = '${job?.id}'`,
      ),
    ).toMatchObject([
      {
        key: 'render',
        status: 'completed',
        ffmpeg_command: 'ffmpeg -i a\nffmpeg -i b',
        resolution: '1920x1080',
        duration_seconds: 60,
        completed_at: expect.any(Date),
      },
    ]);
    expect(await rowsOf(world, `select uri from thumbnails where video_id = '${video?.id}'`)).toEqual([
      { uri: video?.thumbnail_url },
    ]);
    expect(await brokenInvariants(world.url, invariants)).toEqual([]);
  });

  test('leave a title that was ordered as it is', async () => {
    const titled = await finishedAlbum({ title: 'My Own' });
    expect(
      await rowsOf(
        world,
        `select title, description from videos where id = (select video_id from pipeline_runs where id = '${titled}')`,
      ),
    ).toEqual([{ title: 'My Own', description: 'Made of calm and warm' }]);
  });

  test('write nothing for a task outside of an album, and the same for the same completion', () => {
    const task = { params: { stage: 'music', input: {} } } as never;
    for (const [stage, record] of recorders) expect(record({} as never, task), stage).toEqual([]);
    const output = { thumbnail: { id: 'i', uri: 'u', sizeBytes: 1 } } as never;
    const ofAlbum = { params: { videoId: 'v', videoJobId: 'j' } } as never;
    expect(recorders.get('thumbnail')?.(output, ofAlbum)).toEqual(recorders.get('thumbnail')?.(output, ofAlbum));
  });
});

test('a run shows its tasks with what they need, its files and its progress', async () => {
  const { run, tasks, artifacts } = await world.operator.run(runId);
  expect(run).toMatchObject({
    status: 'completed',
    title: 'The Royal Court album',
    tasksTotal: 15,
    tasksEnded: 15,
    progressPercent: 100,
    openTasks: 0,
  });
  expect(tasks.map((task) => task.key)).toEqual([
    'plan',
    'music/01',
    'music/02',
    'music/03',
    'image/01',
    'image/02',
    'image/03',
    'render',
    'verify',
    'thumbnail',
    'transcode',
    'transcode/audio',
    'transcode/chunk/001',
    'transcode/chunk/002',
    'transcode/manifest',
  ]);
  expect(tasks.find((task) => task.key === 'render')?.needs).toHaveLength(7);
  expect(tasks.every((task) => task.workerName === 'artist' && task.status === 'completed')).toBe(true);
  expect(artifacts.map((artifact) => artifact.taskKey).filter((key) => key === 'music/01')).toHaveLength(2);
  expect(artifacts).toContainEqual(
    expect.objectContaining({ kind: 'render', taskKey: 'render', sizeBytes: expect.any(Number) }),
  );
  expect(await world.operator.workers()).toMatchObject([{ name: 'artist', status: 'active', tasks: [] }]);
});

describe('export', () => {
  test('puts video, picture and text into a folder, once; the album is then completed', async () => {
    const to = join(world.folder, 'out', 'deeper');
    const paths = await world.operator.export(runId, to);
    const date = new Date().toISOString().slice(0, 10);
    expect((await readdir(to)).sort()).toEqual(
      ['jpg', 'mp4', 'txt'].map((extension) => `${date} The Royal Court album.${extension}`),
    );
    expect(await readFile(paths[0] as string, 'utf8')).toBe(`render/album.mp4 of run ${runId}`);
    expect(await readFile(paths[2] as string, 'utf8')).toBe(
      'The Royal Court album\n\nMade of calm and warm\n\nChapters\n0:00 Piece 1\n0:20 Piece 2\n0:40 Piece 3\n\nLicences\n' +
        [1, 2, 3].map((n) => `Track ${n} (Piece ${n}): made by the built-in provider, no licence needed\n`).join('') +
        [1, 2, 3].map((n) => `Picture ${n}: made by the built-in provider, no licence needed\n`).join(''),
    );
    expect(await rowsOf(world, `select status from video_jobs where run_id = '${runId}'`)).toEqual([
      { status: 'completed' },
    ]);
    expect(await world.operator.export(runId, to)).toEqual(paths);
    expect(await readdir(to)).toHaveLength(3);
    expect(await brokenInvariants(world.url, invariants)).toEqual([]);
  });

  test('never writes over a file that is something else', async () => {
    const to = join(world.folder, 'taken');
    const paths = await world.operator.export(runId, to);
    await rm(paths[0] as string);
    await writeFile(paths[0] as string, 'somebody else’s');
    const second = await world.operator.export(runId, to);
    expect(second[0]).toMatch(/ \(2\)\.mp4$/);
    expect(await readFile(paths[0] as string, 'utf8')).toBe('somebody else’s');
    expect(await readdir(to)).toHaveLength(6);
  });

  test('of a run that is not ready, makes no album, or into a place that is no folder is one sentence', async () => {
    const [young] = await world.operator.enqueue([preview]);
    await expect(world.operator.export(young?.runId as string, world.folder)).rejects.toThrow(
      /is not ready \(its run is queued\): export it once/,
    );
    await expect(world.operator.export('nowhere', world.folder)).rejects.toThrow(/there is no run or task "nowhere"/);
    const file = join(world.folder, 'a file');
    await writeFile(file, '');
    await expect(world.operator.export(runId, file)).rejects.toThrow(/^cannot export to /);
  });

  test('names files so that every system takes them', () => {
    expect(fileName('2026-11-21 A/B: "C"? <D>|*')).toBe('2026-11-21 A-B- -C- -D-');
    expect(fileName(' ..')).toBe('album');
    expect(fileName('ends with dots...')).toBe('ends with dots');
    expect(Buffer.byteLength(fileName('ü'.repeat(300)))).toBeLessThanOrEqual(180);
  });
});

test('fsck re-hashes every artifact and names what is missing or changed', async () => {
  const other = await openWorld();
  const hired = await other.hire('artist');
  await other.operator.enqueue([{ ...preview, tracks: 2 }]);
  await other.workAll(hired);
  const seen: number[] = [];
  const whole = await other.operator.fsck((done, total) => seen.push(done, total));
  expect(whole).toMatchObject({ checked: 24, problems: [] });
  expect(seen.slice(-2)).toEqual([24, 24]);
  const [track, still] = (await rowsOf(
    other,
    "select uri from artifacts where kind in ('audio', 'image') order by kind, uri",
  )) as { uri: string }[];
  await rm(fileURLToPath(track?.uri as string));
  const path = fileURLToPath(still?.uri as string);
  const body = await readFile(path);
  await rm(path);
  await writeFile(path, Buffer.from(body).fill(0, 0, 1));
  const { problems } = await other.operator.fsck();
  expect(problems.map(({ problem }) => problem).sort()).toEqual([
    'the file has other bytes than were stored (its checksum differs)',
    'the file is not there',
  ]);
});

test('gc removes what no row names, spares what is named, and only looks in a dry run', async () => {
  const stray = await world.storage.put(`runs/${runId}/music/01/99/ghost.bin`, new Uint8Array(10), {
    contentType: 'application/octet-stream',
  });
  const all = { olderThanMs: -1_000 };
  expect(await world.operator.gc({ dryRun: true, ...all })).toMatchObject({ removed: 1, bytes: 10, runsRemoved: 0 });
  expect(await world.storage.stat(stray.uri)).not.toBeNull();
  expect(await world.operator.gc({ dryRun: false, ...all })).toMatchObject({ removed: 1, bytes: 10, runsRemoved: 0 });
  expect(await world.storage.stat(stray.uri)).toBeNull();
  expect((await world.operator.fsck()).problems).toEqual([]);
});

test('gc removes runs whose time is over', async () => {
  const other = await openWorld();
  const hired = await other.hire('artist');
  await other.operator.enqueue([{ ...preview, tracks: 1 }]);
  await other.workAll(hired);
  await other.db.query("update pipeline_runs set completed_at = now() - interval '91 days'");
  expect(await other.operator.gc({ dryRun: true })).toMatchObject({ runsRemoved: 1 });
  expect(await other.operator.gc({ dryRun: false })).toMatchObject({ runsRemoved: 1 });
  expect(await other.operator.runs({})).toEqual([]);
});
