/**
 * `npm run chaos`: the fault suite, from a clean clone. Installs what is missing, then runs it under the pinned Node;
 * arguments and exit code pass through (`npm run chaos -- --seed 7 --minutes 10 --only 3,8`).
 */
import { join } from 'node:path';
import { root, runPinned, setUp } from './setup.mjs';

await setUp();
process.exitCode =
  (await runPinned([join(root, 'scripts/tools.mjs')])) ||
  (await runPinned([join(root, 'tests/chaos/main.ts'), ...process.argv.slice(2)]));
