/**
 * One server process, from settings to exit: opens its clients, listens, and closes everything on a signal. The only
 * place of this process that opens connections.
 */
import { hostname } from 'node:os';
import { openOperator } from '@reelfleet/catalog';
import { createLogger, version } from '@reelfleet/config';
import { messageOf } from '@reelfleet/core';
import { Database, openOperatorLedger, openReads, openSweepLedger } from '@reelfleet/db';
import { collectGarbage, openQueue } from '@reelfleet/fleet';
import { allStageNames, stages, templates } from '@reelfleet/pipelines';
import { languageModel } from '@reelfleet/providers';
import { storageOf } from '@reelfleet/storage';
import { assertSchema, type FleetSettings, onStopSignals } from '@reelfleet/worker';
import { buildApp } from './app.ts';
import { assertMayListen, listen } from './listen.ts';

/** A sender of a file that is silent for longer has gone, whatever its connection says. */
const STALL_MS = 30_000;

/** Of the grace, what closing the clients takes. */
const CLOSING_MS = 4_000;

/**
 * Run the server until it is told to stop; returns the exit code. Says `server ready http://HOST:PORT` on stdout once it
 * answers. The first SIGTERM or SIGINT closes it within REELFLEET_GRACE_MS, the second exits at once. Throws UserError
 * when it cannot start; once it runs it stays, whatever is away, and says so to those who ask.
 */
export async function runServer(settings: FleetSettings): Promise<number> {
  process.title = 'reelfleet server';
  assertMayListen(settings);
  const { DATABASE_URL: url, REDIS_URL: redis, REELFLEET_GRACE_MS: graceMs } = settings;
  const log = createLogger({ level: settings.LOG_LEVEL, name: 'server' });
  // A parent that was killed no longer reads what we announce; that is no reason to leave.
  process.stdout.on('error', () => {});
  for (const event of ['unhandledRejection', 'uncaughtException'] as const) {
    process.on(event, (error) => {
      log.error({ error }, `server ends: ${event}`);
      process.exit(1);
    });
  }
  const told = onStopSignals(() => process.exit(1));
  const db = new Database(url, { name: 'reelfleet-server' });
  // One more than usual for each kind of survey: what is counted in the background must not hold up a page.
  const reads = openReads(url, { name: 'reelfleet-server', max: 4 });
  try {
    await assertSchema(db, 2);
    const storage = storageOf(settings);
    const queue = openQueue(redis ? { kind: 'redis', url: redis } : { kind: 'postgres', url }, { consumers: 0, log });
    try {
      const operator = openOperator({
        ledger: openOperatorLedger(db),
        sweepLedger: openSweepLedger(db),
        reads: reads.db,
        storage,
        send: (tickets) => queue.send(tickets),
        queue,
        stages,
        templates,
        allStageNames,
        actor: `server@${hostname()}`.slice(0, 100),
        languageModel: languageModel(settings),
        retentionDays: settings.REELFLEET_RETENTION_DAYS,
        collectGarbage,
      });
      const app = await buildApp(
        {
          operator,
          reads: reads.db,
          db,
          storage,
          queue,
          stages: [...stages.keys()],
          log,
          access: { password: settings.REELFLEET_PASSWORD, host: settings.HOST },
          imports: { maxBytes: settings.REELFLEET_IMPORT_MAX_MB * 1_000_000, stallMs: STALL_MS },
          version: version(),
        },
        { closeMs: Math.max(0, graceMs - CLOSING_MS) },
      );
      try {
        const address = await listen(app, settings);
        process.stdout.write(`server ready ${address}\n`);
        log.info({ address }, 'server ready');
        log.info({ signal: await told }, 'server stops');
      } finally {
        await app.close().catch((error) => log.error({ error: messageOf(error) }, 'server did not stop cleanly'));
      }
    } finally {
      await queue.close(2_000);
    }
    return 0;
  } finally {
    await Promise.all([reads.end(), db.end()]);
  }
}
