/** Redis carries tickets and nothing else: flushed, killed, frozen or rewound, no work is lost and none is done twice. */
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  brokenInvariants,
  redisMissing,
  startRedis,
  startTcpProxy,
  type TestRedis,
  until,
  withRedis,
} from '@reelfleet/testkit';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Fleet, openFleet } from './support/fleet.ts';
import { Stagehand, testTemplates } from './support/stages.ts';

const invariants = fileURLToPath(new URL('./invariants.sql', import.meta.url));

describe.skipIf(redisMissing() !== null)(withRedis('a fleet whose Redis misbehaves'), () => {
  let fleet: Fleet;
  let redis: TestRedis;
  const hand = new Stagehand();
  beforeEach(async () => {
    const started = await startRedis();
    if (!started) throw new Error('redis-server did not start');
    redis = started;
    fleet = await openFleet({ stages: hand.stages(), templates: testTemplates, redisUrl: redis.url });
  });
  afterEach(() => fleet.close());

  const load = async () =>
    (
      await Promise.all([
        fleet.enqueue('echo', { name: 'e' }, { count: 200 }),
        fleet.enqueue('fan', { n: 8 }, { count: 20 }),
      ])
    ).flatMap((answer) => answer.runs);
  async function allEnd(count: number, timeoutMs = 60_000): Promise<void> {
    await until(
      async () => {
        const rows = await fleet.db.query<{ n: number }>(
          `select count(*)::int as n from pipeline_runs where status = 'completed'`,
        );
        return rows[0]?.n === count;
      },
      { what: `${count} runs to be completed`, timeoutMs },
    );
    expect(await brokenInvariants(fleet.url, invariants, { quiet: false })).toEqual([]);
  }

  test('FLUSHALL over and over in the middle of a load', { timeout: 90_000 }, async () => {
    const admin = new Redis(redis.url);
    await fleet.start({ concurrency: { default: 2, byStage: {} } });
    await fleet.start({ concurrency: { default: 2, byStage: {} } });
    const runs = await load();
    for (let round = 0; round < 5; round += 1) {
      await admin.flushall();
      await sleep(300);
    }
    admin.disconnect();
    await allEnd(runs.length);
  });

  test('killed with all it held and away for a while: running work goes on, the rest follows when it is back', {
    timeout: 90_000,
  }, async () => {
    await fleet.start();
    const before = (await fleet.enqueue('gated', { name: 'running' })).runs;
    await until(() => hand.started.includes('running'), { what: 'the gated task to start' });
    await redis.kill();
    const waiting = (await fleet.enqueue('echo', { name: 'while away' }, { count: 50 })).runs;
    hand.gate('running').release();
    await until(async () => (await fleet.runStatus(before[0] as string)) === 'completed', {
      what: 'the running task to be settled without Redis',
    });
    await sleep(3_000);
    await redis.restart();
    const back = performance.now();
    await allEnd(before.length + waiting.length);
    expect(performance.now() - back).toBeLessThan(15_000);
  });

  test('hung: enqueue still answers, leases are kept, and work goes on when it wakes', {
    timeout: 90_000,
  }, async () => {
    await fleet.start();
    const held = (await fleet.enqueue('gated', { name: 'held' })).runs;
    await until(() => hand.started.includes('held'), { what: 'the gated task to start' });
    redis.pause();
    const asked = performance.now();
    const { runs } = await fleet.enqueue('echo', { name: 'hung' }, { count: 10 });
    expect(performance.now() - asked).toBeLessThan(6_000);
    await sleep(4_000); // two leases: only beats keep the task
    expect((await fleet.tasks(held[0] as string))[0]).toMatchObject({ status: 'running', attempts: 1 });
    redis.resume();
    hand.gate('held').release();
    await allEnd(held.length + runs.length);
    expect((await fleet.tasks(held[0] as string))[0]).toMatchObject({ attempts: 1, crashes: 0 });
  });

  test('rewound to an old dump: stale tickets start nothing, lost ones are issued anew', {
    timeout: 90_000,
  }, async () => {
    const admin = new Redis(redis.url);
    const first = await fleet.enqueue('echo', { name: 'first' }, { count: 20 });
    const dump = new Map<string, Buffer>();
    for (const key of await admin.keys('*')) dump.set(key, (await admin.dumpBuffer(key)) as Buffer);
    await fleet.start();
    await allEnd(first.runs.length);
    await fleet.operator.pauseStage('echo', 'test', null);
    const second = await fleet.enqueue('echo', { name: 'second' }, { count: 20 });
    await admin.flushall();
    for (const [key, value] of dump) await admin.restore(key, 0, value, 'REPLACE');
    await fleet.operator.resumeStage('echo');
    await allEnd(first.runs.length + second.runs.length);
    expect(hand.started.filter((name) => name === 'first')).toHaveLength(20);
    expect(hand.started.filter((name) => name === 'second')).toHaveLength(20);
    admin.disconnect();
  });
});

describe.skipIf(redisMissing() !== null)(withRedis('a fleet whose way to Redis forgets connections'), () => {
  test('connections that died on the other side only are noticed by silence, and tickets come and go again', {
    timeout: 90_000,
  }, async () => {
    const redis = await startRedis();
    if (!redis) throw new Error('redis-server did not start');
    const proxy = await startTcpProxy(redis.url);
    const hand = new Stagehand();
    const fleet = await openFleet({ stages: hand.stages(), templates: testTemplates, redisUrl: proxy.url });
    const completed = ({ runs }: { runs: readonly string[] }) =>
      until(async () => (await fleet.runStatus(runs[0] as string)) === 'completed', {
        what: 'the run to complete',
        timeoutMs: 30_000,
      });
    try {
      await fleet.start();
      await completed(await fleet.enqueue('echo', { name: 'before' }));
      proxy.halfOpen();
      // Nothing tells the fleet: the old connections stay as they are.
      await completed(await fleet.enqueue('echo', { name: 'after' }));
      expect(hand.started).toEqual(['before', 'after']);
    } finally {
      proxy.heal();
      await fleet.close();
    }
  });
});
