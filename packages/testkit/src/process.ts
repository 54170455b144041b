/**
 * Processes for tests: started, listened to, frozen, killed for real. Each one gets a process group of its own, so that
 * what it started in turn goes with it when the test ends, and dies with us where the system can do that (Linux).
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { tiedToParent } from '@reelfleet/embedded';
import { atTestEnd } from './cleanup.ts';

export interface ProcessOptions {
  /** Arguments of the command; for the default command, the script and its arguments. */
  readonly args: readonly string[];
  /** Default: the Node that runs the tests. */
  readonly command?: string;
  /** Added to our own environment; undefined takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** How errors call it; default the last part of the script's path. */
  readonly name?: string;
  /** Kept open for writing when true; default closed. */
  readonly stdin?: boolean;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface TestProcess {
  readonly pid: number;
  readonly name: string;
  /** Every line so far, of both streams, in the order they came. */
  readonly lines: readonly string[];
  readonly stdout: readonly string[];
  readonly stderr: readonly string[];
  readonly child: ChildProcess;
  /** Fulfils when it has ended and its output has been read to the end; never rejects. */
  readonly exited: Promise<Exit>;
  /** The first line, past or coming, that matches; rejects with the last lines on time-out or when it ends without one. */
  waitForLine(pattern: RegExp, options?: { timeoutMs?: number }): Promise<string>;
  /** Sends a signal to the process alone, or to its whole group. Default SIGTERM. Does nothing when it has ended. */
  kill(signal?: NodeJS.Signals, options?: { group?: boolean }): void;
  /** SIGSTOP: alive, holding its sockets and leases, and doing nothing. */
  freeze(): void;
  /** SIGCONT. */
  wake(): void;
  /** `exited` with a time-out (default 30 s), on which it rejects with the last lines. */
  waitForExit(options?: { timeoutMs?: number }): Promise<Exit>;
}

/** What our own end takes along: one listener for all of them. */
const atOurExit = new Set<() => void>();
process.on('exit', () => {
  for (const kill of atOurExit) kill();
});

/** Starts a process; it is killed with its group when the test (or, from `beforeAll`, the file) ends. */
export function startProcess(options: ProcessOptions): TestProcess {
  const command = options.command ?? process.execPath;
  const name = options.name ?? (options.args[0] ?? command).split('/').at(-1) ?? command;
  const env = { ...process.env, ...options.env };
  for (const [key, value] of Object.entries(env)) if (value === undefined) delete env[key];
  const tied = tiedToParent(command, options.args, 'SIGKILL');
  const child = spawn(tied.command, tied.args, {
    env,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    stdio: [options.stdin ? 'pipe' : 'ignore', 'pipe', 'pipe'],
    detached: true,
  });

  const lines: string[] = [];
  const streams: Record<'stdout' | 'stderr', string[]> = { stdout: [], stderr: [] };
  const watchers = new Set<(line: string) => void>();
  for (const stream of ['stdout', 'stderr'] as const) {
    const input = child[stream];
    if (input === null) continue;
    createInterface({ input }).on('line', (line) => {
      lines.push(line);
      streams[stream].push(line);
      for (const watch of watchers) watch(line);
    });
  }

  let ended: Exit | undefined;
  const exited = new Promise<Exit>((done) => {
    child.once('error', (error) => {
      lines.push(`could not start ${command}: ${error.message}`);
      done({ code: null, signal: null });
    });
    // 'close', not 'exit': by then the last lines have been read.
    child.once('close', (code, signal) => {
      done({ code, signal });
    });
  });
  void exited.then((exit) => {
    ended = exit;
  });

  const signalTo = (signal: NodeJS.Signals, group: boolean) => {
    if (child.pid === undefined) return;
    try {
      process.kill(group ? -child.pid : child.pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  };
  const tail = () => `its last lines:\n${lines.slice(-15).join('\n')}`;
  const killGroup = () => signalTo('SIGKILL', true);
  atOurExit.add(killGroup);
  atTestEnd(async () => {
    killGroup();
    atOurExit.delete(killGroup);
    // Whoever left the group may still hold the pipes; they are not ours to wait for.
    child.stdout?.destroy();
    child.stderr?.destroy();
    await exited;
  });

  return {
    pid: child.pid ?? -1,
    name,
    lines,
    ...streams,
    child,
    exited,
    waitForLine(pattern, { timeoutMs = 15_000 } = {}) {
      const seen = lines.find((line) => pattern.test(line));
      if (seen !== undefined) return Promise.resolve(seen);
      return new Promise((done, fail) => {
        const watch = (line: string) => {
          if (pattern.test(line)) settle(() => done(line));
        };
        const timer = setTimeout(
          () => settle(() => fail(new Error(`${name} printed no ${pattern} in ${timeoutMs / 1000} s; ${tail()}`))),
          timeoutMs,
        );
        const settle = (how: () => void) => {
          clearTimeout(timer);
          watchers.delete(watch);
          how();
        };
        watchers.add(watch);
        void exited.then(({ code, signal }) =>
          settle(() => fail(new Error(`${name} ended with ${signal ?? code} before it printed ${pattern}; ${tail()}`))),
        );
      });
    },
    kill(signal = 'SIGTERM', { group = false } = {}) {
      if (ended === undefined) signalTo(signal, group);
    },
    freeze: () => signalTo('SIGSTOP', false),
    wake: () => signalTo('SIGCONT', false),
    waitForExit({ timeoutMs = 30_000 } = {}) {
      return new Promise((done, fail) => {
        const timer = setTimeout(
          () => fail(new Error(`${name} still runs after ${timeoutMs / 1000} s; ${tail()}`)),
          timeoutMs,
        );
        void exited.then((exit) => {
          clearTimeout(timer);
          done(exit);
        });
      });
    },
  };
}
