/** The clients an operator's command needs, opened together and closed together. */
import { hostname, userInfo } from 'node:os';
import { type Operator, openOperator } from '@reelfleet/catalog';
import { createLogger } from '@reelfleet/config';
import type { Storage } from '@reelfleet/core';
import { Database, openOperatorLedger, openReads, openSweepLedger, type ReadHandle } from '@reelfleet/db';
import { collectGarbage, openQueue } from '@reelfleet/fleet';
import { allStageNames, stages, templates } from '@reelfleet/pipelines';
import { languageModel } from '@reelfleet/providers';
import { storageOf } from '@reelfleet/storage';
import { assertSchema, type FleetSettings } from '@reelfleet/worker';

export interface Fleet {
  readonly settings: FleetSettings;
  readonly operator: Operator;
  readonly storage: Storage;
  readonly db: Database;
  readonly reads: ReadHandle;
  close(): Promise<void>;
}

/** Throws UserError when the database cannot be reached or has another schema, or when the storage cannot be served. */
export async function openFleet(settings: FleetSettings): Promise<Fleet> {
  const { DATABASE_URL: url, REDIS_URL: redis } = settings;
  const log = createLogger({ level: settings.LOG_LEVEL === 'info' ? 'warn' : settings.LOG_LEVEL, name: 'cli' });
  const storage = storageOf(settings);
  const db = new Database(url, { name: 'reelfleet-cli', max: 2 });
  try {
    await assertSchema(db, 1);
  } catch (error) {
    await db.end();
    throw error;
  }
  const queue = openQueue(redis ? { kind: 'redis', url: redis } : { kind: 'postgres', url }, { consumers: 0, log });
  const reads = openReads(url, { name: 'reelfleet-cli' });
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
    actor: actor(),
    languageModel: languageModel(settings),
    retentionDays: settings.REELFLEET_RETENTION_DAYS,
    collectGarbage,
  });
  return {
    settings,
    operator,
    storage,
    db,
    reads: reads.db,
    async close() {
      await Promise.all([queue.close(2_000), reads.end(), db.end()]);
    },
  };
}

/** Who does it, for the audit trail. */
function actor(): string {
  let name = 'operator';
  try {
    name = userInfo().username;
  } catch {} // a container's user number without a name
  return `${name}@${hostname()}`.slice(0, 100);
}
