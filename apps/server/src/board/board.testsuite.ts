/** What Bull Board promises at /queues, written once and run against both stores of tickets. */
import { appRoutes } from '@bull-board/api/dist/routes.js';
import { stages } from '@reelfleet/pipelines';
import { type TestRedis, until } from '@reelfleet/testkit';
import { beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../testing.ts';
import { FAILURE, LOG_LINES, openBoardFleet } from './testing.ts';

interface Shown {
  id: string;
  name: string;
  progress: number;
  processedBy: string | null;
  failedReason: string;
  data: Record<string, unknown>;
  externalUrl?: { href: string };
}
interface Queue {
  name: string;
  description?: string;
  counts: Record<string, number>;
  jobs: Shown[];
  isPaused: boolean;
  hasWorkers: boolean;
}

export function boardSuite(startStore: () => Promise<TestRedis | null>) {
  let server: TestServer;
  let fleet: Awaited<ReturnType<typeof openBoardFleet>>;

  const ask = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(`${server.origin}/queues/api${path}`, init);
    const text = await response.text();
    return { status: response.status, body: text === '' ? null : JSON.parse(text) };
  };
  const put = (path: string) => ask(path, { method: 'PUT' });
  const queue = async (stage: string, status = 'latest'): Promise<Queue> => {
    const { body } = await ask(`/queues?activeQueue=${stage}&status=${status}`);
    return body.queues.find((one: Queue) => one.name === stage);
  };
  const tickets = async (stage: string, status: string) => (await queue(stage, status)).jobs;
  const one = (stage: string, status: string, name: string) =>
    until(async () => (await tickets(stage, status)).find((ticket) => ticket.name === name), {
      what: `a ${status} ticket "${name}"`,
    });

  beforeAll(async () => {
    const redis = await startStore();
    server = await startTestServer(redis ? { redisUrl: redis.url } : {});
    fleet = await openBoardFleet(server, redis?.url);
    await fleet.work(['music', 'image']);
    // The first sweep finds a store that is new to it and issues every ticket there is once more.
    await until(() => server.queue.epoch(), { what: 'the first sweep' });
  });

  it('lists the stages in the order of the registry, with what they do and whether a worker serves them', async () => {
    const { body } = await ask('/queues');
    expect(body.queues.map((one: Queue) => one.name)).toEqual([...stages.keys()]);
    expect(body.queues.find((one: Queue) => one.name === 'music')).toMatchObject({
      description: expect.stringMatching(/track/),
      hasWorkers: true,
    });
    expect(body.queues.find((one: Queue) => one.name === 'render').hasWorkers).toBe(false);
  });

  it('shows what waits by its readable name, next one first, with its task, run and priority', async () => {
    const later = await fleet.enqueue('render', { title: 'render · Harbour Lights', end: 'complete' });
    const sooner = await fleet.enqueue('render', { title: 'render · Royal Court', end: 'complete' }, 7);
    await one('render', 'prioritized', 'render · Harbour Lights');
    const [first, second] = await tickets('render', 'prioritized');
    expect(first).toMatchObject({
      name: 'render · Royal Court',
      priority: 7,
      data: { taskId: sooner.task, run: sooner.run, key: 'render', status: 'queued' },
      externalUrl: { href: `/#/runs/${sooner.run}` },
    });
    expect(second?.data.taskId).toBe(later.task);
    const counts = await until(
      async () => {
        const { counts: now } = await queue('render');
        return now.prioritized === 2 && now;
      },
      { what: 'the counts, which are a second old at most, to follow' },
    );
    expect(counts).toMatchObject({ waiting: 0, active: 0 });
  });

  it('shows what is worked on with its progress, its step and its worker, and what completed', async () => {
    await fleet.enqueue('music', { title: 'music 7/20 · Royal Court', end: 'wait' });
    const active = await until(async () => (await tickets('music', 'active')).find(({ progress }) => progress === 42), {
      what: 'progress on the ticket',
    });
    expect(active).toMatchObject({
      name: 'music 7/20 · Royal Court',
      processedBy: 'studio-1',
      data: { status: expect.stringMatching(/^running/) },
    });
    await fleet.enqueue('image', { title: 'image 1/20 · Harbour', end: 'complete' });
    const done = await one('image', 'completed', 'image 1/20 · Harbour');
    const { body } = await ask(`/queues/image/${done.id}`);
    expect(body).toMatchObject({ status: 'completed', job: { name: 'image 1/20 · Harbour' } });
  });

  it("shows a failed ticket with the task's own error and its log lines, all of them and in order", async () => {
    await fleet.enqueue('music', { title: 'music 1/1 · failed', end: 'fail' });
    const failed = await one('music', 'failed', 'music 1/1 · failed');
    expect(failed.failedReason).toMatch(new RegExp(`^${FAILURE}`));
    await until(async () => (await ask(`/queues/music/${failed.id}/logs`)).body.length === LOG_LINES.length, {
      what: 'the log lines',
    });
    expect((await ask(`/queues/music/${failed.id}/logs`)).body).toEqual(LOG_LINES);
  });

  it('retries as an operator does: the task is queued again in Postgres, its old ticket gone, the new one worked', async () => {
    const { task } = await fleet.enqueue('image', { title: 'image 2/2 · retried', end: 'fail' });
    const failed = await one('image', 'failed', 'image 2/2 · retried');
    expect(await put(`/queues/image/${failed.id}/retry`)).toEqual({ status: 204, body: null });
    const again = await until(
      async () => (await tickets('image', 'failed')).find(({ id }) => id !== failed.id && id.startsWith(task)),
      { what: 'the second attempt to fail' },
    );
    expect((await fleet.audit(task)).map(({ action }) => action)).toEqual([
      'create',
      'claim',
      'fail',
      'operator_retry',
      'claim',
      'fail',
    ]);
    expect(again.data).toMatchObject({ stateVersion: 4, attempt: 2 });
    expect((await ask(`/queues/image/${failed.id}`)).status).toBe(404);
  });

  it('refuses to retry what is no longer failed, in one sentence, and changes nothing', async () => {
    const { task } = await fleet.enqueue('image', { title: 'image · retried elsewhere', end: 'fail' });
    const failed = await one('image', 'failed', 'image · retried elsewhere');
    await server.operator.pause('image', null);
    await server.operator.retry(task);
    const before = await fleet.audit(task);
    const { status, body } = await put(`/queues/image/${failed.id}/retry`);
    expect(status).toBe(409);
    expect(body).toEqual({
      error: 'Refused',
      message: expect.stringMatching(/^task image is queued, no longer failed/),
    });
    expect(await fleet.audit(task)).toEqual(before);
    await server.operator.resume('image');
  });

  it('takes a failed ticket off whose task was retried elsewhere', async () => {
    const { task } = await fleet.enqueue('image', { title: 'image · off', end: 'fail' });
    const failed = await one('image', 'failed', 'image · off');
    await server.operator.pause('image', null);
    await server.operator.retry(task);
    expect((await tickets('image', 'failed')).map(({ id }) => id)).not.toContain(failed.id);
    await until(async () => (await ask(`/queues/image/${failed.id}`)).status === 404, {
      what: 'the ticket to be gone',
    });
    await server.operator.resume('image');
  });

  it('retries all that failed in a stage, once each', async () => {
    const tasks = [];
    for (let n = 0; n < 5; n++)
      tasks.push((await fleet.enqueue('music', { title: `music · all ${n}`, end: 'fail' })).task);
    await until(
      async () => (await tickets('music', 'failed')).filter(({ name }) => name.startsWith('music · all')).length === 5,
      { what: 'five failed tickets' },
    );
    await server.operator.pause('music', null);
    const failed = (await tickets('music', 'failed')).length;
    expect(await put('/queues/music/retry/failed')).toEqual({ status: 200, body: { retried: failed, skipped: 0 } });
    for (const task of tasks)
      expect((await fleet.audit(task)).map(({ action }) => action)).toEqual([
        'create',
        'claim',
        'fail',
        'operator_retry',
      ]);
    expect(await queue('music', 'failed')).toMatchObject({ jobs: [], counts: { failed: 0 } });
    await server.operator.resume('music');
  });

  it('pauses and resumes as `reelfleet pause` does, and shows a pause whoever made it', async () => {
    expect((await put('/queues/thumbnail/pause')).status).toBe(200);
    const [paused] = (await server.operator.stages()).filter(({ stage }) => stage === 'thumbnail');
    expect(paused).toMatchObject({ pausedBy: 'test', reason: 'paused in Bull Board' });
    expect(await queue('thumbnail')).toMatchObject({
      isPaused: true,
      description: expect.stringMatching(/^paused by test/),
    });
    expect((await put('/queues/thumbnail/resume')).status).toBe(200);
    expect(await queue('thumbnail')).toMatchObject({
      isPaused: false,
      description: expect.not.stringMatching(/paused/),
    });

    await server.operator.pause('verify', 'new glass');
    await until(async () => (await queue('verify')).isPaused, { what: 'the pause of the command line to show' });
    await put('/queues/resume');
    expect((await server.operator.stages()).filter(({ pausedAt }) => pausedAt !== null)).toEqual([]);
  });

  describe('refuses everything else with a clear sentence and leaves all as it was', () => {
    const allowed = /^\/api\/queues\/(:queueName\/(:jobId\/retry|retry\/:queueStatus|pause|resume)|pause|resume)$/;
    const writes = appRoutes.api.flatMap(({ method, route }) =>
      [method]
        .flat()
        .filter((verb) => verb !== 'get')
        .flatMap((verb) => [route].flat().map((path) => [verb.toUpperCase(), path] as const)),
    );

    it.each(writes.filter(([, path]) => !allowed.test(path)))('%s %s', async (method, path) => {
      const [ticket] = await tickets('render', 'prioritized');
      const before = await tickets('render', 'prioritized');
      const address = path
        .replace(/^\/api/, '')
        .replace(':queueName', 'render')
        .replace(':jobId', ticket?.id ?? '')
        .replace(':queueStatus', 'failed')
        .replace(':schedulerId', 'x');
      const { status, body } = await ask(address, {
        method,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ force: true, name: 'x', data: {}, priority: 1, concurrency: 1, max: 1, duration: 1 }),
      });
      expect(status).toBe(403);
      expect(body.error).toBe('Not done here');
      expect(body.message).toMatch(/^[A-Z].{30,}\.$/);
      expect(await tickets('render', 'prioritized')).toEqual(before);
    });

    it('also to retry what completed', async () => {
      const [done] = await tickets('image', 'completed');
      expect(await put(`/queues/image/${done?.id}/retry`)).toMatchObject({
        status: 409,
        body: { message: expect.stringMatching(/only failed ones are retried/) },
      });
      expect((await put('/queues/image/retry/completed')).status).toBe(403);
    });
  });

  it('answers for its store, and reads stay bounded and whole whatever is asked', async () => {
    expect((await ask('/redis/stats')).body).toMatchObject({ backend: server.queue.kind, version: expect.any(String) });
    expect((await ask('/queues?activeQueue=render&jobsPerPage=1000000000')).body.queues).toHaveLength(stages.size);
    for (const page of ['1e15', '9007199254740991', '1e400'])
      expect([200, 400], page).toContain((await ask(`/queues?activeQueue=render&status=failed&page=${page}`)).status);
    const far = await ask('/queues?activeQueue=render&status=prioritized&page=9007199254740991');
    expect(far).toMatchObject({ status: 200, body: { queues: expect.any(Array) } });
    expect(far.body.queues.flatMap(({ jobs }: Queue) => jobs)).toEqual([]);
    for (const path of ['/queues/render/%00', '/queues/%00/1', '/queues/render/x%0Ay/logs', '/queues?status=%00'])
      expect(await ask(path), path).toMatchObject({
        status: 400,
        body: { message: expect.stringMatching(/control character/) },
      });
    expect(await put('/queues/render/%00/retry')).toMatchObject({
      status: 400,
      body: { message: expect.stringMatching(/control character/) },
    });
    expect((await ask('/queues?activeQueue=%25E0%25A4%25A')).status).toBe(400);
    expect((await ask('/queues/nowhere/1')).status).toBe(404);
    expect((await ask('/queues/render/nothing')).status).toBe(404);
    expect((await ask('/queues/render/nothing/flow')).status).toBe(404);
    const [waiting] = await tickets('render', 'prioritized');
    expect((await ask(`/queues/render/${waiting?.id}/flow`)).body).toMatchObject({ isFlowNode: false });
    expect((await ask('/queues/music/workers')).body.workers).toMatchObject([{ name: 'studio-1' }]);
    expect((await ask('/job-schedulers')).body).toEqual({ schedulers: [] });
  });
}
