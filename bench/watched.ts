/**
 * What watching costs the fleet: 10,000 small runs (one `plan` task each, really done, by real worker processes), alone and
 * with 50 browsers' event streams and 100 REST requests a second on the server. Everything runs on this one machine, the
 * watchers too, so what they cost is counted twice over against them.
 *
 *   npx node bench/watched.ts                      10,000 runs, 2 workers, Redis when it is installed, else Postgres
 *   npx node bench/watched.ts --runs 2000 --queue postgres --rounds 1
 *
 * Rounds are alone, watched, watched, alone, so that a drift of the machine falls on both. The server runs in all of them.
 * Results also go to bench/results/watched.json. Not asserted in a test.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { Agent, get } from 'node:http';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Database } from '@reelfleet/db';
import { migratedDatabase } from '@reelfleet/db/testing';
import { migrateQueue } from '@reelfleet/fleet';
import { stages } from '@reelfleet/pipelines';
import { cleanUp, startProcess, startRedis, testCluster } from '@reelfleet/testkit';
import { locateFleet } from '@reelfleet/worker';
import { openFleet } from '../apps/cli/src/open-fleet.ts';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '10000' },
    workers: { type: 'string', default: '2' },
    watchers: { type: 'string', default: '50' },
    requests: { type: 'string', default: '100' },
    rounds: { type: 'string', default: '2' },
    queue: { type: 'string', default: 'redis' },
    slots: { type: 'string', default: '20' },
  },
});
const runs = Number(values.runs);
const watchers = Number(values.watchers);
const perSecond = Number(values.requests);

const cluster = await testCluster();
process.env.TEST_DATABASE_URL = cluster.url;
const folder = await mkdtemp(join(tmpdir(), 'watched-bench-'));
const redis = values.queue === 'redis' ? await startRedis() : null;
const database = await migratedDatabase({ migrateQueue });
const settings = {
  DATABASE_URL: database.url,
  ...(redis ? { REDIS_URL: redis.url } : {}),
  STORAGE_URL: `file://${folder}/storage`,
  REELFLEET_SCRATCH: `${folder}/scratch`,
  REELFLEET_DATA: `${folder}/data`,
  REELFLEET_CONCURRENCY: `${values.slots},plan=${values.slots}`,
  LOG_LEVEL: 'warn',
  PORT: '0',
};
const mainOf = (app: string) => fileURLToPath(new URL(`../apps/${app}/src/main.ts`, import.meta.url));
const db = new Database(database.url, { name: 'bench' });
await db.query(`update sweep_turn set since = now() - interval '1 hour', last_at = now()`);
const fleet = await openFleet(locateFleet(settings, { stages: [...stages.keys()] }));

const server = startProcess({ args: [mainOf('server')], env: settings, name: 'server', cwd: folder });
const origin = (await server.waitForLine(/^server ready/)).replace('server ready ', '');
const workers = Array.from({ length: Number(values.workers) }, (_, n) =>
  startProcess({
    args: [mainOf('worker')],
    env: { ...settings, REELFLEET_WORKER_NAME: `bench-${n + 1}` },
    name: `worker ${n + 1}`,
    cwd: folder,
  }),
);
await Promise.all(workers.map((worker) => worker.waitForLine(/^worker ready/)));

/** Resident megabytes and CPU seconds of a process, from the kernel. */
async function usage(pid: number): Promise<{ mb: number; cpuSeconds: number }> {
  const [status, stat] = await Promise.all([
    readFile(`/proc/${pid}/status`, 'utf8'),
    readFile(`/proc/${pid}/stat`, 'utf8'),
  ]);
  const ticks = stat.slice(stat.lastIndexOf(')')).split(' ');
  return {
    mb: Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024,
    cpuSeconds: (Number(ticks[12]) + Number(ticks[13])) / 100,
  };
}

/** CPU seconds so far of everything that takes part, by what it is for. */
async function cpuSeconds(): Promise<Record<string, number>> {
  const backends = await db.query<{ pid: number; name: string }>(
    `select pid, application_name as name from pg_stat_activity where datname = current_database()`,
  );
  const own = process.cpuUsage();
  const parts: [string, number][] = [
    ['server', server.pid],
    ...workers.map((worker): [string, number] => ['workers', worker.pid]),
    ...(redis ? [['Redis', redis.pid] as [string, number]] : []),
    ...backends.map(({ pid, name }): [string, number] => [`Postgres for ${name}`, pid]),
  ];
  const sums: Record<string, number> = { 'watchers and this program': (own.user + own.system) / 1e6 };
  for (const [name, pid] of parts) {
    const { cpuSeconds: seconds } = await usage(pid).catch(() => ({ cpuSeconds: 0 }));
    sums[name] = (sums[name] ?? 0) + seconds;
  }
  return sums;
}

interface Load {
  events: number;
  bytes: number;
  requests: number;
  failures: number;
  latencies: number[];
  stop(): Promise<void>;
}

/** Event streams of the whole fleet, and REST requests at an even pace over what a page asks for. */
async function watch(someRuns: readonly string[]): Promise<Load> {
  const stopping = new AbortController();
  const load: Load = { events: 0, bytes: 0, requests: 0, failures: 0, latencies: [], stop };
  const streams = Array.from({ length: watchers }, async () => {
    const answer = await fetch(`${origin}/api/events`, { signal: stopping.signal });
    if (!answer.ok || !answer.body) throw new Error(`the event stream answered ${answer.status}`);
    for await (const chunk of answer.body) {
      load.bytes += chunk.byteLength;
      for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1))
        if (chunk[at + 1] === 10) load.events += 1;
    }
  });
  for (const stream of streams) stream.catch((error) => !stopping.signal.aborted && console.error('watcher:', error));
  const pathOf = (n: number) =>
    [
      '/api/runs?limit=50',
      `/api/runs/${someRuns[n % someRuns.length]}`,
      '/api/stages',
      '/api/workers',
      '/api/runs?limit=50&status=running',
    ][n % 5];
  const agent = new Agent({ keepAlive: true });
  const pending = new Set<Promise<void>>();
  const began = performance.now();
  const pace = (async () => {
    while (!stopping.signal.aborted) {
      const owed = Math.floor(((performance.now() - began) / 1000) * perSecond) - load.requests;
      for (let n = 0; n < owed; n++) {
        const path = pathOf(load.requests++);
        const from = performance.now();
        const request = new Promise<void>((done) => {
          const failed = () => {
            load.failures += 1;
            done();
          };
          get(`${origin}${path}`, { agent }, (answer) => {
            answer.resume().on('end', () => {
              if (answer.statusCode !== 200) return failed();
              load.latencies.push(performance.now() - from);
              done();
            });
          }).on('error', failed);
        }).finally(() => pending.delete(request));
        pending.add(request);
      }
      await sleep(10);
    }
  })();
  async function stop() {
    stopping.abort();
    await pace;
    await Promise.allSettled([...pending, ...streams]);
    agent.destroy();
  }
  return load;
}

/** One pass: all runs are enqueued behind a pause, then let go; from there to the last completion. */
async function round(watched: boolean, sequence: number) {
  const { operator } = fleet;
  await operator.pause('plan', 'bench');
  const some: string[] = [];
  for (let from = 0; from < runs; from += 1000) {
    const enqueued = await operator.enqueue(
      Array.from({ length: Math.min(1000, runs - from) }, (_, n) => ({
        kind: 'stage' as const,
        stage: 'plan',
        input: { niche: `bench ${sequence} ${from + n}`, moods: ['calm'], tracks: 2, totalSeconds: 60, seed: from + n },
      })),
    );
    some.push(...enqueued.slice(0, 21).map(({ runId }) => runId));
  }
  await db.query('analyze');
  const load = watched ? await watch(some) : null;
  await sleep(2_000);
  const before = await usage(server.pid);
  const memory = [before.mb];
  const cpuBefore = await cpuSeconds();
  const [start] = await db.query<{ at: string }>('select now()::text as at');
  await operator.resume('plan');
  const from = performance.now();
  for (;;) {
    await sleep(500);
    memory.push((await usage(server.pid)).mb);
    const [left] = await db.query<{ n: number }>(
      `select count(*)::int as n from tasks where status in ('queued', 'running')`,
    );
    if (left?.n === 0) break;
  }
  const [span] = await db.query<{ seconds: number }>(
    `select extract(epoch from max(t.completed_at) - min(t.claimed_at))::float8 as seconds
     from tasks t where t.claimed_at >= '${start?.at}'`,
  );
  const wall = (performance.now() - from) / 1000;
  const after = await usage(server.pid);
  const cpuAfter = await cpuSeconds();
  const cpu = Object.fromEntries(
    Object.entries(cpuAfter).map(([name, seconds]) => [name, Number((seconds - (cpuBefore[name] ?? 0)).toFixed(1))]),
  );
  await load?.stop();
  const sorted = load?.latencies.toSorted((a, b) => a - b) ?? [];
  return {
    watched,
    runsPerSecond: runs / (span?.seconds || wall),
    serverCpuShare: (after.cpuSeconds - before.cpuSeconds) / wall,
    serverMb: memory.map(Math.round),
    cpu,
    events: load?.events ?? 0,
    megabytes: (load?.bytes ?? 0) / 2 ** 20,
    requests: load?.requests ?? 0,
    failures: load?.failures ?? 0,
    p50: sorted[Math.floor(sorted.length * 0.5)] ?? 0,
    p99: sorted[Math.floor(sorted.length * 0.99)] ?? 0,
  };
}

const results: Awaited<ReturnType<typeof round>>[] = [];
try {
  await round(true, 0); // warms everything up, the server's memory too
  const order = [false, true, true, false];
  for (let n = 0; n < Number(values.rounds) * 2; n++) {
    const result = await round(order[n % 4] as boolean, n + 1);
    results.push(result);
    console.log(
      `        CPU seconds: ${Object.entries(result.cpu)
        .map(([name, seconds]) => `${name} ${seconds}`)
        .join(' · ')}`,
    );
    const { serverMb: mb, ...rest } = result;
    console.log(
      `${rest.watched ? 'watched' : 'alone  '} ${rest.runsPerSecond.toFixed(0).padStart(5)} runs/s · server ${(rest.serverCpuShare * 100).toFixed(0)} % of a core, ${mb[0]} → ${Math.max(...mb)} → ${mb.at(-1)} MB` +
        (rest.watched
          ? ` · ${rest.events} events, ${rest.megabytes.toFixed(1)} MB · ${rest.requests} requests, ${rest.failures} failed, p50 ${rest.p50.toFixed(1)} ms, p99 ${rest.p99.toFixed(1)} ms`
          : ''),
    );
  }
  const mean = (watched: boolean) => {
    const some = results.filter((result) => result.watched === watched);
    return some.reduce((sum, result) => sum + result.runsPerSecond, 0) / some.length;
  };
  const ratio = mean(true) / mean(false);
  console.log(`watched / alone: ${ratio.toFixed(3)}`);
  await mkdir(new URL('results/', import.meta.url), { recursive: true });
  await writeFile(
    new URL('results/watched.json', import.meta.url),
    `${JSON.stringify({ at: new Date().toISOString(), cores: cpus().length, queue: redis ? 'redis' : 'postgres', runs, watchers, perSecond, workers: workers.length, results, ratio }, null, 2)}\n`,
  );
} finally {
  await fleet.close();
  await db.end();
  await cleanUp();
  await cluster.stop();
  await rm(folder, { recursive: true, force: true });
}
process.exit(0);
