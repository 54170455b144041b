import { beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../testing.ts';
import { album, ask, failTask, store } from './testing.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
const post = (path: string, body?: unknown) => ask(server, 'POST', path, body === undefined ? {} : { body });
const get = (path: string) => ask(server, 'GET', path);
const fileOf = async (on: TestServer, key: string) => {
  const { uri, sha256, size_bytes, content_type, id, kind } = await store(on, key, key);
  return { id, kind, uri, sha256, sizeBytes: size_bytes, contentType: content_type };
};

describe('tasks', () => {
  test('a failed one: its trail, its lines, why, the list of dead letters, and its retry', async () => {
    const { json } = await post('/api/runs', {
      template: 'single',
      stage: 'probe',
      input: { source: await fileOf(server, 'in/d') },
    });
    const { taskId } = await failTask(server, json.runId);
    const shown = await get(`/api/tasks/${taskId}`);
    expect(shown.json.task).toMatchObject({ id: taskId, status: 'failed', errorCode: 'broken' });
    expect(shown.json.audit.map(({ action }: { action: string }) => action)).toEqual(['create', 'claim', 'fail']);
    expect(shown.json.run.id).toBe(json.runId);
    expect((await get(`/api/tasks/${taskId}/logs`)).json).toEqual({ lines: ['line one', 'line two'] });
    expect((await get(`/api/tasks/${taskId}/why`)).json.reasons[0]).toMatch(/^it failed/);
    const dead = await get('/api/tasks?status=failed&stage=probe');
    expect(dead.json.tasks).toMatchObject([{ id: taskId, runId: json.runId, stage: 'probe' }]);
    expect((await post(`/api/tasks/${taskId}/retry`)).json).toEqual({ retried: 1 });
    expect((await get('/api/tasks?status=failed')).json).toEqual({ tasks: [], next: null });
    expect((await post(`/api/tasks/${taskId}/cancel`)).json).toEqual({ cancelled: 1, asked: 0 });
  });

  test('dead letters are paged by stage, each once', async () => {
    const other = await startTestServer();
    const source = await fileOf(other, 'in/e');
    const inputs = { probe: { source }, thumbnail: { source } };
    const wanted: string[] = [];
    for (const stage of ['thumbnail', 'probe', 'probe', 'probe', 'thumbnail'] as const) {
      const [made] = await other.operator.enqueue([{ kind: 'stage', stage, input: inputs[stage] }]);
      wanted.push((await failTask(other, made?.runId as string)).taskId);
    }
    const seen: string[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const { json } = await ask(other, 'GET', `/api/tasks?status=failed&limit=2${cursor ? `&cursor=${cursor}` : ''}`);
      seen.push(...json.tasks.map(({ id }: { id: string }) => id));
      cursor = json.next;
    }
    const [t1, p1, p2, p3, t2] = wanted;
    expect(seen).toEqual([t2, t1, p3, p2, p1]);
  });

  test('what is no failed task or no task is refused', async () => {
    const { json } = await post('/api/runs', album);
    expect((await get('/api/tasks')).status).toBe(400);
    expect((await get('/api/tasks?status=queued')).json.detail).toContain('status=failed');
    expect((await get('/api/tasks?status=failed&stage=nope')).status).toBe(404);
    for (const path of ['', '/logs', '/why']) expect((await get(`/api/tasks/${json.runId}${path}`)).status).toBe(404);
    for (const path of ['retry', 'cancel']) expect((await post(`/api/tasks/${json.runId}/${path}`)).status).toBe(404);
    const [, render] = (await get(`/api/runs/${json.runId}`)).json.tasks;
    await post(`/api/runs/${json.runId}/cancel`);
    const alone = await post(`/api/tasks/${render.id}/retry`);
    expect([alone.status, alone.json.detail]).toEqual([409, expect.stringContaining('cannot be retried alone')]);
  });
});

describe('stages and workers', () => {
  test('a stage is paused with a reason and resumed', async () => {
    expect((await post('/api/stages/music/pause', { reason: 'quota' })).json).toEqual({ paused: true });
    const stages = async () => (await get('/api/stages')).json.stages;
    expect((await stages()).find(({ stage }: { stage: string }) => stage === 'music')).toMatchObject({
      reason: 'quota',
    });
    expect((await post('/api/stages/music/resume')).json).toEqual({ resumed: true });
    expect((await post('/api/stages/music/resume')).json).toEqual({ resumed: false });
    expect((await post('/api/stages/image/pause')).json).toEqual({ paused: true });
    expect((await post('/api/stages/musicc/pause')).json.detail).toContain('did you mean "music"');
    expect((await post('/api/stages/music/pause', { reason: 'a\u0000' })).status).toBe(422);
    expect((await post('/api/stages/music/pause', { reasons: 'a' })).json.detail).toContain('"reasons"');
  });

  test('a worker is listed, disabled, enabled and drained', async () => {
    const id = '0197a3f2-6c1e-7b52-9d0c-3f6a1e5b7c99';
    const capabilities = { stages: ['probe'] };
    await server.ledger.hello({ id, name: 'alpha one', type: 'local', capabilities, metadata: {} });
    for (const [action, status] of [
      ['disable', 'disabled'],
      ['enable', 'active'],
      ['drain', 'draining'],
    ]) {
      expect((await post(`/api/workers/alpha%20one/${action}`)).json).toEqual({ changed: 1 });
      const { workers } = (await get('/api/workers')).json;
      expect(workers.find((worker: { id: string }) => worker.id === id)).toMatchObject({ name: 'alpha one', status });
    }
    expect((await post('/api/workers/nobody/drain')).json.detail).toContain('there is no worker "nobody"');
  });
});
