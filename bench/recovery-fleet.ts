/**
 * A fleet of worker processes with one slot each: one for each task, and a spare one for each that is about to be ended. It
 * knows from their own words who holds what and since when, and reads from the audit trail what happened in between.
 */
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { createLogger } from '@reelfleet/config';
import { instantiate } from '@reelfleet/core';
import { Database, openOperatorLedger, text } from '@reelfleet/db';
import { openQueue } from '@reelfleet/fleet';
import { startProcess, type TestProcess } from '@reelfleet/testkit';
import { v7 } from 'uuid';
import { hold, holding } from './recovery-stage.ts';

export interface RecoveryFleetOptions {
  readonly databaseUrl: string;
  /** Tickets lie on the database without it. */
  readonly redisUrl: string | null;
  readonly tasks: number;
  readonly leaseMs: number;
  readonly graceMs: number;
  readonly folder: string;
}

export interface Holding {
  readonly task: string;
  readonly version: number;
  /** Wall clock, when the handler started. */
  readonly at: number;
  readonly worker: TestProcess;
}

export interface RecoveryFleet {
  readonly tasks: readonly string[];
  /** The start of the task's handler at exactly this version, past or coming. */
  held(task: string, version: number): Promise<Holding>;
  /** Starts another worker; resolves when it takes tickets. */
  addWorker(): Promise<void>;
  /** Sends the signal to the holder; answers when it was sent. */
  end(holding: Holding, signal: 'SIGKILL' | 'SIGTERM'): number;
  /** Wall clock of the event that ended the attempt at `version`. */
  endedAt(task: string, version: number): Promise<number>;
  close(): Promise<void>;
}

const program = fileURLToPath(new URL('recovery-worker.ts', import.meta.url));
const LONGEST_MS = 120_000;

export async function openRecoveryFleet(options: RecoveryFleetOptions): Promise<RecoveryFleet> {
  const { databaseUrl, redisUrl, folder } = options;
  const db = new Database(databaseUrl, { name: 'bench' });
  const workers = new Set<TestProcess>();
  const seen = new Map<string, Holding>();
  const waiting = new Map<string, (holding: Holding) => void>();
  let started = 0;

  function listen(worker: TestProcess, line: string): void {
    const [, task, version, at] = /^holds ([0-9a-f-]{36})-(\d+) (\d+)$/.exec(line) ?? [];
    if (task === undefined) return;
    const holding = { task, version: Number(version), at: Number(at), worker };
    seen.set(`${task} ${version}`, holding);
    waiting.get(`${task} ${version}`)?.(holding);
  }

  function start(): TestProcess {
    started += 1;
    const worker = startProcess({
      args: [program],
      name: `worker ${started}`,
      cwd: folder,
      env: {
        DATABASE_URL: databaseUrl,
        REDIS_URL: redisUrl ?? undefined,
        STORAGE_URL: `file://${folder}/storage`,
        REELFLEET_SCRATCH: `${folder}/scratch`,
        REELFLEET_DATA: folder,
        REELFLEET_WORKER_NAME: `bench-${started}`,
        REELFLEET_CONCURRENCY: '1',
        REELFLEET_LEASE_MS: String(options.leaseMs),
        REELFLEET_GRACE_MS: String(options.graceMs),
        REELFLEET_MIN_FREE_MB: '0',
        LOG_LEVEL: 'error',
      },
    });
    workers.add(worker);
    void worker.exited.then(() => workers.delete(worker));
    if (worker.child.stdout) createInterface({ input: worker.child.stdout }).on('line', (line) => listen(worker, line));
    return worker;
  }

  const addWorker = async () => void (await start().waitForLine(/^worker ready/, { timeoutMs: LONGEST_MS }));
  await Promise.all(Array.from({ length: options.tasks }, addWorker));
  // As a fleet that has been up for a while: nothing expires until sweeps have run for a whole lease.
  await db.query(`update sweep_turn set since = now() - interval '1 hour', last_at = now()`);
  const tasks = await enqueue(db, options);

  return {
    tasks,
    held(task, version) {
      const name = `${task} ${version}`;
      const known = seen.get(name);
      if (known) return Promise.resolve(known);
      return new Promise((resolve, reject) => {
        const timer = setTimeout(
          () => reject(new Error(`nobody held task ${task} at version ${version} within ${LONGEST_MS / 1000} s`)),
          LONGEST_MS,
        );
        waiting.set(name, (holding) => {
          clearTimeout(timer);
          waiting.delete(name);
          resolve(holding);
        });
      });
    },
    addWorker,
    end(holding, signal) {
      const at = Date.now();
      holding.worker.kill(signal);
      return at;
    },
    async endedAt(task, version) {
      const [row] = await db.query<{ at: number }>(
        `select extract(epoch from "timestamp")::float8 * 1000 as at from task_audit
         where task_id = $1::text::uuid and state_version = ${version + 1}`,
        [text(task)],
      );
      if (!row) throw new Error(`task ${task} has no event after version ${version}`);
      return row.at;
    },
    async close() {
      for (const worker of workers) worker.kill('SIGKILL', { group: true });
      await Promise.all([...workers].map((worker) => worker.exited));
      await db.end();
    },
  };
}

/** One run of one task for each worker. */
async function enqueue(db: Database, { redisUrl, databaseUrl, tasks }: RecoveryFleetOptions): Promise<string[]> {
  const log = createLogger({ level: 'error', name: 'bench' });
  const queue = openQueue(redisUrl ? { kind: 'redis', url: redisUrl } : { kind: 'postgres', url: databaseUrl }, {
    consumers: 0,
    log,
  });
  try {
    const items = Array.from({ length: tasks }, () => {
      const id = v7();
      const run = { id, identifier: id, idempotencyKey: null, template: holding.name, videoId: null, channelId: null };
      return {
        run: { ...run, generationConfigId: null, params: {}, priority: 0, phase: 'hold' },
        ...instantiate(holding, {}, { newId: v7, stages: new Map([[hold.name, hold]]) }),
        before: [],
        after: [],
      };
    });
    const { tickets } = await openOperatorLedger(db).enqueue(items, 'bench');
    await queue.send(tickets);
    return tickets.map(({ id }) => id);
  } finally {
    await queue.close(2_000);
  }
}
