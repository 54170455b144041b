/**
 * Object storage behind the port `Storage` of core. This file chooses the driver by the scheme of `STORAGE_URL`; a new
 * driver is one more file and one more line in `drivers`.
 */
import { type Storage, UserError } from '@reelfleet/core';
import { type LocalOptions, openLocalStorage } from './local.ts';

export {
  archiveKey,
  checkKey,
  checkPrefix,
  keyProblem,
  MAX_KEY_BYTES,
  MAX_SEGMENT_BYTES,
  unarchivedKey,
} from './keys.ts';
export { type LocalOptions, openLocalStorage } from './local.ts';

export type StorageOptions = LocalOptions;

const drivers: Record<string, (url: string, options: StorageOptions) => Storage> = {
  'file:': openLocalStorage,
};

/**
 * The store that `storageUrl` names (`file:///abs/path`). Opens nothing yet: the folder is made by the first put.
 * `options.scratch` names the folder whose files are ours to give away (see {@link LocalOptions}).
 * Throws {@link UserError} (exit code 2) for a URL that this version does not serve.
 */
export function openStorage(storageUrl: string, options: StorageOptions = {}): Storage {
  const scheme = /^[a-z][a-z0-9+.-]*:/i.exec(storageUrl)?.[0].toLowerCase();
  const open = scheme === undefined ? undefined : drivers[scheme];
  if (open) return open(storageUrl, options);
  // Only the scheme is repeated: the rest may hold credentials.
  const got = scheme === undefined ? 'a value without a scheme' : `a ${scheme}// URL`;
  throw new UserError(
    scheme === 'gs:' || scheme === 's3:'
      ? `STORAGE_URL: got ${got}, which is not available in this version; use file:///absolute/path`
      : `STORAGE_URL: got ${got}, takes file:///absolute/path`,
    { exitCode: 2 },
  );
}

export { mkdirs } from './folders.ts';
