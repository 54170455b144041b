/** Checks a signed URL (v4) as the service does: by the text that its signer must have signed. Pure. */
import { createHash, type KeyObject, verify } from 'node:crypto';

/** Why a signed URL is refused, or null when it opens its object. `at` is the time now, in milliseconds. */
export function signatureProblem(url: URL, host: string, key: KeyObject, at: number): string | null {
  const query = [...url.searchParams].filter(([name]) => name !== 'X-Goog-Signature');
  const signature = url.searchParams.get('X-Goog-Signature');
  const date = url.searchParams.get('X-Goog-Date') ?? '';
  const scope = url.searchParams.get('X-Goog-Credential')?.split('/').slice(1).join('/') ?? '';
  const issued = Date.parse(date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));
  if (signature === null || Number.isNaN(issued)) return 'it is not signed';
  if (at > issued + Number(url.searchParams.get('X-Goog-Expires')) * 1000) return 'it has expired';
  const canonical = [
    'GET',
    url.pathname,
    query
      .map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
      .sort()
      .join('&'),
    `host:${host}\n`,
    'host',
    'UNSIGNED-PAYLOAD',
  ].join('\n');
  const hash = createHash('sha256').update(canonical).digest('hex');
  const text = ['GOOG4-RSA-SHA256', date, scope, hash].join('\n');
  return verify('RSA-SHA256', Buffer.from(text), key, Buffer.from(signature, 'hex')) ? null : 'its signature is wrong';
}

function encoded(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}
