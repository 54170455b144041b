/**
 * A worker process of the yard: the product's own `runWorker`, with the load's stages beside the product's. On SIGUSR2 its
 * event loop stands still for two leases, which nothing outside of a process can do to it.
 */
import { describeFailure, locateFleet, runWorker } from '@reelfleet/worker';
import { repertoire } from './stages.ts';

const settings = locateFleet(process.env, { stages: [...repertoire.stages.keys()] });
process.on('SIGUSR2', () => {
  process.stdout.write('event loop blocked\n');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2 * settings.REELFLEET_LEASE_MS);
  process.stdout.write('event loop runs again\n');
});

let exitCode: number;
try {
  exitCode = await runWorker(settings, repertoire);
} catch (error) {
  const failure = await describeFailure(error, process.env.LOG_LEVEL);
  process.stderr.write(`${failure.text}\n`);
  exitCode = failure.exitCode;
}
// Whatever still holds a socket must not keep a stopped worker alive.
process.exit(exitCode);
