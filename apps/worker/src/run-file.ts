/**
 * `run.json` in the data folder: what `reelfleet up` started there, so that a command in a second terminal, or a worker
 * started by hand, finds it. It is written whole or not at all, readable by its owner only (it holds the password of the
 * database), and claimed by creating it: of two `up` on one folder exactly one gets it. A file whose process has gone
 * counts as not there.
 */
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf, UserError } from '@reelfleet/core';
import { isAlive } from '@reelfleet/embedded';
import { z } from 'zod';

const runFile = z.object({
  pid: z.number().int().positive(),
  /** When the process started, in the kernel's clock ticks: tells it from a stranger with the same number after a reboot. */
  startTicks: z.string().nullable(),
  state: z.enum(['starting', 'running']),
  startedAt: z.string(),
  /** Where the server listens; null in files of earlier versions. */
  host: z.string().nullable().default(null),
  port: z.number().int().nullable(),
  databaseUrl: z.string().nullable(),
  databasePort: z.number().int().nullable(),
  storageUrl: z.string().nullable(),
  redisUrl: z.string().nullable(),
  workers: z.number().int().nonnegative(),
});
export type RunFile = z.infer<typeof runFile>;

const pathOf = (dataDir: string) => join(dataDir, 'run.json');

/** What runs in this data folder right now, or null. */
export function readRunFile(dataDir: string): RunFile | null {
  let text: string;
  try {
    text = readFileSync(pathOf(dataDir), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EACCES') {
      throw new UserError(`${pathOf(dataDir)} belongs to another user: run this as that user, or set DATABASE_URL`, {
        cause: error,
      });
    }
    return null;
  }
  const parsed = runFile.safeParse(tryJson(text));
  if (!parsed.success || !isAlive(parsed.data.pid)) return null;
  const { pid, startTicks } = parsed.data;
  return startTicks === startTicksOf(pid) ? parsed.data : null;
}

/** Take this folder for this process; throws UserError while another process has it. */
export function claimRunFile(dataDir: string): void {
  const path = pathOf(dataDir);
  try {
    mkdirSync(dataDir, { recursive: true });
    for (let attempt = 0; ; attempt++) {
      const other = readRunFile(dataDir);
      if (other !== null || attempt === 3) {
        throw new UserError(
          `Reelfleet is already running in ${dataDir}${other ? ` (process ${other.pid})` : ''}: stop that one first, or choose another folder with --data`,
        );
      }
      rmSync(path, { force: true });
      const draft = writeDraft(path, {
        state: 'starting',
        host: null,
        port: null,
        databaseUrl: null,
        databasePort: null,
        storageUrl: null,
        redisUrl: null,
        workers: 0,
      });
      try {
        linkSync(draft, path); // fails when somebody else was quicker
        return;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      } finally {
        rmSync(draft, { force: true });
      }
    }
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`the data folder ${dataDir} cannot be used (${messageOf(error)}): choose another with --data`, {
      cause: error,
    });
  }
}

/** Tell others where everything is; only after {@link claimRunFile}. */
export function writeRunFile(dataDir: string, facts: Omit<RunFile, 'pid' | 'startTicks' | 'startedAt'>): void {
  renameSync(writeDraft(pathOf(dataDir), facts), pathOf(dataDir));
}

/** Give the folder back; does nothing when it is another process's. */
export function removeRunFile(dataDir: string): void {
  if (readRunFile(dataDir)?.pid === process.pid) rmSync(pathOf(dataDir), { force: true });
}

function writeDraft(path: string, facts: Omit<RunFile, 'pid' | 'startTicks' | 'startedAt'>): string {
  const draft = `${path}.${process.pid}`;
  const whole: RunFile = {
    pid: process.pid,
    startTicks: startTicksOf(process.pid),
    startedAt: new Date().toISOString(),
    ...facts,
  };
  rmSync(draft, { force: true });
  writeFileSync(draft, `${JSON.stringify(whole, null, 2)}\n`, { mode: 0o600, flag: 'wx' });
  return draft;
}

function startTicksOf(pid: number): string | null {
  if (process.platform !== 'linux') return null;
  try {
    // After the command name, which may itself hold spaces and brackets, this is the twentieth word.
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[19] ?? null;
  } catch {
    return null;
  }
}

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
