import { beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../testing.ts';
import { album, ask, makeVideo, store } from './testing.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
const post = (path: string, body?: unknown, headers: Record<string, string> = {}) =>
  ask(server, 'POST', path, { ...(body === undefined ? {} : { body }), headers });
const get = (path: string) => ask(server, 'GET', path);
const probeOf = async (key: string) => {
  const { uri, sha256, size_bytes, content_type, id, kind } = await store(server, key, key);
  return { source: { id, kind, uri, sha256, sizeBytes: size_bytes, contentType: content_type } };
};

describe('POST /api/runs', () => {
  test('enqueues an album: 201, its address, and it is there', async () => {
    const { status, headers, json } = await post('/api/runs', { ...album, tracks: 2, seconds: 10, priority: 3 });
    expect([status, json.created]).toEqual([201, true]);
    expect(headers.location).toBe(`/api/runs/${json.runId}`);
    const shown = await get(headers.location as string);
    expect(shown.json.run).toMatchObject({
      id: json.runId,
      template: 'album',
      status: 'queued',
      priority: 3,
      tasksTotal: 7,
    });
    expect(shown.headers['cache-control']).toBe('no-store');
  });

  test('enqueues one stage with a stored file as its input', async () => {
    const { status, json } = await post('/api/runs', {
      template: 'single',
      stage: 'probe',
      input: await probeOf('in/a'),
    });
    expect(status).toBe(201);
    expect((await get(`/api/runs/${json.runId}`)).json.tasks).toMatchObject([{ stage: 'probe', status: 'queued' }]);
  });

  test('the same key again answers 200 with the first run, in the body or as a header, quoted or not', async () => {
    const first = await post('/api/runs', { ...album, key: 'monday' });
    expect(first.status).toBe(201);
    for (const again of [
      await post('/api/runs', { ...album, key: 'monday' }),
      await post('/api/runs', album, { 'idempotency-key': 'monday' }),
      await post('/api/runs', album, { 'idempotency-key': '"monday"' }),
      await post('/api/runs', { ...album, key: 'monday' }, { 'idempotency-key': 'monday' }),
    ]) {
      expect([again.status, again.json]).toEqual([200, { runId: first.json.runId, created: false }]);
    }
    const differ = await post('/api/runs', { ...album, key: 'a' }, { 'idempotency-key': 'b' });
    expect([differ.status, differ.json.detail]).toEqual([400, expect.stringContaining('send one of them')]);
  });

  test.each<[string, unknown, number, RegExp]>([
    ['an unknown field', { ...album, tempo: 3 }, 400, /"tempo"/],
    ['an unknown template', { template: 'opera' }, 400, /template.*album, ingest, full, moments, clips or single/],
    ['no template', {}, 400, /template/],
    ['a list', [album], 400, /body/],
    ['null', null, 400, /body/],
    ['no channel', { template: 'album', moods: ['calm'] }, 400, /channel/],
    ['a field of another type', { ...album, moods: 'calm' }, 400, /moods/],
    ['too many minutes', { ...album, preview: false, minutes: 500 }, 422, /60 to 90/],
    ['tracks of an album', { ...album, preview: false, tracks: 3 }, 422, /exactly 20/],
    ['no moods', { ...album, moods: [' '] }, 422, /moods/],
    ['a control character', { ...album, title: 'a\u0000b' }, 422, /title.*control character/],
    ['a new channel without its niche', { template: 'album', channel: 'Nobody', moods: ['calm'] }, 422, /niche/],
    ['an unknown persona', { ...album, persona: 'Nobody' }, 404, /no persona "Nobody"/],
    ['an unknown stage', { template: 'single', stage: 'prob', input: {} }, 422, /did you mean "probe"/],
    ['a wrong input', { template: 'single', stage: 'probe', input: {} }, 422, /stage probe/],
    ['an unknown video', { template: 'single', stage: 'plan', input: {}, video: 'none' }, 422, /stage plan/],
    [
      'a NUL in the input',
      { template: 'single', stage: 'probe', input: { source: 'file:///a', x: '\u0000' } },
      422,
      /NUL/,
    ],
    [
      'half a pair',
      { template: 'single', stage: 'probe', input: { source: 'file:///a', '\ud800': 1 } },
      422,
      /half of a pair/,
    ],
  ])('refuses %s with one sentence', async (_name, body, status, sentence) => {
    const reply = await post('/api/runs', body);
    expect([reply.status, reply.headers['content-type']]).toEqual([status, 'application/problem+json; charset=utf-8']);
    expect(reply.json).toMatchObject({ status, instance: '/api/runs', detail: expect.stringMatching(sentence) });
  });

  test.each([
    ['file:///etc/passwd'],
    ['FILE:///etc/passwd'],
    ['file:/etc/passwd'],
    [' file:///etc/passwd'],
    ['fi\nle:///etc/passwd'],
    ['gs://somebody/else.mp4'],
    ['s3://somebody/else.mp4'],
  ])('refuses the address %j anywhere in an input', async (address) => {
    for (const input of [
      { source: 'file:///x', a: [{ b: address }] },
      { source: 'file:///x', [address]: 1 },
    ]) {
      const { source: _source, ...rest } = input;
      const reply = await post('/api/runs', {
        template: 'single',
        stage: 'probe',
        input: { ...(await probeOf('in/b')), ...rest },
      });
      expect([reply.status, reply.json.detail]).toEqual([422, expect.stringContaining('no artifact of this store')]);
    }
  });

  test('a file of our store that no artifact names is refused too', async () => {
    const { uri } = await server.storage.put('loose/file', Buffer.from('x'), { contentType: 'text/plain' });
    const reply = await post('/api/runs', { template: 'single', stage: 'probe', input: { source: uri } });
    expect([reply.status, reply.json.detail]).toEqual([422, expect.stringContaining('no artifact of this store')]);
    // Where it lies, an operator may.
    expect(await server.operator.enqueue([{ kind: 'stage', stage: 'probe', input: { source: uri } }])).toHaveLength(1);
  });

  test('an input nested deeper than a call stack is one sentence', async () => {
    const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
    const body = `{"template":"single","stage":"probe","input":{"source":"file:///a","x":${deep}}}`;
    const reply = await post('/api/runs', body);
    expect([reply.status, reply.json.detail]).toEqual([422, expect.stringContaining('nested deeper')]);
  });

  test.each<[string, string, number]>([
    ['bad JSON', '{"template":', 400],
    ['a poisoned prototype', '{"__proto__":{"a":1},"template":"album"}', 400],
    ['a body that is too large', `"${'x'.repeat(1_100_000)}"`, 413],
  ])('%s is refused', async (_name, body, status) => {
    const reply = await post('/api/runs', body);
    expect([reply.status, reply.json.detail.length > 0]).toEqual([status, true]);
  });

  test('a body that is no JSON is refused', async () => {
    const reply = await post('/api/runs', 'template=album', { 'content-type': 'application/x-www-form-urlencoded' });
    expect(reply.status).toBe(415);
  });
});

describe('POST /api/runs/batch', () => {
  test('enqueues many, in order, and knows their keys', async () => {
    const orders = [1, 2, 3].map((n) => ({ ...album, key: `bulk-${n}` }));
    const first = await post('/api/runs/batch', { runs: orders });
    expect([first.status, first.json.runs.length]).toEqual([201, 3]);
    const again = await post('/api/runs/batch', { runs: orders });
    expect(again.status).toBe(200);
    expect(again.json.runs).toEqual(first.json.runs.map(({ runId }: { runId: string }) => ({ runId, created: false })));
  });

  test('nothing is enqueued when one is wrong, and the sentence says which', async () => {
    const before = (await get('/api/runs?limit=1')).json.runs[0]?.id;
    const reply = await post('/api/runs/batch', { runs: [album, { ...album, tracks: 99 }] });
    expect([reply.status, reply.json.detail]).toEqual([422, expect.stringMatching(/^order 2: tracks/)]);
    const local = { template: 'single', stage: 'probe', input: { source: 'file:///etc/passwd' } };
    const outside = await post('/api/runs/batch', { runs: [album, local] });
    expect([outside.status, outside.json.detail]).toEqual([422, expect.stringMatching(/^order 2: "file:/)]);
    expect((await get('/api/runs?limit=1')).json.runs[0]?.id).toBe(before);
  });

  test('refuses none, too many, and one key for all', async () => {
    expect((await post('/api/runs/batch', { runs: [] })).status).toBe(400);
    expect((await post('/api/runs/batch', { runs: Array(1_001).fill(album) })).status).toBe(400);
    const keyed = await post('/api/runs/batch', { runs: [album] }, { 'idempotency-key': 'k' });
    expect([keyed.status, keyed.json.detail]).toEqual([400, expect.stringContaining('a "key" of its own')]);
  });
});

describe('GET /api/runs', () => {
  test('pages walk 205 runs without loss or double while new ones come', async () => {
    const other = await startTestServer();
    const input = { source: (await store(other, 'in/c', 'c')).uri };
    const orders = (n: number) => Array.from({ length: n }, () => ({ kind: 'stage' as const, stage: 'probe', input }));
    const wanted = (await other.operator.enqueue(orders(205))).map(({ runId }) => runId);
    const seen: string[] = [];
    let pages = 0;
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page = await ask(other, 'GET', `/api/runs?limit=20${cursor ? `&cursor=${cursor}` : ''}`);
      expect(page.status).toBe(200);
      seen.push(...page.json.runs.map(({ id }: { id: string }) => id));
      cursor = page.json.next;
      pages += 1;
      await other.operator.enqueue(orders(3));
    }
    expect(pages).toBe(11);
    expect(seen).toEqual(wanted.reverse());
  });

  test('filters by status, template and channel', async () => {
    const { json } = await post('/api/runs', { ...album, channel: 'Filtered', niche: 'Rain' });
    const ids = async (query: string) =>
      (await get(`/api/runs?${query}`)).json.runs.map(({ id }: { id: string }) => id);
    expect(await ids('channel=Filtered&status=queued&template=album')).toEqual([json.runId]);
    expect(await ids('channel=Filtered&status=failed')).toEqual([]);
    expect(await ids('channel=Filtered&template=single')).toEqual([]);
  });

  test.each([
    ['limit=0', 400, 'query.limit'],
    ['limit=201', 400, 'query.limit'],
    ['limit=many', 400, 'query.limit'],
    ['status=done', 400, 'query.status'],
    ['cursor=abc', 400, 'query.cursor'],
    [`cursor=${Buffer.from('videos 0197a3f2-6c1e-7b52-9d0c-3f6a1e5b7c28').toString('base64url')}`, 400, 'query.cursor'],
    [`cursor=${'a'.repeat(5_000)}`, 400, 'query.cursor'],
    ['colour=red', 400, '"colour"'],
    ['status=queued&status=failed', 400, 'query.status'],
    ['channel=Nowhere', 404, 'there is no channel "Nowhere"'],
    ['channel=%00', 400, 'query.channel'],
  ])('%s is refused', async (query, status, words) => {
    const reply = await get(`/api/runs?${query}`);
    expect([reply.status, reply.json.detail]).toEqual([status, expect.stringContaining(words)]);
  });

  test('a hundred at once are two reads, and none is older than its question', async () => {
    const { operator } = server;
    const { runsPage } = operator;
    let reads = 0;
    operator.runsPage = (filter) => {
      reads += 1;
      return runsPage(filter);
    };
    try {
      const line = '/api/runs?limit=2';
      const replies = await Promise.all(Array.from({ length: 100 }, () => server.app.inject(line)));
      expect(new Set(replies.map(({ statusCode }) => statusCode))).toEqual(new Set([200]));
      expect(reads).toBe(2);
    } finally {
      operator.runsPage = runsPage;
    }
    for (let n = 0; n < 5; n++) {
      const noise = Array.from({ length: 10 }, () => get('/api/runs?limit=1'));
      const { json } = await post('/api/runs', album);
      expect((await get('/api/runs?limit=1')).json.runs[0].id).toBe(json.runId);
      await Promise.all(noise);
    }
  });
});

describe('one run', () => {
  test('is found by id and by identifier, with tasks and artifacts', async () => {
    const { json } = await post('/api/runs', { ...album, niche: 'Märchen 森林', channel: 'Wald' });
    const byId = await get(`/api/runs/${json.runId}`);
    const byIdentifier = await get(`/api/runs/${encodeURIComponent(byId.json.run.identifier)}`);
    expect(byIdentifier.json).toEqual(byId.json);
    expect(byId.json.tasks.map(({ key }: { key: string }) => key)).toEqual([
      ...['plan', 'render', 'verify', 'thumbnail'],
      ...['transcode', 'transcode/audio', 'transcode/manifest'],
    ]);
    expect(byId.json.artifacts).toEqual([]);
  });

  test('is cancelled and retried', async () => {
    const { json } = await post('/api/runs', album);
    const cancelled = await post(`/api/runs/${json.runId}/cancel`);
    expect([cancelled.status, cancelled.json]).toEqual([200, { cancelled: 7, asked: 0 }]);
    expect((await get(`/api/runs/${json.runId}`)).json.run.status).toBe('cancelled');
    const retried = await post(`/api/runs/${json.runId}/retry`);
    expect([retried.status, retried.json]).toEqual([200, { retried: 7 }]);
  });

  test('what is not there, or is something else, is 404', async () => {
    const { json } = await post('/api/runs', album);
    const [task] = (await get(`/api/runs/${json.runId}`)).json.tasks;
    const { id: video } = await makeVideo(server, { title: 'A' });
    for (const ref of [
      task.id,
      video,
      '0197a3f2-6c1e-7b52-9d0c-3f6a1e5b7c28',
      'no-such-run',
      "';drop table tasks;--",
    ]) {
      for (const [method, path] of [
        ['GET', ''],
        ['POST', '/retry'],
        ['POST', '/cancel'],
      ] as const) {
        const reply = await ask(server, method, `/api/runs/${encodeURIComponent(ref)}${path}`);
        expect([ref, path, reply.status]).toEqual([ref, path, 404]);
      }
    }
    expect((await get(`/api/runs/${task.id}`)).json.detail).toContain('is a task, not a run');
    expect((await get('/api/runs/%00')).status).toBe(400);
    expect((await get('/api/runs/%ff')).status).toBe(400);
    expect((await get(`/api/runs/${'x'.repeat(400)}`)).status).toBe(400);
  });
});
