/**
 * For tests of the server's parts: a real server on a fresh database, a local store and tickets on Postgres (or on the
 * Redis given), in this process, listening on a free port of loopback.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openOperator } from '@reelfleet/catalog';
import { createLogger } from '@reelfleet/config';
import type { Storage } from '@reelfleet/core';
import { Database, openLedger, openOperatorLedger, openReads, openSweepLedger } from '@reelfleet/db';
import { migratedDatabase } from '@reelfleet/db/testing';
import { collectGarbage, migrateQueue, openQueue } from '@reelfleet/fleet';
import { allStageNames, stages, templates } from '@reelfleet/pipelines';
import { openStorage } from '@reelfleet/storage';
import { atTestEnd } from '@reelfleet/testkit';
import { buildApp, type Patience } from './app.ts';
import type { ServerContext } from './context.ts';

export interface TestServerOptions {
  password?: string;
  host?: string;
  redisUrl?: string;
  /** Instead of a local store. */
  storage?: Storage;
  /** Parts of the context to replace. */
  context?: Partial<ServerContext>;
  patience?: Partial<Patience>;
}

/** `app.inject` for requests without a socket; `origin` for real ones. Ends with the test, or with the file from `beforeAll`. */
export async function startTestServer(options: TestServerOptions = {}) {
  const database = await migratedDatabase({ migrateQueue });
  const folder = mkdtempSync(join(tmpdir(), 'reelfleet-server-'));
  const lines: string[] = [];
  const log = createLogger({
    level: 'debug',
    name: 'test',
    destination: { write: (line: string) => void lines.push(line) } as never,
  });
  const db = new Database(database.url, { name: 'test' });
  const reads = openReads(database.url, { name: 'test' });
  const storage = options.storage ?? openStorage(`file://${folder}/storage`);
  const queue = openQueue(
    options.redisUrl ? { kind: 'redis', url: options.redisUrl } : { kind: 'postgres', url: database.url },
    { consumers: 0, log },
  );
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
    actor: 'test',
    languageModel: 'builtin',
    retentionDays: 90,
    collectGarbage,
  });
  const context: ServerContext = {
    operator,
    reads: reads.db,
    db,
    storage,
    queue,
    stages: [...stages.keys()],
    log,
    access: { password: options.password, host: options.host ?? '127.0.0.1' },
    imports: { maxBytes: 50_000_000, stallMs: 30_000 },
    version: '0.0.0-test',
    ...options.context,
  };
  const app = await buildApp(context, options.patience);
  const origin = await app.listen({ host: '127.0.0.1', port: 0 });
  atTestEnd(async () => {
    await app.close();
    await queue.close(1_000);
    await Promise.all([reads.end(), db.end()]);
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    app,
    context,
    origin,
    operator,
    db,
    reads: reads.db,
    storage,
    queue,
    /** A worker's ledger, to move tasks by hand. */
    ledger: openLedger(db, db),
    databaseUrl: database.url,
    folder,
    /** What was logged, as JSON lines. */
    lines,
  };
}
export type TestServer = Awaited<ReturnType<typeof startTestServer>>;
