/** `gs:` URLs and what belongs to them. Pure. */
import { UserError } from '@reelfleet/core';
import { keyProblem } from './keys.ts';

/** Where a store lies. `prefix` is empty or ends with a slash; `rootUri` never does. */
export interface Place {
  bucket: string;
  prefix: string;
  rootUri: string;
}

/** The place that a `gs://bucket/prefix` names. Throws {@link UserError} (exit code 2) when it names none. */
export function placeOf(url: string): Place {
  const [, bucket = '', path = ''] = /^gs:\/\/([a-z0-9][a-z0-9._-]{1,220}[a-z0-9])(?:\/([^?#]*))?$/i.exec(url) ?? [];
  const prefix = decoded(path.replace(/\/+$/, ''));
  if (
    bucket === '' ||
    bucket !== bucket.toLowerCase() ||
    prefix === null ||
    (prefix !== '' && keyProblem(prefix) !== null)
  )
    throw new UserError('STORAGE_URL: got a gs:// URL that names no bucket, takes gs://bucket/prefix', { exitCode: 2 });
  const segments = prefix === '' ? [] : prefix.split('/').map(encodeURIComponent);
  return { bucket, prefix: prefix === '' ? '' : `${prefix}/`, rootUri: ['gs:/', bucket, ...segments].join('/') };
}

function decoded(path: string): string | null {
  try {
    return decodeURIComponent(path);
  } catch {
    return null;
  }
}

/** The header that makes a browser save a file under this name, in both spellings that browsers know (RFC 6266). */
export function contentDisposition(fileName: string): string {
  const plain = fileName.normalize('NFKD').replace(/[^\x20-\x7e]|["\\/]/g, '_');
  const encoded = encodeURIComponent(fileName.toWellFormed()).replace(
    /[!'()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`;
}
