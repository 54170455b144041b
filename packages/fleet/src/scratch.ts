/**
 * Scratch space: one folder per worker process under a common root, so that a starting worker can tell and remove what
 * dead ones left. A folder belongs to a dead worker when the process it names is gone or is another one by now.
 */
import { mkdirSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, UserError } from '@reelfleet/core';

const OWNER = 'owner.json';

/** When a process started, in the kernel's own ticks where it tells, so that a recycled pid is not taken for its owner. */
async function birthOf(pid: number): Promise<string | null> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return null;
  }
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? 'unknown';
  } catch {
    return 'unknown';
  }
}

/** Make this worker's folder and remove those of dead workers. Returns the folder and how many were removed. */
export async function openScratch(root: string, workerId: string): Promise<{ path: string; removed: number }> {
  try {
    await mkdir(root, { recursive: true, mode: 0o700 });
    return await settleIn(root, workerId);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new UserError(
      `the scratch folder ${root} cannot be used (${code ?? messageOf(cause)}): set REELFLEET_SCRATCH to a folder this user may write to`,
      { cause, exitCode: 2 },
    );
  }
}

async function settleIn(root: string, workerId: string): Promise<{ path: string; removed: number }> {
  let removed = 0;
  for (const entry of await readdir(root, { withFileTypes: true })) {
    if (!entry.isDirectory() || !entry.name.startsWith('worker-')) continue;
    const folder = join(root, entry.name);
    const owner = await readFile(join(folder, OWNER), 'utf8').then(
      (text) => JSON.parse(text) as { pid: number; birth: string },
      () => null,
    );
    if (owner && (await birthOf(owner.pid)) === owner.birth) continue;
    await rm(folder, { recursive: true, force: true });
    removed += 1;
  }
  const path = join(root, `worker-${workerId}`);
  const building = join(root, `.worker-${workerId}`);
  // Named only once it says whose it is, so that another starting worker never takes it for an orphan.
  await mkdir(building, { recursive: true });
  await writeFile(join(building, OWNER), JSON.stringify({ pid: process.pid, birth: await birthOf(process.pid) }));
  await rename(building, path);
  return { path, removed };
}

export async function freeMegabytes(path: string): Promise<number> {
  const { bavail, bsize } = await statfs(path);
  return (bavail * bsize) / 1_048_576;
}

export interface AttemptScratch {
  /** The folder, made when it is first asked for. */
  readonly path: string;
  /** Remove it if it was made; from then on asking makes nothing, however late an aborted handler asks. */
  remove(): Promise<void>;
}

/**
 * One attempt's own folder below the worker's. Most tasks never need one, and making and removing it for each of them
 * cost more than everything else a worker does for a short task.
 */
export function attemptScratch(root: string, attempt: string): AttemptScratch {
  const path = join(root, attempt);
  let state: 'unmade' | 'made' | 'removed' = 'unmade';
  return {
    get path() {
      if (state === 'unmade') {
        // Also when making it fails half-way there is something to remove.
        state = 'made';
        mkdirSync(path, { recursive: true });
      }
      return path;
    },
    async remove() {
      const was = state;
      state = 'removed';
      if (was === 'made') await rm(path, { recursive: true, force: true });
    },
  };
}
