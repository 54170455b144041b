/**
 * One worker process, from settings to exit: opens its clients, starts the engine, and ends it on a signal, on an
 * operator's drain, or when the schema moved on. The only place of this process that opens connections.
 */
import { availableParallelism } from 'node:os';
import { recorders as productRecorders, purgeRuns } from '@reelfleet/catalog';
import { createLogger, version } from '@reelfleet/config';
import { messageOf, systemClock } from '@reelfleet/core';
import { Database, openLedger, openSweepLedger, schemaVersion } from '@reelfleet/db';
import { openMeter, openQueue, type RunningWorker, startWorker, type WorkerDeps } from '@reelfleet/fleet';
import { openPrograms, openTools, workingEncoders } from '@reelfleet/media';
import { stages as productStages, templates as productTemplates } from '@reelfleet/pipelines';
import { chooseProviders } from '@reelfleet/providers';
import { storageOf } from '@reelfleet/storage';
import { v7 } from 'uuid';
import { type MetricsServer, openMetricsServer } from './metrics-server.ts';
import { assertSchema } from './schema-check.ts';
import { onStopSignals } from './signals.ts';
import type { FleetSettings } from './whereabouts.ts';

/** What a worker can do: the product's own, unless an embedder brings more. */
export type Repertoire = Pick<WorkerDeps, 'stages' | 'templates' | 'recorders'>;
const ofTheProduct: Repertoire = { stages: productStages, templates: productTemplates, recorders: productRecorders };

/**
 * Run a worker until it is told to stop; returns the exit code. Says `worker ready <name>` on stdout once it takes
 * tickets and `worker ended: <reason>` when it ends by itself. The first SIGTERM or SIGINT drains within
 * REELFLEET_GRACE_MS, the second exits at once. Throws UserError when it cannot start.
 */
export async function runWorker(settings: FleetSettings, repertoire: Repertoire = ofTheProduct): Promise<number> {
  const { stages } = repertoire;
  const { REELFLEET_WORKER_NAME: name, DATABASE_URL: databaseUrl } = settings;
  process.title = `reelfleet worker ${name}`;
  const log = createLogger({ level: settings.LOG_LEVEL, name: 'worker' });
  // A parent that was killed no longer reads what we announce; that is no reason to give up work.
  process.stdout.on('error', () => {});
  for (const event of ['unhandledRejection', 'uncaughtException'] as const) {
    process.on(event, (error) => {
      log.error({ error }, `worker ends: ${event}`);
      process.exit(1);
    });
  }
  const told = onStopSignals(() => process.exit(1));

  const served = settings.REELFLEET_STAGES === 'all' ? stages.size : settings.REELFLEET_STAGES.length;
  const db = new Database(databaseUrl, { name: 'reelfleet-worker' });
  // A connection of its own: no queue of statements may delay a heartbeat.
  // A beat that hangs has to be given up while there is still time for another within the lease.
  const patience = Math.min(settings.REELFLEET_HEARTBEAT_MS, Math.floor(settings.REELFLEET_LEASE_MS / 4));
  const beats = new Database(databaseUrl, {
    name: 'reelfleet-worker',
    max: 1,
    deadlineMs: patience,
    statementTimeoutMs: Math.ceil(patience * 0.8),
    lockTimeoutMs: Math.ceil(patience * 0.8),
  });
  const meter = openMeter();
  let worker: RunningWorker | null = null;
  let metrics: MetricsServer | null = null;
  try {
    await assertSchema(db, 2);
    if (settings.METRICS_PORT !== undefined) {
      metrics = await openMetricsServer({
        host: settings.HOST,
        port: settings.METRICS_PORT,
        password: settings.REELFLEET_PASSWORD,
        name,
        leaseMs: settings.REELFLEET_LEASE_MS,
        version: version(),
        schema: schemaVersion(),
        meter,
        log,
        worker: () => worker,
      });
    }
    const storage = storageOf(settings, { scratch: settings.REELFLEET_SCRATCH });
    const queue = openQueue(
      settings.REDIS_URL ? { kind: 'redis', url: settings.REDIS_URL } : { kind: 'postgres', url: databaseUrl },
      { consumers: served, log, meter },
    );
    const threads = ffmpegThreads(settings);
    const providers = chooseProviders(settings, { run: openPrograms(), threads, env: process.env });
    const wanted = settings.REELFLEET_ENCODERS?.split(/,\s*/) ?? [];
    const encoders = await workingEncoders(openTools({ threads }), wanted, (encoder, error) =>
      log.warn({ encoder, error }, 'a hardware encoder does not work here and is not used'),
    );
    worker = await startWorker({
      ledger: openLedger(db, beats),
      sweep: openSweepLedger(db),
      queue,
      storage,
      tools: openTools({ threads, encoders }),
      providers,
      ...repertoire,
      clock: systemClock,
      log,
      meter,
      newId: () => v7(),
      // An embedder's repertoire may not have the stage.
      ...(repertoire.templates.has('purge')
        ? { purges: { days: settings.ARCHIVE_RETENTION_DAYS, runs: (count) => purgeRuns(repertoire, count) } }
        : {}),
      announce: say,
      settings: {
        name,
        stages: settings.REELFLEET_STAGES,
        concurrency: settings.REELFLEET_CONCURRENCY,
        leaseMs: settings.REELFLEET_LEASE_MS,
        heartbeatMs: settings.REELFLEET_HEARTBEAT_MS,
        sweepMs: settings.REELFLEET_SWEEP_MS,
        graceMs: settings.REELFLEET_GRACE_MS,
        offlineMs: settings.REELFLEET_OFFLINE_MS,
        retentionDays: settings.REELFLEET_RETENTION_DAYS,
        minFreeMb: settings.REELFLEET_MIN_FREE_MB,
        scratchRoot: settings.REELFLEET_SCRATCH,
        pauseAt: settings.REELFLEET_PAUSE_AT,
      },
    });
    say(`worker ready ${name}`);
    const why = await Promise.race([told, worker.ended]);
    log.info({ why }, 'worker stops');
    await worker.stop().catch((error) => log.error({ error: messageOf(error) }, 'worker did not stop cleanly'));
    if (why === 'drained' || why === 'schema-changed') say(`worker ended: ${why}`);
    return 0;
  } finally {
    await metrics?.close();
    await Promise.all([db.end(), beats.end()]);
  }
}

/** The cores shared out among the tasks this process may have at once. */
function ffmpegThreads({ REELFLEET_CONCURRENCY: { default: slots } }: FleetSettings): number {
  const cores = availableParallelism();
  return Math.max(1, Math.ceil(cores / (slots ?? cores)));
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
