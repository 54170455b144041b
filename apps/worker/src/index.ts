export { describeFailure, type Failure } from './failure.ts';
export { claimRunFile, type RunFile, readRunFile, removeRunFile, writeRunFile } from './run-file.ts';
export { onStopSignals } from './signals.ts';
export { addressesOfUp, type FleetSettings, type LocateOptions, locateFleet } from './whereabouts.ts';

import type { Database } from '@reelfleet/db';
import type { Repertoire } from './run-worker.ts';
import type { FleetSettings } from './whereabouts.ts';

// What needs the database's or the engine's code is loaded when it is called: a command that only asks where the fleet
// is answers at once.

/** See run-worker.ts. */
export async function runWorker(settings: FleetSettings, repertoire?: Repertoire): Promise<number> {
  return (await import('./run-worker.ts')).runWorker(settings, repertoire);
}

/** See schema-check.ts. */
export async function assertSchema(db: Database, exitCode: 1 | 2): Promise<void> {
  return (await import('./schema-check.ts')).assertSchema(db, exitCode);
}
