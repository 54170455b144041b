export * from './client.ts';
export { maskUrl } from './connection-error.ts';
export * from './ledger.ts';
export { type MigrateOptions, type MigrateResult, migrate, schemaVersion } from './migrate.ts';
