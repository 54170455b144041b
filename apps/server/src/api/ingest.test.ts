/** Videos brought in over HTTP: files as they come, addresses as JSON, and everything that can go wrong on the way. */
import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, statSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { atTestEnd, until } from '@reelfleet/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildApp } from '../app.ts';
import { startTestServer, type TestServer } from '../testing.ts';
import { ask } from './testing.ts';

let server: TestServer;
/** The same with a small limit and little patience. */
let strict: { origin: string };
beforeAll(async () => {
  server = await startTestServer();
  const app = await buildApp(
    { ...server.context, imports: { maxBytes: 1_000_000, stallMs: 500 } },
    { requestMs: 1_000 },
  );
  atTestEnd(() => app.close());
  strict = { origin: await app.listen({ host: '127.0.0.1', port: 0 }) };
}, 60_000);
afterAll(() => {
  expect(server.lines.filter((line) => line.includes('"level":"error"'))).toEqual([]);
});

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
let named = 0;
const name = () => {
  named += 1;
  return `film-${named}.mp4`;
};

/** Send a file; chunks go out as they are given. */
function send(
  origin: string,
  query: string,
  body: Uint8Array | AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  headers: Record<string, string> = { 'content-type': 'video/mp4' },
) {
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects of it.
  return new Promise<{ status: number; headers: Record<string, unknown>; json: any }>((resolve, reject) => {
    const { hostname, port } = new URL(origin);
    const sent = httpRequest({ hostname, port, method: 'POST', path: `/api/videos?${query}`, headers, agent: false });
    sent.setMaxListeners(0);
    let answered = false;
    sent.on('response', (response) => {
      answered = true;
      const chunks: Buffer[] = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          json: JSON.parse(Buffer.concat(chunks).toString()),
        }),
      );
    });
    // Whoever is answered before the end may find the connection closed.
    sent.on('error', (error) => answered || reject(error));
    if (body instanceof Uint8Array) return void sent.end(body);
    void (async () => {
      for await (const chunk of body) {
        if (answered) break;
        if (!sent.write(chunk))
          await Promise.race([
            new Promise((ok) => sent.once('drain', ok)),
            new Promise((ok) => sent.once('close', ok)),
          ]);
      }
      sent.end();
    })();
  });
}

const files = (): string[] => {
  try {
    return readdirSync(join(server.folder, 'storage'), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
  } catch {
    return [];
  }
};
const counts = async () =>
  (
    await server.db.query<{ runs: number; videos: number; artifacts: number }>(
      'select (select count(*)::int from pipeline_runs) as runs, (select count(*)::int from videos) as videos, (select count(*)::int from artifacts) as artifacts',
    )
  )[0];

describe('a file as the body', () => {
  it('is stored as it came, below its run, and answered with run and video', async () => {
    const bytes = randomBytes(2_000_000);
    const query = 'fileName=My%20Film.MP4&title=A%20Film&tags=sea,%20Family&qualities=1080,720p&priority=3';
    const made = await send(server.origin, query, bytes);
    expect(made).toMatchObject({
      status: 201,
      headers: { location: `/api/runs/${made.json.runId}` },
      json: { created: true, video: { identifier: 'a-film', title: 'A Film', status: 'pending' } },
    });
    const [artifact] = await server.db.query<{ uri: string; sha256: string }>(
      `select uri, sha256 from artifacts where run_id = '${made.json.runId}'`,
    );
    expect(artifact?.sha256).toBe(sha256(bytes));
    expect(artifact?.uri).toMatch(new RegExp(`/runs/${made.json.runId}/upload/source\\.mp4$`));
    expect(await server.storage.checksum(artifact?.uri as string)).toEqual({
      sha256: sha256(bytes),
      sizeBytes: 2_000_000,
    });
    const [run] = await server.db.query<{ params: Record<string, unknown>; priority: number }>(
      `select params, priority from pipeline_runs where id = '${made.json.runId}'`,
    );
    expect(run).toMatchObject({ priority: 3, params: { qualities: [1080, 720], fileName: 'My Film.MP4' } });
  });

  it('again, with the same bytes or the same key, is answered 200 with what there is, and nothing is kept of it', async () => {
    const bytes = randomBytes(10_000);
    const first = await send(server.origin, `fileName=${name()}`, bytes, {
      'content-type': 'video/mp4',
      'idempotency-key': 'k-1',
    });
    const [before, kept] = [await counts(), files()];
    const again = await send(server.origin, 'fileName=other.mp4&title=Else', bytes);
    const keyed = await send(server.origin, 'fileName=other.mp4&key=k-1', randomBytes(10));
    for (const answer of [again, keyed])
      expect(answer).toMatchObject({
        status: 200,
        json: { runId: first.json.runId, created: false, video: { id: first.json.video.id } },
      });
    expect([await counts(), files()]).toEqual([before, kept]);
  });

  it('whose video was deleted is answered 409 with a way to bring it back', async () => {
    const bytes = randomBytes(1_000);
    const { json } = await send(server.origin, `fileName=${name()}`, bytes);
    await server.db.query(`update videos set deleted_at = now() where id = '${json.video.id}'`);
    const kept = files();
    const answer = await send(server.origin, `fileName=${name()}`, bytes);
    expect(answer).toMatchObject({
      status: 409,
      json: { detail: expect.stringContaining('reelfleet videos restore') },
    });
    expect(files()).toEqual(kept);
  });

  it('sent by many at once is one video', async () => {
    const bytes = randomBytes(100_000);
    const answers = await Promise.all(
      Array.from({ length: 6 }, () => send(server.origin, `fileName=${name()}`, bytes)),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 200, 200, 200, 201]);
    expect(new Set(answers.map(({ json }) => json.video.id)).size).toBe(1);
  });

  it('takes as much memory as a window of it, however long it is', async () => {
    const piece = randomBytes(1_000_000);
    const origin = await startBig();
    const rss = process.memoryUsage.rss();
    let most = 0;
    const pieces = (function* () {
      for (let n = 0; n < 400; n++) {
        most = Math.max(most, process.memoryUsage.rss() - rss);
        yield piece;
      }
    })();
    const answer = await send(origin, `fileName=${name()}`, pieces);
    expect(answer.status).toBe(201);
    // Sender and server are one process here.
    expect(most).toBeLessThan(200_000_000);
  }, 60_000);

  async function startBig(): Promise<string> {
    const app = await buildApp({ ...server.context, imports: { maxBytes: 1_000_000_000, stallMs: 5_000 } });
    atTestEnd(() => app.close());
    return app.listen({ host: '127.0.0.1', port: 0 });
  }
});

describe('a file that is not taken leaves nothing behind', () => {
  let before: [unknown, string[]];
  beforeAll(async () => {
    before = [await counts(), files()];
  });
  afterAll(async () => {
    await until(() => files().length === before[1].length, { what: 'half a file to be gone' });
    expect([await counts(), files()]).toEqual(before);
  });

  it.each<[string, string, Record<string, string>, number, RegExp]>([
    ['without a name', '', {}, 400, /query\.fileName: is missing/],
    ['filed under what is not there', 'fileName=a.mp4&category=nowhere', {}, 404, /there is no category "nowhere"/],
    ['with a quality that is none', 'fileName=a.mp4&qualities=700', {}, 422, /qualities names 700/],
    ['with qualities that are no numbers', 'fileName=a.mp4&qualities=high', {}, 400, /query\.qualities: takes heights/],
    ['with a codec that is none', 'fileName=a.mp4&codec=h265', {}, 422, /did you mean h264/],
    ['with a parameter that is none', 'fileName=a.mp4&colour=red', {}, 400, /colour/],
    ['with an address beside it', 'fileName=a.mp4&url=https://example.org/a', {}, 400, /url/],
    ['with two keys', 'fileName=a.mp4&key=a', { 'idempotency-key': 'b' }, 400, /differ: send one of them/],
    ['of another type', 'fileName=a.mp4', { 'content-type': 'text/html' }, 415, /./],
    ['of no type', 'fileName=a.mp4', { 'content-type': '' }, 415, /./],
    ['in parts of a form', 'fileName=a.mp4', { 'content-type': 'multipart/form-data; boundary=x' }, 415, /./],
  ])('one %s', async (_title, query, headers, status, sentence) => {
    const answer = await send(server.origin, query, randomBytes(10), { 'content-type': 'video/mp4', ...headers });
    expect(answer.status).toBe(status);
    expect(answer.json.detail).toMatch(sentence);
  });

  it('one that is empty', async () => {
    const answer = await send(server.origin, 'fileName=a.mp4', new Uint8Array(0));
    expect(answer).toMatchObject({ status: 422, json: { detail: 'a.mp4 is empty: there is nothing to import' } });
  });

  it('one that is too large, whether it says so or not', async () => {
    const announced = await send(strict.origin, 'fileName=a.mp4', randomBytes(10), {
      'content-type': 'video/mp4',
      'content-length': '2000000',
    });
    const piece = randomBytes(100_000);
    const endless = (function* () {
      for (;;) yield piece;
    })();
    const found = await send(strict.origin, 'fileName=a.mp4', endless);
    for (const answer of [announced, found])
      expect(answer).toMatchObject({
        status: 413,
        json: { detail: 'the file is larger than the 1 MB that may be imported (REELFLEET_IMPORT_MAX_MB)' },
      });
  });

  it.each([
    ['announces its length', 'content-length: 500000'],
    ['comes in chunks', 'transfer-encoding: chunked'],
  ])('one that %s and whose sender goes away in the middle', async (_title, length) => {
    const { port } = new URL(server.origin);
    const socket = connect({ host: '127.0.0.1', port: Number(port) });
    socket.write(
      `POST /api/videos?fileName=a.mp4 HTTP/1.1\r\nhost: localhost\r\ncontent-type: video/mp4\r\n${length}\r\n\r\n`,
    );
    const bytes = randomBytes(65_536);
    socket.write(length.startsWith('transfer') ? '10000\r\n' : '');
    socket.write(bytes);
    const incoming = () => files().filter((file) => file.includes('.incoming') && statSync(file).size > 0);
    await until(() => incoming().length > 0, { what: 'the first bytes in the store' });
    socket.destroy();
    await until(() => incoming().length === 0, { what: 'them to be gone again' });
  });

  it('one whose sender falls silent, or drips', async () => {
    for (const drip of [false, true]) {
      const answer = await send(
        strict.origin,
        'fileName=a.mp4',
        (async function* () {
          yield randomBytes(1_000);
          for (let n = 0; drip ? n < 40 : n < 1; n++) {
            await new Promise((resolve) => setTimeout(resolve, drip ? 50 : 2_000));
            yield new Uint8Array(1);
          }
        })(),
      );
      expect(answer).toMatchObject({ status: 408, json: { detail: 'the request took too long to arrive' } });
    }
  });
});

it('a file may take longer than a request may otherwise', async () => {
  const slow = (async function* () {
    for (let n = 0; n < 15; n++) {
      yield randomBytes(20_000);
      // No fact to wait for: that time passes is the point.
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  })();
  const answer = await send(strict.origin, `fileName=${name()}`, slow);
  expect(answer.status).toBe(201);
});

describe('an address as JSON', () => {
  const order = (path: string, body: unknown, headers?: Record<string, string>) =>
    ask(server, 'POST', path, { body, ...(headers ? { headers } : {}) });

  it('is ordered, once, here and at /api/runs', async () => {
    const url = 'https://example.org/talk.mp4?token=hush';
    const first = await order('/api/videos', { url, title: 'A Talk', tags: ['talks'], qualities: [720] });
    expect([first.status, first.json.created, first.json.video.identifier]).toEqual([201, true, 'a-talk']);
    expect(first.body.toString()).not.toContain('hush');
    const again = await order('/api/videos', { url });
    expect([again.status, again.json.runId, again.json.video.id]).toEqual([200, first.json.runId, first.json.video.id]);
    const run = await order('/api/runs', { template: 'ingest', url });
    expect([run.status, run.json]).toEqual([200, { runId: first.json.runId, created: false, video: 'a-talk' }]);
    const shown = await ask(server, 'GET', `/api/runs/${first.json.runId}`);
    expect(shown.body.toString()).not.toContain('hush');
  });

  it.each<[string, unknown, number, RegExp]>([
    ['/api/videos', {}, 400, /body\.url/],
    ['/api/videos', { url: 7 }, 400, /body\.url/],
    ['/api/videos', { url: 'file:///etc/passwd' }, 422, /is no http or https address/],
    ['/api/videos', { url: 'https://ann:hush@example.org/a' }, 422, /holds a user name or a password/],
    ['/api/videos', { url: 'https://example.org/a', colour: 1 }, 400, /colour/],
    ['/api/videos', { url: 'https://example.org/a', upload: {} }, 400, /upload/],
    ['/api/videos?title=x', { url: 'https://example.org/a' }, 400, /query\.title: goes with a file/],
    ['/api/videos', 'nonsense', 400, /./],
    ['/api/videos', [], 400, /./],
    ['/api/runs', { template: 'ingest' }, 422, /names no source/],
    ['/api/runs', { template: 'ingest', upload: {} }, 400, /upload/],
  ])('%s with %j is refused in one sentence', async (path, body, status, sentence) => {
    const answer = await order(path, body);
    expect([answer.status, answer.json?.detail]).toEqual([status, expect.stringMatching(sentence)]);
    expect(answer.body.toString()).not.toMatch(/hush|\n/);
  });

  it('nothing at all is told what is taken', async () => {
    const answer = await ask(server, 'POST', '/api/videos');
    expect([answer.status, answer.json.detail]).toEqual([400, expect.stringContaining('takes the file itself')]);
  });
});

it('the door is the same as for every write', async () => {
  const app = await buildApp({ ...server.context, access: { password: 'correct horse battery', host: '127.0.0.1' } });
  atTestEnd(() => app.close());
  const origin = await app.listen({ host: '127.0.0.1', port: 0 });
  const before = [await counts(), files()];
  const bytes = randomBytes(100);
  expect((await send(origin, 'fileName=a.mp4', bytes)).status).toBe(401);
  for (const headers of [{ 'sec-fetch-site': 'cross-site' }, { origin: 'https://evil.example' }] as Record<
    string,
    string
  >[])
    expect(
      (await send(server.origin, 'fileName=a.mp4', bytes, { 'content-type': 'video/mp4', ...headers })).status,
    ).toBe(403);
  expect([await counts(), files()]).toEqual(before);
});

it('is documented with each kind of body', async () => {
  const { json } = await ask(server, 'GET', '/docs/json');
  const operation = json.paths['/api/videos'].post;
  expect(Object.keys(operation.requestBody.content)).toEqual([
    'application/octet-stream',
    'video/*',
    'application/json',
  ]);
  expect(operation.requestBody.content['video/*'].schema).toMatchObject({ type: 'string', format: 'binary' });
  expect(operation.requestBody.content['application/json'].schema.required).toEqual(['url']);
  expect(operation.parameters.map((parameter: { name: string }) => parameter.name)).toEqual(
    expect.arrayContaining(['fileName', 'title', 'tags', 'qualities', 'idempotency-key']),
  );
  expect(Object.keys(operation.responses)).toEqual(expect.arrayContaining(['200', '201', '408', '409', '413']));
});
