import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AttemptAborted } from '@reelfleet/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ffmpegArgs, inputPipe, openTools } from './ffmpeg.ts';
import { ToolError } from './program.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ffmpeg-test-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const tools = openTools({ threads: 1 });
/** Sound in real time, for as long as nobody stops it. */
const endless = ['-re', '-f', 'lavfi', '-i', 'sine', '-f', 'null', '-'];

/** A stand-in for ffmpeg: a shell script that writes its pid and then does as told. */
async function script(name: string, body: string): Promise<{ path: string; pidFile: string }> {
  const path = join(dir, name);
  const pidFile = `${path}.pid`;
  await writeFile(path, `#!/bin/sh\necho $$ > '${pidFile}'\n${body}\n`);
  await chmod(path, 0o755);
  return { path, pidFile };
}

const alive = (pid: number) => {
  try {
    process.kill(pid, 0);
    // A zombie is not alive; its parent has only not asked yet.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
};

async function until(fact: () => boolean): Promise<void> {
  while (!fact()) await new Promise((resolve) => setTimeout(resolve, 10));
}

/** Run until the script stands, then act; answers what the run threw. */
async function stoppedBy(
  path: string,
  pidFile: string,
  act: (controller: AbortController) => void,
  killGraceMs = 5_000,
) {
  const controller = new AbortController();
  const from = performance.now();
  const run = openTools({ threads: 1, ffmpegPath: path, killGraceMs }).ffmpeg(['-i', 'x', 'y'], {
    signal: controller.signal,
  });
  run.catch(() => {});
  await until(() => existsSync(pidFile) && readFileSync(pidFile, 'utf8').endsWith('\n'));
  const pid = Number(readFileSync(pidFile, 'utf8'));
  act(controller);
  const error = await run.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  return { error, pid, tookMs: performance.now() - from };
}

describe('the arguments of a run', () => {
  test('are the plan, quiet, without stdin, with progress aside and threads capped for every file', () => {
    expect(ffmpegArgs(['-y', '-i', 'a', '-i', 'b', '-c', 'copy', 'out'], 3).join(' ')).toBe(
      '-hide_banner -nostdin -v warning -nostats -stats_period 0.5 -progress pipe:3 -filter_threads 3 -filter_complex_threads 3 ' +
        '-y -threads 3 -i a -threads 3 -i b -c copy -threads 3 out',
    );
  });
});

describe('a run that ends by itself', () => {
  test('answers what it printed and reports its motion', async () => {
    const seen: number[] = [];
    const plan = ['-f', 'lavfi', '-i', 'sine=d=30', '-f', 'md5', '-'];
    const { stdout, durationMs } = await tools.ffmpeg(plan, {
      onProgress: ({ outTimeSeconds }) => seen.push(outTimeSeconds),
    });
    expect(stdout).toMatch(/^MD5=[0-9a-f]{32}\n$/);
    expect(seen.at(-1)).toBeCloseTo(30, 0);
    expect(durationMs).toBeGreaterThan(0);
  });

  test('that fails throws with its last lines', async () => {
    const error = await tools
      .ffmpeg(['-i', join(dir, 'missing.mp4'), '-f', 'null', '-'])
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ToolError);
    expect((error as ToolError).message).toMatch(/exit code 1: .*missing\.mp4: No such file/);
    expect((error as ToolError).code).toBe('ffmpeg');
  });

  test('that cannot be started says what to install', async () => {
    const missing = openTools({ threads: 1, ffmpegPath: join(dir, 'no-such-program') });
    await expect(missing.ffmpeg(['-i', 'x', 'y'])).rejects.toThrow(/install ffmpeg \(apt install ffmpeg/);
  });

  test('keeps only the end of what it says', async () => {
    const { path } = await script(
      'chatty',
      'i=0; while [ $i -lt 500 ]; do echo "line $i" >&2; i=$((i+1)); done; exit 3',
    );
    const error = await openTools({ threads: 1, ffmpegPath: path })
      .ffmpeg(['-i', 'x', 'y'])
      .catch((thrown: unknown) => thrown);
    const lines = (error as ToolError).stderrTail.split('\n');
    expect(lines).toHaveLength(40);
    expect(lines.at(-1)).toBe('line 499');
  });

  test('answers ffprobe as parsed JSON, and refuses anything else', async () => {
    await tools.ffmpeg(['-y', '-f', 'lavfi', '-i', 'sine=d=1', join(dir, 'a.wav')]);
    expect(await tools.ffprobe(['-show_format', join(dir, 'a.wav')])).toMatchObject({ format: { format_name: 'wav' } });
    const { path } = await script('liar', 'echo "not json"');
    await expect(openTools({ threads: 1, ffprobePath: path }).ffprobe(['x'])).rejects.toThrow(/answered no JSON/);
  });
});

describe('a run that is given bytes', () => {
  const raw = ['-f', 's16le', '-ar', '1000', '-ac', '1'];
  const summed = ['-map', '0', '-map', '1', '-f', 'framemd5', '-'];
  const samples = (stdout: string, stream: number) =>
    stdout
      .split('\n')
      .filter((line) => line.startsWith(`${stream},`))
      .reduce((sum, line) => sum + Number(line.split(',')[3]), 0);

  test('reads them all, from each of its inputs', async () => {
    const inputs = [
      (async function* () {
        for (let second = 0; second < 5; second += 1) yield Buffer.alloc(2_000);
      })(),
      (async function* () {
        yield Buffer.alloc(6_000);
      })(),
    ];
    const plan = [...raw, '-i', inputPipe(0), ...raw, '-i', inputPipe(1), ...summed];
    const { stdout } = await tools.ffmpeg(plan, { inputs });
    expect([samples(stdout, 0), samples(stdout, 1)]).toEqual([5_000, 3_000]);
  });

  test('ends with the error of bytes that cannot be read', async () => {
    const lost = new Error('the disk is gone');
    const inputs = [
      (async function* () {
        yield Buffer.alloc(2_000);
        throw lost;
      })(),
    ];
    await expect(tools.ffmpeg([...raw, '-i', inputPipe(0), '-f', 'null', '-'], { inputs })).rejects.toBe(lost);
  });

  test('may end before it has read them all', async () => {
    let given = 0;
    const inputs = [
      (async function* () {
        for (;;) {
          given += 1;
          yield Buffer.alloc(100_000);
        }
      })(),
    ];
    const plan = [...raw, '-i', inputPipe(0), '-t', '1', '-f', 'framemd5', '-'];
    const { stdout } = await tools.ffmpeg(plan, { inputs });
    expect(samples(stdout, 0)).toBe(1_000);
    expect(given).toBeGreaterThan(0);
  });
});

describe('a run that is ended', () => {
  test('throws the reason of its signal', async () => {
    const controller = new AbortController();
    const reason = new AttemptAborted('cancelled');
    const run = tools.ffmpeg(endless, { signal: controller.signal, onProgress: () => controller.abort(reason) });
    await expect(run).rejects.toBe(reason);
  });

  test('does not begin when its signal has fired before', async () => {
    const reason = new AttemptAborted('shutdown');
    await expect(tools.ffmpeg(['-i', 'x', 'y'], { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });

  test('is never a success, though the program answers the signal with exit code 0', async () => {
    const { path, pidFile } = await script('polite', 'trap "exit 0" TERM; while :; do sleep 0.05; done');
    const reason = new AttemptAborted('cancelled');
    const { error, pid } = await stoppedBy(path, pidFile, (controller) => controller.abort(reason));
    expect(error).toBe(reason);
    expect(alive(pid)).toBe(false);
  });

  test('is killed when it does not heed SIGTERM, with everything in its group', async () => {
    const { path, pidFile } = await script(
      'deaf',
      `trap "" TERM; sh -c 'trap "" TERM; echo $$ > ${dir}/grandchild.pid; while :; do sleep 0.05; done' & wait; while :; do sleep 0.05; done`,
    );
    const reason = new AttemptAborted('stalled');
    await stoppedBy(
      path,
      pidFile,
      (controller) => void until(() => existsSync(`${dir}/grandchild.pid`)).then(() => controller.abort(reason)),
      200,
    ).then(({ error, pid }) => {
      expect(error).toBe(reason);
      expect(alive(pid)).toBe(false);
    });
    const grandchild = Number(readFileSync(`${dir}/grandchild.pid`, 'utf8'));
    await until(() => !alive(grandchild));
  });

  test('gets no grace when the lease is lost', async () => {
    const { path, pidFile } = await script('ghost', 'trap "" TERM; while :; do sleep 0.05; done');
    const reason = new AttemptAborted('lease-lost');
    const { error, tookMs } = await stoppedBy(path, pidFile, (controller) => controller.abort(reason), 60_000);
    expect(error).toBe(reason);
    expect(tookMs).toBeLessThan(5_000);
  });

  test('by its wall-clock limit says so', async () => {
    await expect(tools.ffmpeg(endless, { timeoutMs: 300 })).rejects.toThrow(/ran for longer than/);
  });

  test.runIf(process.platform === 'linux')('dies with the process that started it, however that dies', async () => {
    const { path, pidFile } = await script('orphan', 'while :; do sleep 0.05; done');
    const program = `
      import { openTools } from ${JSON.stringify(new URL('./ffmpeg.ts', import.meta.url).href)};
      openTools({ threads: 1, ffmpegPath: ${JSON.stringify(path)} }).ffmpeg(['-i', 'x', 'y']).catch(() => {});`;
    const parent = spawn(process.execPath, ['--input-type=module', '--eval', program], { stdio: 'inherit' });
    await until(() => existsSync(pidFile) && readFileSync(pidFile, 'utf8').endsWith('\n'));
    const pid = Number(readFileSync(pidFile, 'utf8'));
    expect(alive(pid)).toBe(true);
    parent.kill('SIGKILL');
    await until(() => !alive(pid));
  });
});
