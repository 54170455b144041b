import type { FleetSettings } from '@reelfleet/worker';

export { assertMayListen, cannotListen } from './listen.ts';

/** See run-server.ts: loaded when it is called, so that a command that only asks where the fleet is answers at once. */
export async function runServer(settings: FleetSettings): Promise<number> {
  return (await import('./run-server.ts')).runServer(settings);
}
