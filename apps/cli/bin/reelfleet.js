#!/usr/bin/env node
/**
 * The `reelfleet` command. The product runs under Node 24; this file runs under whatever Node the machine has (20 or
 * newer) and hands over to the pinned one, which came with the packages, when that is older. Plain JavaScript, nothing
 * imported but what Node brings.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import module from 'node:module';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const WANTED = 24;
const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');
const main = join(root, 'apps', 'cli', 'src', 'main.ts');

// What Node has compiled once it need not compile at every start, of this process and of those it starts: a third of the time
// of a short command. It is kept in the clone, where only its owner can put something; a clone that is not ours to write to
// has no cache, silently.
process.env.NODE_COMPILE_CACHE ??= join(root, 'node_modules', '.cache', 'node');

if (Number(process.versions.node.split('.')[0]) >= WANTED) {
  module.enableCompileCache();
  await import('../src/main.ts');
} else {
  const pinned = findPinned(dirname(main));
  if (pinned === undefined) {
    console.error(
      `reelfleet: this needs Node ${WANTED} and ${process.version} runs it, while the pinned one is not in node_modules: run "npm ci --ignore-scripts=false" in the clone`,
    );
    process.exit(1);
  }
  // It stays in our process group, so a terminal's Ctrl-C reaches it directly; what is sent to us alone is handed on.
  const child = spawn(pinned, [main, ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT']) process.on(signal, () => child.kill(signal));
  child.once('error', (error) => {
    console.error(`reelfleet: ${pinned} did not start: ${error.message}`);
    process.exit(1);
  });
  child.once('exit', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
}

/** node_modules/node/bin/node of the nearest folder above that has one. */
function findPinned(from) {
  for (let folder = from; ; folder = dirname(folder)) {
    const path = join(folder, 'node_modules', 'node', 'bin', 'node');
    if (existsSync(path)) return path;
    if (folder === dirname(folder)) return undefined;
  }
}
