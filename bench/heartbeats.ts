/**
 * What heartbeats cost Postgres: 1,000 workers with 4 running tasks each beat at the default interval, 100 beats a second,
 * through the product's ledger over a few connections. The rows are real: the workers said hello, the tasks were enqueued and
 * claimed. Each beat carries progress that moves and a report that grows, as a worker's does. Nothing else happens, so what
 * Postgres spends and leaves behind comes from beats alone (and from its own autovacuum, with its default settings).
 */
import { Database } from '@reelfleet/db';
import { until } from '@reelfleet/testkit';
import type { Benchmark, BenchmarkOptions, Cell, Report } from './benchmark.ts';
import { type Beats, beat, LATE_MS, populate, type Size, TASKS_PER_WORKER } from './heartbeats-fleet.ts';
import { cpuSecondsOfTree } from './support/cpu.ts';
import { distribution } from './support/percentiles.ts';
import { openWorld } from './support/world.ts';

const WHOLE: Size = { workers: 1_000, intervalMs: 10_000, seconds: 600 };
const SHORT: Size = { workers: 100, intervalMs: 1_000, seconds: 4 };
const CONNECTIONS = 8;
const FLEET = 'reelfleet-worker';
const TABLES = ['tasks', 'workers', 'task_audit'] as const;

interface TableFacts {
  name: string;
  live: number;
  dead: number;
  updated: number;
  hot: number;
  bytes: number;
  vacuums: number;
}

async function look(db: Database) {
  await db.query('select pg_stat_clear_snapshot()');
  const [whole] = await db.query<{ transactions: number; wal: number; expired: number }>(
    `select (select xact_commit::float8 from pg_stat_database where datname = current_database()) as transactions,
       pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8 as wal,
       (select count(*)::int from tasks where status = 'running' and claim_expires_at < now()) as expired`,
  );
  const tables = await db.query<TableFacts>(
    `select relname as name, n_live_tup::float8 as live, n_dead_tup::float8 as dead, n_tup_upd::float8 as updated, n_tup_hot_upd::float8 as hot,
       pg_total_relation_size(relid)::float8 as bytes, autovacuum_count::float8 as vacuums
     from pg_stat_user_tables where schemaname = 'public' and relname in (${TABLES.map((name) => `'${name}'`).join(', ')})
     order by relname`,
  );
  return { ...(whole as NonNullable<typeof whole>), tables };
}

/** Hands in what its backends have counted: they do so when they end, or ten seconds later. */
async function endWithCounts(fleet: Database, db: Database): Promise<void> {
  await fleet.end();
  const left = () =>
    db.query(`select from pg_stat_activity where application_name = '${FLEET}' and datname = current_database()`);
  await until(async () => (await left()).length === 0, { what: 'the backends of the fleet to end', timeoutMs: 20_000 });
}

async function run({ short, say }: BenchmarkOptions): Promise<Report> {
  const size = short ? SHORT : WHOLE;
  const world = await openWorld({ redis: false });
  const database = await world.database('reelfleet');
  const db = new Database(database.url, { name: 'bench', max: 1 });
  const open = () => new Database(database.url, { name: FLEET, max: CONNECTIONS });
  let fleet = open();
  try {
    const workers = await populate(fleet, size.workers);
    await endWithCounts(fleet, db);
    fleet = open();
    await fleet.query('vacuum analyze');
    await endWithCounts(fleet, db);
    fleet = open();
    say(`${size.workers} workers hold ${size.workers * TASKS_PER_WORKER} tasks and beat for ${size.seconds} s`);
    const spent = () => (world.postmaster === null ? null : cpuSecondsOfTree(world.postmaster));
    const [before, cpuBefore, began] = [await look(db), spent(), performance.now()];
    const beats = await beat(fleet, workers, size);
    const [cpuAfter, seconds] = [spent(), (performance.now() - began) / 1_000];
    await endWithCounts(fleet, db);
    const after = await look(db);
    const postgres = cpuBefore === null || cpuAfter === null ? null : ((cpuAfter - cpuBefore) / seconds) * 100;
    return report({ size, beats, seconds, before, after, postgres });
  } finally {
    await Promise.all([db.end(), fleet.end()]);
    await database.drop();
    await world.close();
  }
}

interface Measured {
  size: Size;
  beats: Beats;
  seconds: number;
  before: Awaited<ReturnType<typeof look>>;
  after: Awaited<ReturnType<typeof look>>;
  /** Percent of one core. */
  postgres: number | null;
}

function report({ size, beats, seconds, before, after, postgres }: Measured): Report {
  const took = distribution(beats.tookMs);
  const statements = (after.transactions - before.transactions) / seconds;
  const walPerBeat = (after.wal - before.wal) / took.count;
  const tables = after.tables.map((table) => {
    const was = before.tables.find(({ name }) => name === table.name);
    const updated = table.updated - (was?.updated ?? 0);
    const hot = table.hot - (was?.hot ?? 0);
    return { ...table, updated, hot, bytesBefore: was?.bytes ?? 0, vacuums: table.vacuums - (was?.vacuums ?? 0) };
  });
  return {
    tables: [
      {
        title: `${size.workers} workers × ${TASKS_PER_WORKER} tasks, a beat every ${size.intervalMs / 1_000} s, for ${Math.round(seconds)} s over ${CONNECTIONS} connections`,
        columns: ['what', 'value'],
        rows: [
          ['beats a second', took.count / seconds],
          ['statements a second', statements],
          ['Postgres, percent of one core', postgres],
          ['Postgres, CPU ms a beat', postgres === null ? null : (postgres * 10 * seconds) / took.count],
          ['a beat takes, ms, p50', took.p50],
          ['a beat takes, ms, p99', took.p99],
          ['a beat takes, ms, most', took.max],
          ['WAL, bytes a beat', walPerBeat],
          [`beats answered more than ${LATE_MS / 1_000} s late`, beats.late],
          ['beats that failed', beats.failed],
          ['tasks reported lost', beats.lost],
          ['leases over at the end', after.expired],
        ],
      },
      {
        title: 'what beats leave in the tables',
        columns: ['table', 'rows', 'dead', 'updates', 'HOT %', 'kB before', 'kB after', 'autovacuums'],
        rows: tables.map((table): Cell[] => [
          table.name,
          table.live,
          table.dead,
          table.updated,
          table.updated === 0 ? null : (table.hot / table.updated) * 100,
          Math.round(table.bytesBefore / 1024),
          Math.round(table.bytes / 1024),
          table.vacuums,
        ]),
      },
    ],
    goals: [],
    facts: {
      size,
      seconds,
      beats: { ...took, late: beats.late, failed: beats.failed, lost: beats.lost },
      statements,
      postgres,
      walPerBeat,
      tables,
      expired: after.expired,
    },
  };
}

export const benchmark: Benchmark = {
  name: 'heartbeats',
  question: 'what do the beats of 1,000 workers with 4 tasks each cost Postgres over ten minutes?',
  goals: [],
  run,
};
