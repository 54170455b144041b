/**
 * The one place that starts ffmpeg and ffprobe, and the only file that imports fluent-ffmpeg (docs/adr/0004).
 *
 * It promises that a program it started never outlives its reason: it dies with this process (`setpriv --pdeathsig`),
 * with its signal (SIGTERM, five seconds, SIGKILL, to the whole process group; at once when the lease is lost) and with its
 * wall-clock limit. A run that we ended ourselves is never a success, whatever the program's exit code says.
 * It does not promise that exit 0 means a good file: whoever asked for the file probes and decodes it.
 */
import { type ChildProcess, type SpawnOptions, spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { AttemptAborted, RetryableError, type RunOptions, type ToolResult, type Tools } from '@reelfleet/core';
import type { FfmpegCommand, FfmpegCommandOptions } from 'fluent-ffmpeg';
import { lineTail, progressReader } from './progress.ts';

export interface ToolsOptions {
  /** Binary names or paths; found on PATH by default. */
  ffmpegPath?: string;
  ffprobePath?: string;
  /** Threads one ffmpeg may use: the cores divided by the worker's concurrency. */
  threads: number;
  /** Put before the program, `['nice', '-n', '10']` say. */
  prefix?: readonly string[];
  /** Hardware encoders that were tried, for the stages that ask. */
  encoders?: readonly string[];
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

// fluent-ffmpeg's own `run` cannot start a process group and probes the binary through a global path, so the run goes
// through the method underneath it, which passes its options on to spawn. Its published types leave that method out.
interface Spawning extends FfmpegCommand {
  _spawnFfmpeg(
    args: string[],
    options: SpawnOptions & { captureStdout: boolean; stdoutLines: number },
    onStart: (child: ChildProcess) => void,
    onEnd: (error: Error | null) => void,
  ): void;
}
const fluent = createRequire(import.meta.url)('fluent-ffmpeg') as (options: FfmpegCommandOptions) => Spawning;

/** More than any plan prints; a program that prints more has gone wrong. */
const MAX_STDOUT = 64 * 1024 * 1024;

/** Open the tools. Cheap and synchronous; a missing ffmpeg is reported by the first run. */
export function openTools(options: ToolsOptions): Tools {
  const launcher = [...(options.prefix ?? []), ...memoryLimit(options.memoryLimitMb), ...deathSignal()];
  const start = (program: string, args: readonly string[], run: RunOptions) => {
    const [command = program, ...rest] = [...launcher, program, ...args];
    return execute({ program, command, args: rest, run, limits: options });
  };
  const ffmpegPath = options.ffmpegPath ?? 'ffmpeg';
  const ffprobePath = options.ffprobePath ?? 'ffprobe';
  return {
    ...(options.encoders ? { encoders: options.encoders } : {}),
    ffmpeg: (args, run = {}) => start(ffmpegPath, ffmpegArgs(args, run.threads ?? options.threads), run),
    async ffprobe(args, run = {}) {
      const { stdout, stderrTail } = await start(ffprobePath, ['-v', 'warning', '-of', 'json', ...args], run);
      try {
        return JSON.parse(stdout);
      } catch (cause) {
        throw new ToolError(`ffprobe answered no JSON for ${args.at(-1)}`, { code: 'ffprobe', stderrTail, cause });
      }
    },
  };
}

/** What every run gets: quiet, no stdin, progress on its own pipe so that stdout stays the plan's, threads capped. */
export function ffmpegArgs(planned: readonly string[], threads: number): string[] {
  const cap = ['-threads', String(threads)];
  // `-threads` belongs to the file that follows it: the decoder of each input, the encoders of the output.
  const inputs = planned.slice(0, -1).flatMap((arg) => (arg === '-i' ? [...cap, arg] : [arg]));
  return [
    '-hide_banner',
    '-nostdin',
    '-v',
    'warning',
    '-nostats',
    '-stats_period',
    '0.5',
    '-progress',
    'pipe:3',
    '-filter_threads',
    String(threads),
    '-filter_complex_threads',
    String(threads),
    ...inputs,
    ...cap,
    ...planned.slice(-1),
  ];
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

interface Execution {
  program: string;
  command: string;
  args: string[];
  run: RunOptions;
  limits: ToolsOptions;
}

async function execute({ program, command, args, run, limits }: Execution): Promise<ToolResult> {
  const { signal } = run;
  signal?.throwIfAborted();
  const startedAt = performance.now();
  const stderr = lineTail();
  const stdout: string[] = [];
  let stdoutSize = 0;
  /** Why we ended it ourselves, if we did; this, not the exit code, then decides the outcome. */
  let ended: { error: unknown } | undefined;
  let killTimer: NodeJS.Timeout | undefined;

  const { child, exited } = spawnGroup(command, args, run.cwd, {
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
    progress: motionOf(run.onProgress),
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
    if (outcome.code !== 0) throw failure(program, outcome, stderr);
    return { stdout: stdout.join(''), stderrTail: stderr.text(), durationMs: performance.now() - startedAt };
  } finally {
    clearTimeout(limitTimer);
    clearTimeout(killTimer);
    signal?.removeEventListener('abort', onAbort);
    // Whatever it left running in its group goes with it.
    if (ended) killGroup(child, 'SIGKILL');
  }
}

interface Outcome {
  code: number | null;
  signal: string | null;
  error?: Error;
}

interface Listeners {
  stdout(chunk: string): void;
  stderr(chunk: string): void;
  progress(chunk: string): void;
}

function spawnGroup(
  command: string,
  args: string[],
  cwd: string | undefined,
  on: Listeners,
): { child: ChildProcess; exited: Promise<Outcome> } {
  const { promise: exited, resolve } = Promise.withResolvers<Outcome>();
  let child: ChildProcess | undefined;
  // The path is a global of fluent-ffmpeg, read synchronously by the spawn that follows.
  const builder = fluent({ logger: { debug() {}, info() {}, warn() {}, error() {} } });
  builder.setFfmpegPath(command);
  builder._spawnFfmpeg(
    args,
    {
      detached: process.platform !== 'win32',
      windowsHide: true,
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      ...(cwd === undefined ? {} : { cwd }),
      captureStdout: false,
      stdoutLines: 1,
    },
    (started) => {
      child = started;
      const listen = (stream: unknown, to: (chunk: string) => void) => {
        const readable = stream as NodeJS.ReadableStream;
        readable.setEncoding('utf8');
        readable.on('data', to);
      };
      listen(started.stdout, on.stdout);
      listen(started.stderr, on.stderr);
      listen(started.stdio[3], on.progress);
      started.once('error', (error) => resolve({ code: null, signal: null, error }));
      started.once('close', (code, signal) => resolve({ code, signal }));
    },
    () => {},
  );
  if (!child) throw new Error(`could not start ${command}`);
  return { child, exited };
}

/** Tell the caller only of motion: a program that repeats the same numbers is standing still, and the watchdog must see it. */
function motionOf(onProgress: RunOptions['onProgress']): (chunk: string) => void {
  let last = -1;
  return progressReader(({ outTimeSeconds, speed, frames, bytes }) => {
    const position = outTimeSeconds + frames + bytes;
    if (position === last) return;
    last = position;
    onProgress?.({ outTimeSeconds, speed, frames });
  });
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

function failure(program: string, outcome: Outcome, stderr: ReturnType<typeof lineTail>): ToolError {
  const stderrTail = stderr.text();
  // 127 and 126: what setpriv and prlimit answer when they cannot start the program behind them.
  if (outcome.error || outcome.code === 127 || outcome.code === 126) {
    const message = `could not start ${program}: install ffmpeg (apt install ffmpeg, brew install ffmpeg, dnf install ffmpeg)`;
    return new ToolError(message, { code: 'no-ffmpeg', stderrTail, cause: outcome.error });
  }
  const how = outcome.signal ? `was killed by ${outcome.signal}` : `ended with exit code ${outcome.code}`;
  const said = stderr.last(3).join(' | ') || 'it said nothing';
  return new ToolError(`${program} ${how}: ${said}`, { code: 'ffmpeg', stderrTail });
}
