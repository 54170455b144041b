/** How a process ends when something went wrong: one sentence for people, the stack only for those who look for a bug. */
import { messageOf, UserError } from '@reelfleet/core';

export interface Failure {
  /** What to write on stderr. */
  readonly text: string;
  readonly exitCode: 1 | 2;
}

/** `level` is LOG_LEVEL: a bug's stack is shown from `debug` on. */
export async function describeFailure(error: unknown, level: string | undefined): Promise<Failure> {
  const spoken = error instanceof UserError ? error : (await import('@reelfleet/db')).inWords(error);
  const debug = level === 'debug' || level === 'trace';
  const stack = debug && error instanceof Error ? `\n${error.stack ?? ''}` : '';
  if (spoken instanceof UserError)
    return { text: `reelfleet: ${oneLine(spoken.message)}${stack}`, exitCode: spoken.exitCode };
  const hint = debug ? '' : ' (this is a bug: LOG_LEVEL=debug shows where)';
  return { text: `reelfleet: ${oneLine(messageOf(error))}${hint}${stack}`, exitCode: 1 };
}

/** One line, whatever a server or a file put into the message. */
function oneLine(message: string): string {
  return message.replace(/\s*[\r\n]+\s*/g, ' ').trim() || 'something failed without a message';
}
