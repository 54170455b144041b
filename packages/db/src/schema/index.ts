/**
 * Every table of Reelfleet as drizzle sees it, one file per group. What drizzle cannot express (triggers, fillfactor)
 * lies in the custom migrations under `drizzle/`; the ledger's functions lie in `packages/db/sql/`.
 */
export * from './audience.ts';
export * from './catalog.ts';
export * from './engine.ts';
export * from './moments.ts';
export * from './review.ts';
export * from './studio.ts';
