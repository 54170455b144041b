/**
 * What every script needs before it can start: a Node that is new enough, the packages of the lock file, and the pinned
 * Node that came with them. Runs under the machine's own Node (20 or newer) with nothing installed, so it imports only
 * what Node brings. Run by itself (`node scripts/setup.mjs`) it does just the set-up.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const pinnedNode = join(root, 'node_modules', 'node', 'bin', 'node');
/** Ctrl-C is one wish, however often it arrives: the terminal sends it to us, and npm, which had it too, once more. */
const BURST_MS = 200;

export function say(line) {
  console.log(`reelfleet: ${line}`);
}

/** Ends the process with one sentence. */
export function giveUp(sentence, code = 1) {
  console.error(`reelfleet: ${sentence}`);
  process.exit(code);
}

/** Checks Node and installs what the lock file says when node_modules is missing or older than it. */
export async function setUp() {
  if (Number(process.versions.node.split('.')[0]) < 20) {
    giveUp(`Node 20 or newer is needed to start and this is ${process.version}: install one from https://nodejs.org`);
  }
  const wanted = join(root, 'package-lock.json');
  // npm writes this one last, so an install that was cut short does not count.
  const installed = join(root, 'node_modules', '.package-lock.json');
  // The second is for "npm install", which writes both in either order.
  if (!existsSync(installed) || statSync(installed).mtimeMs + 1000 < statSync(wanted).mtimeMs) {
    say('installing the packages of the lock file (npm ci)');
    // npm would warn that this Node is too old for some packages, which the pinned one will run.
    const code = await run(...npm(['ci', '--no-audit', '--no-fund', '--loglevel=error']));
    if (code !== 0) giveUp('npm ci failed: see its message above', code);
  }
  if (!existsSync(pinnedNode)) {
    giveUp(
      'the pinned Node is not in node_modules/node, as npm ran no install scripts: run "npm ci --ignore-scripts=false"',
    );
  }
}

/** npm, under this very Node when npm started us. */
export function npm(args) {
  const self = process.env.npm_execpath ?? '';
  return /npm-cli\.c?js$/.test(self) ? [process.execPath, [self, ...args]] : ['npm', args];
}

/** Runs the pinned Node in the clone, with its programs first on the PATH; gives the exit code. */
export function runPinned(args) {
  const first = [dirname(pinnedNode), join(root, 'node_modules', '.bin')];
  return run(pinnedNode, args, { ...process.env, PATH: [...first, process.env.PATH ?? ''].join(delimiter) });
}

/**
 * Runs a program to its end with our terminal; gives its exit code, 128 + n for signal n as shells do. It has a session
 * of its own and we hand signals on, so that it hears each one once, whether the terminal, npm or somebody's kill sent
 * it, and can shut down in peace while we wait. Where Linux can do it, our own sudden death reaches it as a SIGTERM.
 */
export function run(command, args, env = process.env) {
  const tie = ['--pdeathsig', 'TERM', '--'];
  const tied =
    process.platform === 'linux' && spawnSync('setpriv', [...tie, 'true'], { stdio: 'ignore' }).status === 0
      ? ['setpriv', [...tie, command, ...args]]
      : [command, args];
  return new Promise((done) => {
    const child = spawn(...tied, { cwd: root, env, stdio: 'inherit', detached: true });
    const heard = new Map();
    const handOn = (signal) => {
      const now = Date.now();
      if (now - (heard.get(signal) ?? 0) > BURST_MS) child.kill(signal);
      heard.set(signal, now);
    };
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
    for (const signal of signals) process.on(signal, handOn);
    const finish = (code) => {
      for (const signal of signals) process.off(signal, handOn);
      done(code);
    };
    child.once('error', (error) => {
      console.error(`reelfleet: ${command} did not start: ${error.message}`);
      finish(1);
    });
    child.once('exit', (code, signal) => finish(code ?? 128 + (signalNumbers[signal] ?? 0)));
  });
}
const signalNumbers = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGABRT: 6, SIGKILL: 9, SIGSEGV: 11, SIGTERM: 15 };

if (process.argv[1] === fileURLToPath(import.meta.url)) await setUp();
