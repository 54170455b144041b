import { UserError } from '@reelfleet/core';
import { v7 } from 'uuid';
import { beforeAll, describe, expect, test } from 'vitest';
import { openOperator } from './operator.ts';
import type { Order } from './operator-types.ts';
import { openWorld, preview, probeOrder, rowsOf, type World } from './testing.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});

const count = async (table: string): Promise<number> =>
  Number((await rowsOf(world, `select count(*) as n from ${table}`))[0]?.n);
const counts = async () => [
  await count('pipeline_runs'),
  await count('tasks'),
  await count('channels'),
  await count('videos'),
  await count('video_jobs'),
];

describe('an album', () => {
  test('makes channel, video, job, run, tasks and edges in one call, and its first ticket goes out', async () => {
    let calls = 0;
    const enqueue: World['deps']['ledger']['enqueue'] = (items, actor) => {
      calls += 1;
      return world.deps.ledger.enqueue(items, actor);
    };
    const operator = openOperator({ ...world.deps, ledger: { ...world.deps.ledger, enqueue } });
    await operator.personas.add({ name: 'The Narrator' });
    const [made] = await operator.enqueue([
      {
        ...preview,
        channel: 'First',
        persona: 'The Narrator',
        tracks: 3,
        seconds: 25,
        size: '640x360',
        seed: 7,
        priority: 5,
      },
    ]);
    expect(calls).toBe(1);
    expect(made?.created).toBe(true);

    const { run, tasks } = await operator.run(made?.runId as string);
    expect(run).toMatchObject({
      template: 'album',
      status: 'queued',
      phase: 'planned',
      priority: 5,
      title: 'Royal Court',
      openTasks: 1,
      tasksTotal: 7,
      tasksEnded: 0,
    });
    expect(run.identifier).toMatch(/^pipeline:royal-court:\d{13}$/);
    expect(tasks.map((task) => [task.key, task.status, task.needs])).toEqual([
      ['plan', 'queued', []],
      ['render', 'blocked', ['plan']],
      ['verify', 'blocked', ['plan', 'render']],
      ['thumbnail', 'blocked', ['plan', 'verify']],
      ['transcode', 'blocked', ['render', 'verify']],
      ['transcode/audio', 'blocked', ['transcode']],
      ['transcode/manifest', 'blocked', ['transcode', 'transcode/audio']],
    ]);
    const [job] = await rowsOf(
      world,
      `select j.*, c.name, c.brand_niche, v.identifier, v.status as video_status, v.review_status, p.name as persona, r.params
      from video_jobs j join channels c on c.id = j.channel_id join videos v on v.id = j.video_id join personas p on p.id = v.persona_id
      join pipeline_runs r on r.id = j.run_id where j.run_id = '${made?.runId}'`,
    );
    expect(job).toMatchObject({
      status: 'planned',
      name: 'First',
      brand_niche: 'Royal Court',
      niche_label: 'Royal Court',
      mood_keywords: 'calm, warm',
      track_count: 3,
      preview: true,
      target_duration_minutes: 1,
      video_status: 'pending',
      review_status: 'draft',
      persona: 'The Narrator',
      output_directory: world.storage.uriOf(`runs/${made?.runId}`),
    });
    expect(job?.identifier).toMatch(/^royal-court-[0-9a-f]{8}$/);
    expect(job?.params).toMatchObject({
      videoJobId: job?.id,
      videoId: run.videoId,
      channelId: run.channelId,
      seed: 7,
      secondsPerTrack: 25,
      width: 640,
      height: 360,
      makesVideo: true,
    });
    expect(world.sent.map((ticket) => [ticket.stage, ticket.priority])).toContainEqual(['plan', 5]);
  });

  test('of a known channel takes its niche, and is 60 minutes of 20 tracks unless told otherwise', async () => {
    await world.operator.channels.add({ name: 'Known', niche: 'Deep Sea' });
    const [made] = await world.operator.enqueue([{ kind: 'album', channel: 'Known', moods: ['dark'] }]);
    const [job] = await rowsOf(world, `select * from video_jobs where run_id = '${made?.runId}'`);
    expect(job).toMatchObject({
      niche_label: 'Deep Sea',
      target_duration_minutes: 60,
      track_count: 20,
      preview: false,
    });
  });

  test('asked for twice with one key is one run', async () => {
    const before = await count('video_jobs');
    const order = { ...preview, channel: 'Keyed', key: 'once' };
    const first = await world.operator.enqueue([order]);
    const again = await world.operator.enqueue([order, { ...order, niche: 'Else' }]);
    const both = await world.operator.enqueue([
      { ...order, key: 'pair' },
      { ...order, key: 'pair' },
    ]);
    expect(again).toEqual([first[0], first[0]].map((run) => ({ ...run, created: false })));
    expect(both.map((run) => run.created)).toEqual([true, false]);
    expect(both[0]?.runId).toBe(both[1]?.runId);
    expect(await count('video_jobs')).toBe(before + 2);
  });

  test('asked for twice at the same time with one key, on one new channel, is one run and one channel', async () => {
    const before = await counts();
    const order = { ...preview, channel: 'Busy', key: 'race' };
    const answers = await Promise.all(Array.from({ length: 6 }, () => world.operator.enqueue([order])));
    expect(answers.flat().filter((run) => run.created)).toHaveLength(1);
    expect(new Set(answers.flat().map((run) => run.runId)).size).toBe(1);
    expect((await counts()).map((n, at) => n - (before[at] as number))).toEqual([1, 7, 1, 1, 1]);
  });

  test('of a channel that somebody else makes at the same moment uses theirs', async () => {
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => world.operator.enqueue([{ ...preview, channel: 'Crowded' }])),
    );
    expect(answers.flat().every((run) => run.created)).toBe(true);
    expect(
      await rowsOf(
        world,
        "select count(distinct j.channel_id)::int as n from video_jobs j join channels c on c.id = j.channel_id where c.name = 'Crowded'",
      ),
    ).toEqual([{ n: 1 }]);
    expect(await rowsOf(world, "select count(*)::int as n from channels where name = 'Crowded'")).toEqual([{ n: 1 }]);
  });
});

describe('a channel or persona that cannot be meant', () => {
  test('is refused with one sentence, and nothing is written', async () => {
    const { channels, personas } = world.operator;
    const one = await channels.add({ name: 'Twin', niche: 'x' });
    await world.db.query(`insert into channels (id, name, brand_niche) values ('${v7()}', 'TWIN', 'x')`);
    await world.db.query(`insert into channels (id, name, brand_niche) values ('${v7()}', '${one.id}', 'x')`);
    await channels.add({ name: 'Resting', niche: 'x' });
    await channels.setActive('Resting', false);
    await personas.add({ name: 'Asleep' });
    await personas.setActive('Asleep', false);
    await world.db.query(`insert into personas (id, name) values ('${v7()}', 'Double'), ('${v7()}', 'Double')`);
    const stranger = v7();
    const before = await counts();
    const table: [Partial<Order>, RegExp][] = [
      [
        { channel: 'twin' },
        /^no channel is named exactly "twin", but "T.*" and "T.*" differ from it in upper and lower case only: write the name as it is, or give the id$/,
      ],
      [{ channel: one.id }, /is the id of channel "Twin" and the name of another channel: rename that one first$/],
      [{ channel: 'Resting' }, /^channel "Resting" is disabled: enable it first/],
      [{ channel: stranger }, /^there is no channel with id .*: `reelfleet channels ls` lists them$/],
      [
        { channel: 'Unheard', niche: undefined },
        /^there is no channel "Unheard" yet, and making it needs to know its niche: give one/,
      ],
      [{ channel: 'Other', persona: 'Nobody' }, /^there is no persona "Nobody"/],
      [{ channel: 'Other', persona: 'Asleep' }, /^persona "Asleep" is disabled/],
      [{ channel: 'Other', persona: 'Double' }, /^2 personas are named "Double": give the id of the one you mean/],
    ];
    for (const [part, sentence] of table) {
      const failure = await world.operator.enqueue([{ ...preview, ...part } as Order]).catch((error) => error);
      expect(failure.message, JSON.stringify(part)).toMatch(sentence);
      expect(failure, JSON.stringify(part)).toMatchObject({
        name: 'UserError',
        exitCode: /^there is no (channel with id|persona)/.test(failure.message) ? 1 : 2,
      });
    }
    const exact = await world.operator.enqueue([{ ...preview, channel: 'Twin' }]);
    expect(exact[0]?.created).toBe(true);
    expect((await counts()).map((n, at) => n - (before[at] as number))).toEqual([1, 7, 0, 1, 1]);
  });
});

test('a wrong order is one sentence that says what and where, and no order of its batch is enqueued', async () => {
  const before = await counts();
  const table: [unknown, RegExp][] = [
    [{ kind: 'albun' }, /^order 2: the order is wrong at "kind"/],
    [{ ...preview, colour: 'red' }, /^order 2: the order has "colour", which it does not take: leave it out$/],
    [{ ...preview, minutes: 'long' }, /^order 2: the order is wrong at "minutes"/],
    [{ ...preview, channel: '  ' }, /^order 2: channel is empty/],
    [{ ...preview, channel: 'a\nb' }, /^order 2: channel holds a line break or a control character/],
    [{ ...preview, channel: 'x'.repeat(256) }, /^order 2: channel has 256 characters: it may have 255$/],
    [{ ...preview, niche: '' }, /^order 2: niche is empty/],
    [{ ...preview, moods: [] }, /^order 2: moods names none: give at least one, for example "calm, warm"$/],
    [{ ...preview, moods: ['  '] }, /^order 2: moods names none/],
    [
      { ...preview, preview: false, minutes: 30 },
      /^order 2: minutes is 30, but an album lasts 60 to 90 whole minutes: choose one of these, or make it a preview$/,
    ],
    [{ ...preview, preview: false, minutes: 91 }, /^order 2: minutes is 91/],
    [{ ...preview, preview: false, minutes: 60.5 }, /^order 2: minutes is 60\.5/],
    [{ ...preview, preview: false, tracks: 4 }, /^order 2: tracks is 4, but an album has exactly 20/],
    [{ ...preview, preview: false, seconds: 20 }, /^order 2: seconds sets the length of a preview's tracks/],
    [{ ...preview, preview: false, size: '640x360' }, /^order 2: size sets the picture of a preview/],
    [
      { ...preview, size: '641x360' },
      /^order 2: size is "641x360": it takes two even numbers of pixels from 64x64 to 3840x2160, for example 640x360$/,
    ],
    [{ ...preview, size: '32x9999' }, /^order 2: size is "32x9999"/],
    [{ ...preview, tracks: 21 }, /^order 2: tracks is 21: it takes a whole number from 1 to 20$/],
    [{ ...preview, tracks: 0 }, /^order 2: tracks is 0/],
    [{ ...preview, seconds: 0 }, /^order 2: seconds is 0: a track lasts 5 to 600 seconds$/],
    [
      { ...preview, tracks: 20, seconds: 600 },
      /^order 2: 20 tracks of 600 seconds last 200 minutes: a preview may last 90$/,
    ],
    [{ ...preview, priority: 1e6 }, /^order 2: priority is 1000000: it takes a whole number/],
    [{ ...preview, key: ' ' }, /^order 2: key is empty/],
    [{ ...preview, seed: -1 }, /^order 2: seed is -1/],
    [{ kind: 'stage', stage: 'probee', input: {} }, /^order 2: there is no stage "probee": did you mean "probe"\?$/],
    [
      { kind: 'stage', stage: 'publish', input: {} },
      /^order 2: stage "publish" is not part of this version: it runs plan, music/,
    ],
    [{ kind: 'stage', stage: 'probe', input: {} }, /^order 2: the input of stage probe is wrong at "source"/],
    [{ kind: 'stage', stage: 'probe', input: 'x' }, /^order 2: the order is wrong at "input"/],
    [{ ...probeOrder, video: 'nowhere' }, /^order 2: there is no video "nowhere": give its id or identifier$/],
    [{ ...preview, channel: 'casE' }, /^order 2: "casE" and "CASE" differ in upper and lower case only/],
  ];
  for (const [order, sentence] of table) {
    const failure = await world.operator
      .enqueue([{ ...preview, channel: 'CASE' }, order as Order])
      .catch((error) => error);
    expect(failure.message, JSON.stringify(order)).toMatch(sentence);
    expect(failure.message).not.toContain('\n');
    expect(failure, JSON.stringify(order)).toMatchObject({ name: 'UserError' });
    if (!/there is no video/.test(failure.message)) expect(failure.exitCode, JSON.stringify(order)).toBe(2);
  }
  expect(await counts()).toEqual(before);
});

test('one stage is enqueued as a run of its own, on a video when one is named', async () => {
  const [video] = await rowsOf(world, 'select id, identifier from videos limit 1');
  const [alone, onVideo] = await world.operator.enqueue([
    probeOrder,
    { ...probeOrder, video: video?.identifier as string },
  ]);
  const details = await world.operator.run(alone?.runId as string);
  expect(details.run).toMatchObject({ template: 'single', phase: 'probe', videoId: null });
  expect(details.tasks).toMatchObject([{ key: 'probe', stage: 'probe', status: 'queued' }]);
  expect((await world.operator.run(onVideo?.runId as string)).run.videoId).toBe(video?.id);
});

test('a bulk that stops half-way says how far it came', async () => {
  let calls = 0;
  const enqueue: World['deps']['ledger']['enqueue'] = (items, actor) => {
    calls += 1;
    if (calls === 2) return Promise.reject(new UserError('the database did not answer'));
    return world.deps.ledger.enqueue(items, actor);
  };
  const operator = openOperator({ ...world.deps, ledger: { ...world.deps.ledger, enqueue } });
  await expect(operator.enqueue(Array.from({ length: 600 }, () => probeOrder))).rejects.toThrow(
    /^the database did not answer; the first 500 of 600 orders were enqueued before$/,
  );
});

test('ten thousand small runs are enqueued in bulk, each with its ticket, and listed page by page', async () => {
  const before = await counts();
  world.sent.length = 0;
  const orders: Order[] = Array.from({ length: 10_000 }, (_, n) => ({ ...probeOrder, key: `bulk-${n}` }));
  const started = performance.now();
  const made = await world.operator.enqueue(orders);
  const seconds = (performance.now() - started) / 1_000;
  const listed = performance.now();
  const page = await world.operator.runs({ limit: 100 });
  const next = await world.operator.runs({ limit: 100, before: page.at(-1)?.id as string });
  console.info(
    `10,000 single runs enqueued in ${seconds.toFixed(2)} s; two pages of ls in ${(performance.now() - listed).toFixed(0)} ms`,
  );
  expect(made.filter((run) => run.created)).toHaveLength(10_000);
  expect((await counts()).map((n, at) => n - (before[at] as number))).toEqual([10_000, 10_000, 0, 0, 0]);
  expect(new Set(world.sent.map((ticket) => ticket.id)).size).toBe(10_000);
  expect(new Set([...page, ...next].map((run) => run.id)).size).toBe(200);
  expect(page[0]?.id).toBe(made.at(-1)?.runId);
  expect(await world.operator.runs({ status: 'failed' })).toEqual([]);
}, 120_000);

test('the same key again answers with the first run, also from outside when its file is no artifact any more', async () => {
  const order = { ...probeOrder, key: 'file-gone' };
  const [first] = await world.operator.enqueue([order]);
  const outside = { localFiles: false };
  expect(await world.operator.enqueue([order], outside)).toEqual([{ ...first, created: false }]);
  await expect(world.operator.enqueue([order, { ...order, key: 'file-new' }], outside)).rejects.toThrow(
    /^order 2: .* is no artifact of this store/,
  );
});

test('a stored file that lacks something is refused with what it takes, and taken as the API shows it', async () => {
  const artifact = {
    id: v7(),
    kind: 'render',
    uri: 'file:///store/album.mp4',
    sha256: 'a'.repeat(64),
    sizeBytes: 1,
    contentType: 'video/mp4',
    taskKey: 'render',
    fileName: 'album.mp4',
  };
  const order = (source: unknown): Order => ({ kind: 'stage', stage: 'probe', input: { source } });
  for (const source of [{ ...artifact, kind: undefined }, { uri: artifact.uri }, 'gs://bucket/album.mp4', 7])
    await expect(world.operator.enqueue([order(source)])).rejects.toThrow(
      'the input of stage probe is wrong at "source": takes a stored file as the API shows it ({id, kind, uri, sha256, sizeBytes, contentType}, all six) or its file:/// address',
    );
  expect(await world.operator.enqueue([order(artifact)])).toMatchObject([{ created: true }]);
});
