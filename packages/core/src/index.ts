export * from './errors.ts';
export * from './ledger.ts';
export * from './log.ts';
export * from './pipeline.ts';
export * from './ports.ts';
export * from './retry.ts';
export * from './stage.ts';
export * from './task.ts';
