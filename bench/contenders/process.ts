/**
 * Starts contenders' processes and gives them orders. What a process logs goes to a file, as in production, and is shown
 * when it fails.
 */
import { fork } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { atTestEnd } from '@reelfleet/testkit';
import type { Place } from './contender.ts';
import type { Order } from './host.ts';
import type { Entry } from './list.ts';

export interface ContenderProcess {
  readonly pid: number;
  /** Throws when the contender does, and when it takes longer than `withinSeconds` (default 120). */
  order<T = void>(order: Order, withinSeconds?: number): Promise<T>;
  /** Closed in peace, or killed. */
  end(): Promise<void>;
}

const host = fileURLToPath(new URL('host.ts', import.meta.url));

/** Both halves of a contender, each in a process of its own, for as long as `use` takes. */
export async function withContender<T>(
  entry: Entry,
  place: Place,
  use: (halves: { producer: ContenderProcess; consumer: ContenderProcess }) => Promise<T>,
): Promise<T> {
  const producer = await startContender(entry, place);
  try {
    const consumer = await startContender(entry, place);
    try {
      return await use({ producer, consumer });
    } finally {
      await consumer.end();
    }
  } finally {
    await producer.end();
  }
}

async function startContender(entry: Entry, place: Place): Promise<ContenderProcess> {
  const folder = mkdtempSync(join(tmpdir(), 'reelfleet-bench-log-'));
  const logFile = join(folder, 'log');
  const log = openSync(logFile, 'a');
  const child = fork(host, [entry.module, JSON.stringify(place)], {
    execArgv: [], // not those of the test runner
    stdio: ['ignore', log, log, 'ipc'],
    // NO_LOGS and NODE_ENV: what peers ask for to be quiet and quick, as in production.
    env: { ...process.env, NODE_ENV: 'production', NO_LOGS: '1', TMPDIR: folder },
    serialization: 'advanced',
  });
  closeSync(log);
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const kill = async () => {
    child.kill('SIGKILL');
    await gone;
    rmSync(folder, { recursive: true, force: true });
  };
  // Also when a signal ends the run.
  const off = atTestEnd(kill);
  const tail = () => readFileSync(logFile, 'utf8').trim().split('\n').slice(-12).join('\n');

  function answer<T>(what: string, withinSeconds: number): Promise<T> {
    return new Promise((resolve, reject) => {
      const finish = (act: () => void) => {
        clearTimeout(timer);
        child.off('message', hear);
        child.off('exit', left);
        act();
      };
      const fail = (why: string) => finish(() => reject(new Error(`${entry.id} ${what}: ${why}\n${tail()}`)));
      const hear = (message: unknown) => {
        const { answer: value, error } = message as { answer: T; error?: string };
        if (error === undefined) finish(() => resolve(value));
        else fail(error);
      };
      const left = (code: number | null) => fail(`its process ended with ${code}`);
      const timer = setTimeout(() => fail(`no answer within ${withinSeconds} s`), withinSeconds * 1000);
      child.on('message', hear);
      child.on('exit', left);
      if (!child.connected) left(child.exitCode);
    });
  }

  try {
    await answer('start', 120);
  } catch (error) {
    off();
    await kill();
    throw error;
  }
  return {
    pid: child.pid as number,
    order<T>(order: Order, withinSeconds = 120) {
      const pending = answer<T>(order.do, withinSeconds);
      child.send(order, () => {}); // what cannot be sent has no answer, and that is told of
      return pending;
    },
    async end() {
      if (child.connected) {
        const pending = answer('close', 15);
        child.send({ do: 'close' } satisfies Order, () => {});
        await pending.catch(() => {});
      }
      off();
      await kill();
    },
  };
}
