import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, rmSync, truncateSync } from 'node:fs';
import { request } from 'node:http';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { until } from '@reelfleet/testkit';
import { beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../testing.ts';
import { ask, makeVideo, store } from './testing.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
const get = (path: string, headers: Record<string, string> = {}) => ask(server, 'GET', path, { headers });
const text = 'The quick brown fox jumps over the lazy dog';
const etag = `"${createHash('sha256').update(text).digest('hex')}"`;

/** What is read from the store while `work` runs. */
async function reading<T>(work: (streams: Readable[]) => Promise<T>): Promise<T> {
  const { storage } = server;
  const streams: Readable[] = [];
  const { get } = storage;
  storage.get = async (...args) => {
    const stream = await get.apply(storage, args);
    streams.push(stream as Readable);
    return stream;
  };
  try {
    return await work(streams);
  } finally {
    storage.get = get;
  }
}

/** A request whose reply is left to the test. */
const open = async (id: string) => {
  const { hostname, port } = new URL(server.origin);
  const asked = request({ hostname, port, path: `/api/artifacts/${id}/content`, agent: false });
  asked.on('error', () => {});
  asked.end();
  const [response] = await once(asked, 'response');
  return { asked, response };
};

/** What a broken disk leaves of a stored file; stored files are sealed against writing. */
function cutTo(uri: string, bytes: number): void {
  const path = fileURLToPath(uri);
  chmodSync(path, 0o600);
  truncateSync(path, bytes);
}

describe('an artifact', () => {
  test('is shown with its facts and sent with everything a client needs to know', async () => {
    const { id, uri } = await store(server, 'runs/1/a note.txt', text, { contentType: 'text/plain' });
    const facts = await get(`/api/artifacts/${id}`);
    expect(facts.json).toMatchObject({
      id,
      uri,
      sizeBytes: text.length,
      contentType: 'text/plain',
      fileName: 'a note.txt',
    });
    const { status, headers, body } = await get(`/api/artifacts/${id}/content`);
    expect([status, body.toString()]).toEqual([200, text]);
    expect(headers).toMatchObject({
      'content-type': 'text/plain',
      'content-length': String(text.length),
      'accept-ranges': 'bytes',
      etag,
      'cache-control': 'private, max-age=31536000, immutable',
      'content-disposition': 'inline; filename="a note.txt"',
      'x-content-type-options': 'nosniff',
      'content-security-policy': expect.stringMatching(/^sandbox; default-src 'none'/),
    });
    const saved = await get(`/api/artifacts/${id}/content?download=1`);
    expect(saved.headers['content-disposition']).toBe('attachment; filename="a note.txt"');
  });

  test.each<[string, Record<string, string>, number, string, string | undefined]>([
    ['a range', { range: 'bytes=4-8' }, 206, 'quick', 'bytes 4-8/43'],
    ['a range to the end', { range: 'bytes=40-' }, 206, 'dog', 'bytes 40-42/43'],
    ['the last bytes', { range: 'bytes=-3' }, 206, 'dog', 'bytes 40-42/43'],
    ['more last bytes than there are', { range: 'bytes=-500' }, 206, text, 'bytes 0-42/43'],
    ['several ranges: all of it', { range: 'bytes=0-1,3-4' }, 200, text, undefined],
    ['another unit: all of it', { range: 'lines=1-2' }, 200, text, undefined],
    ['the range of this version', { range: 'bytes=4-8', 'if-range': etag }, 206, 'quick', 'bytes 4-8/43'],
    ['the range of another version: all of it', { range: 'bytes=4-8', 'if-range': '"other"' }, 200, text, undefined],
    ['what the client has', { 'if-none-match': etag }, 304, '', undefined],
  ])('%s', async (_name, headers, status, body, contentRange) => {
    const { id } = await store(server, `ranges/${randomUUID()}`, text);
    const reply = await get(`/api/artifacts/${id}/content`, headers);
    expect([reply.status, reply.body.toString(), reply.headers['content-range']]).toEqual([status, body, contentRange]);
    expect(reply.headers.etag).toBe(etag);
    if (status !== 304) expect(reply.headers['content-length']).toBe(String(body.length));
  });

  test('a range outside of it is 416 with its size, another version is 412', async () => {
    const { id } = await store(server, 'ranges/416', text);
    const outside = await get(`/api/artifacts/${id}/content`, { range: 'bytes=43-' });
    expect([outside.status, outside.headers['content-range']]).toEqual([416, 'bytes */43']);
    expect([outside.json.status, outside.headers['cache-control']]).toEqual([416, 'no-store']);
    expect((await get(`/api/artifacts/${id}/content`, { 'if-match': '"other"' })).status).toBe(412);
  });

  test('HEAD tells what GET would send and reads nothing', async () => {
    const { id } = await store(server, 'head/a.bin', text);
    await reading(async (streams) => {
      const head = await ask(server, 'HEAD', `/api/artifacts/${id}/content`, { headers: { range: 'bytes=0-1' } });
      expect([head.status, head.body.length, head.headers['content-length'], head.headers.etag]).toEqual([
        200,
        0,
        '43',
        etag,
      ]);
      expect(streams).toEqual([]);
    });
  });

  test('an empty one is sent as such', async () => {
    const { id } = await store(server, 'empty', '');
    const { status, headers, body } = await get(`/api/artifacts/${id}/content`);
    expect([status, headers['content-length'], body.length]).toEqual([200, '0', 0]);
  });

  test('its name survives every script', async () => {
    const { id } = await store(server, 'names/Schloß "森" 100%.mp3', text);
    const { headers } = await get(`/api/artifacts/${id}/content`);
    expect(headers['content-disposition']).toContain("filename*=UTF-8''Schlo%C3%9F%20-%E6%A3%AE-%20100%25.mp3");
  });

  test('a megabyte file comes whole, byte for byte', async () => {
    const bytes = randomBytes(5_000_001);
    const { id } = await store(server, 'big/5mb', bytes);
    const { body } = await get(`/api/artifacts/${id}/content`);
    expect(body.equals(bytes)).toBe(true);
  });

  test('a link leads to the content here, or to where the store signs one', async () => {
    const { id, uri } = await store(server, 'linked.txt', text, { contentType: 'text/plain' });
    const own = await get(`/api/artifacts/${id}/link`);
    expect(own.json).toEqual({ url: `/api/artifacts/${id}/content`, expiresAt: null });
    const { link } = server.storage;
    try {
      server.storage.link = async (asked, { expiresInMs, contentType, fileName }) =>
        `https://store.example/?${new URLSearchParams({ asked, ms: String(expiresInMs), contentType: contentType ?? '', fileName: fileName ?? '' })}`;
      const { json } = await get(`/api/artifacts/${id}/link`);
      const asked = Object.fromEntries(new URL(json.url).searchParams);
      expect(asked).toEqual({ asked: uri, ms: '900000', contentType: 'text/plain', fileName: 'linked.txt' });
      const left = Date.parse(json.expiresAt) - Date.now();
      expect(left > 800_000 && left <= 900_000).toBe(true);
    } finally {
      server.storage.link = link;
    }
  });

  test('what is not there or is something else is 404', async () => {
    const { id: video } = await makeVideo(server, { title: 'A' });
    for (const ref of [video, randomUUID(), 'x', encodeURIComponent('../../etc/passwd')])
      for (const path of ['', '/content', '/link'])
        expect((await get(`/api/artifacts/${ref}${path}`)).status).toBe(404);
    expect((await get('/api/artifacts/%00/content')).status).toBe(400);
  });
});

describe('when the store does not keep its word', () => {
  test('a file that is gone is 404, also for HEAD', async () => {
    const { id, uri } = await store(server, 'gone/a', text);
    rmSync(fileURLToPath(uri));
    const reply = await get(`/api/artifacts/${id}/content`);
    expect([reply.status, reply.headers['content-type'], reply.headers['cache-control']]).toEqual([
      404,
      'application/problem+json; charset=utf-8',
      'no-store',
    ]);
    expect(reply.json.detail).toContain('is not in the store');
    expect((await ask(server, 'HEAD', `/api/artifacts/${id}/content`)).status).toBe(404);
  });

  test('one that has nothing of what was asked for is 500', async () => {
    const { id, uri } = await store(server, 'short/a', text);
    cutTo(uri, 9);
    const reply = await get(`/api/artifacts/${id}/content`, { range: 'bytes=10-19' });
    expect([reply.status, reply.json.detail]).toEqual([500, expect.stringContaining('ends 10 bytes early')]);
    expect(reply.headers['cache-control']).toBe('no-store');
    expect((await ask(server, 'HEAD', `/api/artifacts/${id}/content`)).status).toBe(500);
    // The part that is there can be had.
    expect((await get(`/api/artifacts/${id}/content`, { range: 'bytes=0-8' })).body.toString()).toBe('The quick');
  });

  test('one that ends early cuts the connection, and is never a short 200', async () => {
    for (const [size, left] of [
      [43, 10],
      [8_000_000, 7_000_000],
    ] as const) {
      const { id, uri } = await store(server, `short/${size}`, randomBytes(size));
      cutTo(uri, left);
      const reply = await get(`/api/artifacts/${id}/content`);
      expect([reply.status, reply.headers['content-length'], reply.cut]).toEqual([200, String(size), true]);
      const told = () => server.lines.some((line) => line.includes('stored file cut off') && line.includes(uri));
      await until(told, { what: 'the log tells of it' });
    }
  });

  test('a stream that fails on its way cuts the connection too', async () => {
    const { id } = await store(server, 'fails/a', randomBytes(1_000_000));
    const { storage } = server;
    const { get: before } = storage;
    const seen = Promise.withResolvers<void>();
    storage.get = async () =>
      Readable.from(
        (async function* () {
          yield randomBytes(100_000);
          await seen.promise;
          throw new Error('the network went away');
        })(),
      );
    try {
      const { response } = await open(id);
      await once(response, 'readable');
      seen.resolve();
      response.on('error', () => {}).resume();
      await new Promise((resolve) => response.once('close', resolve));
      expect([response.statusCode, response.complete]).toEqual([200, false]);
    } finally {
      storage.get = before;
    }
  });

  test('an artifact of another store is a sentence', async () => {
    const { id } = await store(server, 'elsewhere/a', text);
    await server.db.query(`update artifacts set uri = 'gs://elsewhere/a' where id = '${id}'`);
    const reply = await get(`/api/artifacts/${id}/content`);
    expect([reply.status, reply.json.detail]).toEqual([404, expect.stringContaining('another store')]);
  });
});

describe('a client', () => {
  test('that goes away stops the reading', async () => {
    const { id } = await store(server, 'big/abort', randomBytes(20_000_000));
    await reading(async (streams) => {
      const { asked, response } = await open(id);
      await once(response, 'readable');
      asked.destroy();
      await until(() => streams[0]?.destroyed === true, { what: 'the store is read no more' });
    });
  });

  test('that is slow is waited for, with little in memory', async () => {
    const { id } = await store(server, 'big/slow', randomBytes(60_000_000));
    await reading(async (streams) => {
      const { asked, response } = await open(id);
      response.pause();
      const read = () => (streams[0] as unknown as { bytesRead: number }).bytesRead;
      // Until the sockets' own buffers are full, and it stands still.
      let last = -1;
      await until(
        () => {
          const now = read();
          const still = now === last;
          last = now;
          return still;
        },
        { what: 'the reading rests', everyMs: 200 },
      );
      expect(read()).toBeLessThan(40_000_000);
      asked.destroy();
      await until(() => streams[0]?.destroyed === true, { what: 'the store is read no more' });
    });
  });
});

describe('/files/*', () => {
  test('sends what an artifact names, by its key, with ranges', async () => {
    await store(server, 'runs/2/Märchen 1/a+b.txt', text);
    const { status, body, headers } = await get('/files/runs/2/M%C3%A4rchen%201/a+b.txt', { range: 'bytes=4-8' });
    expect([status, body.toString(), headers['cache-control']]).toEqual([
      206,
      'quick',
      expect.stringContaining('immutable'),
    ]);
    const long = `runs/${'k'.repeat(200)}/${'l'.repeat(200)}`;
    await store(server, long, text);
    expect((await get(`/files/${long}`)).body.toString()).toBe(text);
  });

  test('has nothing that no artifact names, and no way out of the store', async () => {
    await server.storage.put('loose/secret', Buffer.from('secret'), { contentType: 'text/plain' });
    await store(server, 'runs/3/a.txt', text);
    await reading(async (streams) => {
      for (const path of [
        'loose/secret',
        'runs',
        'runs/3',
        '',
        '../../../../etc/passwd',
        '..%2f..%2f..%2f..%2fetc%2fpasswd',
        '%2e%2e/%2e%2e/%2e%2e/etc/passwd',
        '%2e%2e%2fetc%2fpasswd',
        '%252e%252e%252fetc%252fpasswd',
        '..%5c..%5cetc%5cpasswd',
        '..\\..\\etc\\passwd',
        '/etc/passwd',
        '%2fetc%2fpasswd',
        'runs/3/../3/a.txt',
        'runs/3/./a.txt',
        'runs//3/a.txt',
        'runs/3/a.txt/',
        'runs/3/a.txt%00',
        'runs/3/a.txt%0d%0aset-cookie:a=b',
        '.incoming/x',
        'runs/3/%c0%ae%c0%ae/a.txt',
        'file:///etc/passwd',
        `${'a'.repeat(1_050)}`,
      ]) {
        const reply = await get(`/files/${path}`);
        expect([path, [400, 404].includes(reply.status)]).toEqual([path, true]);
        expect(reply.headers['content-type']).toContain('problem+json');
      }
      expect(streams).toEqual([]);
    });
  });
});

describe('videos', () => {
  test('one is listed, shown, played and pictured', async () => {
    const film = await store(server, `videos/${randomUUID()}/album.mp4`, text, { contentType: 'video/mp4' });
    const picture = await store(server, `videos/${randomUUID()}/thumbnail.jpg`, 'jpeg!', { contentType: 'image/jpeg' });
    const facts = { title: 'Schloß / Nacht', uri: film.uri, thumbnail: picture.uri };
    const { id, identifier } = await makeVideo(server, facts);
    await server.db.query(`update artifacts set video_id = '${id}' where id in ('${film.id}', '${picture.id}')`);
    const { json } = await get(`/api/videos/${id}`);
    expect(json).toMatchObject({
      video: { id, identifier, title: facts.title, uri: film.uri, sizeBytes: 5 },
      runs: [],
    });
    expect((await get(`/api/videos/${identifier}`)).json).toEqual(json);
    expect((await get('/api/videos?limit=1')).json.videos[0]).toMatchObject({ id, thumbnailUri: picture.uri });

    const played = await get(`/api/videos/${identifier}/content`, { range: 'bytes=4-8' });
    expect([played.status, played.body.toString()]).toEqual([206, 'quick']);
    // Another render may stand here tomorrow.
    expect(played.headers).toMatchObject({ 'content-type': 'video/mp4', 'cache-control': 'private, no-cache', etag });
    expect(played.headers['content-disposition']).toContain("filename*=UTF-8''Schlo%C3%9F%20-%20Nacht.mp4");
    const pictured = await get(`/api/videos/${id}/thumbnail`);
    expect([pictured.status, pictured.headers['content-type'], pictured.body.toString()]).toEqual([
      200,
      'image/jpeg',
      'jpeg!',
    ]);
  });

  test('a run that makes one is among its runs', async () => {
    const [made] = await server.operator.enqueue([
      { kind: 'album', channel: 'V', niche: 'V', moods: ['calm'], preview: true },
    ]);
    const { run } = (await get(`/api/runs/${made?.runId}`)).json;
    const { json } = await get(`/api/videos/${run.videoId}`);
    expect(json.runs).toEqual([run]);
    expect(json.video).toMatchObject({ status: 'pending', channelName: 'V', uri: null });
    const unfinished = await get(`/api/videos/${run.videoId}/content`);
    expect([unfinished.status, unfinished.json.detail]).toEqual([404, expect.stringContaining('has no file yet')]);
  });

  test('deleted ones and other ids are not there', async () => {
    const { id } = await makeVideo(server, { title: 'Gone', deleted: true });
    const artifact = await store(server, 'videos/other', text);
    for (const ref of [id, artifact.id, 'nothing'])
      for (const path of ['', '/content', '/thumbnail'])
        expect((await get(`/api/videos/${ref}${path}`)).status).toBe(404);
    const { videos } = (await get('/api/videos?limit=200')).json;
    expect(videos.some((video: { id: string }) => video.id === id)).toBe(false);
  });

  test('are paged without loss or double while new ones come', async () => {
    const wanted = (await get('/api/videos?limit=200')).json.videos.map(({ id }: { id: string }) => id);
    for (let n = 0; n < 25; n++) wanted.unshift((await makeVideo(server, { title: `P ${n}` })).id);
    const seen: string[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const { json } = await get(`/api/videos?limit=7${cursor ? `&cursor=${cursor}` : ''}`);
      seen.push(...json.videos.map(({ id }: { id: string }) => id));
      cursor = json.next;
      await makeVideo(server, { title: 'Later' });
    }
    expect(seen).toEqual(wanted);
  });
});
