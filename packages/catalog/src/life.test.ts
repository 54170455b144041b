import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { UserError } from '@reelfleet/core';
import { archiveKey } from '@reelfleet/storage';
import { brokenInvariants } from '@reelfleet/testkit';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { purgeRuns } from './life.ts';
import { openOperator } from './operator.ts';
import { openWorld, rowsOf, type World } from './testing.ts';

const invariants = fileURLToPath(new URL('../../../tests/invariants.sql', import.meta.url));

let world: World;
let worker: string;
beforeEach(async () => {
  world = await openWorld();
  worker = await world.hire('mover');
});
afterEach(async () => {
  expect(await brokenInvariants(world.url, invariants, { quiet: false })).toEqual([]);
});

const bytes = (name: string) => Buffer.from(`bytes of ${name}`);
const contentType = 'video/mp4';

interface Made {
  id: string;
  run: string;
  /** Checksums of its files by the keys they have when it is not deleted. */
  files: Map<string, string>;
}

/** A finished video as its pipeline leaves it: a run that is over, files alone and in a set, and rows of all kinds that name them. */
async function makeVideo(name: string, { source = null as string | null } = {}): Promise<Made> {
  const [id, run, task] = [randomUUID(), randomUUID(), randomUUID()];
  const files = new Map<string, string>();
  const store = async (key: string) => {
    const { uri, sha256, sizeBytes } = await world.storage.put(key, bytes(`${name} ${key}`), { contentType });
    files.set(key, sha256);
    return { uri, sha256, sizeBytes };
  };
  const video = await store(`runs/${run}/import/2/source é.mp4`);
  const picture = await store(`runs/${run}/thumbnail/3/thumbnail.jpg`);
  const captions = await store(`runs/${run}/transcription/2/captions.vtt`);
  const playlist = await store(`runs/${run}/transcode/manifest/2/720p.m3u8`);
  const folder = `runs/${run}/transcode/chunk/000/4/720p`;
  const members = [];
  for (const member of ['init.mp4', 'segment 0.m4s', 'segment1.m4s']) {
    const { sha256, sizeBytes } = await store(`${folder}/${member}`);
    members.push({ name: member, sha256, sizeBytes });
  }
  // A file that a cancelled attempt left, and only its checkpoint knows.
  await store(`runs/${run}/transcode/chunk/001/2/left.m4s`);
  const sum = members.reduce((bytes, member) => bytes + member.sizeBytes, 0);
  const artifact = (kind: string, file: { uri: string; sha256: string; sizeBytes: number }, segments = 'null') =>
    `('${randomUUID()}', '${id}', '${run}', '${task}', 2, '${kind}', '${file.uri}', '${file.sha256}', ${file.sizeBytes}, '${contentType}', ${segments})`;
  const set = { uri: world.storage.uriOf(folder), sha256: '0'.repeat(64), sizeBytes: sum };
  await world.db.query(`
    insert into videos (id, identifier, title, video_url, thumbnail_url, source_url) values
      ('${id}', '${name}', 'Video ${name}', '${video.uri}', '${picture.uri}', ${source === null ? 'null' : `'${source}'`});
    insert into pipeline_runs (id, identifier, template, video_id, status, started_at, completed_at) values
      ('${run}', '${run}', 'ingest', '${id}', 'completed', now(), now());
    insert into tasks (id, run_id, video_id, key, stage, status, last_event) values ('${task}', '${run}', '${id}', 'import', 'import', 'queued', 'create');
    update pipeline_runs set open_tasks = 1, status = 'running', completed_at = null where id = '${run}';
    insert into thumbnails (video_id, uri) values ('${id}', '${picture.uri}');
    insert into transcripts (video_id, full_text, word_timestamps, segment_timestamps, vtt_path) values ('${id}', 'words', '[]', '[]', '${captions.uri}');
    insert into video_qualities (video_id, quality, playlist_uri) values ('${id}', '720p', '${playlist.uri}');
    insert into publish_receipts (video_id, channel, status) values ('${id}', 'youtube', 'published');`);
  const claimed = await world.claim(worker, {
    id: task,
    version: 1,
    dispatches: 0,
    stage: 'import',
    title: '',
    priority: 0,
  });
  await world.ledger.settle(worker, [{ id: task, version: claimed.version, event: 'complete', output: {} }]);
  await world.db.query(`insert into artifacts (id, video_id, run_id, task_id, state_version, kind, uri, sha256, size_bytes, content_type, segments) values
    ${[artifact('raw', video), artifact('thumbnail', picture), artifact('captions', captions), artifact('manifest', playlist), artifact('rendition', set, `'${JSON.stringify(members)}'`)].join(',').replaceAll(', 2, ', ', 3, ')}`);
  return { id, run, files };
}

async function keys(prefix = ''): Promise<string[]> {
  const found: string[] = [];
  for await (const { key } of world.storage.list(prefix)) found.push(key);
  return found.sort();
}

const sorted = (names: Iterable<string>) => [...names].sort();
/** Every address that a row of the video holds, over all tables. */
const addresses = async ({ id }: Made) =>
  (
    await rowsOf(
      world,
      `select uri from artifacts where video_id = '${id}' union all select video_url from videos where id = '${id}'
       union all select thumbnail_url from videos where id = '${id}' union all select uri from thumbnails where video_id = '${id}'
       union all select vtt_path from transcripts where video_id = '${id}' union all select playlist_uri from video_qualities where video_id = '${id}'`,
    )
  ).map((row) => world.storage.keyOf(row.uri as string));
const refusal = (work: Promise<unknown>) =>
  work.then(
    () => expect.unreachable('it was accepted'),
    (error: Error) => {
      expect(error).toBeInstanceOf(UserError);
      return error.message;
    },
  );

describe('deleting a video', () => {
  test('hides it at once, and its files with all rows that name them go to the archive and come back the same', async () => {
    const made = await makeVideo('film');
    const before = sorted(await addresses(made));
    const told = await world.operator.videos.delete('film');
    expect(told).toMatchObject({ video: 'film', cancelled: 0, asked: 0 });
    expect((await world.operator.videos.ls({})).videos).toEqual([]);
    expect(await refusal(world.operator.videos.show('film'))).toMatch(/there is no video "film"/);
    expect(await refusal(world.operator.artifacts.at([...made.files.keys()][0] as string))).toMatch(/no artifact/);

    await world.workAll(worker);
    const archived = (key: string) => archiveKey(made.id, key);
    expect(await keys()).toEqual(sorted([...made.files.keys()].map(archived)));
    expect(sorted(await addresses(made))).toEqual(sorted(before.map(archived)));
    expect((await world.operator.fsck()).problems).toEqual([]);
    expect((await world.operator.videos.ls({ deleted: true })).videos).toMatchObject([{ identifier: 'film' }]);

    await world.operator.videos.restore('film');
    expect(await refusal(world.operator.videos.show('film'))).toMatch(/there is no video/);
    await world.workAll(worker);
    expect(sorted(await addresses(made))).toEqual(before);
    for (const [key, sha256] of made.files)
      expect(await world.storage.checksum(world.storage.uriOf(key))).toMatchObject({ sha256 });
    expect(await keys()).toEqual(sorted(made.files.keys()));
    expect((await world.operator.videos.show('film')).video.deletedAt).toBeNull();
    const trail = await rowsOf(
      world,
      `select action, actor from video_audit where video_id = '${made.id}' order by state_version`,
    );
    expect(trail.map((row) => row.action)).toEqual(['create', 'delete', 'archive', 'unarchive', 'restore']);
    expect(trail[1]?.actor).toBe('tester');
  });

  test('cancels its unfinished work first, and nothing is moved before the last of it has ended', async () => {
    const made = await makeVideo('busy');
    const [run] = await world.operator.enqueue([
      { kind: 'stage', stage: 'probe', input: { source: 'file:///tmp/a.mp4' }, video: 'busy' },
    ]);
    const ticket = world.sent.shift();
    if (!ticket) throw new Error('no ticket');
    const task = await world.claim(worker, ticket);
    expect(await world.operator.videos.delete('busy')).toMatchObject({ cancelled: 0, asked: 1 });

    const archive = world.sent.shift();
    if (!archive) throw new Error('no ticket of the archive');
    const claimed = await world.claim(worker, archive);
    await expect(world.complete(worker, claimed)).rejects.toThrow(/still at work/);
    expect(await keys('archive/')).toEqual([]);
    const stopped = { id: task.id, version: task.version, event: 'release', delayMs: 0, code: 'shutdown' } as const;
    expect(await world.ledger.settle(worker, [stopped])).toMatchObject([{ status: 'cancelled', tickets: [] }]);
    expect((await world.operator.run(run?.runId as string)).run.status).toBe('cancelled');
    await world.complete(worker, claimed);
    expect(await keys('runs/')).toEqual([]);
    expect(await keys('archive/')).toHaveLength(made.files.size);
  });

  test('is refused the second time, and nothing new is begun for what is deleted', async () => {
    await makeVideo('gone');
    await world.operator.videos.delete('gone');
    expect(await refusal(world.operator.videos.delete('gone'))).toMatch(/video "gone" is deleted: .*restore/);
    const order = { kind: 'stage', stage: 'probe', input: { source: 'file:///tmp/a.mp4' }, video: 'gone' } as const;
    expect(await refusal(world.operator.enqueue([order]))).toMatch(/there is no video "gone"/);
    expect(await refusal(world.operator.videos.edit('gone', { title: 'New' }))).toMatch(/is deleted/);
    for (const stage of ['archive', 'restore', 'purge'])
      expect(await refusal(world.operator.enqueue([{ kind: 'stage', stage, input: {} }]))).toMatch(
        /is ordered with its video/,
      );
  });

  test('an order that was on its way when its video was deleted is refused by the ledger itself', async () => {
    const { id } = await makeVideo('racing');
    const order = { kind: 'stage', stage: 'probe', input: { source: 'file:///tmp/a.mp4' }, video: 'racing' } as const;
    const early = operatorBetween(async () => {
      await world.operator.videos.delete('racing');
    });
    expect(await refusal(early.enqueue([order]))).toMatch(/video "racing" is deleted: restore it first/);
    expect(await rowsOf(world, `select template from pipeline_runs where video_id = '${id}' order by 1`)).toEqual([
      { template: 'archive' },
      { template: 'ingest' },
    ]);
  });
});

/** An operator between whose look and whose write something happens. */
function operatorBetween(meanwhile: () => Promise<void>) {
  const { ledger } = world.deps;
  return openOperator({
    ...world.deps,
    ledger: {
      ...ledger,
      async enqueue(items, actor) {
        await meanwhile();
        return ledger.enqueue(items, actor);
      },
    },
  });
}

describe('restoring a video', () => {
  test('ordered before its archive has ended: the archive is stopped, and every file is where it was', async () => {
    const made = await makeVideo('regret');
    await world.operator.videos.delete('regret');
    const archive = world.sent.shift();
    if (!archive) throw new Error('no ticket');
    const claimed = await world.claim(worker, archive);
    // Half of it is moved when the restore is ordered.
    for (const key of [...made.files.keys()].slice(0, 4))
      await world.storage.move(world.storage.uriOf(key), `archive/${made.id}/${key}`);
    expect((await world.operator.fsck()).problems).toEqual([]);
    await world.operator.videos.restore('regret');
    // What completes meanwhile stays completed, and changes no row: the files are on their way back.
    await world.complete(worker, claimed);
    expect(sorted(new Set(await addresses(made))).every((key) => key.startsWith('runs/'))).toBe(true);
    await world.workAll(worker);
    expect(await keys()).toEqual(sorted(made.files.keys()));
    expect((await world.operator.videos.show('regret')).video.identifier).toBe('regret');
    expect((await world.operator.fsck()).problems).toEqual([]);
  });

  test('is refused when another video was made of its source meanwhile, and when it is not deleted', async () => {
    const source = 'https://example.org/film.mp4';
    await makeVideo('first', { source });
    expect(await refusal(world.operator.videos.restore('first'))).toMatch(/is not deleted/);
    await world.operator.videos.delete('first');
    await world.workAll(worker);
    await makeVideo('second', { source });
    expect(await refusal(world.operator.videos.restore('first'))).toBe(
      'video "first" cannot come back, because "second" was made of the same source meanwhile: delete that one first',
    );
    await world.operator.videos.delete('second');
    await world.operator.videos.restore('first');
    expect(await refusal(world.operator.videos.restore('first'))).toMatch(
      /is being restored already: watch run pipeline:restore-first/,
    );
    await world.workAll(worker);
    expect((await world.operator.videos.ls({})).videos.map((video) => video.identifier)).toEqual(['first']);
  });

  test('a run of the past cannot be tried again when its time is over', async () => {
    await makeVideo('past');
    const { runId } = await world.operator.videos.delete('past');
    await world.operator.cancel(runId);
    await world.operator.videos.restore('past');
    world.sent.shift();
    expect(await refusal(world.operator.retry(runId))).toMatch(
      /must wait: run pipeline:restore-past.* is at work on the files/,
    );
    await world.workAll(worker);
    expect(await refusal(world.operator.retry(runId))).toMatch(
      /has nothing to do any more: its video past is not deleted/,
    );
  });

  test('gc takes nothing of a deleted video, in the archive or on the way, and what nothing names when it is back', async () => {
    const made = await makeVideo('swept');
    const left = [...made.files.keys()].filter((key) => key.endsWith('left.m4s'));
    await world.operator.videos.delete('swept');
    const gc = () => world.operator.gc({ dryRun: false, olderThanMs: -1_000 });
    expect(await gc()).toMatchObject({ removed: 0 });
    await world.workAll(worker);
    expect(await gc()).toMatchObject({ removed: 0 });
    await world.operator.videos.restore('swept');
    expect(await gc()).toMatchObject({ removed: 0 });
    await world.workAll(worker);
    expect(await gc()).toMatchObject({ removed: 1 });
    expect(await keys()).toEqual(sorted([...made.files.keys()].filter((key) => !left.includes(key))));
    expect((await world.operator.fsck()).problems).toEqual([]);
  });
});

describe('purging a video', () => {
  test('leaves nothing in the store and no row but its receipts and audit trails', async () => {
    const made = await makeVideo('doomed');
    const other = await makeVideo('other');
    expect(await refusal(world.operator.videos.purge('doomed'))).toMatch(/is not deleted: delete it first/);
    await world.operator.videos.delete('doomed');
    await world.workAll(worker);
    // What an unfinished archive would have left behind goes, too.
    await world.storage.put(`runs/${made.run}/late/1/file`, bytes('late'), { contentType });
    const { runId } = await world.operator.videos.purge('doomed');
    expect(await refusal(world.operator.videos.purge('doomed'))).toMatch(/is being purged already: watch run/);
    expect(await refusal(world.operator.videos.restore('doomed'))).toMatch(/is about to be purged: cancel run/);
    await world.workAll(worker);

    expect(await keys()).toEqual(sorted(other.files.keys()));
    expect((await world.operator.run(runId)).run).toMatchObject({ status: 'completed', videoId: null });
    const left: string[] = [];
    for (const { table_name: table, column_name: column } of await rowsOf(
      world,
      `select c.table_name, c.column_name from information_schema.columns c join information_schema.tables t using (table_schema, table_name)
       where c.table_schema = 'public' and t.table_type = 'BASE TABLE' and (c.column_name = 'video_id' or (c.table_name, c.column_name) = ('videos', 'id'))`,
    )) {
      const rows = await rowsOf(world, `select from ${table} where ${column} = '${made.id}'`);
      if (rows.length > 0) left.push(table as string);
    }
    expect(left).toEqual(['video_audit']);
    expect(await rowsOf(world, `select channel, video_id from publish_receipts where video_id is null`)).toHaveLength(
      1,
    );
    const trail = await rowsOf(
      world,
      `select action from video_audit where video_id = '${made.id}' order by state_version`,
    );
    expect(trail.map((row) => row.action)).toEqual(['create', 'delete', 'archive', 'purge']);
    expect(await refusal(world.operator.videos.restore('doomed'))).toMatch(/there is no video "doomed"/);
  });

  test('that has begun cannot be undone, and goes on when it is asked for again', async () => {
    await makeVideo('half');
    await world.operator.videos.delete('half');
    await world.workAll(worker);
    const { runId } = await world.operator.videos.purge('half');
    const ticket = world.sent.shift();
    if (!ticket) throw new Error('no ticket');
    const claimed = await world.claim(worker, ticket);
    await world.ledger.settle(worker, [
      { id: claimed.id, version: claimed.version, event: 'fail', message: 'no permission' },
    ]);
    expect(await refusal(world.operator.videos.restore('half'))).toMatch(
      /its purge has begun, and files of it are gone/,
    );
    expect((await world.operator.videos.purge('half')).runId).toBe(runId);
    await world.workAll(worker);
    expect(await keys()).toEqual([]);
  });

  test('the sweep orders it for those whose time is over, once, and for no other', async () => {
    const [old, fresh, back] = [await makeVideo('old'), await makeVideo('fresh'), await makeVideo('back')];
    for (const name of ['old', 'fresh', 'back']) await world.operator.videos.delete(name);
    await world.workAll(worker);
    const sweep = () => world.sweepLedger.purge('sweeper', 30, purgeRuns(world.deps, 2));
    expect(await sweep()).toEqual([]);
    for (const { id } of [old, back])
      await world.db.query(`update videos set deleted_at = now() - interval '31 days' where id = '${id}'`);
    await world.operator.videos.restore('back');
    const tickets = await sweep();
    expect(tickets.map((ticket) => ticket.title)).toEqual(['purge · Video old']);
    expect(await sweep()).toEqual([]);
    world.sent.push(...tickets);
    await world.workAll(worker);
    expect(await rowsOf(world, `select identifier from videos order by 1`)).toEqual([
      { identifier: 'back' },
      { identifier: 'fresh' },
    ]);
    expect(await keys()).toEqual(
      sorted([...back.files.keys(), ...[...fresh.files.keys()].map((key) => `archive/${fresh.id}/${key}`)]),
    );
  });
});

test('orders for one video at once: one of each wins, the others get one sentence', async () => {
  const made = await makeVideo('contested');
  const settle = async (works: Promise<unknown>[]) => (await Promise.allSettled(works)).map((end) => end.status).sort();
  const five = <T>(work: () => Promise<T>) => Array.from({ length: 5 }, work);
  const once = ['fulfilled', 'rejected', 'rejected', 'rejected', 'rejected'];
  expect(await settle(five(() => world.operator.videos.delete('contested')))).toEqual(once);
  await world.workAll(worker);
  const [restores, purges] = [
    five(() => world.operator.videos.restore('contested')),
    five(() => world.operator.videos.purge('contested')),
  ];
  expect((await settle([...restores, ...purges])).filter((end) => end === 'fulfilled')).toHaveLength(1);
  await world.workAll(worker);
  const rows = await rowsOf(world, `select deleted_at from videos where id = '${made.id}'`);
  expect(await keys()).toEqual(rows.length === 0 ? [] : sorted(made.files.keys()));
});

describe('a file of a set', () => {
  test('is found by its key, with its own name, size and checksum; its folder is no file', async () => {
    const made = await makeVideo('stream');
    const key = `runs/${made.run}/transcode/chunk/000/4/720p/segment 0.m4s`;
    expect(await world.operator.artifacts.at(key)).toMatchObject({
      fileName: 'segment 0.m4s',
      uri: world.storage.uriOf(key),
      sha256: made.files.get(key),
      sizeBytes: bytes(`stream ${key}`).length,
      contentType,
      videoId: made.id,
    });
    for (const missing of [key.slice(0, key.lastIndexOf('/')), key.replace('segment 0', 'segment 9')])
      expect(await refusal(world.operator.artifacts.at(missing))).toMatch(/no artifact is stored as/);
  });

  test('is re-hashed by fsck, every one of them', async () => {
    const made = await makeVideo('checked');
    expect(await world.operator.fsck()).toMatchObject({ problems: [] });
    const key = `runs/${made.run}/transcode/chunk/000/4/720p/segment1.m4s`;
    await world.storage.delete(world.storage.uriOf(key));
    expect((await world.operator.fsck()).problems).toEqual([
      { uri: world.storage.uriOf(key), problem: 'the file is not there' },
    ]);
    await world.storage.put(key, Buffer.from('forged'), { contentType });
    expect((await world.operator.fsck()).problems).toMatchObject([
      { problem: expect.stringMatching(/has 6 bytes instead of/) },
    ]);
  });
});
