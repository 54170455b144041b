/**
 * The one place that starts ffmpeg and ffprobe, and the only file that imports fluent-ffmpeg (docs/adr/0004).
 *
 * It promises what program.ts does of every program: none outlives its reason. It does not promise that exit 0 means a good
 * file: whoever asked for the file probes and decodes it.
 */
import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { createRequire } from 'node:module';
import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { RunOptions, Tools } from '@reelfleet/core';
import type { FfmpegCommand, FfmpegCommandOptions } from 'fluent-ffmpeg';
import { execute, exitOf, type Listeners, type ProgramLimits, type Started, ToolError } from './program.ts';
import { progressReader } from './progress.ts';

export interface ToolsOptions extends ProgramLimits {
  /** Binary names or paths; found on PATH by default. */
  ffmpegPath?: string;
  ffprobePath?: string;
  /** Threads one ffmpeg may use: the cores divided by the worker's concurrency. */
  threads: number;
  /** Hardware encoders that were tried, for the stages that ask. */
  encoders?: readonly string[];
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
/** After stdin, stdout, stderr and progress. */
const FIRST_INPUT = 4;
/** How a plan names the bytes that a run gives it (`RunOptions.inputs`). */
export const inputPipe = (index: number): string => `pipe:${FIRST_INPUT + index}`;

const fluent = createRequire(import.meta.url)('fluent-ffmpeg') as (options: FfmpegCommandOptions) => Spawning;

/** Open the tools. Cheap and synchronous; a missing ffmpeg is reported by the first run. */
export function openTools(options: ToolsOptions): Tools {
  const start = (program: string, args: readonly string[], { signal, ...run }: RunOptions) => {
    const unfed = new AbortController();
    return execute({
      ...{ program, args, limits: options },
      run: { ...run, signal: signal ? AbortSignal.any([signal, unfed.signal]) : unfed.signal },
      codes: { failed: 'ffmpeg', missing: 'no-ffmpeg' },
      install: 'install ffmpeg (apt install ffmpeg, brew install ffmpeg, dnf install ffmpeg)',
      start(command, whole, on) {
        const started = spawnGroup(command, whole, run, { ...on, progress: motionOf(run.onProgress) });
        for (const [index, bytes] of (run.inputs ?? []).entries())
          feed(bytes, started.child.stdio[FIRST_INPUT + index] as Writable).catch((error) => unfed.abort(error));
        return started;
      },
    });
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

function spawnGroup(
  command: string,
  args: string[],
  { cwd, inputs = [] }: Pick<RunOptions, 'cwd' | 'inputs'>,
  on: Listeners & { progress(chunk: string): void },
): Started {
  let started: Started | undefined;
  // The path is a global of fluent-ffmpeg, read synchronously by the spawn that follows.
  const builder = fluent({ logger: { debug() {}, info() {}, warn() {}, error() {} } });
  builder.setFfmpegPath(command);
  builder._spawnFfmpeg(
    args,
    {
      detached: process.platform !== 'win32',
      windowsHide: true,
      stdio: ['ignore', 'pipe', 'pipe', 'pipe', ...inputs.map(() => 'pipe' as const)],
      ...(cwd === undefined ? {} : { cwd }),
      captureStdout: false,
      stdoutLines: 1,
    },
    (child) => {
      const listen = (stream: unknown, to: (chunk: string) => void) => {
        const readable = stream as NodeJS.ReadableStream;
        readable.setEncoding('utf8');
        readable.on('data', to);
      };
      listen(child.stdout, on.stdout);
      listen(child.stderr, on.stderr);
      listen(child.stdio[3], on.progress);
      started = { child, exited: exitOf(child) };
    },
    () => {},
  );
  if (!started) throw new Error(`could not start ${command}`);
  return started;
}

/** Give a program its bytes. It may end before it has read them all: then how it ended says why, not this. */
async function feed(bytes: AsyncIterable<Uint8Array>, to: Writable): Promise<void> {
  try {
    await pipeline(Readable.from(bytes, { objectMode: false }), to);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (!['EPIPE', 'ECONNRESET', 'ERR_STREAM_PREMATURE_CLOSE'].includes(code)) throw error;
  }
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
