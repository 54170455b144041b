export { counters } from './counters.ts';
export { migrateQueue, openQueue, type QueueStore, type TicketQueue, ticketData } from './queue.ts';
export type { Recorder } from './run-task.ts';
export { taskPrefix } from './stage-storage.ts';
export { collectGarbage, type Sweeper, type SweepWork, startSweeper } from './sweep.ts';
export { type RunningWorker, startWorker, type WorkerDeps, type WorkerSettings } from './worker.ts';
