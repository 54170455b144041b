/**
 * `npm run bench`: from a clean clone to figures. Installs what is missing, the peers to compare against too (they are
 * no dependency of the product and have a lock file of their own), then runs the benchmarks under the pinned Node;
 * arguments and exit code pass through (`npm run bench -- throughput --short`).
 */
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { giveUp, npm, root, run, runPinned, say, setUp } from './setup.mjs';

await setUp();
const folder = join(root, 'bench');
const installed = join(folder, 'node_modules', '.package-lock.json');
if (
  !existsSync(installed) ||
  statSync(installed).mtimeMs + 1000 < statSync(join(folder, 'package-lock.json')).mtimeMs
) {
  say('installing the peers of the benchmarks (npm ci in bench/)');
  const code = await run(...npm(['ci', '--prefix', folder, '--no-audit', '--no-fund', '--loglevel=error']));
  if (code !== 0) giveUp('npm ci in bench/ failed: see its message above', code);
}
process.exitCode =
  (await runPinned([join(root, 'scripts/tools.mjs')])) ||
  (await runPinned([join(folder, 'main.ts'), ...process.argv.slice(2)]));
