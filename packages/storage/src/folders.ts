/** Folders and files that survive a power cut: what is made here is on the disk when the call returns. */
import { type FileHandle, mkdir, open, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/**
 * Like `mkdir` with `recursive`, answering the topmost folder it made; that one spins for ever where a folder is there and
 * still answers ENOENT (below /proc, for instance).
 */
export async function mkdirs(path: string): Promise<string | undefined> {
  const missing: string[] = [];
  for (let at = resolve(path); ; at = dirname(at)) {
    const found = await stat(at).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null;
      throw error;
    });
    if (found) break;
    missing.unshift(at);
  }
  for (const folder of missing)
    await mkdir(folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  return missing[0];
}

/** Make `path` and every folder above it that is missing, durably. */
export async function makeFolder(path: string): Promise<void> {
  const first = await mkdirs(path);
  if (first === undefined) return;
  // A new folder is an entry of its parent: without syncing that one, a power cut takes the folder and all in it.
  for (let made = path; made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made));
}

/** Make the entries of a folder durable: a file's own sync says nothing about its name. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/**
 * Turn a finished file into an object: its time is now (`gc` counts a day from storing, not from making), nobody may
 * write to it any more, and its bytes are on the disk.
 */
export async function seal(file: FileHandle): Promise<void> {
  const now = new Date();
  await file.utimes(now, now);
  await file.chmod((await file.stat()).mode & 0o555);
  await file.sync();
}
