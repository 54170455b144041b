export * from './client.ts';
export * from './ledger.ts';
