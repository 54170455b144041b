/**
 * Who may see a worker's metrics. On loopback everybody who asks for this machine by its own name: a page of a stranger
 * whose name was made to mean 127.0.0.1 (DNS rebinding) is given away by the Host header its browser sends. Elsewhere
 * whoever brings the password; guessing is slow for all together, since a scrape needs one answer and a guesser thousands.
 */
import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { isLoopback, sameSecret } from '@reelfleet/config';

/** A wrong password is answered after this long… */
const WRONG_MS = 1_000;
/** …and while so many wait for that, no password is looked at, not even a right one: else this would tell it. */
const MOST_WAITING = 3;

export interface Refusal {
  readonly status: number;
  readonly text: string;
  readonly headers?: Record<string, string>;
}

/** Whether a request asks for a machine by a name that can mean nothing but that machine. Pure. */
export function asksForLoopback(host: string | undefined): boolean {
  const name = URL.parse(`http://${host ?? ''}`)?.hostname ?? '';
  return isLoopback(name) || name.endsWith('.localhost');
}

/** Null when the request may see the metrics. */
export function openDoor(password: string): (request: IncomingMessage) => Promise<Refusal | null> {
  let waiting = 0;
  return async ({ headers: { authorization } }) => {
    const refusal = {
      status: 401,
      text: 'the password is needed, as a bearer token\n',
      headers: { 'www-authenticate': 'Bearer' },
    };
    if (authorization === undefined) return refusal;
    if (waiting >= MOST_WAITING)
      return {
        status: 429,
        text: 'too many wrong passwords at once: try again in a second\n',
        headers: { 'retry-after': String(WRONG_MS / 1_000) },
      };
    const [scheme = '', token = ''] = authorization.split(/ +(.*)/s);
    if (scheme.toLowerCase() === 'bearer' && sameSecret(token, password)) return null;
    waiting += 1;
    // Its place is taken for the whole time, also when the asker has gone.
    await sleep(WRONG_MS, undefined, { ref: false });
    waiting -= 1;
    return refusal;
  };
}
