/** Clips as rows and files: one for each moment whoever cuts it, replaced in one go, and gone or archived with their video. */
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { type ArtifactRef, artifactRef, instantiate } from '@reelfleet/core';
import { clipsParams, clips as clipsTemplate, stages } from '@reelfleet/pipelines';
import { archiveKey } from '@reelfleet/storage';
import { brokenInvariants } from '@reelfleet/testkit';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openWorld, rowsOf, type World } from './testing.ts';

const invariants = fileURLToPath(new URL('../../../tests/invariants.sql', import.meta.url));

let world: World;
let worker: string;
beforeEach(async () => {
  world = await openWorld();
  worker = await world.hire('cutter');
});
afterEach(async () => {
  expect(await brokenInvariants(world.url, invariants, { quiet: false })).toEqual([]);
});

interface Video {
  id: string;
  source: ArtifactRef;
  captions: string;
  moments: { id: string; identifier: string; title: string; start: number; end: number }[];
}

/** A video with a transcript and two moments, as runs that are over have left them. */
async function makeVideo(name: string): Promise<Video> {
  const [id, run, said] = [randomUUID(), randomUUID(), randomUUID()];
  const put = (key: string, contentType: string) =>
    world.storage.put(key, Buffer.from(`${name} ${key}`), { contentType });
  const film = await put(`runs/${run}/import/2/film.mp4`, 'video/mp4');
  const captions = await put(`runs/${said}/transcription/2/captions.vtt`, 'text/vtt');
  const transcript = await put(`runs/${said}/transcription/2/transcript.json`, 'application/json');
  const row = (kind: string, file: typeof film, of: string) => {
    const ref = { id: randomUUID(), kind, ...file };
    const { uri, sha256, sizeBytes, contentType } = file;
    return [
      ref,
      `('${ref.id}', '${id}', '${of}', '${kind}', '${uri}', '${sha256}', ${sizeBytes}, '${contentType}')`,
    ] as const;
  };
  const [source, sourceRow] = row('raw', film, run);
  const moments = [1, 2].map((n) => ({
    id: randomUUID(),
    identifier: `${name}-${n}`,
    title: `Moment ${n}`,
    start: 10 * n,
    end: 10 * n + 5,
  }));
  await world.db.query(`
    insert into videos (id, identifier, title, video_url) values ('${id}', '${name}', 'Video ${name}', '${film.uri}');
    insert into pipeline_runs (id, identifier, template, video_id, status, started_at, completed_at) values
      ('${run}', '${run}', 'ingest', '${id}', 'completed', now(), now()), ('${said}', '${said}', 'moments', '${id}', 'completed', now(), now());
    insert into artifacts (id, video_id, run_id, kind, uri, sha256, size_bytes, content_type) values
      ${[sourceRow, row('captions', captions, said)[1], row('transcript', transcript, said)[1]].join(', ')};
    insert into transcripts (video_id, full_text, word_timestamps, segment_timestamps, vtt_path) values ('${id}', 'words', '[]', '[]', '${captions.uri}');
    insert into moments (id, identifier, video_id, title, start_time, end_time) values
      ${moments.map((moment) => `('${moment.id}', '${moment.identifier}', '${id}', '${moment.title}', ${moment.start}, ${moment.end})`).join(', ')};`);
  return { id, source: artifactRef.parse(source), captions: captions.uri, moments };
}

/** Order clips of a video's moments and do not yet work on them; answers the run. */
async function order({ id, source, moments }: Video, more: Record<string, unknown> = {}): Promise<string> {
  const params = clipsParams.parse({
    ...{ videoId: id, title: 'the film', source, durationSeconds: 60, moments, paddingLeft: 1, paddingRight: 2 },
    ...more,
  });
  const run = randomUUID();
  const { tasks, edges } = instantiate(clipsTemplate, params, { newId: randomUUID, stages });
  const { tickets } = await world.deps.ledger.enqueue(
    [
      {
        run: {
          ...{ id: run, identifier: run, idempotencyKey: null, template: 'clips', videoId: id, channelId: null },
          ...{ generationConfigId: null, params, priority: 0, phase: 'clipping' },
        },
        ...{ tasks, edges, before: [], after: [] },
      },
    ],
    'tester',
  );
  world.sent.push(...tickets);
  return run;
}

const clipRows = ({ id }: Video) =>
  rowsOf(
    world,
    `select c.id, m.identifier, c.uri, c.start_time, c.end_time, c.padding_left, c.padding_right, c.resolution, c.format, n.uri as picture
     from clips c join moments m on m.id = c.moment_id left join thumbnails n on n.clip_id = c.id where c.video_id = '${id}' order by m.identifier`,
  );
const runRow = async (run: string) =>
  (await rowsOf(world, `select status, total_clips_created as clips from pipeline_runs where id = '${run}'`))[0];
const named = async ({ id }: Video) =>
  (await rowsOf(world, `select kind, uri from artifacts where video_id = '${id}' order by kind, uri`)).map(
    (row) => `${row.kind} ${row.uri}`,
  );
const keys = async () => {
  const found: string[] = [];
  for await (const { key } of world.storage.list('')) found.push(key);
  return found.sort();
};
const gc = () => world.operator.gc({ dryRun: false, olderThanMs: -1_000 });

describe('clips of chosen moments', () => {
  test('are rows with their padding as used, their pictures, and a number on their run', async () => {
    const video = await makeVideo('film');
    const run = await order(video);
    await world.workAll(worker);
    expect(await runRow(run)).toEqual({ status: 'completed', clips: 2 });
    const rows = await clipRows(video);
    expect(rows).toMatchObject([
      {
        identifier: 'film-1',
        start_time: 9,
        end_time: 17,
        padding_left: 1,
        padding_right: 2,
        resolution: '1280x720',
        format: 'mp4',
      },
      { identifier: 'film-2', start_time: 19, end_time: 27 },
    ]);
    expect(rows.map(({ picture }) => String(picture).split('/').slice(-4, -2).join('/'))).toEqual([
      'clip-thumbnail/01',
      'clip-thumbnail/02',
    ]);
    expect(await gc()).toMatchObject({ removed: 0 });
    expect((await world.operator.fsck()).problems).toEqual([]);
  });

  test('are those there are when they are ordered again, and what is missing of their pictures is made', async () => {
    const video = await makeVideo('film');
    await order(video);
    await world.workAll(worker);
    const before = await clipRows(video);
    const moments = await Promise.all(
      video.moments.map(async (moment, index) => {
        const [file] = await rowsOf(
          world,
          `select id, kind, uri, sha256, size_bytes as "sizeBytes", content_type as "contentType" from artifacts where id = '${before[index]?.id}'`,
        );
        const clip = { ...file, sizeBytes: Number(file?.sizeBytes) };
        const facts = { start: 9, end: 17, paddingLeft: 1, paddingRight: 2, videoCodec: 'h264', audioCodec: null };
        // The second one's picture failed, as far as the order knows.
        return { ...moment, existing: { clip, ...facts, width: null, height: null, pictured: index === 0 } };
      }),
    );
    const run = await order(video, { moments });
    await world.workAll(worker);
    expect(await runRow(run)).toEqual({ status: 'completed', clips: null });
    const after = await clipRows(video);
    expect(after.map(({ id, uri }) => [id, uri])).toEqual(before.map(({ id, uri }) => [id, uri]));
    expect(after[0]?.picture).toBe(before[0]?.picture);
    expect(after[1]?.picture).not.toBe(before[1]?.picture);
    expect((await named(video)).filter((name) => name.startsWith('thumbnail'))).toHaveLength(2);
    // The picture that nobody has any more is gc's.
    expect(await gc()).toMatchObject({ removed: 1 });
    expect((await world.operator.fsck()).problems).toEqual([]);
  });

  test('cut by two runs at once: the first stays, the other leaves nothing, and both end well', async () => {
    const video = await makeVideo('film');
    const first = await order(video);
    // One unfinished `clips` at a time; a run of another kind may cut the same moment.
    const [moment] = video.moments;
    const single = randomUUID();
    const input = { source: video.source, name: 'the film', moment, durationSeconds: 60 };
    const params = { stage: 'clip', input, videoId: video.id };
    const { tickets } = await world.deps.ledger.enqueue(
      [
        {
          run: {
            ...{
              id: single,
              identifier: single,
              idempotencyKey: null,
              template: 'single',
              videoId: video.id,
              channelId: null,
            },
            ...{ generationConfigId: null, params, priority: 0, phase: 'clip' },
          },
          tasks: [
            {
              ...{ id: randomUUID(), key: 'clip', stage: 'clip', title: 'clip', phase: 'clip', position: 0 },
              ...{ payload: {}, optional: false, maxAttempts: 3, maxCrashes: 5 },
            },
          ],
          ...{ edges: [], before: [], after: [] },
        },
      ],
      'tester',
    );
    const claimed = await world.claim(worker, tickets[0] as (typeof tickets)[number]);
    await world.workAll(worker);
    const before = await clipRows(video);
    await world.complete(worker, claimed);
    expect(await clipRows(video)).toEqual(before);
    expect([await runRow(first), await runRow(single)]).toEqual([
      { status: 'completed', clips: 2 },
      { status: 'completed', clips: null },
    ]);
    expect((await named(video)).filter((name) => name.startsWith('clip '))).toHaveLength(2);
    expect(await gc()).toMatchObject({ removed: 1 });
    expect((await world.operator.fsck()).problems).toEqual([]);
  });

  test('to be replaced: row, file and picture change in one settle, and the old ones are gc’s', async () => {
    const video = await makeVideo('film');
    await order(video);
    await world.workAll(worker);
    const before = await clipRows(video);
    const run = await order({ ...video, moments: video.moments.slice(0, 1) }, { replace: true });
    const [ticket] = world.sent.splice(0, 1);
    if (!ticket) throw new Error('no ticket');
    const claimed = await world.claim(worker, ticket);
    expect(await clipRows(video)).toEqual(before);
    await world.complete(worker, claimed);
    // The old picture went with the old clip; the new one is on its way.
    expect((await clipRows(video))[0]).toMatchObject({ identifier: 'film-1', picture: null });
    await world.workAll(worker);
    const after = await clipRows(video);
    expect(after[0]?.uri).not.toBe(before[0]?.uri);
    expect(after[0]?.picture).not.toBe(before[0]?.picture);
    expect(after[1]).toEqual(before[1]);
    expect(await runRow(run)).toEqual({ status: 'completed', clips: 1 });
    const uris = (await named(video)).join(' ');
    expect([uris.includes(String(before[0]?.uri)), uris.includes(String(before[0]?.picture))]).toEqual([false, false]);
    expect(await gc()).toMatchObject({ removed: 2 });
    expect((await keys()).filter((key) => key.endsWith('clip.mp4'))).toHaveLength(2);
    expect((await world.operator.fsck()).problems).toEqual([]);
  });

  test('some or all of which fail leave the run partial, with the first error', async () => {
    const video = await makeVideo('film');
    const fail = async (keyEnds: string) => {
      for (const ticket of world.sent.splice(0)) {
        const claimed = await world.claim(worker, ticket);
        if (!claimed.key.endsWith(keyEnds)) await world.complete(worker, claimed);
        else
          await world.ledger.settle(worker, [
            { id: claimed.id, version: claimed.version, event: 'fail', message: 'the film is damaged' },
          ]);
      }
    };
    const some = await order(video);
    await fail('clip/02');
    await world.workAll(worker);
    const both = await order(video, { replace: true });
    await fail('');
    expect([await runRow(some), await runRow(both)]).toEqual([
      { status: 'partial', clips: 1 },
      { status: 'partial', clips: null },
    ]);
    const [{ error_stage, error_message } = {}] = await rowsOf(
      world,
      `select error_stage, error_message from pipeline_runs where id = '${both}'`,
    );
    expect([error_stage, error_message]).toEqual(['clip', 'the film is damaged']);
    expect(
      (await rowsOf(world, `select key, status from tasks where run_id = '${both}' order by position, key`)).map(
        (row) => row.status,
      ),
    ).toEqual([...['failed', 'failed', 'skipped', 'skipped']]);
  });
});

test('a video with a transcript, moments and clips of several runs is archived, restored and purged whole', async () => {
  const video = await makeVideo('film');
  const other = await makeVideo('other');
  await order(video);
  await world.workAll(worker);
  await order(other);
  await world.workAll(worker);
  const addresses = async () =>
    (
      await rowsOf(
        world,
        `select uri from artifacts where video_id = '${video.id}' union select uri from clips where video_id = '${video.id}'
         union select vtt_path from transcripts where video_id = '${video.id}' union select video_url from videos where id = '${video.id}'
         union select n.uri from thumbnails n join clips c on c.id = n.clip_id where c.video_id = '${video.id}'`,
      )
    )
      .map((row) => world.storage.keyOf(row.uri as string))
      .sort();
  const mine = await addresses();
  expect(mine).toHaveLength(3 + 2 + 2);
  const all = await keys();
  const others = all.filter((key) => !mine.includes(key));
  expect(all).toEqual([...mine, ...others].sort());

  await world.operator.videos.delete('film');
  await world.workAll(worker);
  const archived = mine.map((key) => archiveKey(video.id, key)).sort();
  expect(await addresses()).toEqual(archived);
  expect(await keys()).toEqual([...archived, ...others].sort());
  expect(await gc()).toMatchObject({ removed: 0 });
  expect((await world.operator.fsck()).problems).toEqual([]);

  await world.operator.videos.restore('film');
  await world.workAll(worker);
  expect(await addresses()).toEqual(mine);
  expect(await keys()).toEqual(all);
  expect(await gc()).toMatchObject({ removed: 0 });
  expect((await world.operator.fsck()).problems).toEqual([]);

  await world.operator.videos.delete('film');
  await world.workAll(worker);
  await world.operator.videos.purge('film');
  await world.workAll(worker);
  expect(await keys()).toEqual(others);
  for (const table of ['transcripts', 'moments', 'clips', 'artifacts'])
    expect([table, await rowsOf(world, `select id from ${table} where video_id = '${video.id}'`)]).toEqual([table, []]);
  expect(await clipRows(other)).toHaveLength(2);
});
