/**
 * Names of stored objects. Pure: decides which keys are allowed and how the product's keys are built, touches nothing.
 * A key is relative and `/`-separated; whatever passes `checkKey` stays below the root of any driver and fits both a
 * file system and a bucket.
 */
import { PermanentError } from '@reelfleet/core';

/** What a bucket takes for a whole name, in bytes of UTF-8. */
export const MAX_KEY_BYTES = 1024;
/** What a file system takes for one name, in bytes of UTF-8. */
export const MAX_SEGMENT_BYTES = 255;

// Control characters (C0, DEL, C1) and the Unicode line ends, which break lists and playlists; the backslash is a
// separator elsewhere.
// biome-ignore lint/suspicious/noControlCharactersInRegex: refusing them is the point.
const FORBIDDEN = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\\]/;

/** Why `key` is not allowed, as the end of a sentence, or null when it is. */
export function keyProblem(key: string): string | null {
  if (key === '') return 'it is empty';
  if (key.startsWith('/')) return 'it is absolute';
  // A driver's own files live below a first segment with a dot (`.incoming/`), so no object can be mistaken for one.
  if (key.startsWith('.')) return 'it starts with a dot';
  if (!key.isWellFormed()) return 'it is not valid Unicode';
  if (FORBIDDEN.test(key)) return 'it has a backslash or a control character';
  if (Buffer.byteLength(key) > MAX_KEY_BYTES) return `it is longer than ${MAX_KEY_BYTES} bytes`;
  for (const segment of key.split('/')) {
    if (segment === '') return 'it has an empty segment';
    if (segment === '.' || segment === '..') return `it has the segment "${segment}"`;
    if (Buffer.byteLength(segment) > MAX_SEGMENT_BYTES) return `a segment is longer than ${MAX_SEGMENT_BYTES} bytes`;
  }
  return null;
}

/** `key` itself when it is allowed; throws {@link PermanentError} (code `bad-key`) when it is not. */
export function checkKey(key: string): string {
  const problem = keyProblem(key);
  if (problem) throw badKey(key, problem);
  return key;
}

/**
 * `prefix` itself when keys can begin with it: '' (all), a folder (`runs/1/`), or a folder and the beginning of a name
 * (`runs/1/mus`). Throws {@link PermanentError} otherwise.
 */
export function checkPrefix(prefix: string): string {
  if (prefix === '') return prefix;
  const problem = keyProblem(prefix.endsWith('/') ? prefix.slice(0, -1) : prefix);
  if (problem) throw badKey(prefix, problem);
  return prefix;
}

/** Where a file of a soft-deleted video waits for restore or purge: `archive/<video>/<the key it had>`. */
export function archiveKey(videoId: string, key: string): string {
  return checkKey(`archive/${oneSegment(videoId)}/${checkKey(key)}`);
}

/** The key a file had before `archiveKey` moved it; throws {@link PermanentError} for a key that is not in the archive. */
export function unarchivedKey(key: string): string {
  const [top, video, ...rest] = checkKey(key).split('/');
  if (top !== 'archive' || !video || rest.length === 0) throw badKey(key, 'it is not in the archive');
  return checkKey(rest.join('/'));
}

/**
 * The URI of a key below `rootUri`. Only what ECMAScript fixes decides the encoding, so a URI written to the ledger
 * today is the one computed for the same key in ten years (Node's own `pathToFileURL` follows a living standard).
 */
export function uriBelow(rootUri: string, prefixOrKey: string): string {
  return `${rootUri}/${checkPrefix(prefixOrKey).split('/').map(encodeURIComponent).join('/')}`;
}

/**
 * The key of a URI below `rootUri`. Takes only the exact spelling that `uriBelow` gives: `%2e%2e`, `%2F`, a query and a
 * second spelling of the same object are all refused by comparing. Throws {@link PermanentError} (code `bad-uri`).
 */
export function keyBelow(rootUri: string, uri: string): string {
  if (uri.startsWith(`${rootUri}/`)) {
    try {
      const key = decodeURIComponent(uri.slice(rootUri.length + 1));
      if (keyProblem(key) === null && uriBelow(rootUri, key) === uri) return key;
    } catch {
      // A malformed percent sequence: refused below, with everything else.
    }
  }
  throw new PermanentError(`${JSON.stringify(uri)} is not an object of the store at ${rootUri}`, { code: 'bad-uri' });
}

function oneSegment(id: string): string {
  if (checkKey(id).includes('/')) throw badKey(id, 'an id has no slash');
  return id;
}

function badKey(key: string, problem: string): PermanentError {
  const shown = key.length > 200 ? `${key.slice(0, 200)}…` : key;
  return new PermanentError(`storage key ${JSON.stringify(shown)} is not allowed: ${problem}`, { code: 'bad-key' });
}
