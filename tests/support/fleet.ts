/**
 * A small fleet inside the test process: real Postgres, real queue, real local storage, and stages made for the test.
 * Workers are real `startWorker`s; several can run side by side.
 */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '@reelfleet/config';
import {
  type AnyStage,
  instantiate,
  type Logger,
  type PipelineTemplate,
  type Providers,
  systemClock,
  type TaskStatus,
  type Tools,
} from '@reelfleet/core';
import { Database, openLedger, openOperatorLedger, openSweepLedger } from '@reelfleet/db';
import { migratedDatabase } from '@reelfleet/db/testing';
import {
  migrateQueue,
  openQueue,
  type QueueStore,
  type Recorder,
  type RunningWorker,
  startWorker,
  type WorkerSettings,
} from '@reelfleet/fleet';
import { openStorage } from '@reelfleet/storage';

export interface FleetOptions {
  stages: readonly AnyStage[];
  templates: readonly PipelineTemplate[];
  /** Default: tickets on Postgres. */
  redisUrl?: string;
  /** The database as workers reach it, through a proxy for instance. */
  workerDatabaseUrl?: (url: string) => Promise<string>;
  settings?: Partial<WorkerSettings>;
  /** Those that the test's stages use; by default none. */
  providers?: Partial<Providers>;
  /** What completed tasks write; by default nothing. */
  recorders?: ReadonlyMap<string, Recorder>;
}

const unavailable = () => Promise.reject(new Error('this test has no such tool'));
const tools: Tools = { ffmpeg: unavailable, ffprobe: unavailable };
const noProviders = new Proxy({}, { get: unavailable }) as Providers;

export interface TaskFacts {
  id: string;
  key: string;
  status: TaskStatus;
  version: number;
  attempts: number;
  failures: number;
  crashes: number;
  error: string | null;
  code: string | null;
  progress: number;
  checkpoint: { units: number; data: unknown } | null;
}

export async function openFleet(options: FleetOptions) {
  const database = await migratedDatabase({ migrateQueue });
  const folder = mkdtempSync(join(tmpdir(), 'reelfleet-fleet-'));
  const db = new Database(database.url, { name: 'test-operator' });
  await db.query(`update sweep_turn set since = now() - interval '1 hour', last_at = now()`);
  const operator = openOperatorLedger(db);
  const logged: string[] = [];
  const log: Logger = createLogger({
    level: 'debug',
    name: 'test',
    destination: { write: (line: string) => void logged.push(line) } as never,
  });
  const store: QueueStore = options.redisUrl
    ? { kind: 'redis', url: options.redisUrl }
    : { kind: 'postgres', url: database.url };
  const queue = openQueue(store, { consumers: 0, log });
  const storage = openStorage(`file://${folder}/storage`, { scratch: `${folder}/scratch` });
  const stages = new Map(options.stages.map((stage) => [stage.name, stage]));
  const templates = new Map(options.templates.map((template) => [template.name, template]));
  const workers = new Set<{ worker: RunningWorker; db: Database; beats: Database }>();
  const announced: string[] = [];

  async function start(settings: Partial<WorkerSettings> = {}): Promise<RunningWorker> {
    const url = (await options.workerDatabaseUrl?.(database.url)) ?? database.url;
    const mine = new Database(url, { name: 'test-worker', deadlineMs: 4_000 });
    const beats = new Database(url, { name: 'test-beats', max: 1, deadlineMs: 1_000 });
    const worker = await startWorker({
      ledger: openLedger(mine, beats),
      sweep: openSweepLedger(mine),
      queue: openQueue(store, { consumers: stages.size, log }),
      storage,
      tools,
      providers: (options.providers as Providers | undefined) ?? noProviders,
      stages,
      templates,
      recorders: options.recorders ?? new Map(),
      clock: systemClock,
      log,
      newId: randomUUID,
      announce: (line) => void announced.push(line),
      settings: {
        name: `w${workers.size + 1}`,
        stages: 'all',
        concurrency: { default: 8, byStage: {} },
        leaseMs: 2_000,
        heartbeatMs: 200,
        sweepMs: 100,
        graceMs: 6_000,
        offlineMs: 4_000,
        retentionDays: 90,
        minFreeMb: 1,
        scratchRoot: `${folder}/scratch`,
        pauseAt: undefined,
        ...options.settings,
        ...settings,
      },
    });
    workers.add({ worker, db: mine, beats });
    return worker;
  }

  /** Enqueue runs; tickets are sent unless `silent` (a crash between commit and queue). */
  async function enqueue(
    template: string,
    params: Record<string, unknown> = {},
    { count = 1, silent = false, priority = 0 } = {},
  ) {
    const found = templates.get(template);
    if (!found) throw new Error(`no template ${template}`);
    const items = Array.from({ length: count }, () => {
      const id = randomUUID();
      const { tasks, edges } = instantiate(found, params, { newId: randomUUID, stages });
      return {
        run: {
          id,
          identifier: id,
          idempotencyKey: null,
          template,
          videoId: null,
          channelId: null,
          generationConfigId: null,
          params,
          priority,
          phase: tasks[0]?.phase ?? '',
        },
        tasks,
        edges,
        before: [],
        after: [],
      };
    });
    const answer = await operator.enqueue(items, 'test');
    if (!silent) await queue.send(answer.tickets);
    return { runs: answer.runs.map((run) => run.runId), tickets: answer.tickets };
  }

  const tasks = (run: string) =>
    db.query<TaskFacts>(
      `select id, key, status, state_version as version, attempt_number as attempts, failures, crashes, last_error as error, error_code as code,
         progress_percent as progress, checkpoint from tasks where run_id = '${run}' order by key`,
    );
  const runStatus = async (run: string) =>
    (await db.query<{ status: string }>(`select status from pipeline_runs where id = '${run}'`))[0]?.status;

  return {
    url: database.url,
    db,
    operator,
    queue,
    store,
    storage,
    stages,
    templates,
    logged,
    announced,
    folder,
    start,
    enqueue,
    tasks,
    runStatus,
    async close() {
      await Promise.all(
        [...workers].map(async ({ worker, db: mine, beats }) => {
          await worker.stop();
          await Promise.all([mine.end(), beats.end()]);
        }),
      );
      await queue.close(3_000);
      await db.end();
      await database.drop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
export type Fleet = Awaited<ReturnType<typeof openFleet>>;
