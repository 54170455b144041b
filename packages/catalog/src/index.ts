/** The library domain: what operators do and see, and what completed tasks write into it. */

export { videoStatuses } from '@reelfleet/db';
export { type EnqueueDeps, enqueueOrders } from './enqueue.ts';
export { purgeRuns } from './life.ts';
export { type OperatorDeps, openOperator } from './operator.ts';
export * from './operator-types.ts';
export { orderFields } from './orders.ts';
export { isCursor } from './pages.ts';
export { type Recorder, recorders } from './recorders/index.ts';
export type { CollectGarbage } from './upkeep.ts';
export { runRow } from './views.ts';
export { filePath } from './watching.ts';
