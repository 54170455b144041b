/**
 * The processes of `up`, workers and server: started, listened to, started again when they die. Each has a process group
 * of its own, so that Ctrl-C in the terminal reaches only us, and is told by the kernel (where it can) when we are
 * killed. On stdout it says `… ready …` once it works and `… ended: <reason>` when it ends by itself; its log goes to a
 * file.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, renameSync } from 'node:fs';
import { constants } from 'node:os';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Env } from '@reelfleet/config';
import { UserError } from '@reelfleet/core';
import { tiedToParent } from '@reelfleet/embedded';

/** Between a death and the next start; doubled while it keeps dying, forgotten once it has lived for STEADY_MS. */
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 10_000;
const STEADY_MS = 30_000;

export interface ChildPlan {
  /** The name people know it by. */
  readonly name: string;
  /** The script it runs. */
  readonly main: string;
  readonly env: Env;
  readonly logFile: string;
}

export interface Children {
  /** Resolves when all work. Rejects with UserError when one cannot start. */
  readonly ready: Promise<void>;
  /** Ask all to finish or give back their work; resolves when the last has gone, after `graceMs` by force. */
  drain(graceMs: number): Promise<void>;
  /** End all at once, with whatever they started. */
  kill(): void;
}

/** How long to wait before the next start. Pure. */
export function pauseBefore(deaths: number): number {
  return Math.min(FIRST_PAUSE_MS * 2 ** Math.max(0, deaths - 1), LONGEST_PAUSE_MS);
}

/** Start them and keep them alive until they are drained or killed. `say` takes short lines for people: who died, who was drained. */
export function keepAlive(plans: readonly ChildPlan[], say: (text: string) => void): Children {
  const alive = new Map<string, ChildProcess>();
  const stopping = new AbortController();

  /** One of them for as long as it is wanted; `onReady` once it works. */
  async function keep(plan: ChildPlan, onReady: () => void): Promise<void> {
    const { name, logFile } = plan;
    if (existsSync(logFile)) renameSync(logFile, `${logFile}.1`);
    let deaths = 0;
    let wasReady = false;
    while (!stopping.signal.aborted) {
      const began = performance.now();
      const life = launch(plan, () => {
        wasReady = true;
        onReady();
      });
      const { code, signal, reason } = await life;
      alive.delete(name);
      if (stopping.signal.aborted) return;
      if (reason === 'drained') {
        say(`${name} was drained and has ended`);
        return;
      }
      if (!wasReady && signal === null) {
        throw new UserError(`${name} did not start: ${lastLine(logFile)} (see ${logFile})`);
      }
      if (reason === null) {
        deaths = performance.now() - began > STEADY_MS ? 1 : deaths + 1;
        say(`${name} died (${signal ?? `exit code ${code}`}): starting it again`);
      }
      await sleep(pauseBefore(deaths), undefined, { signal: stopping.signal }).catch(() => {});
    }
  }

  function launch({ name, main, env, logFile }: ChildPlan, onReady: () => void) {
    const { command, args } = tiedToParent(process.execPath, [main], 'SIGTERM');
    const fd = openSync(logFile, 'a', 0o600);
    const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', fd], detached: true });
    closeSync(fd);
    alive.set(name, child);
    let reason: string | null = null;
    if (child.stdout) {
      createInterface({ input: child.stdout }).on('line', (line) => {
        const [, word, rest = ''] = /^\w+ (ready|ended:) (.*)$/.exec(line) ?? [];
        if (word === 'ready') onReady();
        else if (word === 'ended:') reason = rest;
        else say(`${name}: ${line}`);
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
  const ready = plans.map((plan) => {
    return new Promise<void>((resolve, reject) => {
      const life = keep(plan, resolve);
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
