/**
 * What a benchmark runs on: a Postgres cluster of its own, durable as in production (fsync on), with as many fresh
 * databases as wanted, and a Redis without persistence where one is installed. Under vitest the cluster of the test run
 * is used instead. Closing it ends everything, and so does an exit.
 */
import { readFileSync, rmSync } from 'node:fs';
import { chmod, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migratedDatabase } from '@reelfleet/db/testing';
import { startEmbeddedPostgres } from '@reelfleet/embedded';
import { migrateQueue } from '@reelfleet/fleet';
import {
  atTestEnd,
  cleanUp,
  freshDatabase,
  redisMissing,
  startRedis,
  type TestDatabase,
  type TestRedis,
} from '@reelfleet/testkit';
import pg from 'pg';

export interface World {
  /** A user of the cluster who may create databases. */
  readonly clusterUrl: string;
  /** The root of all Postgres processes, for their CPU time; null when it runs elsewhere. */
  readonly postmaster: number | null;
  /** Null when redis-server is not installed: `redisMissing` says what to do. */
  readonly redis: TestRedis | null;
  readonly redisMissing: string | null;
  /** An empty database, or one with Reelfleet's schema and BullMQ's. */
  database(kind: 'empty' | 'reelfleet'): Promise<TestDatabase>;
  close(): Promise<void>;
}

export interface WorldOptions {
  /** Default true; false for a benchmark that puts no tickets on Redis. */
  readonly redis?: boolean;
}

export async function openWorld({ redis: wanted = true }: WorldOptions = {}): Promise<World> {
  const given = process.env.TEST_DATABASE_URL;
  const cluster = given ? { url: given } : await ownCluster();
  // freshDatabase asks for it by this name.
  process.env.TEST_DATABASE_URL = cluster.url;
  const redis = wanted ? await startRedis() : null;
  return {
    clusterUrl: cluster.url,
    postmaster: await postmasterOf(cluster.url),
    redis,
    redisMissing: redisMissing(),
    database: (kind) => (kind === 'empty' ? freshDatabase() : migratedDatabase({ migrateQueue })),
    async close() {
      await redis?.stop();
      if (given) return;
      await cleanUp(); // with the cluster
      delete process.env.TEST_DATABASE_URL;
    },
  };
}

async function ownCluster() {
  const dataDir = await mkdtemp(join(tmpdir(), 'reelfleet-bench-'));
  await chmod(dataDir, 0o755); // run as root, the postgres user has to pass through it
  const server = await startEmbeddedPostgres({ dataDir });
  // Also when a signal ends the run: main.ts cleans up then.
  atTestEnd(async () => {
    await server.stop();
    for (const folder of [server.clusterDir, dataDir]) rmSync(folder, { recursive: true, force: true });
  });
  return { url: server.url };
}

/** The parent of any backend, when it runs on this machine. */
async function postmasterOf(url: string): Promise<number | null> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
    const stat = readFileSync(`/proc/${rows[0]?.pid}/stat`, 'utf8');
    return stat.includes('(postgres)') ? Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) : null;
  } catch {
    return null;
  } finally {
    await client.end();
  }
}
