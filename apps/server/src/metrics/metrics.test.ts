/** The exposition against facts in a real database: what each gauge says, what a scrape costs, and what it says when it cannot ask. */
import { randomUUID } from 'node:crypto';
import type { Order } from '@reelfleet/catalog';
import { openReads } from '@reelfleet/db';
import { atTestEnd, until } from '@reelfleet/testkit';
import { beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../testing.ts';
import { samplesOf } from './testing.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});

const scrape = async () => {
  const response = await fetch(`${server.origin}/metrics`);
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  return samplesOf(await response.text());
};
/** Facts that a survey brings are as old as its rest. */
const shows = (samples: Record<string, number>) =>
  until(
    async () => {
      const now = await scrape();
      const missed = Object.entries(samples).filter(([key, value]) => now.get(key) !== value);
      return (
        missed.length === 0 || Promise.reject(new Error(JSON.stringify(missed.map(([key]) => [key, now.get(key)]))))
      );
    },
    { what: `the metrics to show ${JSON.stringify(samples)}`, timeoutMs: 15_000 },
  );

const order: Order = {
  kind: 'stage',
  stage: 'plan',
  input: { niche: 'rain', moods: ['calm'], tracks: 1, totalSeconds: 60, seed: 1 },
};

test('an empty fleet has every series it can foresee, at 0', async () => {
  const now = await scrape();
  expect(now.get('reelfleet_database_up')).toBe(1);
  expect(now.get('reelfleet_queue_depth{stage="render"}')).toBe(0);
  expect(now.get('reelfleet_tasks{stage="render",status="failed"}')).toBe(0);
  expect(now.get('reelfleet_stage_workers{stage="music"}')).toBe(0);
  expect(now.get('reelfleet_workers{status="silent"}')).toBe(0);
  expect(now.get('reelfleet_attempts_total{outcome="complete",stage="music"}')).toBe(0);
  expect([...now.keys()].filter((key) => key.startsWith('reelfleet_build_info{component="server"'))).toHaveLength(1);
  expect(now.get('reelfleet_storage_free_bytes')).toBeGreaterThan(0);
  expect(now.get('reelfleet_server_process_resident_memory_bytes')).toBeGreaterThan(1e6);
});

test('tasks, the queue and its oldest are counted by stage, and backoff is no queue', async () => {
  await server.operator.enqueue([order, order, order]);
  const [late, waiting] = await server.db.query<{ id: string }>(`select id from tasks where stage = 'plan' limit 2`);
  await server.db.query(`update tasks set run_after = now() - interval '5 minutes' where id = '${late?.id}'`);
  await server.db.query(`update tasks set run_after = now() + interval '5 minutes' where id = '${waiting?.id}'`);
  await shows({
    'reelfleet_tasks{stage="plan",status="queued"}': 3,
    'reelfleet_queue_depth{stage="plan"}': 2,
    'reelfleet_runs{status="queued"}': 3,
  });
  const now = await scrape();
  expect(now.get('reelfleet_queue_oldest_age_seconds{stage="plan"}')).toBeGreaterThanOrEqual(300);
  expect(now.get('reelfleet_queue_oldest_age_seconds{stage="plan"}')).toBeLessThan(400);
  expect(now.get('reelfleet_survey_age_seconds{survey="backlog"}')).toBeLessThan(60);
});

describe('workers', () => {
  const born = async (name: string, stages: string[], metadata: Record<string, unknown> = {}) => {
    const id = randomUUID();
    await server.ledger.hello({ id, name, type: 'remote', capabilities: { stages }, metadata });
    return id;
  };

  test('are counted by what they are, and serve stages while they are active and heard of', async () => {
    const active = await born('one', ['plan', 'music'], { host: 'h1' });
    const draining = await born('two', ['plan']);
    const silent = await born('three', ['plan'], { offlineMs: 1_000 });
    await server.ledger.beat(active, 1_000, [], {
      draining: false,
      report: { seq: 1, counters: { reelfleet_beats_late_total: 2 }, gauges: { slots: 4, busy: 3, scratchFree: 1e9 } },
    });
    await server.ledger.beat(draining, 1_000, [], { draining: true });
    await server.db.query(`update workers set last_heartbeat = now() - interval '2 seconds' where id = '${silent}'`);
    const now = await scrape();
    expect(now.get('reelfleet_workers{status="active"}')).toBe(1);
    expect(now.get('reelfleet_workers{status="draining"}')).toBe(1);
    expect(now.get('reelfleet_workers{status="silent"}')).toBe(1);
    expect(now.get('reelfleet_stage_workers{stage="plan"}')).toBe(1);
    expect(now.get('reelfleet_stage_workers{stage="render"}')).toBe(0);
    const of = (id: string, name: string) => `worker="${name}",worker_id="${id}"`;
    expect(now.get(`reelfleet_worker_slots_busy{${of(active, 'one')}}`)).toBe(3);
    expect(now.get(`reelfleet_worker_scratch_free_bytes{${of(active, 'one')}}`)).toBe(1e9);
    expect(now.get(`reelfleet_worker_info{host="h1",${of(active, 'one')}}`)).toBe(1);
    expect(now.get(`reelfleet_worker_beat_age_seconds{${of(silent, 'three')}}`)).toBeGreaterThan(1.9);
    expect(now.get('reelfleet_beats_late_total')).toBe(2);
  });

  test('that have left show no more, but what they counted stays', async () => {
    const id = await born('gone', ['thumbnail']);
    await server.ledger.bye(id, { seq: 1, counters: { reelfleet_leases_lost_total: 7 }, gauges: { slots: 1 } });
    const now = await scrape();
    expect([...now.keys()].filter((key) => key.includes(id))).toEqual([]);
    expect(now.get('reelfleet_stage_workers{stage="thumbnail"}')).toBe(0);
    expect(now.get('reelfleet_leases_lost_total')).toBe(7);
  });

  test('with a name of any letters do not break the exposition', async () => {
    const id = await born('a "b" \\ c', ['plan']);
    expect(
      (await scrape()).get(`reelfleet_worker_beat_age_seconds{worker="a \\"b\\" \\\\ c",worker_id="${id}"}`),
    ).toBeDefined();
    await server.ledger.bye(id);
  });
});

test('a paused stage shows until it is resumed', async () => {
  await server.operator.pause('music', 'testing');
  expect((await scrape()).get('reelfleet_stage_paused{stage="music"}')).toBe(1);
  await server.operator.resume('music');
  expect((await scrape()).get('reelfleet_stage_paused{stage="music"}')).toBe(0);
});

test('scrapes that come together share one answer', async () => {
  const own = openReads(server.databaseUrl, { name: 'test' });
  atTestEnd(() => own.end());
  let reads = 0;
  const counted = new Proxy(own.db, {
    get(target, key) {
      const value = Reflect.get(target, key);
      if (typeof value !== 'function') return value;
      reads += 1;
      return value.bind(target);
    },
  });
  const other = await startTestServer({ context: { reads: counted } });
  const ask = () => other.app.inject({ url: '/metrics' });
  await ask();
  const ofOne = reads;
  expect(ofOne).toBeGreaterThan(2);
  const answers = await Promise.all(Array.from({ length: 20 }, ask));
  expect(answers.map(({ statusCode }) => statusCode)).toEqual(Array(20).fill(200));
  expect(reads - ofOne).toBeGreaterThan(0);
  expect(reads - ofOne).toBeLessThanOrEqual(2 * ofOne);
});

test('without the database it answers all the same, and shows nothing where it does not know', async () => {
  const away = await startTestServer();
  await away.db.query('drop schema reelfleet cascade');
  const now = samplesOf((await away.app.inject({ url: '/metrics' })).body);
  expect(now.get('reelfleet_database_up')).toBe(0);
  expect(now.get('reelfleet_server_process_resident_memory_bytes')).toBeGreaterThan(0);
  expect([...now.keys()].filter((key) => key.startsWith('reelfleet_attempts_total'))).toEqual([]);
  expect([...now.keys()].filter((key) => key.startsWith('reelfleet_tasks'))).toEqual([]);
});
