/**
 * The disk under Postgres is full: first for its tables, whose statements then fail, and then for its log, of which it
 * panics. A small fleet of its own on a disk of its own, since no other fleet fits on a disk that is filled so quickly.
 * Its tickets lie on the same Postgres, so that these meet a full disk too.
 */
import { execFile } from 'node:child_process';
import { chmodSync, closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createLogger } from '@reelfleet/config';
import { Database, migrate, openOperatorLedger, openReads } from '@reelfleet/db';
import { isAlive } from '@reelfleet/embedded';
import { migrateQueue, openQueue } from '@reelfleet/fleet';
import { storageOf } from '@reelfleet/storage';
import { atTestEnd, brokenInvariants, until } from '@reelfleet/testkit';
import { openBooks } from '../books.ts';
import { openCrew } from '../crew.ts';
import { BrokenPromise, type Fault, type Yard } from '../fault.ts';
import { enqueue } from '../orders.ts';
import { openPostgres } from '../postgres.ts';
import { firstClaim, ledgerTime, pass, promised, uncaught } from './outage.ts';

const run = promisify(execFile);
const invariants = fileURLToPath(new URL('../../invariants.sql', import.meta.url));
const SIZE_MB = 240;

export const diskFull: Fault = {
  number: 16,
  name: 'Postgres disk full',
  promise:
    'Statements that find no room are repeated, a server that panicked for want of it goes on once there is some; nothing is lost.',
  takesMs: 70_000,
  alone: true,
  missing: () => mayMount(),
  async run(yard, chance, signal) {
    const [tablesMs, logMs] = [chance.integer(3_000, 5_000), chance.integer(500, 3_000)];
    const seed = chance.integer(1, 999);
    const small = await openSmallFleet(yard);
    try {
      const { db, disk } = small;
      const runs = await small.enqueue('shots', { shots: 3, seconds: 2, seed }, 3);
      await promised('the small fleet to be at work', 20_000, async () => (await small.books.completed()) > 0);

      const tables = disk.fill();
      let refusals = 0;
      const fullAt = performance.now();
      const waiting = small.enqueue('hold', { ms: 100 }, 40);
      waiting.catch(() => {}); // awaited below
      while (performance.now() - fullAt < tablesMs && !signal.aborted) {
        disk.fill();
        refusals += await refusesRoom(db);
        await pass(200, signal);
      }
      disk.free();
      const afterTables = await answers(db);
      runs.push(...(await waiting));
      const tablesClaimS = await firstClaim(db, afterTables, 20_000);
      if (refusals === 0) throw new BrokenPromise('expected Postgres to run out of room for a table; it never did');

      const panicked = signal.aborted ? 'not tried' : await panic(small, logMs, signal);
      const afterLog = await answers(db);
      runs.push(...(await small.enqueue('shots', { shots: 2, seconds: 2, seed })));
      const logClaimS = await firstClaim(db, afterLog, 20_000);
      await small.complete(runs, 60_000);
      await small.assertSound();
      return { ballastMB: tables, refusals, tablesClaimS, panicked, logClaimS, ownRuns: runs.length };
    } finally {
      await small.close();
    }
  },
};

/** The ledger's time, as soon as it tells: on a full disk the log may have been the first to find no room. */
const answers = (db: Database): Promise<string> =>
  promised('Postgres to answer again', 30_000, () => ledgerTime(db).catch(() => undefined));

/** Fill the disk, make Postgres ask for another piece of log, and give the room back when it has fallen over that. */
async function panic({ db, postgres, disk }: SmallFleet, forMs: number, signal: AbortSignal): Promise<string> {
  const { pid } = postgres;
  const startedAt = await serverStart(db);
  let fell = false;
  try {
    for (const until = performance.now() + 15_000; !fell && performance.now() < until && !signal.aborted; ) {
      disk.fill();
      fell = await db.query('select pg_switch_wal()').then(
        () => false,
        (error) => !/No space left/.test(String(error)),
      );
      // A switch without anything written since the last one does nothing.
      if (!fell) await db.query(`select pg_logical_emit_message(true, 'chaos', 'x')`).catch(() => {});
    }
    await pass(forMs, signal);
  } finally {
    disk.free();
  }
  if (!fell && !signal.aborted)
    throw new BrokenPromise('expected Postgres to panic for want of room for its log; it did not');
  // A panic ends every session. Postgres recovers by itself where it finds the room to; otherwise it is gone, and somebody starts it.
  const back = async () => {
    const since = await serverStart(db);
    return (since !== null && since !== startedAt) || undefined;
  };
  await until(async () => !isAlive(pid) || (await back()), {
    what: 'Postgres to recover or to be gone',
    timeoutMs: 15_000,
  });
  if (isAlive(pid)) return 'recovered by itself';
  await postgres.start();
  return 'started again';
}

/** Null in the moment when it falls: one backend may answer still, with the others gone. */
const serverStart = async (db: Database): Promise<string | null> =>
  // The postmaster's own start does not change when it only starts its children anew.
  (
    await db.query<{ at: string }>(
      `select backend_start::text as at from pg_stat_activity where backend_type = 'checkpointer'`,
    )
  )[0]?.at ?? null;

/** One when a row that needs a new page finds no room for it. */
async function refusesRoom(db: Database): Promise<number> {
  return db.query(`insert into chaos_ballast select repeat('x', 1900) from generate_series(1, 500)`).then(
    () => 0,
    (error) => (/No space left/.test(String(error)) ? 1 : 0),
  );
}

type SmallFleet = Awaited<ReturnType<typeof openSmallFleet>>;

/** A cluster on a disk of its own, and two workers. */
async function openSmallFleet(yard: Yard) {
  const folder = join(yard.folder, `small-${process.hrtime.bigint()}`);
  mkdirSync(join(folder, 'logs'), { recursive: true });
  chmodSync(folder, 0o755);
  const disk = await mountDisk(join(folder, 'disk'));
  const postgres = await openPostgres(join(folder, 'disk')).catch(async (error) => {
    await disk.close();
    throw error;
  });
  const db = new Database(postgres.url, { name: 'chaos-disk' });
  const reads = openReads(postgres.url, { name: 'chaos-disk-reads' });
  const log = createLogger({ level: 'silent', name: 'chaos' });
  const queue = openQueue({ kind: 'postgres', url: postgres.url }, { consumers: 0, log });
  const settings = { ...yard.settings, REELFLEET_DATA: join(folder, 'data') };
  const crew = openCrew({ folder, settings, databaseUrl: postgres.url, redisUrl: yard.redis.url, db });
  const books = openBooks(db, crew.log);
  const accepted: string[] = [];
  let closed = false;
  async function close(): Promise<void> {
    if (closed) return;
    closed = true;
    disk.free();
    await Promise.all(crew.everyone.map((worker) => crew.dismiss(worker)));
    await Promise.all([queue.close(1_000), reads.end(), db.end()]);
    if (isAlive(postgres.pid)) await postgres.kill();
    await disk.close();
  }
  atTestEnd(close);
  try {
    for (const statement of [
      // The server's log may not outgrow the disk by itself.
      `alter system set max_wal_size = '64MB'`,
      `alter system set min_wal_size = '32MB'`,
      'select pg_reload_conf()',
    ])
      await db.query(statement);
    await migrate(postgres.url, { migrateQueue });
    await db.query('create table chaos_ballast (filling text)');
    await Promise.all([1, 2].map(() => crew.hire({ env: { REDIS_URL: '' } })));
  } catch (error) {
    await close();
    throw error;
  }
  const operator = openOperatorLedger(db);
  return {
    folder,
    db,
    postgres,
    disk,
    books,
    close,
    async enqueue(template: string, params: Record<string, unknown>, count = 1): Promise<string[]> {
      const runs = await enqueue(
        { operator, queue, storage: storageOf(yard.bucket.env), reads },
        template,
        params,
        count,
      );
      accepted.push(...runs);
      return runs;
    },
    async complete(runs: readonly string[], timeoutMs: number): Promise<void> {
      const found = await books.ended(runs, timeoutMs);
      const others = runs.filter((one) => found.get(one) !== 'completed');
      if (others.length > 0)
        throw new BrokenPromise(
          `expected all runs to complete; ${others.map((one) => `${one} is ${found.get(one)}`).join(', ')}`,
        );
    },
    /** The judge does not know this ledger: its invariants are asked for here. */
    async assertSound(): Promise<void> {
      const broken = await brokenInvariants(postgres.url, invariants, { quiet: false });
      if (broken.length > 0)
        throw new BrokenPromise(`expected sound invariants; ${JSON.stringify(broken).slice(0, 300)}`);
      const died = uncaught(crew.log.map(({ worker, text }) => `${worker} ${text}`));
      if (died.length > 0) throw new BrokenPromise(`expected no process to end of it; ${died.slice(0, 2).join(' · ')}`);
    },
  };
}

interface SmallDisk {
  /** Fill what is free with ballast; answers with the megabytes there are of it now. */
  fill(): number;
  /** Take the ballast away. */
  free(): void;
  close(): Promise<void>;
}

async function mountDisk(path: string): Promise<SmallDisk> {
  mkdirSync(path, { recursive: true });
  await run('mount', ['-t', 'tmpfs', '-o', `size=${SIZE_MB}m,mode=0755`, 'tmpfs', path]);
  const ballast = join(path, 'ballast');
  const block = Buffer.alloc(1 << 16);
  let bytes = 0;
  return {
    fill() {
      const file = openSync(ballast, 'a');
      try {
        for (;;) bytes += writeSync(file, block);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      } finally {
        closeSync(file);
      }
      return Math.round(bytes / 2 ** 20);
    },
    free() {
      rmSync(ballast, { force: true });
      bytes = 0;
    },
    async close() {
      await run('umount', [path]).catch(() => run('umount', ['--lazy', path]));
    },
  };
}

/** Null where a disk can be mounted, else why not. Tried, since root in a container often may not. */
async function mayMount(): Promise<string | null> {
  const sentence =
    'a full disk for Postgres needs a small disk of its own: run it as root where root may mount a tmpfs';
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return sentence;
  const { mkdtempSync, rmdirSync } = await import('node:fs');
  const { tmpdir } = await import('node:os');
  const path = mkdtempSync(join(tmpdir(), 'reelfleet-mount-'));
  try {
    await run('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', path]);
    await run('umount', [path]);
    return null;
  } catch {
    return sentence;
  } finally {
    rmdirSync(path);
  }
}
