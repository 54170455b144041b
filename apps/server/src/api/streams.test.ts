/** Streams as a player gets them, from this site and from others, with a password and without, from a folder and a bucket. */
import { randomUUID } from 'node:crypto';
import { openStorage } from '@reelfleet/storage';
import { startGcsServer } from '@reelfleet/testkit';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { buildApp } from '../app.ts';
import { makeStream, RUNGS } from '../page/testing.ts';
import { startTestServer, type TestServer } from '../testing.ts';
import { LINK_SECONDS, openLinks } from './links.ts';
import { ask, makeVideo, type Reply, store } from './testing.ts';

const PASSWORD = 'correct horse battery';
const HLS = 'application/vnd.apple.mpegurl';
/** What a browser says when a page of another site asks by script. */
const STRANGER = { origin: 'https://player.example', 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'cors' };
const IMMUTABLE = 'private, max-age=31536000, immutable';

type Stream = Awaited<ReturnType<typeof makeStream>>;
type Server = Pick<TestServer, 'origin'>;
const get = (server: Server, path: string, headers: Record<string, string> = {}) =>
  ask(server, 'GET', path, { headers });

/** Every address that a player of this master comes to, with its answer. */
async function walk(server: Server, master: string, headers: Record<string, string> = {}): Promise<Map<string, Reply>> {
  const seen = new Map<string, Reply>();
  const visit = async (path: string): Promise<void> => {
    if (seen.has(path)) return;
    const reply = await get(server, path, headers);
    seen.set(path, reply);
    if (!path.endsWith('.m3u8')) return;
    const text = reply.body.toString();
    const named = [...text.matchAll(/URI="([^"]+)"|^([^#\s].*)$/gm)].map(([, inTag, line]) => inTag ?? line ?? '');
    for (const one of named) await visit(new URL(one, `http://x${path}`).pathname);
  };
  await visit(master);
  return seen;
}

describe.each(['a folder', 'a bucket'])('from %s', (place) => {
  let server: TestServer;
  let stream: Stream;
  beforeAll(async () => {
    if (place === 'a folder') {
      server = await startTestServer();
    } else {
      const bucket = await startGcsServer();
      const { STORAGE_URL = '', STORAGE_EMULATOR_HOST } = bucket.env;
      server = await startTestServer({ storage: openStorage(STORAGE_URL, { apiEndpoint: STORAGE_EMULATOR_HOST }) });
    }
    stream = await makeStream(server, 'A Film', { captions: true, sprites: true });
  });

  test('all of a stream is there under its own type, and nothing of it ever changes', async () => {
    const { json } = await get(server, `/api/videos/${stream.id}`);
    expect(json.streamUrl).toBe(`/files/${stream.manifest}/master.m3u8`);
    const replies = await walk(server, json.streamUrl);
    // A master, a list and a header and six segments for each of three, the sound in pieces of its own.
    expect(replies.size).toBeGreaterThanOrEqual(1 + 3 * (2 + 5));
    const types = new Set<string>();
    for (const [path, { status, headers, body }] of replies) {
      expect([path, status, headers['cache-control']]).toEqual([path, 200, IMMUTABLE]);
      expect([path, body.length]).toEqual([path, Number(headers['content-length'])]);
      types.add(
        `${path.slice(path.lastIndexOf('.'))} ${path.includes('/audio/') ? 'sound' : ''} ${headers['content-type']}`,
      );
    }
    expect([...types].sort()).toEqual([
      `.m3u8  ${HLS}`,
      '.m4s  video/mp4',
      '.m4s sound audio/mp4',
      '.mp4  video/mp4',
      '.mp4 sound audio/mp4',
    ]);
    for (const url of [json.captionsUrl, json.spritesUrl]) {
      const { status, headers } = await get(server, url);
      expect([status, headers['content-type']]).toEqual([200, 'text/vtt; charset=utf-8']);
    }
  });

  test('the address of a video leads to its master and is asked again; a segment comes in parts', async () => {
    const reply = await get(server, `/api/videos/${stream.identifier}/stream`);
    expect([reply.status, reply.headers.location, reply.headers['cache-control']]).toEqual([
      302,
      `/files/${stream.manifest}/master.m3u8`,
      'private, no-cache',
    ]);
    const segment = `/files/${stream.root}/transcode/chunk/000/1/360p/002.m4s`;
    const whole = await get(server, segment);
    const part = await get(server, segment, { range: 'bytes=100-299' });
    expect([part.status, part.headers['content-range']]).toEqual([206, `bytes 100-299/${whole.body.length}`]);
    expect(part.body.equals(whole.body.subarray(100, 300))).toBe(true);
    expect((await get(server, segment, { 'if-none-match': String(whole.headers.etag) })).status).toBe(304);
    const head = await ask(server, 'HEAD', segment);
    expect([head.status, head.headers['content-length']]).toEqual([200, String(whole.body.length)]);
  });
});

describe('for pages of other sites', () => {
  let open: TestServer;
  let stream: Stream;
  beforeAll(async () => {
    open = await startTestServer();
    stream = await makeStream(open, 'Elsewhere', { captions: true, sprites: true });
  });

  test('without a password whoever knows the id of a video or the key of a file may play it', async () => {
    const first = await get(open, `/api/videos/${stream.id}/stream`, STRANGER);
    expect([first.status, first.headers['access-control-allow-origin']]).toEqual([302, '*']);
    const replies = await walk(open, String(first.headers.location), STRANGER);
    expect(replies.size).toBeGreaterThan(20);
    for (const [path, { status, headers }] of replies)
      expect([path, status, headers['access-control-allow-origin'], headers['cross-origin-resource-policy']]).toEqual([
        path,
        200,
        '*',
        'cross-origin',
      ]);
  });

  test('but no name that can be guessed, no source, and nothing else', async () => {
    const { uri } = await store(open, `${stream.root}/import/1/source.mp4`, 'source', { videoId: stream.id });
    const source = `/files/${open.storage.keyOf(uri)}`;
    for (const path of [`/api/videos/${stream.identifier}/stream`, source, `/api/videos/${stream.id}`, '/api/videos']) {
      const reply = await get(open, path, STRANGER);
      expect([path, reply.status, reply.headers['access-control-allow-origin']]).toEqual([path, 403, undefined]);
    }
    expect((await get(open, source)).status).toBe(200);
    expect((await get(open, source)).headers['access-control-allow-origin']).toBeUndefined();
  });

  describe('with a password', () => {
    let closed: Server;
    const authorization = `Basic ${Buffer.from(`ann:${PASSWORD}`).toString('base64')}`;
    beforeAll(async () => {
      const app = await buildApp({ ...open.context, access: { password: PASSWORD, host: '127.0.0.1' } });
      closed = { origin: await app.listen({ host: '127.0.0.1', port: 0 }) };
      return () => app.close();
    });
    const link = async (): Promise<string> =>
      (await get(closed, `/api/videos/${stream.id}/stream/link`, { authorization })).json.url;

    test('a key alone opens nothing, and no answer to a password is for other sites', async () => {
      const master = `/files/${stream.manifest}/master.m3u8`;
      for (const path of [master, `/api/videos/${stream.id}/stream`, `/api/videos/${stream.id}/stream/link`])
        expect([path, (await get(closed, path, STRANGER)).status]).toEqual([path, 401]);
      const admitted = await get(closed, master, { authorization });
      expect([admitted.status, admitted.headers['access-control-allow-origin']]).toEqual([200, undefined]);
      expect((await get(closed, master, { ...STRANGER, authorization })).status).toBe(403);
    });

    test('a link opens all of one stream to everybody, for as long as it says', async () => {
      const replies = await walk(closed, await link(), STRANGER);
      expect(replies.size).toBe((await walk(open, `/files/${stream.manifest}/master.m3u8`)).size);
      for (const [path, { status, headers }] of replies) {
        expect([path, status, headers['access-control-allow-origin']]).toEqual([path, 200, '*']);
        const [, seconds = '0'] = /^public, max-age=(\d+), immutable$/.exec(String(headers['cache-control'])) ?? [];
        expect(Number(seconds)).toBeGreaterThan(LINK_SECONDS - 10);
        expect(Number(seconds)).toBeLessThanOrEqual(LINK_SECONDS + 3600);
      }
    });

    test('and nothing but that: no other run, no source, no changed or invented token', async () => {
      const other = await makeStream(open, 'Another');
      const { uri } = await store(open, `${stream.root}/import/2/source.mp4`, 'source', { videoId: stream.id });
      const [, token = ''] = /^\/streams\/([^/]+)\//.exec(await link()) ?? [];
      const changed = token.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'));
      const later = token.replace(/^[^.]+/, (until) => (Number.parseInt(until, 36) + 3600).toString(36));
      const master = `${stream.manifest}/master.m3u8`;
      for (const path of [
        `/streams/${token}/${other.manifest}/master.m3u8`,
        `/streams/${token}/${open.storage.keyOf(uri)}`,
        `/streams/${changed}/${master}`,
        `/streams/${later}/${master}`,
        `/streams/x/${master}`,
      ]) {
        const reply = await get(closed, path);
        expect([path, reply.status]).toEqual([path, 403]);
        expect(reply.json.detail).toMatch(/^this link is no longer good/);
      }
      expect((await get(closed, `/streams/${token}/${stream.root}/transcode/nothing.m4s`)).status).toBe(404);
      // On the server without a password the key of links is another one.
      expect((await get(open, `/streams/${token}/${master}`)).status).toBe(403);
    });
  });
});

describe('a link', () => {
  const key = 'runs/r1/transcode/manifest/1/master.m3u8';
  test('is taken by every server with the same password, until it expires, and by none with another', async () => {
    const [one, two, other] = await Promise.all([openLinks('a'), openLinks('a'), openLinks('b')]);
    const now = Date.now();
    const { token, expiresAt } = one.issue(key, now) ?? { token: '', expiresAt: new Date(0) };
    expect(two.secondsLeft(token, key, now)).toBeGreaterThanOrEqual(LINK_SECONDS - 1);
    expect(other.secondsLeft(token, key, now)).toBe(0);
    expect(two.secondsLeft(token, key, expiresAt.getTime() - 5_000)).toBe(5);
    expect(two.secondsLeft(token, key, expiresAt.getTime())).toBe(0);
    expect(two.secondsLeft(token, 'runs/r1x/a', now)).toBe(0);
    expect(one.issue('channels/x.m3u8', now)).toBeNull();
  });
});

describe('a file is looked up', () => {
  test('once for a hundred who ask at once, and again when it was not there', async () => {
    const server = await startTestServer();
    const { id } = await makeVideo(server, { title: 'Once' });
    const at = vi.spyOn(server.operator.artifacts, 'at');
    const key = `runs/${randomUUID()}/transcode/manifest/1/master.m3u8`;
    expect((await get(server, `/files/${key}`)).status).toBe(404);
    await store(server, key, '#EXTM3U\n', { contentType: HLS, kind: 'manifest', videoId: id });
    const replies = await Promise.all(Array.from({ length: 100 }, () => get(server, `/files/${key}`)));
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(100);
    expect(at).toHaveBeenCalledTimes(2);
  });
});

test('a video without a stream says so, and every quality says how far it is', async () => {
  const server = await startTestServer();
  const { id, identifier } = await makeVideo(server, { title: 'Not Yet' });
  const reply = await get(server, `/api/videos/${id}/stream`);
  expect([reply.status, reply.json.detail]).toEqual([
    404,
    `video "${identifier}" has no stream yet: it is pending, so wait for its run`,
  ]);
  const none = await get(server, `/api/videos/${id}`);
  expect(none.json).toMatchObject({
    streamUrl: null,
    captionsUrl: null,
    spritesUrl: null,
    qualities: [],
    chapters: [],
  });
  const stream = await makeStream(server, 'Ready');
  const { json } = await get(server, `/api/videos/${stream.id}`);
  expect(json.qualities).toEqual(
    RUNGS.map(({ quality, width, height, kbits }) => ({
      quality,
      width,
      height,
      bitrate: kbits,
      status: 'completed',
      progressPercent: 100,
      segmentsCompleted: null,
      segmentsTotal: null,
    })),
  );
});
