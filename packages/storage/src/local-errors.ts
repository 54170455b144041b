/** What the operating system says about files, as one sentence for people: what was tried, where, what to do. */
import { PermanentError, RetryableError } from '@reelfleet/core';

/** The `code` of a system error (`ENOSPC`), or ''. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** Nothing has this name (a file in the place of a folder counts: nothing can lie below it). */
export function isMissing(error: unknown): boolean {
  return codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR';
}

export function missingObject(uri: string): PermanentError {
  return new PermanentError(`${uri} is not in the store; run reelfleet fsck to see what else is missing`, {
    code: 'object-missing',
  });
}

export function objectExists(uri: string): PermanentError {
  return new PermanentError(`${uri} is already stored with other bytes; objects are never replaced`, {
    code: 'object-exists',
  });
}

export function escapes(key: string, root: string): PermanentError {
  return new PermanentError(
    `refused ${key}: a symbolic link below ${root} is in its way; replace it by what it points to (a bind mount can be the whole store)`,
    { code: 'bad-key' },
  );
}

/**
 * The error to throw for `error`, met while doing `what` in the folder `where`: the reason of an aborted signal, our
 * own errors and those of a body's source as they are, those of the file system as {@link RetryableError}.
 */
export function storageError(error: unknown, what: string, where: string, signal?: AbortSignal): unknown {
  if (signal?.aborted) return signal.reason;
  if (error instanceof PermanentError || error instanceof RetryableError) return error;
  const path = error instanceof Error && 'path' in error ? String(error.path) : where;
  switch (codeOf(error)) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new RetryableError(`${what}: the disk that holds ${where} is full; free some space or use a bigger one`, {
        cause: error,
        code: 'disk-full',
      });
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new RetryableError(
        `${what}: no permission for ${path}; let the user of this process read and write there`,
        {
          cause: error,
          code: 'storage-denied',
        },
      );
    case 'EMLINK':
    case 'ENOSYS':
    case 'ENOTSUP':
    case 'EOPNOTSUPP':
      return new RetryableError(
        `${what}: the file system of ${where} has no hard links; set STORAGE_URL to one that has`,
        {
          cause: error,
          code: 'storage-unsuitable',
        },
      );
    case 'ENOENT':
    case 'ENOTDIR':
    case 'EEXIST':
      return new RetryableError(`${what}: ${path} is missing or not a folder`, { cause: error, code: 'storage' });
    case 'EIO':
    case 'EMFILE':
    case 'ENFILE':
    case 'EFBIG':
    case 'ENAMETOOLONG':
      return new RetryableError(`${what}: ${(error as Error).message}`, { cause: error, code: 'storage' });
    default:
      return error;
  }
}
