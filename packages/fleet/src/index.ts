export { type SeenTicket, type StageTickets, type StoreFacts, type TicketState, ticketStates } from './look.ts';
export { type Meter, openMeter } from './meter.ts';
export { buildMetric, type MetricDefinition, workerGauges, workerMetrics } from './metrics.ts';
export { migrateQueue, openQueue, type QueueStore, type TicketQueue, ticketData } from './queue.ts';
export { countsOf, exposition, type Family } from './report.ts';
export type { Recorder } from './run-task.ts';
export { taskPrefix } from './stage-storage.ts';
export { collectGarbage, type Sweeper, type SweepWork, startSweeper } from './sweep.ts';
export { type RunningWorker, startWorker, type WorkerDeps, type WorkerSettings } from './worker.ts';
