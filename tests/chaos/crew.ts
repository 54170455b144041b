/**
 * The yard's worker processes, each behind wires of its own, and everything they say: kept in memory for the faults and
 * the judge, and in a file per worker for whoever looks for a cause afterwards.
 */
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Database } from '@reelfleet/db';
import { startProcess, startTcpProxy, until } from '@reelfleet/testkit';
import type { HeldTask, WorkerWishes, YardWorker } from './fault.ts';

/** The script of a worker of the yard, for faults that start one by themselves. */
export const workerScript = fileURLToPath(new URL('./worker.ts', import.meta.url));
const READY_MS = 120_000;

export interface LogLine {
  readonly at: number;
  readonly worker: string;
  readonly text: string;
}

export interface CrewOptions {
  readonly folder: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly db: Database;
}

export interface Crew {
  /** Start one more; returns when it takes tickets. */
  hire(wishes?: WorkerWishes): Promise<YardWorker>;
  /** SIGTERM; SIGKILL when it does not end within its grace. Its wires go with it. */
  dismiss(worker: YardWorker): Promise<void>;
  /** All that was ever hired, those that have ended too. */
  readonly everyone: readonly YardWorker[];
  readonly log: readonly LogLine[];
}

export function openCrew({ folder, settings, databaseUrl, redisUrl, db }: CrewOptions): Crew {
  const everyone: YardWorker[] = [];
  const log: LogLine[] = [];

  async function hire({ env = {}, prefix = [] }: WorkerWishes = {}): Promise<YardWorker> {
    const name = `w${everyone.length + 1}`;
    // Named at once, so that two hired side by side do not share a name.
    const place = everyone.push(undefined as never) - 1;
    const [postgres, redis] = await Promise.all([startTcpProxy(databaseUrl), startTcpProxy(redisUrl)]);
    const [command = process.execPath, ...before] = [...prefix, process.execPath];
    const child = startProcess({
      name,
      command,
      args: [...before, workerScript],
      env: {
        ...settings,
        DATABASE_URL: postgres.url,
        REDIS_URL: redis.url,
        REELFLEET_WORKER_NAME: name,
        ...env,
      },
      cwd: folder,
    });
    const file = createWriteStream(join(folder, 'logs', `${name}.log`));
    for (const stream of [child.child.stdout, child.child.stderr]) {
      if (stream === null) continue;
      createInterface({ input: stream }).on('line', (text) => {
        log.push({ at: Date.now(), worker: name, text });
        file.write(`${text}\n`);
      });
    }
    void child.exited.then(({ code, signal }) => {
      const text = `ended with ${signal ?? code}`;
      log.push({ at: Date.now(), worker: name, text });
      file.end(`${text}\n`);
    });

    const worker: YardWorker = {
      name,
      process: child,
      postgres,
      redis,
      async id() {
        const rows = await db.query<{ id: string }>(`select id from workers where worker_name = '${name}'`);
        if (!rows[0]) throw new Error(`${name} has no row in workers`);
        return rows[0].id;
      },
      holds: () =>
        db.query<HeldTask>(
          `select t.id, t.run_id as "runId", t.key, t.state_version as version,
             coalesce((t.checkpoint->>'units')::int, 0) as "checkpointUnits"
           from tasks t join workers w on w.id = t.worker_id
           where w.worker_name = '${name}' and t.status = 'running' order by t.id`,
        ),
    };
    everyone[place] = worker;
    try {
      await child.waitForLine(/^worker ready/, { timeoutMs: READY_MS });
    } catch (error) {
      await dismiss(worker);
      throw error;
    }
    return worker;
  }

  async function dismiss(worker: YardWorker): Promise<void> {
    const { process: child } = worker;
    child.wake();
    child.kill('SIGTERM');
    const grace = Number(settings.REELFLEET_GRACE_MS ?? 10_000);
    const ended = () => child.child.exitCode !== null || child.child.signalCode !== null;
    await until(ended, { what: `${worker.name} to end`, timeoutMs: grace + 3_000 }).catch(() => {
      child.kill('SIGKILL', { group: true });
    });
    await child.exited;
    await Promise.all([worker.postgres.stop(), worker.redis.stop()]);
  }

  return {
    hire,
    dismiss,
    get everyone() {
      return everyone.filter((worker) => worker !== undefined);
    },
    log,
  };
}
