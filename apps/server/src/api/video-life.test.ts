import { beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../testing.ts';
import { ask, makeVideo, type Reply } from './testing.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});

const send = (method: string, path: string, body?: unknown): Promise<Reply> =>
  ask(server, method, path, body === undefined ? {} : { body });
const refusal = ({ status, json }: Reply) => [status, json.detail as string] as const;

describe('a video', () => {
  test('is edited at the version that was read, and refused with 409 at any other', async () => {
    const { id, identifier } = await makeVideo(server, { title: 'First' });
    await send('POST', '/api/categories', { name: 'Court Music' });
    const { video } = (await send('GET', `/api/videos/${id}`)).json;
    const change = {
      title: 'Second',
      description: 'Two\nlines',
      category: 'court-music',
      addTags: ['Night', 'Déjà vu'],
    };
    const edited = await send('PATCH', `/api/videos/${identifier}`, { stateVersion: video.stateVersion, ...change });
    expect([edited.status, edited.json]).toEqual([200, { video: identifier, stateVersion: video.stateVersion + 1 }]);
    expect((await send('GET', `/api/videos/${id}`)).json.video).toMatchObject({
      title: 'Second',
      description: 'Two\nlines',
      category: 'court-music',
      tags: ['deja-vu', 'night'],
      stateVersion: video.stateVersion + 1,
    });
    const late = await send('PATCH', `/api/videos/${id}`, { stateVersion: video.stateVersion, title: 'Third' });
    expect(refusal(late)).toEqual([
      409,
      `the video was changed meanwhile: it is at version ${video.stateVersion + 1}, not ${video.stateVersion}; read it again and repeat the edit`,
    ]);
    const cleared = { stateVersion: video.stateVersion + 1, category: null, removeTags: ['Night'] };
    expect((await send('PATCH', `/api/videos/${id}`, cleared)).status).toBe(200);
    expect((await send('GET', `/api/videos/${id}`)).json.video).toMatchObject({
      title: 'Second',
      category: null,
      tags: ['deja-vu'],
    });
    const trail = await server.db.query(
      `select actor, action from video_audit where video_id = '${id}' order by state_version`,
    );
    expect(trail.slice(1)).toEqual([
      { actor: 'test', action: 'edit' },
      { actor: 'test', action: 'edit' },
    ]);
  });

  test('takes no edit that says nothing, too much, or what is not there', async () => {
    const { id } = await makeVideo(server, { title: 'Picky' });
    const at = { stateVersion: 1 };
    expect((await send('PATCH', `/api/videos/${id}`, { title: 'No version' })).status).toBe(400);
    expect(refusal(await send('PATCH', `/api/videos/${id}`, at))[1]).toMatch(/nothing to change/);
    expect((await send('PATCH', `/api/videos/${id}`, { ...at, status: 'ready' })).status).toBe(400);
    expect(refusal(await send('PATCH', `/api/videos/${id}`, { ...at, category: 'none' }))).toEqual([
      404,
      expect.stringContaining('there is no category "none"'),
    ]);
    expect(refusal(await send('PATCH', `/api/videos/${id}`, { ...at, addTags: ['!!!'] }))[1]).toMatch(/no letter/);
    expect((await send('PATCH', '/api/videos/nothing', { ...at, title: 'x' })).status).toBe(404);
  });

  test('is deleted, listed among the deleted, restored and purged, each with its run', async () => {
    const { id, identifier } = await makeVideo(server, { title: 'Passing' });
    expect(refusal(await send('POST', `/api/videos/${id}/restore`))).toEqual([
      409,
      `video "${identifier}" is not deleted: there is nothing to restore`,
    ]);
    expect((await send('POST', `/api/videos/${id}/purge`)).status).toBe(409);
    const deleted = await send('DELETE', `/api/videos/${identifier}`);
    expect([deleted.status, deleted.json]).toEqual([
      202,
      { video: identifier, runId: expect.any(String), cancelled: 0, asked: 0 },
    ]);
    expect((await send('GET', `/api/runs/${deleted.json.runId}`)).json.run).toMatchObject({
      template: 'archive',
      videoId: id,
    });
    expect((await send('GET', `/api/videos/${id}`)).status).toBe(404);
    expect((await send('GET', `/api/videos/${id}?deleted=true`)).json.video.deletedAt).toEqual(expect.any(String));
    const listed = async (query: string) =>
      (await send('GET', `/api/videos?limit=200${query}`)).json.videos.some((one: { id: string }) => one.id === id);
    expect([await listed(''), await listed('&deleted=true')]).toEqual([false, true]);
    expect((await send('DELETE', `/api/videos/${id}`)).status).toBe(409);
    expect((await send('PATCH', `/api/videos/${id}`, { stateVersion: 2, title: 'x' })).status).toBe(409);

    const restored = await send('POST', `/api/videos/${id}/restore`);
    expect([restored.status, (await send('GET', `/api/runs/${restored.json.runId}`)).json.run.template]).toEqual([
      202,
      'restore',
    ]);
    expect(refusal(await send('POST', `/api/videos/${id}/purge`))[1]).toMatch(/is being restored: cancel run/);
    await send('POST', `/api/runs/${restored.json.runId}/cancel`);
    const purged = await send('POST', `/api/videos/${id}/purge`);
    expect([purged.status, (await send('GET', `/api/runs/${purged.json.runId}`)).json.run.template]).toEqual([
      202,
      'purge',
    ]);
    expect(refusal(await send('POST', `/api/videos/${id}/restore`))[1]).toMatch(/is about to be purged: cancel run/);
    expect((await send('DELETE', '/api/videos/nothing')).status).toBe(404);
  });

  test('is found by what it is filed under; what is not there is said, not answered with an empty page', async () => {
    const { id } = await makeVideo(server, { title: 'Filed' });
    await send('POST', '/api/categories', { name: 'Quiet Rooms' });
    await send('PATCH', `/api/videos/${id}`, { stateVersion: 1, category: 'Quiet Rooms', addTags: ['Rain'] });
    for (const query of [
      'category=quiet-rooms',
      'tag=rain',
      'tag=Rain&status=pending',
      'category=quiet-rooms&tag=rain',
    ])
      expect((await send('GET', `/api/videos?${query}`)).json.videos).toMatchObject([{ id }]);
    expect((await send('GET', '/api/videos?tag=rain&status=ready')).json.videos).toEqual([]);
    expect((await send('GET', '/api/videos?tag=sun')).status).toBe(404);
    expect((await send('GET', '/api/videos?status=odd')).status).toBe(400);
    expect((await send('GET', '/api/videos?deleted=maybe')).status).toBe(400);
  });
});

describe('categories and tags', () => {
  test('a category is made, listed with its videos, renamed and removed; its videos stay', async () => {
    const made = await send('POST', '/api/categories', { name: 'Early Music', description: 'Before 1750' });
    expect([made.status, made.json]).toMatchObject([201, { slug: 'early-music', name: 'Early Music', videos: 0 }]);
    expect(refusal(await send('POST', '/api/categories', { name: 'early  music!' }))).toEqual([
      409,
      expect.stringContaining('there is a category "early-music" already'),
    ]);
    const { id } = await makeVideo(server, { title: 'In it' });
    await send('PATCH', `/api/videos/${id}`, { stateVersion: 1, category: made.json.id });
    const renamed = await send('PATCH', '/api/categories/early-music', { name: 'Old Music' });
    expect(renamed.json).toMatchObject({ slug: 'old-music', description: 'Before 1750', videos: 1 });
    const { categories } = (await send('GET', '/api/categories')).json;
    expect(categories.map((one: { slug: string }) => one.slug)).toContain('old-music');
    expect((await send('DELETE', '/api/categories/old-music')).json).toMatchObject({ videos: 1 });
    expect((await send('GET', `/api/videos/${id}`)).json.video.category).toBeNull();
    expect((await send('DELETE', '/api/categories/old-music')).status).toBe(404);
    expect((await send('PATCH', '/api/categories/old-music', { name: 'x' })).status).toBe(404);
    expect((await send('POST', '/api/categories', { name: '…' })).status).toBe(422);
  });

  test('a tag is made with its first video, counted, and removed from all', async () => {
    const [one, two] = [await makeVideo(server, { title: 'One' }), await makeVideo(server, { title: 'Two' })];
    for (const { id } of [one, two])
      await send('PATCH', `/api/videos/${id}`, { stateVersion: 1, addTags: ['Candle Light', 'candle light'] });
    const tagged = async () =>
      (await send('GET', '/api/tags')).json.tags.find((tag: { slug: string }) => tag.slug === 'candle-light');
    expect(await tagged()).toMatchObject({ name: 'candle light', videos: 2 });
    await send('DELETE', `/api/videos/${two.id}`);
    expect(await tagged()).toMatchObject({ videos: 1 });
    expect((await send('DELETE', '/api/tags/candle-light')).status).toBe(200);
    expect(await tagged()).toBeUndefined();
    expect((await send('GET', `/api/videos/${one.id}`)).json.video.tags).toEqual([]);
    expect((await send('DELETE', '/api/tags/candle-light')).status).toBe(404);
  });
});
