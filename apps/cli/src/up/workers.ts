/**
 * The worker processes of `up`: started, listened to, started again when they die. Each has a process group of its own,
 * so that Ctrl-C in the terminal reaches only us, and is told by the kernel (where it can) when we are killed. Their
 * logs go to files.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Env } from '@reelfleet/config';
import { UserError } from '@reelfleet/core';
import { tiedToParent } from '@reelfleet/embedded';

/** Between a death and the next start; doubled while it keeps dying, forgotten once it has lived for STEADY_MS. */
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 10_000;
const STEADY_MS = 30_000;

export interface WorkersOptions {
  count: number;
  env: Env;
  /** The name of worker N. */
  nameOf(n: number): string;
  logDir: string;
  /** Short lines for people: who died, who was drained. */
  say(text: string): void;
}

export interface Workers {
  /** Resolves when all take tickets. Rejects with UserError when one cannot start. */
  readonly ready: Promise<void>;
  /** How many run right now. */
  running(): number;
  /** Ask all to finish or give back their work; resolves when the last has gone, after `graceMs` by force. */
  drain(graceMs: number): Promise<void>;
  /** End all at once, with whatever they started. */
  kill(): void;
}

/** How long to wait before the next start. Pure. */
export function pauseBefore(deaths: number): number {
  return Math.min(FIRST_PAUSE_MS * 2 ** Math.max(0, deaths - 1), LONGEST_PAUSE_MS);
}

export function startWorkers({ count, env, nameOf, logDir, say }: WorkersOptions): Workers {
  const main = fileURLToPath(new URL('./main.ts', import.meta.resolve('@reelfleet/worker')));
  const alive = new Map<number, ChildProcess>();
  const stopping = new AbortController();
  mkdirSync(logDir, { recursive: true });

  /** Worker N for as long as it is wanted; `onReady` once. */
  async function keep(n: number, onReady: () => void): Promise<void> {
    const logFile = join(logDir, `worker-${n}.log`);
    if (existsSync(logFile)) renameSync(logFile, `${logFile}.1`);
    let deaths = 0;
    let wasReady = false;
    while (!stopping.signal.aborted) {
      const began = performance.now();
      const life = launch(n, logFile, () => {
        wasReady = true;
        onReady();
      });
      const { code, signal, reason } = await life;
      alive.delete(n);
      if (stopping.signal.aborted) return;
      if (reason === 'drained') {
        say(`${nameOf(n)} was drained and has ended`);
        return;
      }
      if (!wasReady && signal === null) {
        throw new UserError(`${nameOf(n)} did not start: ${lastLine(logFile)} (see ${logFile})`);
      }
      if (reason === null) {
        deaths = performance.now() - began > STEADY_MS ? 1 : deaths + 1;
        say(`${nameOf(n)} died (${signal ?? `exit code ${code}`}): starting it again`);
      }
      await sleep(pauseBefore(deaths), undefined, { signal: stopping.signal }).catch(() => {});
    }
  }

  function launch(n: number, logFile: string, onReady: () => void) {
    const { command, args } = tiedToParent(process.execPath, [main], 'SIGTERM');
    const fd = openSync(logFile, 'a', 0o600);
    const child = spawn(command, args, {
      env: { ...env, REELFLEET_WORKER_NAME: nameOf(n) },
      stdio: ['ignore', 'pipe', fd],
      detached: true,
    });
    closeSync(fd);
    alive.set(n, child);
    let reason: string | null = null;
    if (child.stdout) {
      createInterface({ input: child.stdout }).on('line', (line) => {
        if (line.startsWith('worker ready ')) onReady();
        else if (line.startsWith('worker ended: ')) reason = line.slice('worker ended: '.length);
        else say(`${nameOf(n)}: ${line}`);
      });
    }
    return new Promise<{ code: number | null; signal: NodeJS.Signals | null; reason: string | null }>((done) => {
      child.once('error', () => done({ code: 1, signal: null, reason: null }));
      child.once('close', (code, signal) => {
        // What it had started shares its group; after a kill -9 nobody else would end it.
        if (signal !== null) killGroup(child);
        done({ code, signal, reason });
      });
    });
  }

  const lives: Promise<void>[] = [];
  const ready = Array.from({ length: count }, (_, i) => {
    return new Promise<void>((resolve, reject) => {
      const life = keep(i + 1, resolve);
      life.then(resolve, reject);
      lives.push(life.catch(() => {}));
    });
  });

  const signalAll = (signal: NodeJS.Signals) => {
    for (const child of alive.values()) child.kill(signal);
  };
  const kill = () => {
    stopping.abort();
    for (const child of alive.values()) killGroup(child);
  };
  const readyAll = Promise.all(ready).then(() => {});
  readyAll.catch(() => {});
  return {
    ready: readyAll,
    running: () => alive.size,
    async drain(graceMs) {
      stopping.abort();
      signalAll('SIGTERM');
      const gone = Promise.all(lives).then(() => true);
      const late = new AbortController();
      const inTime = await Promise.race([gone, sleep(graceMs, false, { signal: late.signal }).catch(() => false)]);
      late.abort();
      if (!inTime) kill();
      await gone;
    },
    kill,
  };
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, constants.signals.SIGKILL);
  } catch {} // nobody is left in it
}

function lastLine(logFile: string): string {
  try {
    const line = readFileSync(logFile, 'utf8').trim().split('\n').at(-1) ?? '';
    return line.replace(/^reelfleet: /, '') || 'it said nothing';
  } catch {
    return 'it said nothing';
  }
}
