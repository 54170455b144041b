/**
 * `npm run demo`: from a clean clone to a finished album. Installs what is missing, then hands over to `reelfleet demo`
 * under the pinned Node; arguments and exit code pass through (`npm run demo -- --exit`).
 */
import { join } from 'node:path';
import { root, runPinned, setUp } from './setup.mjs';

await setUp();
process.exitCode = await runPinned([join(root, 'apps/cli/bin/reelfleet.js'), 'demo', ...process.argv.slice(2)]);
