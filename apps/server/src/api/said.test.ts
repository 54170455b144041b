/** What is said, over HTTP: transcripts, moments, clips, searches and the orders about them. */
import { randomUUID } from 'node:crypto';
import { text } from '@reelfleet/db';
import { beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../testing.ts';
import { ask, makeVideo, store } from './testing.ts';

let server: TestServer;
let video: { id: string; identifier: string };
let bare: { id: string; identifier: string };
const [MOMENT, CHILD] = ['aaaa000011112222', 'bbbb000011112222'];

beforeAll(async () => {
  server = await startTestServer();
  bare = await makeVideo(server, { title: 'Silent' });
  video = await makeVideo(server, { title: 'Talk: part 1' });
  const { id: videoId } = video;
  const file = (kind: string, name: string, contentType = 'x/y') =>
    store(server, `runs/${videoId}/${name}`, name, { kind, contentType, videoId });
  const source = await file('raw', 'film.mp4');
  const transcript = await file('transcript', 'transcript.json');
  const captions = await file('captions', 'captions.vtt', 'text/vtt');
  const clip = await file('clip', 'clip.mp4', 'video/mp4');
  const still = await file('thumbnail', 'still.jpg', 'image/jpeg');
  const moment = randomUUID();
  const run = (statement: string, ...values: string[]) => server.db.query(statement, values.map(text));
  await run(`update videos set video_url = $1::text, duration_seconds = 60 where id = '${videoId}'`, source.uri);
  await run(
    `insert into transcripts (id, video_id, full_text, word_timestamps, segment_timestamps, number_of_words, number_of_segments, vtt_path)
    values ('${transcript.id}', '${videoId}', 'Machines learn. So do we.', '[{"word": "Machines", "start": 0, "end": 0.5}]',
      '[{"text": "Machines learn.", "start": 0, "end": 2}, {"text": "So do we.", "start": 2, "end": 3}]', 5, 2, $1::text)`,
    captions.uri,
  );
  await run(
    `insert into moments (id, identifier, video_id, title, start_time, end_time, score) values ('${moment}', '${MOMENT}', '${videoId}', 'Who learns?', 0, 3, 8)`,
  );
  await run(
    `insert into moments (identifier, video_id, title, start_time, end_time, is_refined, parent_id) values ('${CHILD}', '${videoId}', 'Machines do', 0, 2, true, '${moment}')`,
  );
  await run(
    `insert into clips (id, moment_id, video_id, uri, start_time, end_time, padding_left, padding_right, size_bytes)
    values ('${clip.id}', '${moment}', '${videoId}', $1::text, 0, 5, 0, 2, 8)`,
    clip.uri,
  );
  await run(`insert into thumbnails (clip_id, uri) values ('${clip.id}', $1::text)`, still.uri);
});

const get = (path: string) => ask(server, 'GET', path);
const post = (path: string, body?: unknown) => ask(server, 'POST', path, { body });

describe('what is said in a video', () => {
  test('is its transcript; the times of all words only where they are asked for', async () => {
    const { status, json } = await get(`/api/videos/${video.identifier}/transcript`);
    expect([status, json]).toMatchObject([
      200,
      { language: 'en', fullText: 'Machines learn. So do we.', segments: { length: 2 }, words: null, numberOfWords: 5 },
    ]);
    expect((await get(json.captionsUrl)).body.toString()).toBe('captions.vtt');
    const all = await get(`/api/videos/${video.id}/transcript?words=true`);
    expect(all.json.words).toEqual([{ word: 'Machines', start: 0, end: 0.5 }]);
    expect((await get(`/api/videos/${video.id}`)).json.transcriptLanguage).toBe('en');
  });

  test('that nobody has written down is 404, with the order that does', async () => {
    const { status, json } = await get(`/api/videos/${bare.identifier}/transcript`);
    expect([status, json.detail]).toEqual([
      404,
      `video "${bare.identifier}" has no transcript: "reelfleet enqueue full ${bare.identifier}" makes one`,
    ]);
    expect((await get('/api/videos/nobody/moments')).status).toBe(404);
  });
});

describe('moments and clips', () => {
  test('are listed, a clip with its address, its picture and a name to be saved under', async () => {
    const { json } = await get(`/api/videos/${video.identifier}/moments`);
    expect(json.moments).toMatchObject([
      { identifier: MOMENT, score: 8, parent: null, clip: { moment: MOMENT, endSeconds: 5, paddingRightSeconds: 2 } },
      { identifier: CHILD, isRefined: true, parent: MOMENT, clip: null },
    ]);
    const { clips } = (await get(`/api/videos/${video.identifier}/clips`)).json;
    expect(clips).toEqual([json.moments[0].clip]);
    const saved = await get(`${clips[0].url}?download=1`);
    expect(saved.headers['content-disposition']).toBe('attachment; filename="Talk- part 1 - Who learns-.mp4"');
    expect(saved.body.toString()).toBe('clip.mp4');
    expect((await get(clips[0].thumbnailUrl)).headers['content-type']).toBe('image/jpeg');
  });

  test('that are not there are 404 with what to do', async () => {
    const { json } = await get(`/api/videos/${video.identifier}/clips/${CHILD}/content`);
    expect([json.status, json.detail]).toEqual([
      404,
      expect.stringMatching(/^moment "bbbb.*" has no clip: "reelfleet enqueue clips/),
    ]);
    expect((await get(`/api/videos/${video.identifier}/clips/nope/content`)).json.detail).toMatch(
      /has no moment "nope"/,
    );
    expect((await get(`/api/videos/${bare.identifier}/moments`)).json).toEqual({ moments: [] });
  });
});

describe('a search', () => {
  test('answers with the videos and the places, what was looked for marked', async () => {
    const { status, json } = await get('/api/search?q=machine%20learning&limit=1');
    expect([status, json]).toMatchObject([200, { total: 1, more: false }]);
    expect(json.videos).toMatchObject([
      {
        identifier: video.identifier,
        places: 1,
        hits: [
          {
            startSeconds: 0,
            endSeconds: 2,
            parts: [
              { text: 'Machines', hit: true },
              { text: ' ', hit: false },
              { text: 'learn', hit: true },
              { text: '.' },
            ],
          },
        ],
      },
    ]);
    expect((await get('/api/search?q=nothing%20of%20this')).json).toEqual({ videos: [], total: 0, more: false });
  });

  test.each([
    ['/api/search', 400, /q/],
    ['/api/search?q=', 422, /the search is empty/],
    ['/api/search?q=the%20of', 422, /^nothing in "the of" can be looked for/],
    ['/api/search?q=-machine', 422, /^nothing in "-machine" can be looked for/],
    ['/api/search?q=a&limit=0', 400, /limit: takes a whole number from 1 to 50/],
    ['/api/search?q=a&limit=51', 400, /limit: takes a whole number from 1 to 50/],
    ['/api/search?q=a&q=b', 400, /was given twice/],
    [`/api/search?q=${'x'.repeat(301)}`, 422, /has 301 characters: it may have 300/],
  ])('%s is refused with one sentence', async (path, status, sentence) => {
    const reply = await get(path);
    expect([reply.status, reply.json.detail]).toEqual([status, expect.stringMatching(sentence)]);
    expect(reply.json.detail).not.toContain('\n');
  });
});

describe('orders about a video that is here', () => {
  test('become runs; the same key again is the same run', async () => {
    const body = { prompt: 'Where they laugh', maxMoments: 4, key: 'once' };
    const made = await post(`/api/videos/${video.identifier}/moments`, body);
    expect([made.status, made.json]).toMatchObject([201, { created: true, video: video.identifier }]);
    expect(made.headers.location).toBe(`/api/runs/${made.json.runId}`);
    expect((await post(`/api/videos/${video.identifier}/moments`, body)).json).toMatchObject({
      runId: made.json.runId,
      created: false,
    });
    expect((await get(made.headers.location ?? '')).json.run.template).toBe('moments');
    const again = await post(`/api/videos/${video.identifier}/moments`);
    expect(again.status).toBe(409);
    const full = await post('/api/runs', { template: 'full', video: video.identifier });
    expect([full.status, full.json]).toMatchObject([201, { video: video.identifier }]);
  });

  test('of clips that are there answer with them', async () => {
    const { status, json } = await post(`/api/videos/${video.identifier}/clips`, { moments: [MOMENT] });
    expect([status, json]).toMatchObject([200, { runId: null, created: false, clips: [{ moment: MOMENT }] }]);
    expect((await post(`/api/videos/${video.identifier}/clips`, { replace: true })).status).toBe(201);
  });

  test.each([
    ['moments', {}, 409, /has no transcript/],
    ['clips', {}, 404, /has no moments/],
    ['full', {}, 409, /has no file that was looked at yet/],
    ['full', { title: 'New' }, 400, /title/],
    ['moments', { minLength: 'long' }, 400, /minLength/],
    ['moments', { minLength: 90, maxLength: 30 }, 422, /minLength is 90 and maxLength is 30/],
    ['moments', { video: 'another' }, 400, /video/],
  ])('of %s with %j are refused', async (kind, body, status, sentence) => {
    const reply = await post(`/api/videos/${bare.identifier}/${kind}`, body);
    expect([reply.status, reply.json.detail]).toEqual([status, expect.stringMatching(sentence)]);
  });
});
