/** For scripts of operators: the fleet as the command line sees it. See examples/enqueue-albums.ts. */
export { addressesOfUp, type FleetSettings, locateFleet } from '@reelfleet/worker';
export { type Fleet, openFleet } from './open-fleet.ts';
