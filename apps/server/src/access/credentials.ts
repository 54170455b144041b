/** What a request brings to be let in: a session's cookie, HTTP Basic (any user name) or a bearer token. Pure. */

export type Credentials = { kind: 'basic' | 'bearer'; password: string };

/** The password in an Authorization header; null when it holds none that we know. */
export function credentialsOf(header: string | undefined): Credentials | null {
  const found = /^(basic|bearer) +(.*\S) *$/i.exec(header ?? '');
  if (!found?.[1] || !found[2]) return null;
  // Headers come as one character a byte.
  if (found[1].toLowerCase() === 'bearer') {
    return { kind: 'bearer', password: Buffer.from(found[2], 'latin1').toString('utf8') };
  }
  const text = Buffer.from(found[2], 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return { kind: 'basic', password: colon === -1 ? '' : text.slice(colon + 1) };
}
