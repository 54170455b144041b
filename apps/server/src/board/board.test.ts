import { createLogger } from '@reelfleet/config';
import { openReads } from '@reelfleet/db';
import { migratedDatabase } from '@reelfleet/db/testing';
import { migrateQueue, openQueue } from '@reelfleet/fleet';
import { redisMissing, startRedis, startTcpProxy, until, withRedis } from '@reelfleet/testkit';
import { describe, expect, it } from 'vitest';
import { startTestServer } from '../testing.ts';
import { boardSuite } from './board.testsuite.ts';
import { openBoardFleet } from './testing.ts';

describe('Bull Board, tickets on Postgres', () => boardSuite(async () => null));

describe.skipIf(redisMissing() !== null)(withRedis('Bull Board, tickets on Redis'), () =>
  boardSuite(() => startRedis()),
);

describe('a store of tickets that is away', () => {
  const AWAY = /^the store of the tickets does not answer .* no work is lost by that/;

  it.skipIf(redisMissing() !== null)(
    withRedis('is one sentence, soon, and the board is back when Redis is'),
    async () => {
      const redis = await startRedis();
      if (redis === null) throw new Error('redis-server was there a moment ago');
      const server = await startTestServer({ redisUrl: redis.url });
      const look = () => fetch(`${server.origin}/queues/api/queues`);
      expect((await look()).status).toBe(200);
      await redis.kill();
      const away = await until(
        async () => {
          const began = performance.now();
          const response = await look();
          return response.status === 503 && { body: await response.json(), tookMs: performance.now() - began };
        },
        { what: 'the loss of Redis to show' },
      );
      expect(away.body).toEqual({ error: 'Not now', message: expect.stringMatching(AWAY) });
      expect(away.tookMs).toBeLessThan(4_000);
      await redis.restart();
      await until(async () => (await look()).status === 200, { what: 'the board to be back' });
    },
  );

  it('is one sentence when Postgres keeps the tickets, and the board is back when it is', async () => {
    const database = await migratedDatabase({ migrateQueue });
    const proxy = await startTcpProxy(database.url);
    const queue = openQueue(
      { kind: 'postgres', url: proxy.url },
      { consumers: 0, log: createLogger({ level: 'silent', name: 'test' }) },
    );
    const server = await startTestServer({ context: { queue } });
    const look = () => fetch(`${server.origin}/queues/api/queues`);
    expect((await look()).status).toBe(200);
    proxy.refuse();
    const away = await until(
      async () => {
        const response = await look();
        return response.status === 503 && ((await response.json()) as { message: string });
      },
      { what: 'the loss of the store to show' },
    );
    expect(away.message).toMatch(AWAY);
    proxy.heal();
    await until(async () => (await look()).status === 200, { what: 'the board to be back' });
    await queue.close(1_000);
  });
});

it('says so when Postgres is away, where the truth is', async () => {
  const database = await migratedDatabase({ migrateQueue });
  const proxy = await startTcpProxy(database.url);
  const reads = openReads(proxy.url, { name: 'test' });
  const server = await startTestServer({ context: { reads: reads.db } });
  const look = () => fetch(`${server.origin}/queues/api/queues`);
  expect((await look()).status).toBe(200);
  proxy.refuse();
  const away = await until(
    async () => {
      const response = await look();
      return response.status === 503 && ((await response.json()) as { message: string });
    },
    { what: 'the loss of Postgres to show' },
  );
  expect(away.message).toMatch(/^the database did not answer/);
  proxy.heal();
  await until(async () => (await look()).status === 200, { what: 'the board to be back' });
  await reads.end();
});

it('counts no failed ticket for long whose task was retried elsewhere, though nobody opens its list', async () => {
  const server = await startTestServer();
  const fleet = await openBoardFleet(server);
  await fleet.work(['image']);
  await until(() => server.queue.epoch(), { what: 'the first sweep' });
  const { task } = await fleet.enqueue('image', { title: 'image · counted', end: 'fail' });
  const failed = async () => (await server.queue.look('image').counts()).failed;
  await until(async () => (await failed()) === 1, { what: 'the ticket to fail' });
  await server.operator.pause('image', null);
  await server.operator.retry(task);
  const counted = async () => {
    const { queues } = (await (await fetch(`${server.origin}/queues/api/queues`)).json()) as {
      queues: { name: string; counts: { failed: number } }[];
    };
    return queues.find(({ name }) => name === 'image')?.counts.failed;
  };
  expect(await counted()).toBe(1);
  await until(async () => (await counted()) === 0, { what: 'the count to be true' });
  expect(await failed()).toBe(0);
});

it('asks for the password like everything else', async () => {
  const server = await startTestServer({ password: 'a long enough password' });
  for (const path of ['/queues', '/queues/', '/queues/api/queues', '/queues/static/js/x.js', '/queues/reelfleet.css'])
    expect((await fetch(`${server.origin}${path}`, { redirect: 'manual' })).status, path).toBe(401);
  const retry = await fetch(`${server.origin}/queues/api/queues/music/retry/failed`, { method: 'PUT' });
  expect(retry.status).toBe(401);
  // Under these names Bull Board's page finds them.
  const problem = (await retry.json()) as Record<string, unknown>;
  expect(problem).toMatchObject({ error: problem.title, message: problem.detail });
  expect(problem.message).toMatch(/./);
});
