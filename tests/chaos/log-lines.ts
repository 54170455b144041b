/**
 * What a worker may say. Everything it logs is one line of JSON; besides that it prints a few announcements, and one
 * sentence when it cannot start. Anything else (a bare stack, a warning of Node, an assertion) is a trouble, and so is
 * every event of level error: a fault may make attempts throw, settles wait and beats fail, all of which are warnings.
 * A stack inside of `attempt threw` is the handler's, and faults make handlers throw.
 */
import type { LogLine } from './crew.ts';

const ANNOUNCED =
  /^(worker ready \S+|worker ended: \S+|paused at .*|event loop (blocked|runs again)|ended with \S+|reelfleet: .*)$/;
const A_BUG = /\(this is a bug/;

/** Lines that should not be there, with who said them. Pure. */
export function troubles(log: readonly Pick<LogLine, 'worker' | 'text'>[]): string[] {
  return log.flatMap(({ worker, text }) => (isTrouble(text) ? [`${worker}: ${text.slice(0, 300)}`] : []));
}

function isTrouble(text: string): boolean {
  if (text.trim() === '') return false;
  if (!text.startsWith('{')) return !ANNOUNCED.test(text) || A_BUG.test(text);
  try {
    const { level } = JSON.parse(text) as { level?: string };
    return level === 'error' || level === 'fatal';
  } catch {
    // The last line of a killed process may be cut short.
    return false;
  }
}
