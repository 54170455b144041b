/**
 * Keeps secrets out of what people read: passwords and tokens in URLs, and values under secret-looking names.
 * Every step looks at each character a bounded number of times, so a log line of a megabyte costs milliseconds.
 */

export const HIDDEN = '***';

const SECRET_NAME =
  /passw|passphrase|secret|token|api[-_]?key|authorization|cookie|credential|signature|private[-_]?key/i;
/** What parameters of signed links and sessions are called besides; too ordinary as names elsewhere. */
const SECRET_PARAMETER = /^(sig|key|auth|pass|pwd|jwt|hmac|hash|policy|session|sid)$/i;
/** What stands between `://` and the colon before a password. */
const USER = /[^:/?#@']{0,200}:/y;
/** A user without a password is a token on the web (`https://token@host`), and a plain name elsewhere. */
const TOKEN = /[^:/?#@']{1,2000}@/y;

/** `text` with the passwords and tokens of every URL in it replaced by `***`. In doubt it hides too much. */
export function redactUrl(text: string): string {
  if (!text.includes('://')) return text;
  const named = text.replace(/([?&;])([^\s"'=&#]{1,100})=([^\s"'&#]+)/g, (all, mark: string, name: string) =>
    SECRET_NAME.test(name) || SECRET_PARAMETER.test(name) ? `${mark}${name}=${HIDDEN}` : all,
  );
  // Word by word; a quote ends a word, so that a line of JSON keeps its shape.
  return named.includes('@') ? named.replace(/[^\s"]+/g, maskWord) : named;
}

/** Hides from the password of the first URL in a word to the last `@`: one that is not escaped may be part of it. */
function maskWord(word: string): string {
  const last = word.lastIndexOf('@');
  for (let at = word.indexOf('://'); at !== -1 && at < last; at = word.indexOf('://', at + 3)) {
    USER.lastIndex = at + 3;
    if (USER.test(word) && USER.lastIndex <= last)
      return `${word.slice(0, USER.lastIndex)}${HIDDEN}${word.slice(last)}`;
    TOKEN.lastIndex = at + 3;
    if (/https?$/i.test(word.slice(Math.max(0, at - 5), at)) && TOKEN.test(word)) {
      return `${word.slice(0, at + 3)}${HIDDEN}${maskWord(word.slice(TOKEN.lastIndex - 1))}`;
    }
  }
  return word;
}

/**
 * A line of JSON with its secrets hidden, at any depth; it stays a line of JSON. Numbers under secret-looking names
 * stay as well: `tokensIn` counts, it tells nothing.
 */
export function redactJsonLine(line: string): string {
  const safe = redactUrl(line);
  if (!SECRET_NAME.test(safe)) return safe;
  return safe.replace(/"([^"\\]{1,100})":"[^"\\]*(?:\\.[^"\\]*)*"/g, (all, name: string) =>
    SECRET_NAME.test(name) ? `"${name}":"${HIDDEN}"` : all,
  );
}
