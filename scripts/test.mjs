/**
 * `npm test`: from a clean clone to a tested one. Installs what is missing, then runs vitest once under the pinned
 * Node; arguments and exit code pass through (`npm test -- packages/core`).
 */
import { join } from 'node:path';
import { root, runPinned, setUp } from './setup.mjs';

await setUp();
process.exitCode =
  (await runPinned([join(root, 'scripts/tools.mjs')])) ||
  (await runPinned([join(root, 'node_modules/vitest/vitest.mjs'), 'run', ...process.argv.slice(2)]));
