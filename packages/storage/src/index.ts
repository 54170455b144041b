/**
 * Object storage behind the port `Storage` of core. This file chooses the driver by the scheme of `STORAGE_URL`; a new
 * driver is one more file and one more line in `drivers`.
 */
import { type Storage, UserError } from '@reelfleet/core';
import { openGcsStorage } from './gcs.ts';
import type { GcsOptions } from './gcs-client.ts';
import { type LocalOptions, openLocalStorage } from './local.ts';

export { Crc32c } from './crc32c.ts';
export { mkdirs } from './folders.ts';
export { openGcsStorage } from './gcs.ts';
export type { GcsOptions } from './gcs-client.ts';
export type { Patience } from './gcs-patience.ts';
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

/** What the drivers want to know besides the URL; each looks at its own part. */
export type StorageOptions = LocalOptions & GcsOptions;

const drivers: Record<string, (url: string, options: StorageOptions) => Storage> = {
  'file:': openLocalStorage,
  'gs:': openGcsStorage,
};

/**
 * The store that `storageUrl` names (`file:///abs/path`, `gs://bucket/prefix`). Opens nothing yet: the folder is made by
 * the first put, the bucket's library is loaded by the first request. `options.scratch` names the folder whose files are
 * ours to give away (see {@link LocalOptions}); `apiEndpoint` and `keyFile` are a bucket's (see {@link GcsOptions}).
 * Throws {@link UserError} (exit code 2) for a URL that this version does not serve.
 */
export function openStorage(storageUrl: string, options: StorageOptions = {}): Storage {
  const scheme = /^[a-z][a-z0-9+.-]*:/i.exec(storageUrl)?.[0].toLowerCase();
  const open = scheme === undefined ? undefined : drivers[scheme];
  if (open) return open(storageUrl, options);
  // Only the scheme is repeated: the rest may hold credentials.
  const got = scheme === undefined ? 'a value without a scheme' : `a ${scheme}// URL`;
  throw new UserError(
    scheme === 's3:'
      ? `STORAGE_URL: got ${got}, which is not available in this version; use gs://bucket/prefix or file:///absolute/path`
      : `STORAGE_URL: got ${got}, takes file:///absolute/path or gs://bucket/prefix`,
    { exitCode: 2 },
  );
}

/** What the settings say of a store, by their names in the environment. */
export interface StorageSettings {
  STORAGE_URL: string;
  STORAGE_EMULATOR_HOST?: string | undefined;
  GOOGLE_APPLICATION_CREDENTIALS?: string | undefined;
}

/** The store that the settings name: `openStorage` with all that belongs to it. */
export function storageOf(settings: StorageSettings, options: LocalOptions = {}): Storage {
  return openStorage(settings.STORAGE_URL, {
    ...options,
    apiEndpoint: settings.STORAGE_EMULATOR_HOST,
    keyFile: settings.GOOGLE_APPLICATION_CREDENTIALS,
  });
}
