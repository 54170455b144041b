/** Orders of sources: what they make, what is there already, and that nothing is ever there twice. */
import { createHash, randomUUID } from 'node:crypto';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { brokenInvariants } from '@reelfleet/testkit';
import { v7 } from 'uuid';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Ingested, Order } from './operator-types.ts';
import { openWorld, rowsOf, type World } from './testing.ts';

const invariants = fileURLToPath(new URL('../../../tests/invariants.sql', import.meta.url));
let world: World;
let worker: string;
beforeAll(async () => {
  world = await openWorld();
  worker = await world.hire('importer');
  await world.db.query(`insert into categories (id, name, slug) values ('${v7()}', 'Summer Talks', 'talks')`);
});

let count = 0;
const ingest = (more: Partial<Extract<Order, { kind: 'ingest' }>> = {}) => {
  count += 1;
  return { kind: 'ingest', url: `https://example.org/film-${count}.mp4`, ...more } as const;
};
const bytesOf = (text: string) => ({
  open: () => Readable.from([Buffer.from(text)]),
  fileName: 'My Film.mp4',
  contentType: 'video/mp4',
});
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const one = async (order: Order) => (await world.operator.enqueue([order]))[0] as Ingested;
const stored = async () => {
  const keys: string[] = [];
  for await (const object of world.storage.list('')) keys.push(object.key);
  return keys.sort();
};
const rows = async () =>
  (
    await rowsOf(
      world,
      `select (select count(*)::int from pipeline_runs) as runs, (select count(*)::int from videos) as videos,
       (select count(*)::int from artifacts) as artifacts, (select count(*)::int from tags) as tags`,
    )
  )[0];

describe('an address', () => {
  test('makes a video filed as ordered, and a run that begins with its import', async () => {
    const made = await one(
      ingest({
        url: 'https://Example.org/films/Summer%20Night.final.mp4?token=hush&v=1#t=5',
        category: 'talks',
        tags: ['Lake Side', 'lake side', 'Über'],
        qualities: [720, 1080, 720],
        codec: 'hevc',
        priority: 4,
      }),
    );
    expect(made).toEqual({ runId: expect.any(String), created: true, video: 'summer-night-final' });
    const { run, tasks } = await world.operator.run(made.runId as string);
    expect(run).toMatchObject({ template: 'ingest', phase: 'importing', priority: 4, title: 'Summer Night.final' });
    expect(tasks.slice(0, 2)).toMatchObject([
      { key: 'import', status: 'queued', title: 'import · Summer Night.final' },
      { key: 'probe', status: 'blocked', needs: ['import'] },
    ]);
    const [video] = await rowsOf(
      world,
      `select v.*, c.slug as category, r.params, (select jsonb_agg(t.slug order by t.slug) from video_tags x join tags t on t.id = x.tag_id where x.video_id = v.id) as tags
       from videos v join categories c on c.id = v.category_id join pipeline_runs r on r.video_id = v.id where v.identifier = 'summer-night-final'`,
    );
    expect(video).toMatchObject({
      title: 'Summer Night.final',
      status: 'pending',
      category: 'talks',
      tags: ['lake-side', 'uber'],
      params: {
        url: 'https://example.org/films/Summer%20Night.final.mp4?token=hush&v=1',
        fileName: 'Summer Night.final.mp4',
        qualities: [1080, 720],
        codec: 'hevc',
        makesVideo: true,
      },
    });
    // What everybody sees holds no secret.
    expect(video?.source_url).toMatch(
      /^https:\/\/example\.org\/films\/Summer%20Night\.final\.mp4\?token=\*\*\*&v=1#[0-9a-f]{12}$/,
    );
  });

  test('that is a video already is answered with it and its last run, however it is written', async () => {
    const order = ingest({ url: 'https://example.org/again.mp4' });
    const first = await one(order);
    const before = await rows();
    for (const url of [
      'https://example.org/again.mp4',
      'https://EXAMPLE.org:443/again.mp4#part',
      ' https://example.org/x/../again.mp4 ',
    ])
      expect(await one({ ...order, url, title: 'Else' })).toEqual({ ...first, created: false });
    expect(await rows()).toEqual(before);
    const other = await one({ ...order, url: 'https://example.org/again.mp4?token=a' });
    expect(other.created).toBe(true);
    expect((await one({ ...order, url: 'https://example.org/again.mp4?token=b' })).created).toBe(true);
    expect(await one({ ...order, url: 'https://example.org/again.mp4?token=a' })).toEqual({ ...other, created: false });
  });

  test('asked for by many at once is one video with one run', async () => {
    const order = ingest({ tags: ['crowd'] });
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, n) =>
        world.operator.enqueue([ingest({ title: `Own ${n}`, tags: ['crowd'] }), order]),
      ),
    );
    const same = answers.map(([, answer]) => answer as Ingested);
    expect(same.filter(({ created }) => created)).toHaveLength(1);
    expect(new Set(same.map(({ runId }) => runId)).size).toBe(1);
    expect(answers.every(([own]) => own?.created)).toBe(true);
    expect(await rowsOf(world, `select count(*)::int as n from videos where source_url = '${order.url}'`)).toEqual([
      { n: 1 },
    ]);
    expect(await rowsOf(world, "select count(*)::int as n from tags where slug = 'crowd'")).toEqual([{ n: 1 }]);
  });

  test('twice in one bulk is one video, and a bulk keeps its order', async () => {
    const [a, b] = [ingest(), ingest()];
    const answers = await world.operator.enqueue([a, b, a, { ...b, title: 'again' }]);
    expect(answers.map(({ created }) => created)).toEqual([true, true, false, false]);
    expect(answers.map(({ runId }) => runId)).toEqual([0, 1, 0, 1].map((n) => answers[n]?.runId));
  });

  test('with the key of another order is answered with that one', async () => {
    const first = await one(ingest({ key: 'film-key' }));
    expect(await one(ingest({ key: 'film-key' }))).toEqual({ ...first, created: false });
  });

  test('whose video was deleted is offered for restore, and nothing of its bulk is enqueued', async () => {
    const order = ingest({ title: 'Lost and Found' });
    await one(order);
    await world.operator.videos.delete('lost-and-found');
    const before = await rows();
    const failure = await world.operator.enqueue([ingest(), order]).catch((error) => error);
    expect(failure).toMatchObject({ name: 'UserError', kind: 'conflict' });
    expect(failure.message).toBe(
      'order 2: this source is video "lost-and-found", which was deleted: bring it back (reelfleet videos restore lost-and-found), or purge it first',
    );
    expect(await rows()).toEqual(before);
  });

  test('whose run is over and gone is answered with its video all the same', async () => {
    const order = ingest({ title: 'Old Film' });
    const { runId } = await one(order);
    await world.db.query(`delete from pipeline_runs where id = '${runId}'`);
    expect(await one(order)).toEqual({ runId: null, created: false, video: 'old-film' });
  });
});

describe('an identifier', () => {
  test('comes from the title, and from the id as well where that is taken', async () => {
    const first = await one(ingest({ title: 'Ein schöner Tag!' }));
    const second = await one(ingest({ title: 'Ein schöner Tag!' }));
    expect([first.video, second.video]).toEqual([
      'ein-schoner-tag',
      expect.stringMatching(/^ein-schoner-tag-[0-9a-f]{8}$/),
    ]);
    const bulk = await world.operator.enqueue([ingest({ title: 'Twins' }), ingest({ title: 'Twins' })]);
    expect(bulk.map(({ video }) => video)).toEqual(['twins', expect.stringMatching(/^twins-[0-9a-f]{8}$/)]);
  });

  test('is the one that was asked for, or there is a sentence', async () => {
    expect((await one(ingest({ identifier: 'My.Film_1' }))).video).toBe('My.Film_1');
    await expect(one(ingest({ identifier: 'My.Film_1' }))).rejects.toMatchObject({
      kind: 'conflict',
      exitCode: 2,
      message: 'there is a video "My.Film_1" already: choose another identifier, or leave it out',
    });
  });

  test('that many want at once is had by one, and the others get theirs', async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, () => one(ingest({ title: 'Crowded Name' }))));
    expect(new Set(answers.map(({ video }) => video)).size).toBe(8);
    expect(answers.filter(({ video }) => video === 'crowded-name')).toHaveLength(1);
  });
});

test('a wrong order is one sentence, and nothing is enqueued', async () => {
  const before = await rows();
  const table: [Partial<Extract<Order, { kind: 'ingest' }>>, RegExp][] = [
    [{ url: undefined }, /^the order names no source: give one file, or one address \(url\)$/],
    [{ url: 'film.mp4' }, /^url "film\.mp4" is no http or https address$/],
    [{ url: 'ftp://example.org/a.mp4' }, /is no http or https address/],
    [{ url: 'file:///etc/passwd' }, /is no http or https address/],
    [
      { url: 'https://ann:hush@example.org/a.mp4' },
      /^url "https:\/\/ann:\*\*\*@example\.org\/a\.mp4" holds a user name or a password/,
    ],
    [{ url: `https://example.org/${'a'.repeat(2_000)}` }, /is longer than 2000 characters/],
    [{ title: ' ' }, /^title is empty/],
    [{ title: 'a\nb' }, /^title holds a line break/],
    [{ title: 'x'.repeat(501) }, /^title has 501 characters: it may have 500/],
    [{ identifier: 'a b' }, /^identifier "a b" would not fit into an address: .* as in "a-b"$/],
    [{ identifier: '../x' }, /would not fit into an address/],
    [{ identifier: randomUUID() }, /looks like an id/],
    [{ category: 'talk' }, /^there is no category "talk": did you mean "talks"\?$/],
    [{ category: 'Nothing of the kind' }, /^there is no category .*: `reelfleet categories ls` lists them/],
    [{ tags: ['x'.repeat(51)] }, /^tags has 51 characters: it may have 50/],
    [{ tags: Array.from({ length: 51 }, (_, n) => `t${n}`) }, /^tags names 51: give at most 50/],
    [{ qualities: [] }, /^qualities names none/],
    [{ qualities: [700] }, /^qualities names 700: a stream has heights of 2160, 1440, 1080, 720, 480, 360$/],
    [{ codec: 'h265' }, /^codec is "h265": did you mean h264\?$/],
    [{ priority: 1e6 }, /^priority is 1000000/],
    [
      { upload: { uri: 'x', sha256: 'y', sizeBytes: 1, contentType: 'z' }, url: undefined },
      /wrong at "upload.sha256": is no SHA-256/,
    ],
  ];
  for (const [part, sentence] of table) {
    const failure = await one(ingest(part)).catch((error) => error);
    expect(failure, JSON.stringify(part)).toMatchObject({ name: 'UserError' });
    expect(failure.message, JSON.stringify(part)).toMatch(sentence);
    expect(failure.message).not.toMatch(/hush|\n/);
  }
  expect(await rows()).toEqual(before);
});

test('a category is meant by its slug, its name in any case, or its id', async () => {
  const [{ id }] = (await rowsOf(world, "select id from categories where slug = 'talks'")) as [{ id: string }];
  for (const category of ['talks', 'summer talks', id]) {
    const { video } = await one(ingest({ category }));
    expect(await rowsOf(world, `select category_id from videos where identifier = '${video}'`)).toEqual([
      { category_id: id },
    ]);
  }
});

describe('an upload', () => {
  test('lies below the run it is for, and is named by a row from the moment the run is accepted', async () => {
    const made = await world.operator.upload(bytesOf('a film'), { title: 'Uploaded', tags: ['mine'] });
    expect(made).toEqual({ runId: expect.any(String), created: true, video: 'uploaded' });
    const key = `runs/${made.runId}/upload/source.mp4`;
    expect(
      await rowsOf(
        world,
        `select a.kind, a.uri, a.sha256, a.size_bytes::int as size, v.identifier, v.source_sha256 = a.sha256 as same
      from artifacts a join videos v on v.id = a.video_id where a.run_id = '${made.runId}'`,
      ),
    ).toEqual([
      {
        kind: 'raw',
        uri: world.storage.uriOf(key),
        sha256: sha256('a film'),
        size: 6,
        identifier: 'uploaded',
        same: true,
      },
    ]);
    // gc takes it for nobody's neither now nor later.
    expect((await world.operator.gc({ dryRun: false, olderThanMs: -1_000 })).removed).toBe(0);
    expect(await stored()).toContain(key);
  });

  test('of bytes that are a video already leaves nothing behind, told before or after they were sent', async () => {
    const first = await world.operator.upload(bytesOf('same bytes'), { title: 'Same' });
    const [before, files] = [await rows(), await stored()];
    let sent = 0;
    const counted = {
      ...bytesOf('same bytes'),
      open: () => {
        sent += 1;
        return Readable.from([Buffer.from('same bytes')]);
      },
    };
    expect(await world.operator.upload({ ...counted, sha256: sha256('same bytes') }, {})).toEqual({
      ...first,
      created: false,
    });
    expect(sent).toBe(0);
    expect(await world.operator.upload(counted, {})).toEqual({ ...first, created: false });
    expect(sent).toBe(1);
    expect([await rows(), await stored()]).toEqual([before, files]);
  });

  test('of the same bytes by many at once is one video, one run and one file', async () => {
    const answers = await Promise.all(
      Array.from({ length: 6 }, (_, n) => world.operator.upload(bytesOf('crowd bytes'), { title: `Crowd ${n}` })),
    );
    expect(answers.filter(({ created }) => created)).toHaveLength(1);
    expect(new Set(answers.map(({ runId }) => runId)).size).toBe(1);
    const uris = await rowsOf(world, `select uri from artifacts where sha256 = '${sha256('crowd bytes')}'`);
    expect(uris).toHaveLength(1);
    const lying = await Promise.all(answers.map(({ runId }) => runId)).then((ids) => new Set(ids));
    expect(
      (await stored()).filter((key) => key.includes('/upload/') && lying.has(key.split('/')[1] as string)),
    ).toHaveLength(1);
  });

  test.each<[string, () => Promise<unknown>, RegExp]>([
    ['empty', () => world.operator.upload(bytesOf(''), {}), /is empty: there is nothing to import/],
    [
      'wrongly ordered',
      () => world.operator.upload(bytesOf('x'), { category: 'nowhere' }),
      /there is no category "nowhere"/,
    ],
    [
      'changed on its way',
      () => world.operator.upload({ ...bytesOf('after'), sha256: sha256('before') }, {}),
      /My Film\.mp4 changed while it was uploaded/,
    ],
    [
      'broken off',
      () =>
        world.operator.upload(
          {
            ...bytesOf(''),
            open: () =>
              Readable.from(
                (async function* () {
                  yield Buffer.from('half');
                  throw new Error('the sender went away');
                })(),
              ),
          },
          {},
        ),
      /the sender went away/,
    ],
    [
      'called off',
      async () => {
        const stop = new AbortController();
        const upload = world.operator.upload(
          bytesOf('called off'),
          {},
          {
            signal: stop.signal,
            onBytes: () => stop.abort(new Error('never mind')),
          },
        );
        return upload;
      },
      /never mind/,
    ],
  ])('that is %s leaves nothing behind', async (_title, work, sentence) => {
    const [before, files] = [await rows(), await stored()];
    await expect(work()).rejects.toThrow(sentence);
    expect([await rows(), await stored()]).toEqual([before, files]);
    expect(await readdir(join(world.folder, 'store', '.incoming'))).toEqual([]);
  });

  test('of which nobody knows whether it was accepted stays, for gc to judge', async () => {
    const other = await openWorld();
    const { openOperator } = await import('./operator.ts');
    const { UserError } = await import('@reelfleet/core');
    const operator = openOperator({
      ...other.deps,
      ledger: {
        ...other.deps.ledger,
        enqueue: async (items, actor) => {
          await other.deps.ledger.enqueue(items, actor);
          throw new UserError('the database did not answer', { kind: 'unavailable' });
        },
      },
    });
    await expect(operator.upload(bytesOf('accepted'), {})).rejects.toThrow('the database did not answer');
    expect((await other.operator.gc({ dryRun: false, olderThanMs: -1_000 })).removed).toBe(0);
    const [artifact] = await rowsOf(other, 'select uri from artifacts');
    expect(await other.storage.checksum(String(artifact?.uri))).toMatchObject({ sha256: sha256('accepted') });
  });

  test('that was never accepted is removed by gc when it is a day old, and not before', async () => {
    const key = `runs/${v7()}/upload/source.mp4`;
    await world.storage.put(key, Buffer.from('left'), { contentType: 'video/mp4' });
    await world.operator.gc({ dryRun: false });
    expect(await stored()).toContain(key);
    await world.operator.gc({ dryRun: false, olderThanMs: -1_000 });
    expect(await stored()).not.toContain(key);
  });

  test('is nothing that lies elsewhere, of another run, or is not there', async () => {
    await writeFile(join(world.folder, 'secret'), 'secret');
    const given = { sha256: sha256('x'), sizeBytes: 1, contentType: 'video/mp4' };
    const [{ uri }] = (await rowsOf(world, 'select uri from artifacts limit 1')) as [{ uri: string }];
    for (const [address, sentence] of [
      ['file:///etc/passwd', /is none of this store/],
      [`file://${world.folder}/secret`, /is none of this store/],
      ['gs://bucket/runs/x', /is none of this store/],
      [world.storage.uriOf('runs/1/upload/a.mp4'), /is none of this store/],
      [world.storage.uriOf(`runs/${v7()}/import/2/source.mp4`), /is none of this store/],
      [world.storage.uriOf(`runs/${v7()}/upload/a.mp4`), /is not in the store as it was uploaded/],
      [uri, /is not in the store as it was uploaded/],
    ] as const)
      await expect(one({ kind: 'ingest', upload: { uri: address, ...given } }), address).rejects.toThrow(sentence);
  });
});

describe('what is recorded', () => {
  test('of an import, a probe and a thumbnail are the facts of the video', async () => {
    world.sent.length = 0;
    const made = await world.operator.upload(bytesOf('recorded film'), { title: 'Recorded' });
    for (const stage of ['import', 'probe', 'thumbnail']) {
      const at = world.sent.findIndex((ticket) => ticket.stage === stage);
      const [ticket] = world.sent.splice(at, 1);
      if (!ticket) throw new Error(`no ticket of ${stage}`);
      await world.complete(worker, await world.claim(worker, ticket));
    }
    const [video] = await rowsOf(world, "select * from videos where identifier = 'recorded'");
    expect(video).toMatchObject({
      source_sha256: sha256('recorded film'),
      video_url: world.storage.uriOf(`runs/${made.runId}/upload/source.mp4`),
      duration_seconds: 12.5,
      video_codec: 'h264',
      audio_codec: 'aac',
      source_width: 720,
      source_height: 1280,
      frame_rate: 30_000 / 1_001,
      thumbnail_url: expect.stringMatching(/thumbnail\.jpg$/),
    });
    expect(Number(video?.file_size_bytes)).toBe(13);
    expect(await brokenInvariants(world.url, invariants)).toEqual([]);
  });

  /** Claim the import of an address and let it end with these bytes, as the fleet's runner would. */
  async function importOf(order: Order, bytes: string) {
    const { runId } = await one(order);
    const ticket = world.sent.find((sent) => sent.stage === 'import' && world.sent.splice(world.sent.indexOf(sent), 1));
    if (!ticket) throw new Error('no ticket');
    const task = await world.claim(worker, ticket);
    const object = await world.storage.put(`runs/${runId}/import/${task.version}/source.mp4`, Buffer.from(bytes), {
      contentType: 'video/mp4',
    });
    const source = { id: v7(), kind: 'raw' as const, ...object };
    const { recorders } = await import('./recorders/index.ts');
    const output = { source, fileName: 'a.mp4', url: 'https://example.org' };
    const records = recorders.get('import')?.(output as never, task) ?? [];
    return {
      runId: runId as string,
      settle: () =>
        world.ledger.settle(worker, [
          { id: task.id, version: task.version, event: 'complete', output, artifacts: [source], records },
        ]),
    };
  }

  test('bytes that another video is already end the import with its name, at the first attempt', async () => {
    world.sent.length = 0;
    const first = await importOf(ingest({ title: 'The First' }), 'twin bytes');
    expect(await first.settle()).toMatchObject([{ status: 'completed' }]);
    const second = await importOf(ingest({ title: 'The Second' }), 'twin bytes');
    expect(await second.settle()).toMatchObject([{ status: 'failed' }]);
    const { run, tasks } = await world.operator.run(second.runId);
    expect(tasks[0]).toMatchObject({
      status: 'failed',
      failures: 1,
      errorCode: 'refused-by-ledger',
      lastError: 'these bytes are video "the-first" already: nothing was kept twice',
    });
    expect(run.status).toBe('failed');
    expect(
      await rowsOf(world, `select count(*)::int as n from artifacts where sha256 = '${sha256('twin bytes')}'`),
    ).toEqual([{ n: 1 }]);
    expect(
      await rowsOf(world, "select status, error_message, source_sha256 from videos where identifier = 'the-second'"),
    ).toEqual([{ status: 'failed', error_message: expect.stringContaining('"the-first"'), source_sha256: null }]);
  });

  test('never names another file, or takes a name away: a recorder may add a file, and nothing else', async () => {
    world.sent.length = 0;
    const { runId } = await one(ingest());
    const [ticket] = world.sent.splice(0);
    if (!ticket) throw new Error('no ticket');
    const { id, version } = await world.claim(worker, ticket);
    const records = [{ op: 'delete', table: 'artifacts', key: ['kind'], values: { kind: 'raw' } }] as const;
    const before = await rows();
    expect(await world.ledger.settle(worker, [{ id, version, event: 'complete', records }])).toMatchObject([
      { status: 'failed' },
    ]);
    expect((await world.operator.run(runId as string)).tasks[0]?.lastError).toMatch(
      /^the ledger refused the result of this attempt: a recorder may not write table artifacts/,
    );
    expect(await rows()).toEqual(before);
  });

  test('of many imports of the same bytes that end at the same moment one is kept, and named by all others', async () => {
    world.sent.length = 0;
    const imports = [];
    for (let n = 1; n <= 6; n++) imports.push(await importOf(ingest({ title: `Racer ${n}` }), 'racing bytes'));
    const ends = (await Promise.all(imports.map(({ settle }) => settle()))).flat();
    expect(ends.map(({ status }) => status).sort()).toEqual(['completed', ...Array(5).fill('failed')]);
    const [winner] = await rowsOf(
      world,
      `select identifier from videos where source_sha256 = '${sha256('racing bytes')}'`,
    );
    const errors = await rowsOf(
      world,
      "select distinct last_error as said from tasks where stage = 'import' and status = 'failed' and last_error like '%racer%'",
    );
    expect(errors).toEqual([{ said: `these bytes are video "${winner?.identifier}" already: nothing was kept twice` }]);
    expect(await brokenInvariants(world.url, invariants)).toEqual([]);
  });

  test('bytes of a video that was deleted are offered for restore', async () => {
    world.sent.length = 0;
    const first = await importOf(ingest({ title: 'Gone Film' }), 'gone bytes');
    await first.settle();
    await world.operator.videos.delete('gone-film');
    const second = await importOf(ingest({ title: 'Back Again' }), 'gone bytes');
    expect(await second.settle()).toMatchObject([{ status: 'failed' }]);
    const { tasks } = await world.operator.run(second.runId);
    expect(tasks[0]?.lastError).toBe(
      'these bytes are video "gone-film", which was deleted: bring it back (reelfleet videos restore gone-film), or purge it first; nothing was kept twice',
    );
    await expect(world.operator.upload({ ...bytesOf('gone bytes'), sha256: sha256('gone bytes') }, {})).rejects.toThrow(
      /this source is video "gone-film", which was deleted/,
    );
  });
});
