/**
 * The programs of the system that the tests use, under the pinned Node. ffmpeg must be there: it is installed where we
 * may (root on Debian), else its absence ends the tests with the command to run. redis-server is welcome: without it the
 * Redis tests are skipped by name.
 */
import { ensureFfmpeg, findOnPath, installWithApt, mayInstall, missingSentence } from '@reelfleet/embedded';

const log = (line) => console.log(`reelfleet: ${line}`);
const REDIS = { apt: 'redis-server', brew: 'redis', dnf: 'redis' };

try {
  const { version } = await ensureFfmpeg({ log });
  log(`ffmpeg ${version}`);
} catch (error) {
  console.error(`reelfleet: ${error.message}`);
  process.exit(error.exitCode ?? 1);
}
if (findOnPath('redis-server', process.env) === undefined) {
  try {
    if (mayInstall(process.env)) await installWithApt([REDIS.apt], log);
    else log(`${missingSentence('redis-server', REDIS)}; until then the Redis tests are skipped`);
  } catch (error) {
    log(`${error.message}; until then the Redis tests are skipped`);
  }
}
