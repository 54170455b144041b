/**
 * Databases with Reelfleet's schema, for tests. Not imported by the product.
 */
import type { EnqueueItem } from '@reelfleet/core';
import { freshDatabase, type TestDatabase } from '@reelfleet/testkit';
import { migrate, schemaVersion } from './migrate.ts';

export type { TestDatabase } from '@reelfleet/testkit';

export interface MigratedDatabaseOptions {
  /** Also prepare the queue's tables (BullMQ's `runMigrations`): pass it where a test uses the Postgres queue backend. */
  readonly migrateQueue?: (url: string) => Promise<void>;
}

/** A database of the caller's own, migrated and empty: a clone of a template, so it takes some tens of milliseconds. Drop it when done. */
export function migratedDatabase({ migrateQueue }: MigratedDatabaseOptions = {}): Promise<TestDatabase> {
  return freshDatabase({
    hash: `${schemaVersion().replace('-', '_')}${migrateQueue === undefined ? '' : '_queue'}`,
    async migrate(url) {
      await migrate(url, migrateQueue === undefined ? {} : { migrateQueue });
    },
  });
}

/** A run of template `single` and nothing else, for tests that are about its tasks. */
export function bareRun(id: string, more: Partial<EnqueueItem['run']> = {}): EnqueueItem['run'] {
  return {
    id,
    identifier: id,
    idempotencyKey: null,
    template: 'single',
    videoId: null,
    channelId: null,
    generationConfigId: null,
    params: {},
    priority: 0,
    phase: 'p',
    ...more,
  };
}
