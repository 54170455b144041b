/**
 * Links to streams, for players that bring no password: another site's page, a television, a media player. A link is good
 * for the files of one run until it expires, and says so itself, signed; nothing is kept. It stands in the path before the
 * key, so that the relative addresses in playlists carry it along by themselves.
 *
 * The key is made from the password, as that of sessions is: any server with the same password takes a link, and another
 * password ends them all. Without a password it is made at start, and a restart ends them.
 */
import { createHmac, randomBytes, scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import { sameSecret } from '@reelfleet/config';

/** Longer than any film, shorter than a day: who shares an address by mistake shares it for so long. */
export const LINK_SECONDS = 12 * 3600;

export interface Links {
  /** A token for the files of the run that this key belongs to, and when it ends. Null for what belongs to no run. */
  issue(key: string, now: number): { token: string; expiresAt: Date } | null;
  /** For how many seconds from now the token opens this key; 0 when it does not. */
  secondsLeft(token: string, key: string, now: number): number;
}

export async function openLinks(password: string | undefined): Promise<Links> {
  const secret =
    password === undefined ? randomBytes(32) : ((await promisify(scrypt)(password, 'reelfleet stream', 32)) as Buffer);
  const sign = (run: string, until: number) =>
    createHmac('sha256', secret).update(`${run}\n${until}`).digest('base64url');
  return {
    issue(key, now) {
      const run = runOf(key);
      if (run === null) return null;
      // The same for everybody within an hour, so that a cache in between holds each segment once.
      const until = (Math.ceil(now / 3_600_000) + LINK_SECONDS / 3600) * 3600;
      return { token: `${until.toString(36)}.${sign(run, until)}`, expiresAt: new Date(until * 1000) };
    },
    secondsLeft(token, key, now) {
      const [, text = '', signature = ''] = /^([0-9a-z]{1,10})\.([\w-]{43})$/.exec(token) ?? [];
      const run = runOf(key);
      const until = Number.parseInt(text, 36);
      if (run === null || text === '' || !sameSecret(signature, sign(run, until))) return 0;
      return Math.max(0, Math.floor(until - now / 1000));
    },
  };
}

/** `runs/<run>/…` → `<run>`. */
const runOf = (key: string): string | null => /^runs\/([^/]+)\/./.exec(key)?.[1] ?? null;
