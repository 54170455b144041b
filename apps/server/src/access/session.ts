/**
 * A browser's session: a cookie that says until when it is good, signed with a key made from the password. Nothing is
 * kept here, so any server with the same password takes it, a restart forgets nobody, and another password ends all
 * sessions. What that gives up: one session alone cannot be ended before its time.
 */
import { scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import { Signer } from '@fastify/cookie';

export const SESSION_COOKIE = 'reelfleet_session';
/** A working day. */
export const SESSION_SECONDS = 12 * 3600;

export interface Sessions {
  /** The value of a new session's cookie. */
  issue(now: number): string;
  accepts(cookie: string | undefined, now: number): boolean;
}

export async function openSessions(password: string): Promise<Sessions> {
  // Slow on purpose: whoever finds a cookie must not try passwords against it at the speed of a hash.
  const key = (await promisify(scrypt)(password, 'reelfleet session', 32)) as Buffer;
  const signer = new Signer(key);
  return {
    issue: (now) => signer.sign(String(Math.floor(now / 1000) + SESSION_SECONDS)),
    accepts(cookie, now) {
      if (cookie === undefined || cookie.length > 200) return false;
      const { valid, value } = signer.unsign(cookie);
      return valid && value !== null && /^\d{1,12}$/.test(value) && Number(value) * 1000 > now;
    },
  };
}
