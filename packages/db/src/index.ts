export * from './audience.ts';
export {
  type BackupResult,
  backupDatabase,
  type DatabaseFacts,
  inspectDatabase,
  resetDatabase,
  restoreDatabase,
} from './backup.ts';
export * from './client.ts';
export { configHash, ensureConfig, promptHash } from './configs.ts';
export { maskUrl } from './connection-error.ts';
export * from './ledger.ts';
export { type MigrateOptions, type MigrateResult, migrate, schemaVersion } from './migrate.ts';
export { hearsNotifications } from './notifications.ts';
export * from './reads/index.ts';
