/**
 * Starting programs of others, and ending them. A program never outlives its reason: it dies with this process
 * (`setpriv --pdeathsig`), with its signal (SIGTERM, five seconds, SIGKILL, to the whole process group; at once when the lease
 * is lost) and with its wall-clock limit. A run that we ended ourselves is never a success, whatever the program's exit code
 * says. It does not promise that exit 0 means a good result: whoever asked for one looks at it.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { AttemptAborted, RetryableError, type RunOptions, type RunProgram, type ToolResult } from '@reelfleet/core';
import { lineReader, lineTail } from './progress.ts';

/** What bounds every program, unless a run names a bound of its own. */
export interface ProgramLimits {
  /** Put before the program, `['nice', '-n', '10']` say. */
  prefix?: readonly string[];
  /** Address space limit per process, by prlimit; none by default. */
  memoryLimitMb?: number;
  /** Wall-clock limit of one run unless the run names its own. Default six hours. */
  timeoutMs?: number;
  /** How long SIGTERM may take before SIGKILL. Default five seconds. */
  killGraceMs?: number;
}

/** A program that ended badly. `stderrTail` holds its last lines, for `reelfleet logs`. */
export class ToolError extends RetryableError {
  override name = 'ToolError';
  readonly stderrTail: string;
  constructor(message: string, options: { code: string; stderrTail: string; cause?: unknown }) {
    super(message, { code: options.code, cause: options.cause });
    this.stderrTail = options.stderrTail;
  }
}

/** A started program, and the promise of how it ends. */
export interface Started {
  child: ChildProcess;
  exited: Promise<Outcome>;
}

export interface Outcome {
  code: number | null;
  signal: string | null;
  error?: Error;
}

export interface Listeners {
  stdout(chunk: string): void;
  stderr(chunk: string): void;
}

export interface Execution {
  /** As messages name it. */
  program: string;
  /** Starts the whole command, whatever is put before the program included, in a process group of its own. */
  start(command: string, args: string[], on: Listeners): Started;
  args: readonly string[];
  run: Pick<RunOptions, 'signal' | 'timeoutMs'>;
  limits: ProgramLimits;
  /** `tasks.error_code` of a program that ends badly, and of one that is not there, with what to do about that. */
  codes: { failed: string; missing: string };
  install: string;
}

/** More than any run prints; a program that prints more has gone wrong. */
const MAX_STDOUT = 64 * 1024 * 1024;

/** Run programs other than ffmpeg. One that is not there is reported by its run. */
export function openPrograms(limits: ProgramLimits = {}): RunProgram {
  return ({ program, args, install, onLine }, run = {}) => {
    const lines = lineReader((line) => onLine?.(line));
    return execute({
      ...{ program, args, run, limits, install },
      codes: { failed: 'program', missing: 'no-program' },
      start(command, whole, on) {
        const child = spawn(command, whole, {
          detached: process.platform !== 'win32',
          windowsHide: true,
          stdio: ['ignore', 'pipe', 'pipe'],
          ...(run.cwd === undefined ? {} : { cwd: run.cwd }),
        });
        child.stdout.setEncoding('utf8').on('data', on.stdout);
        child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
          on.stderr(chunk);
          lines(chunk);
        });
        return { child, exited: exitOf(child) };
      },
    });
  };
}

/** How a child ends; also when it could not be started. */
export function exitOf(child: ChildProcess): Promise<Outcome> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve({ code: null, signal: null, error }));
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
}

let deathSignalWorks: boolean | undefined;
/** Linux only: the kernel kills the child when this process dies, however it dies. Tried once, since busybox lacks it. */
function deathSignal(): string[] {
  deathSignalWorks ??=
    process.platform === 'linux' &&
    spawnSync('setpriv', ['--pdeathsig', 'KILL', 'true'], { stdio: 'ignore' }).status === 0;
  return deathSignalWorks ? ['setpriv', '--pdeathsig', 'KILL'] : [];
}

function memoryLimit(megabytes: number | undefined): string[] {
  if (megabytes === undefined || process.platform !== 'linux') return [];
  return ['prlimit', `--as=${Math.round(megabytes * 1024 * 1024)}`];
}

/** Run a program to its end. Throws ToolError when it ends badly, the signal's reason when it was told to stop. */
export async function execute(execution: Execution): Promise<ToolResult> {
  const { program, args, run, limits } = execution;
  const { signal } = run;
  signal?.throwIfAborted();
  const startedAt = performance.now();
  const stderr = lineTail();
  const stdout: string[] = [];
  let stdoutSize = 0;
  /** Why we ended it ourselves, if we did; this, not the exit code, then decides the outcome. */
  let ended: { error: unknown } | undefined;
  let killTimer: NodeJS.Timeout | undefined;

  const launcher = [...(limits.prefix ?? []), ...memoryLimit(limits.memoryLimitMb), ...deathSignal()];
  const [command = program, ...rest] = [...launcher, program, ...args];
  const { child, exited } = execution.start(command, rest, {
    stderr: (chunk) => stderr.push(chunk),
    stdout(chunk) {
      stdoutSize += chunk.length;
      if (stdoutSize <= MAX_STDOUT) stdout.push(chunk);
      else
        end(
          new ToolError(`${program} printed more than ${MAX_STDOUT} bytes`, {
            code: 'output-limit',
            stderrTail: stderr.text(),
          }),
          true,
        );
    },
  });

  const end = (error: unknown, atOnce: boolean) => {
    if (ended) return;
    ended = { error };
    killGroup(child, atOnce ? 'SIGKILL' : 'SIGTERM');
    if (!atOnce) killTimer = setTimeout(() => killGroup(child, 'SIGKILL'), limits.killGraceMs ?? 5_000);
  };
  const onAbort = () => {
    const reason: unknown = signal?.reason;
    // The lease is someone else's: not one more byte may be written.
    end(reason, reason instanceof AttemptAborted && reason.reason === 'lease-lost');
  };
  signal?.addEventListener('abort', onAbort, { once: true });
  const timeoutMs = run.timeoutMs ?? limits.timeoutMs ?? 6 * 3_600_000;
  const limitTimer = setTimeout(() => {
    const error = `${program} was stopped: it ran for longer than ${Math.round(timeoutMs / 1_000)} s`;
    end(new ToolError(error, { code: 'timeout', stderrTail: stderr.text() }), false);
  }, timeoutMs);

  try {
    const outcome = await exited;
    if (ended) throw ended.error;
    if (outcome.code !== 0) throw failure(execution, outcome, stderr);
    return { stdout: stdout.join(''), stderrTail: stderr.text(), durationMs: performance.now() - startedAt };
  } finally {
    clearTimeout(limitTimer);
    clearTimeout(killTimer);
    signal?.removeEventListener('abort', onAbort);
    // Whatever it left running in its group goes with it.
    if (ended) killGroup(child, 'SIGKILL');
  }
}

function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    if (process.platform === 'win32') child.kill(signal);
    else process.kill(-child.pid, signal);
  } catch (error) {
    // ESRCH: the whole group is gone already, which is what was wanted. EPERM: macOS's word for the same.
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== 'ESRCH' && code !== 'EPERM') throw error;
  }
}

function failure({ program, codes, install }: Execution, outcome: Outcome, stderr: ReturnType<typeof lineTail>) {
  const stderrTail = stderr.text();
  // 127 and 126: what setpriv and prlimit answer when they cannot start the program behind them.
  if (outcome.error || outcome.code === 127 || outcome.code === 126) {
    const message = `could not start ${program}: ${install}`;
    return new ToolError(message, { code: codes.missing, stderrTail, cause: outcome.error });
  }
  const how = outcome.signal ? `was killed by ${outcome.signal}` : `ended with exit code ${outcome.code}`;
  const said = stderr.last(3).join(' | ') || 'it said nothing';
  return new ToolError(`${program} ${how}: ${said}`, { code: codes.failed, stderrTail });
}
