/** Work that Ctrl-C ends in order: it is told to stop, cleans up and throws; a second time ends the process at once. */
import { constants } from 'node:os';
import { UserError } from '@reelfleet/core';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** `what` is what the person is told: `interrupted: <what>`. */
export async function interruptible<T>(what: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController();
  const told = (signal: NodeJS.Signals) => {
    if (stop.signal.aborted) process.exit(128 + constants.signals[signal]);
    stop.abort(new UserError(`interrupted: ${what}`));
  };
  for (const signal of SIGNALS) process.on(signal, told);
  try {
    return await work(stop.signal);
  } finally {
    for (const signal of SIGNALS) process.off(signal, told);
  }
}
