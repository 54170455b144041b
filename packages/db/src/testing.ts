/**
 * Databases with Reelfleet's schema, for tests. Not imported by the product.
 */
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
