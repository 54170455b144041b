/**
 * Files that enter and leave the store of a folder as second names of themselves, where both sides lie on one file system: no
 * byte is written again, each is read once for the checksum. Null always means that a link is not to be had and that the
 * bytes have to be copied.
 */
import { constants } from 'node:fs';
import { link, lstat, open, realpath, rm } from 'node:fs/promises';
import { sep } from 'node:path';
import { type Body, type FileBody, RetryableError } from '@reelfleet/core';
import { seal } from './folders.ts';
import { codeOf } from './local-errors.ts';
import { bytesOf, type Digest, isFileBody, pump } from './pump.ts';

type Watch = { signal?: AbortSignal; onBytes?: (total: number) => void };

/** Another file system, another owner (Linux links only what one may write to), too many names, no links at all. */
const NO_LINK = ['EXDEV', 'EPERM', 'EACCES', 'EMLINK', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'];

async function linked(path: string, name: string): Promise<boolean> {
  return link(path, name).then(
    () => true,
    (error) => {
      if (NO_LINK.includes(codeOf(error))) return false;
      throw error;
    },
  );
}

/** Take a file of the scratch folder into the store, as `incoming`. A body from anywhere else, or a part of a file, is not taken. */
export async function takeIn(
  body: Body,
  scratchFolder: string | undefined,
  incoming: string,
  watch: Watch,
): Promise<Digest | null> {
  if (scratchFolder === undefined || !isFileBody(body) || isPart(body)) return null;
  const scratch = await realpath(scratchFolder).catch(() => null);
  const path = await realpath(body.path).catch(() => null);
  if (!scratch || !path?.startsWith(scratch + sep)) return null;
  // A second name means somebody outside the scratch folder may hold the same bytes, and change them.
  if ((await lstat(path)).nlink !== 1) return null;
  if (!(await linked(path, incoming))) return null;
  const file = await open(incoming, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    // At once, so that no other process takes the link to an old file for one left behind.
    await file.utimes(new Date(), new Date());
    const before = await file.stat({ bigint: true });
    if (!before.isFile() || before.nlink !== 2n) {
      // Linked twice at the same moment: somebody else is storing this file too.
      await rm(incoming);
      return null;
    }
    const digest = await pump(bytesOf(file, { keepOpen: true }), watch);
    const after = await file.stat({ bigint: true });
    if (after.mtimeNs !== before.mtimeNs || after.size !== before.size) throw changed(body.path);
    await seal(file);
    return digest;
  } finally {
    await file.close();
  }
}

/** Give the stored file at `path` a second name outside the store, for somebody who only reads: it stays sealed against writing. */
export async function giveOut(path: string, name: string, watch: Watch): Promise<Digest | null> {
  if (!(await linked(path, name))) return null;
  // A symbolic link that took the file's place meanwhile has been linked itself, and is not followed.
  const file = await open(name, constants.O_RDONLY | constants.O_NOFOLLOW);
  return pump(bytesOf(file), watch);
}

const isPart = ({ start, endExclusive }: FileBody) => start !== undefined || endExclusive !== undefined;

function changed(path: string): RetryableError {
  return new RetryableError(`${path} was written to while it was stored; put a file when it is finished`, {
    code: 'body-changed',
  });
}
