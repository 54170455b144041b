/** The server process: settings, run, exit code. `reelfleet server` is the same with options. */
import { stages } from '@reelfleet/pipelines';
import { describeFailure, locateFleet } from '@reelfleet/worker';
import { runServer } from './index.ts';

let exitCode: number;
try {
  exitCode = await runServer(locateFleet(process.env, { stages: [...stages.keys()] }));
} catch (error) {
  const failure = await describeFailure(error, process.env.LOG_LEVEL);
  process.stderr.write(`${failure.text}\n`);
  exitCode = failure.exitCode;
}
// Whatever still holds a socket must not keep a stopped server alive.
process.exit(exitCode);
