/** Orders of moments, clips and everything: which runs they become, and what is said when they cannot. */
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { Order } from './operator-types.ts';
import { openWorld, rowsOf } from './testing.ts';

const world = await openWorld();

/** A video as its runs have left it: its file, and what is asked for besides. */
async function makeVideo(
  identifier: string,
  { transcript = true, moments = 0, clips = 0 }: { transcript?: boolean; moments?: number; clips?: number } = {},
) {
  const id = randomUUID();
  const artifact = async (kind: string, name: string) => {
    const ref = randomUUID();
    const file = await world.storage.put(`runs/${id}/${name}`, Buffer.from(`${identifier} ${name}`), {
      contentType: 'x/y',
    });
    await world.db.query(
      `insert into artifacts (id, video_id, kind, uri, sha256, size_bytes, content_type)
      values ('${ref}', '${id}', '${kind}', '${file.uri}', '${file.sha256}', ${file.sizeBytes}, 'x/y')`,
    );
    return { id: ref, uri: file.uri };
  };
  await world.db.query(
    `insert into videos (id, identifier, title, duration_seconds) values ('${id}', '${identifier}', 'Video ${identifier}', 60)`,
  );
  const source = await artifact('raw', 'film.mp4');
  for (const change of [`video_url = '${source.uri}', status = 'processing'`, `status = 'ready'`])
    await world.db.query(`update videos set ${change} where id = '${id}'`);
  const said = transcript ? await artifact('transcript', 'transcript.json') : null;
  if (said) {
    const captions = await artifact('captions', 'captions.vtt');
    await world.db.query(
      `insert into transcripts (id, video_id, full_text, word_timestamps, segment_timestamps, vtt_path)
      values ('${said.id}', '${id}', 'words', '[]', '[]', '${captions.uri}')`,
    );
  }
  for (let n = 1; n <= moments; n += 1) {
    const moment = randomUUID();
    await world.db.query(
      `insert into moments (id, identifier, video_id, title, start_time, end_time) values ('${moment}', '${identifier}-${n}', '${id}', 'M ${n}', ${n * 10}, ${n * 10 + 5})`,
    );
    if (n > clips) continue;
    const clip = await artifact('clip', `clip-${n}.mp4`);
    await world.db.query(
      `insert into clips (id, moment_id, video_id, uri, start_time, end_time, padding_left, padding_right, resolution)
      values ('${clip.id}', '${moment}', '${id}', '${clip.uri}', 9, 17, 1, 2, '640x360');
      insert into thumbnails (clip_id, uri) values ('${clip.id}', 'file:///t.jpg')`,
    );
  }
  return { id, identifier, source, transcript: said };
}

const enqueue = async <O extends Order>(order: O) => (await world.operator.enqueue([order]))[0];
const refused = async (order: Order): Promise<string> => {
  const error = await world.operator.enqueue([order]).then(
    () => null,
    (error) => error,
  );
  expect(error?.name).toBe('UserError');
  expect(error.message).not.toContain('\n');
  return error.message;
};
const runRow = async (id: string) =>
  (await rowsOf(world, `select * from pipeline_runs where id = '${id}'`))[0] as never as Record<string, never>;

describe('moments', () => {
  test('are a run over the file and the transcript there are, with the config of what was asked', async () => {
    const video = await makeVideo('talk');
    const made = await enqueue({
      kind: 'moments',
      video: 'talk',
      prompt: ' Where they\r\nlaugh ',
      maxLength: 20,
      refine: 'Shorter',
      paddingLeft: 0.5,
      temperature: 0.7,
    });
    expect(made).toMatchObject({ created: true, video: 'talk' });
    const run = await runRow(String(made?.runId));
    expect(run.template).toBe('moments');
    expect(run.params).toMatchObject({
      videoId: video.id,
      source: { id: video.source.id },
      transcript: { id: video.transcript?.id },
      durationSeconds: 60,
      paddingLeft: 0.5,
      paddingRight: 2,
      clips: true,
      config: {
        id: run.generation_config_id,
        userPrompt: 'Where they\nlaugh',
        minMomentLength: 20,
        maxMomentLength: 20,
        temperature: 0.7,
        model: 'builtin',
      },
      refinement: { userPrompt: 'Shorter', operationType: 'refinement' },
    });
    const configs = await rowsOf(world, `select * from generation_configs where id = '${run.generation_config_id}'`);
    expect(configs).toMatchObject([{ transcript_id: video.transcript?.id, max_moment_length: 20 }]);
  });

  test('asked for in the same way are of one config, whatever the video, and there is one run at a time of each', async () => {
    for (const name of ['one', 'two']) await makeVideo(name);
    const before = (await rowsOf(world, 'select id from generation_configs')).length;
    const made = await world.operator.enqueue(
      ['one', 'two'].map((video) => ({ kind: 'moments', video, prompt: 'Laughter' }) as const),
    );
    expect(made.every(({ created }) => created)).toBe(true);
    expect((await rowsOf(world, 'select id from generation_configs')).length).toBe(before + 1);
    expect(await refused({ kind: 'moments', video: 'one' })).toMatch(/unfinished|already|under way/);
  });

  test('of a wrong order leave no config behind', async () => {
    await makeVideo('fine');
    const before = await rowsOf(world, 'select id from generation_configs order by id');
    await expect(
      world.operator.enqueue([
        { kind: 'moments', video: 'fine', prompt: 'Only here' },
        { kind: 'moments', video: 'not-there' },
      ]),
    ).rejects.toThrow(/^order 2: there is no video "not-there"/);
    expect(await rowsOf(world, 'select id from generation_configs order by id')).toEqual(before);
  });

  test('need a transcript, and the sentence says what makes one', async () => {
    await makeVideo('silent', { transcript: false });
    expect(await refused({ kind: 'moments', video: 'silent' })).toBe(
      'video "silent" has no transcript, and moments are found in what is said: "reelfleet enqueue full silent" makes one and goes on from there',
    );
  });

  test.each<[Partial<Order>, RegExp]>([
    [{ minLength: 50, maxLength: 20 }, /^minLength is 50 and maxLength is 20/],
    [{ minMoments: 5, maxMoments: 2 }, /^minMoments is 5 and maxMoments is 2/],
    [{ maxMoments: 0 }, /^maxMoments is 0: it takes a whole number from 1 to 100/],
    [{ temperature: 3 }, /^temperature is 3: it takes a number from 0 to 2/],
    [{ paddingLeft: -1 }, /^paddingLeft is -1: it takes a number from 0 to 120/],
    [{ prompt: ' ' }, /^prompt is empty: say what to look for/],
    [{ prompt: 'a\u0007b' }, /^prompt holds a control character/],
    [{ prompt: 'x'.repeat(8_001) }, /^prompt has 8001 characters: it may have 8000/],
  ])('ordered with %j are refused', async (given, sentence) => {
    expect(await refused({ kind: 'moments', video: 'talk', ...given } as Order)).toMatch(sentence);
  });
});

describe('clips', () => {
  test('are cut of moments that have none; those that have one are answered with it', async () => {
    await makeVideo('cut', { moments: 3, clips: 1 });
    const made = await enqueue({ kind: 'clips', video: 'cut' });
    expect(made).toMatchObject({
      created: true,
      video: 'cut',
      clips: [{ moment: 'cut-1', uri: expect.stringMatching(/clip-1\.mp4$/) }],
    });
    const run = await runRow(String(made?.runId));
    expect(
      (run.params as unknown as { moments: { identifier: string }[] }).moments.map(({ identifier }) => identifier),
    ).toEqual(['cut-2', 'cut-3']);
  });

  test('that are all there make no run, unless they are to be cut anew', async () => {
    await makeVideo('done', { moments: 2, clips: 2 });
    expect(await enqueue({ kind: 'clips', video: 'done', moments: ['done-2'] })).toMatchObject({
      runId: null,
      created: false,
      clips: [{ moment: 'done-2' }],
    });
    expect(
      await rowsOf(
        world,
        `select r.id from pipeline_runs r join videos v on v.id = r.video_id where v.identifier = 'done'`,
      ),
    ).toEqual([]);
    const made = await enqueue({ kind: 'clips', video: 'done', moments: ['done-2'], replace: true });
    expect(made).toMatchObject({ created: true, clips: [] });
    const run = await runRow(String(made?.runId));
    expect(run.params).toMatchObject({
      replace: true,
      moments: [{ identifier: 'done-2', existing: { width: 640, height: 360, pictured: true } }],
    });
  });

  test('of what is not there are refused with what to do', async () => {
    await makeVideo('bare');
    const { id } = await makeVideo('refined', { moments: 1 });
    await world.db.query(
      `insert into moments (identifier, video_id, title, start_time, end_time, is_refined, parent_id)
      select 'refined-child', '${id}', 'C', 11, 14, true, m.id from moments m where m.identifier = 'refined-1'`,
    );
    expect(await refused({ kind: 'clips', video: 'bare' })).toBe(
      'video "bare" has no moments: "reelfleet enqueue moments bare" finds them',
    );
    expect(await refused({ kind: 'clips', video: 'refined', moments: ['nope'] })).toBe(
      'video "refined" has no moment "nope": "reelfleet moments ls refined" lists them',
    );
    expect(await refused({ kind: 'clips', video: 'refined', moments: ['refined-child'] })).toMatch(
      /was refined of another/,
    );
    expect(await refused({ kind: 'clips', video: 'refined', moments: [] })).toMatch(/^moments names none/);
  });
});

describe('everything', () => {
  test('of a video that is here works on the file it has and takes the transcript as it is', async () => {
    const video = await makeVideo('here');
    const made = await enqueue({ kind: 'full', video: 'here', clips: false });
    expect(made).toMatchObject({ created: true, video: 'here' });
    const run = await runRow(String(made?.runId));
    expect(run.params).toMatchObject({
      videoId: video.id,
      upload: { id: video.source.id },
      transcript: { transcript: { id: video.transcript?.id }, captions: { kind: 'captions' } },
      clips: false,
    });
    // It can be watched, and stays so whatever becomes of the run.
    expect(run.params).not.toHaveProperty('makesVideo');
  });

  test('of an address brings it in, and of one that is a video already goes on with that video', async () => {
    const url = 'https://example.org/lecture.mp4';
    const made = await enqueue({ kind: 'full', url, title: 'Lecture', prompt: 'x' });
    expect(made).toMatchObject({ created: true, video: 'lecture' });
    expect((await runRow(String(made?.runId))).params).toMatchObject({
      url,
      makesVideo: true,
      config: { userPrompt: 'x' },
    });
    expect(await refused({ kind: 'full', url })).toMatch(/^video "lecture" has no file that was looked at yet/);
    expect(await enqueue({ kind: 'ingest', url })).toMatchObject({ created: false, video: 'lecture' });
  });

  test('of a file that is a video already uploads nothing', async () => {
    const { source } = await makeVideo('kept');
    const [{ sha256 }] = (await rowsOf(world, `select sha256 from artifacts where id = '${source.id}'`)) as unknown as [
      { sha256: string },
    ];
    await world.db.query(`update videos set source_sha256 = '${sha256}' where identifier = 'kept'`);
    const made = await world.operator.upload(
      {
        open: () => {
          throw new Error('it was opened');
        },
        fileName: 'kept.mp4',
        contentType: 'video/mp4',
        sha256,
      },
      { kind: 'full', title: 'Another title' },
    );
    expect(made).toMatchObject({ created: true, video: 'kept' });
  });

  test('of an uploaded file is one run over it, and nothing else is left of the upload', async () => {
    const made = await world.operator.upload(
      { open: () => Buffer.from('a film'), fileName: 'new.mp4', contentType: 'video/mp4' },
      { kind: 'full' },
    );
    expect(made).toMatchObject({ created: true, video: 'new' });
    const { params } = await runRow(String(made.runId));
    const { upload } = params as unknown as { upload: { uri: string } };
    expect(upload.uri).toContain(String(made.runId));
    expect(await world.storage.stat(upload.uri)).not.toBeNull();
  });

  test.each<[Partial<Order>, RegExp]>([
    [{}, /^the order names nothing to work on/],
    [
      { video: 'here', url: 'https://example.org/a.mp4' } as never,
      /^the order names a video that is here and a source/,
    ],
    [{ video: 'here', title: 'New' } as never, /^title is for a video that comes in, and "here" is here/],
    [{ video: 'here', qualities: [333] } as never, /^qualities names 333/],
  ])('ordered with %j is refused', async (given, sentence) => {
    expect(await refused({ kind: 'full', ...given } as Order)).toMatch(sentence);
  });
});
