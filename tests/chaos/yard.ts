/**
 * The yard: a whole fleet of the suite's own, ready to be harmed. It owns the folder, Postgres, Redis, the bucket, six
 * worker processes and what was enqueued, and takes all of it down with it. It promises the faults that `workers` are
 * six that work; what the faults do to them they heal themselves.
 */
import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createLogger } from '@reelfleet/config';
import { type Storage, UserError } from '@reelfleet/core';
import { Database, migrate, openOperatorLedger, openReads } from '@reelfleet/db';
import { migrateQueue, openQueue } from '@reelfleet/fleet';
import { storageOf } from '@reelfleet/storage';
import { atTestEnd, redisMissing, startGcsServer, startRedis } from '@reelfleet/testkit';
import { openBooks } from './books.ts';
import { type Crew, openCrew } from './crew.ts';
import { BrokenPromise, type Yard, type YardWorker } from './fault.ts';
import { enqueue } from './orders.ts';
import { openPostgres } from './postgres.ts';
import { plantSecrets, type Secrets } from './secrets.ts';

const cliBin = fileURLToPath(new URL('../../apps/cli/bin/reelfleet.js', import.meta.url));

export interface YardOptions {
  readonly workers?: number;
  /** 3 s unless the machine is shared with much else. */
  readonly leaseMs?: number;
  /** Leave the folder when all is over, for whoever looks for a cause. */
  readonly keep?: boolean;
}

/** The yard as its owner sees it: with what the judge and the nemesis need beside. */
export interface OpenYard extends Yard {
  readonly crew: Crew;
  readonly secrets: Secrets;
  readonly storage: Storage;
  /** Every run that the ledger has accepted, and how it may end. */
  readonly accepted: ReadonlyMap<string, readonly string[]>;
  statuses(runs: readonly string[]): Promise<Map<string, string>>;
  /** Puts another in the place of each of the six that has ended without a fault's leave; answers with their names. */
  refill(): Promise<string[]>;
}

/** Opens it: about five seconds. What it starts ends with `cleanUp()` of testkit. */
export async function openYard({
  workers: wanted = 6,
  leaseMs = 3_000,
  keep = false,
}: YardOptions = {}): Promise<OpenYard> {
  const missing = redisMissing();
  if (missing !== null) throw new UserError(`the fault suite needs Redis: ${missing}`);
  const folder = mkdtempSync(join(tmpdir(), 'reelfleet-chaos-'));
  chmodSync(folder, 0o755); // run as root, the postgres user has to pass through it
  if (!keep) atTestEnd(() => rmSync(folder, { recursive: true, force: true }));
  for (const name of ['logs', 'scratch', 'data']) mkdirSync(join(folder, name));

  const [postgres, redis, bucket] = await Promise.all([
    openPostgres(join(folder, 'postgres')),
    startRedis(),
    startGcsServer(),
  ]);
  if (redis === null) throw new UserError('the fault suite needs Redis: redis-server did not start');
  await migrate(postgres.url, { migrateQueue });

  const secrets = plantSecrets(new URL(postgres.url).password);
  const settings: Record<string, string> = {
    DATABASE_URL: postgres.url,
    REDIS_URL: redis.url,
    ...bucket.env,
    REELFLEET_DATA: join(folder, 'data'),
    REELFLEET_SCRATCH: join(folder, 'scratch'),
    REELFLEET_LEASE_MS: String(leaseMs),
    REELFLEET_HEARTBEAT_MS: String(Math.round(leaseMs / 6)),
    REELFLEET_SWEEP_MS: '300',
    REELFLEET_GRACE_MS: '9000',
    REELFLEET_CONCURRENCY: '2',
    REELFLEET_MIN_FREE_MB: '50',
    LOG_LEVEL: 'debug',
    NODE_ENV: 'test',
    ...secrets.env,
  };

  const db = new Database(postgres.url, { name: 'chaos' });
  atTestEnd(() => db.end());
  const reads = openReads(postgres.url, { name: 'chaos-reads' });
  atTestEnd(() => reads.end());
  const operator = openOperatorLedger(db);
  const log = createLogger({ level: 'silent', name: 'chaos' });
  const queue = openQueue({ kind: 'redis', url: redis.url }, { consumers: 0, log });
  atTestEnd(() => queue.close(2_000));
  const storage = storageOf(bucket.env);

  const crew = openCrew({ folder, settings, databaseUrl: postgres.url, redisUrl: redis.url, db });
  const books = openBooks(db, crew.log);
  const workers: YardWorker[] = await Promise.all(Array.from({ length: wanted }, () => crew.hire()));
  const accepted = new Map<string, readonly string[]>();
  const placeOf = (worker: YardWorker): number => {
    const place = workers.indexOf(worker);
    if (place < 0) throw new Error(`${worker.name} is none of the ${wanted}: it was replaced before, or is an extra`);
    return place;
  };
  const gone = ({ process: { child } }: YardWorker) => child.exitCode !== null || child.signalCode !== null;

  return {
    folder,
    settings,
    leaseMs,
    db,
    operator,
    tickets: queue,
    postgres,
    redis,
    bucket,
    workers,
    crew,
    secrets,
    storage,
    accepted,
    async replace(worker, wishes) {
      placeOf(worker);
      await crew.dismiss(worker);
      const next = await crew.hire(wishes);
      workers[placeOf(worker)] = next;
      return next;
    },
    extra: (wishes) => crew.hire(wishes),
    dismiss: (worker) => crew.dismiss(worker),
    cli: (...args) =>
      new Promise((resolve) => {
        const env = { ...process.env, ...settings, LOG_LEVEL: 'info' };
        execFile(
          process.execPath,
          [cliBin, ...args],
          { env, cwd: folder, maxBuffer: 64 * 2 ** 20 },
          (error, stdout, stderr) => resolve({ code: error ? Number(error.code ?? 1) : 0, stdout, stderr }),
        );
      }),
    async enqueue(template, params, count) {
      const runs = await enqueue({ operator, queue, storage, reads }, template, params, count);
      for (const run of runs) accepted.set(run, ['completed']);
      return runs;
    },
    expectEnd(run, ...statuses) {
      if (!accepted.has(run)) throw new BrokenPromise(`run ${run} was never accepted`);
      accepted.set(run, statuses);
    },
    ...books,
    async refill() {
      const lost = workers.filter(gone);
      await Promise.all(
        lost.map(async (worker) => {
          const place = workers.indexOf(worker);
          await crew.dismiss(worker);
          workers[place] = await crew.hire();
        }),
      );
      return lost.map(({ name }) => name);
    },
  };
}
