/** The audience: what players say is written down once, bounded, and known by no more than a cookie. */
import { beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../testing.ts';
import { ask, makeVideo, type Reply } from './testing.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});

const say = (body: unknown, headers: Record<string, string> = {}) =>
  ask(server, 'POST', '/api/playback', { body, headers });
const cookieOf = ({ headers }: Reply) => String(headers['set-cookie'] ?? '').split(';')[0] ?? '';
const film = async (title: string, seconds: number) => {
  const { id, identifier } = await makeVideo(server, { title });
  await server.db.query(`update videos set duration_seconds = ${seconds} where id = '${id}'`);
  return { id, identifier };
};
/** As if it had begun so many seconds ago. */
const began = (session: string, secondsAgo: number) =>
  server.db.query(
    `update playback_sessions set started_at = now() - interval '${secondsAgo} seconds' where session_token = '${session}'`,
  );
const rowOf = async (session: string) =>
  (
    await server.db.query<Record<string, unknown>>(
      `select duration_watched, max_position, quality_used, completed, ended_at is not null as ended
      from playback_sessions where session_token = '${session}'`,
    )
  )[0];
const analytics = async (path = '/api/analytics') => (await ask(server, 'GET', path)).json;

describe('a playback', () => {
  test('begins, goes on and ends, and is completed at nine tenths', async () => {
    const { id, identifier } = await film('Watched', 100);
    const { json } = await say({ event: 'start', video: identifier });
    const { session } = json;
    expect(await rowOf(session)).toMatchObject({ duration_watched: 0, completed: false, ended: false });
    await began(session, 200);
    await say({ event: 'heartbeat', session, watchedSeconds: 50, positionSeconds: 60, quality: '720p' });
    expect(await rowOf(session)).toEqual({
      duration_watched: 50,
      max_position: 60,
      quality_used: '720p',
      completed: false,
      ended: false,
    });
    await say({ event: 'end', session, watchedSeconds: 91, positionSeconds: 95, quality: '1080p' });
    expect(await rowOf(session)).toEqual({
      duration_watched: 91,
      max_position: 95,
      quality_used: '1080p',
      completed: true,
      ended: true,
    });
    expect(await analytics(`/api/videos/${id}/analytics`)).toEqual({
      totalViews: 1,
      uniqueViewers: 1,
      watchHours: 91 / 3600,
      completionRate: 1,
      furthestSeconds: 95,
      byQuality: [{ quality: '1080p', views: 1 }],
    });
  });

  test('is not completed by jumping to its end, nor watched for longer than it has lasted', async () => {
    const { identifier } = await film('Skipped', 1_000);
    const { session } = (await say({ event: 'start', video: identifier })).json;
    await say({ event: 'end', session, watchedSeconds: 1_000, positionSeconds: 5_000, quality: null });
    const row = await rowOf(session);
    expect(Number(row?.duration_watched)).toBeLessThan(20);
    expect(row).toMatchObject({ max_position: 1_000, completed: false });
  });

  test('takes words in any order, twice or late, and never falls back', async () => {
    const { identifier } = await film('Shuffled', 100);
    const { session } = (await say({ event: 'start', video: identifier })).json;
    await began(session, 90);
    for (const watchedSeconds of [10, 30, 20, 30])
      await say({ event: 'heartbeat', session, watchedSeconds, positionSeconds: watchedSeconds });
    expect(await rowOf(session)).toMatchObject({ duration_watched: 30, max_position: 30, quality_used: null });
  });

  test.each<[string, unknown, number]>([
    ['of no video', { event: 'start', video: 'nothing-of-that-name' }, 404],
    ['that never began', { event: 'end', session: 'x'.repeat(43), watchedSeconds: 1, positionSeconds: 1 }, 404],
    [
      'with a session of another form',
      { event: 'end', session: "' or 1=1", watchedSeconds: 1, positionSeconds: 1 },
      400,
    ],
    ['of less than nothing', { event: 'end', session: 'x'.repeat(43), watchedSeconds: -1, positionSeconds: 1 }, 400],
    ['of another kind', { event: 'rewind', session: 'x'.repeat(43) }, 400],
    [
      'in no quality',
      { event: 'end', session: 'x'.repeat(43), watchedSeconds: 1, positionSeconds: 1, quality: 'best' },
      400,
    ],
  ])('%s is refused', async (_what, body, status) => {
    expect((await say(body)).status).toBe(status);
  });

  test('of a deleted video does not begin', async () => {
    const { id } = await makeVideo(server, { title: 'Gone', deleted: true });
    expect((await say({ event: 'start', video: id })).status).toBe(404);
  });
});

describe('a viewer', () => {
  test('is one cookie over many views, out of reach of scripts and other sites, and holds no address', async () => {
    const { id, identifier } = await film('Twice', 10);
    const first = await say({ event: 'start', video: identifier });
    const cookie = cookieOf(first);
    expect(String(first.headers['set-cookie'])).toMatch(
      /^reelfleet_viewer=[\w-]{43}; Max-Age=31536000; Path=\/api\/playback; HttpOnly; SameSite=Strict$/,
    );
    expect(cookieOf(await say({ event: 'start', video: identifier }, { cookie }))).toBe(cookie);
    await say({ event: 'start', video: identifier });
    expect(await analytics(`/api/videos/${id}/analytics`)).toMatchObject({ totalViews: 3, uniqueViewers: 2 });
    const columns = await server.db.query<{ name: string }>(
      `select column_name as name from information_schema.columns where table_name in ('viewers', 'playback_sessions') order by 1`,
    );
    expect(columns.map(({ name }) => name).filter((name) => /ip|addr|agent/.test(name))).toEqual([]);
  });

  test('that asks not to be followed counts as a view by nobody', async () => {
    const { id, identifier } = await film('Unseen', 10);
    const reply = await say({ event: 'start', video: identifier }, { 'sec-gpc': '1' });
    expect([reply.status, reply.headers['set-cookie']]).toEqual([200, undefined]);
    expect(await analytics(`/api/videos/${id}/analytics`)).toMatchObject({ totalViews: 1, uniqueViewers: 0 });
  });
});

test('before the first view there is nothing, and no share of it', async () => {
  const { id } = await film('Fresh', 10);
  expect(await analytics(`/api/videos/${id}/analytics`)).toEqual({
    totalViews: 0,
    uniqueViewers: 0,
    watchHours: 0,
    completionRate: null,
    furthestSeconds: null,
    byQuality: [],
  });
  expect((await analytics()).totalViews).toBeGreaterThan(0);
});

test('an address that says too much is told to wait', async () => {
  const other = await startTestServer();
  const { identifier } = await makeVideo(other, { title: 'Loud' });
  const replies: Reply[] = [];
  for (let n = 0; n < 125; n += 1)
    replies.push(await ask(other, 'POST', '/api/playback', { body: { event: 'start', video: identifier } }));
  const refused = replies.filter(({ status }) => status === 429);
  expect(refused).toHaveLength(5);
  expect(Number(refused[0]?.headers['retry-after'])).toBeGreaterThan(0);
});
