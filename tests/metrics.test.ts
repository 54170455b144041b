/**
 * The metrics of a real fleet: worker processes that work, leave, are killed and forgotten, while somebody scrapes all
 * the time. What Prometheus may rely on: no counter ever falls, and what was done is counted once.
 */
import { atTestEnd, until } from '@reelfleet/testkit';
import { expect, test } from 'vitest';
import { samplesOf } from '../apps/server/src/metrics/testing.ts';
import { startTestServer } from '../apps/server/src/testing.ts';
import { albumFleet } from './support/album.ts';

const done = 'reelfleet_attempts_total{outcome="complete",stage="plan"}';
const get = async (url: string, headers: Record<string, string> = {}) => fetch(url, { headers });
const scrape = async (origin: string) => samplesOf(await (await get(`${origin}/metrics`)).text());

/** Scrapes without a pause and remembers whatever fell. */
function watchCounters(origin: string) {
  const fell: string[] = [];
  let last = new Map<string, number>();
  let scrapes = 0;
  const stopping = new AbortController();
  const watching = (async () => {
    while (!stopping.signal.aborted) {
      const now = await scrape(origin);
      for (const [key, value] of last) {
        const counts = /^reelfleet_(?!server_|worker_)\w+_(total|bucket|sum|count)\b/.test(key);
        if (counts && (now.get(key) ?? -1) < value) fell.push(`${key}: ${value} → ${now.get(key)}`);
      }
      last = now;
      scrapes += 1;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  })();
  const stop = async () => {
    stopping.abort();
    await watching;
    return { fell, scrapes };
  };
  atTestEnd(async () => void (await stop()));
  return { stop };
}

test('the sums over two workers are right while they work, when one leaves, when one is killed, and when both are forgotten', {
  timeout: 120_000,
}, async () => {
  const server = await startTestServer();
  const fleet = albumFleet(server.databaseUrl, {
    METRICS_PORT: '0',
    REELFLEET_CONCURRENCY: '4,plan=4',
    REELFLEET_OFFLINE_MS: '3000',
  });
  const watch = watchCounters(server.origin);
  const enqueue = (count: number) =>
    server.operator.enqueue(
      Array.from({ length: count }, (_, n) => ({
        kind: 'stage' as const,
        stage: 'plan',
        input: { niche: `rain ${n}`, moods: ['calm'], tracks: 2, totalSeconds: 60, seed: n },
      })),
    );
  const allDone = () =>
    until(
      async () =>
        (await server.db.query(`select 1 from pipeline_runs where status <> 'completed' limit 1`)).length === 0,
      { what: 'all runs to complete', timeoutMs: 40_000 },
    );
  const sum = async () => (await scrape(server.origin)).get(done);
  const originOf = async (worker: { waitForLine(pattern: RegExp): Promise<string> }) =>
    /(http:\/\/[^"\s]+)\/metrics/.exec(await worker.waitForLine(/metrics on http/))?.[1] ?? '';

  const [leaving, dying] = [await fleet.startWorker(), await fleet.startWorker()];
  await enqueue(40);
  await allDone();
  const own = await Promise.all([leaving, dying].map(async (one) => scrape(await originOf(one))));
  expect(own.reduce((total, samples) => total + (samples.get(done) ?? 0), 0)).toBe(40);
  await until(async () => (await sum()) === 40, { what: 'the beats to carry all 40', timeoutMs: 10_000 });
  const now = await scrape(server.origin);
  expect(now.get('reelfleet_attempt_duration_seconds_count{stage="plan"}')).toBe(40);
  expect(now.get('reelfleet_attempt_duration_seconds_bucket{le="+Inf",stage="plan"}')).toBe(40);
  expect(now.get('reelfleet_ledger_batch_size_sum{call="settle"}')).toBe(40);
  expect(now.get('reelfleet_ledger_call_duration_seconds_count{call="beat"}')).toBeGreaterThan(2);
  expect(now.get('reelfleet_sweep_duration_seconds_count')).toBeGreaterThan(0);
  expect(now.get('reelfleet_workers{status="active"}')).toBe(2);
  expect(now.get('reelfleet_stage_workers{stage="plan"}')).toBe(2);

  // Done after its last report: only its goodbye can tell.
  dying.freeze();
  await enqueue(10);
  await allDoneButFrozen(server, dying.workerName, allDone, () => dying.wake());
  leaving.kill('SIGTERM');
  expect((await leaving.waitForExit()).code).toBe(0);
  await until(async () => (await sum()) === 50, { what: 'all 50 to be counted', timeoutMs: 10_000 });

  dying.kill('SIGKILL');
  await dying.exited;
  expect(await sum()).toBe(50);
  const heir = await fleet.startWorker();
  await until(async () => (await scrape(server.origin)).get('reelfleet_sweep_workers_offline_total') === 1, {
    what: 'the killed worker to be written off',
    timeoutMs: 20_000,
  });
  expect(await sum()).toBe(50);
  expect((await server.db.query(`delete from workers where status = 'offline' returning 1`)).length).toBe(2);
  expect(await sum()).toBe(50);
  await enqueue(1);
  await until(async () => (await sum()) === 51, { what: 'the heir to add its own', timeoutMs: 20_000 });
  heir.kill('SIGTERM');
  await heir.exited;
  const { fell, scrapes } = await watch.stop();
  expect(fell).toEqual([]);
  expect(scrapes).toBeGreaterThan(50);
});

/** The frozen one may hold some of the work: it is woken once the other has done what it could get. */
async function allDoneButFrozen(
  server: Awaited<ReturnType<typeof startTestServer>>,
  frozen: string,
  allDone: () => Promise<unknown>,
  wake: () => void,
): Promise<void> {
  await until(
    async () =>
      (
        await server.db.query(
          `select 1 from tasks t left join workers w on w.id = t.worker_id
           where t.status not in ('completed', 'running') or (t.status = 'running' and w.worker_name <> '${frozen}') limit 1`,
        )
      ).length === 0,
    { what: 'the other worker to do what it can', timeoutMs: 40_000 },
  );
  wake();
  await allDone();
}
