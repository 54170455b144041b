/**
 * A real fleet for an album: a database, a store, worker processes that can be killed and frozen, and the command line.
 * Leases are short so that recovery can be watched; everything else is as an operator has it.
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Database } from '@reelfleet/db';
import { atTestEnd, brokenInvariants, startProcess, type TestProcess, until } from '@reelfleet/testkit';
import { expect } from 'vitest';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const workerMain = here('../../apps/worker/src/main.ts');
const cliBin = here('../../apps/cli/bin/reelfleet.js');
const invariants = here('../invariants.sql');

export interface Said {
  code: number;
  stdout: string;
  stderr: string;
}

export interface TaskFacts {
  id: string;
  key: string;
  status: string;
  version: number;
  attempts: number;
  failures: number;
  crashes: number;
  worker: string | null;
  error: string | null;
}

export function albumFleet(databaseUrl: string, env: Record<string, string> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'reelfleet-album-'));
  atTestEnd(() => rmSync(folder, { recursive: true, force: true }));
  const settings = {
    DATABASE_URL: databaseUrl,
    STORAGE_URL: `file://${folder}/storage`,
    REELFLEET_SCRATCH: `${folder}/scratch`,
    REELFLEET_DATA: `${folder}/data`,
    REELFLEET_LEASE_MS: '3000',
    REELFLEET_HEARTBEAT_MS: '500',
    REELFLEET_SWEEP_MS: '250',
    REELFLEET_GRACE_MS: '10000',
    REELFLEET_MIN_FREE_MB: '50',
    REELFLEET_CONCURRENCY: '1',
    LOG_LEVEL: 'info',
    NODE_ENV: 'test',
    ...env,
  };
  const db = new Database(databaseUrl, { name: 'test' });
  atTestEnd(() => db.end());
  let born = 0;

  async function startWorker(more: Record<string, string> = {}): Promise<TestProcess & { workerName: string }> {
    born += 1;
    const workerName = more.REELFLEET_WORKER_NAME ?? `w${born}`;
    const worker = startProcess({
      args: [workerMain],
      env: { ...settings, REELFLEET_WORKER_NAME: workerName, ...more },
      name: workerName,
      cwd: folder,
    });
    await worker.waitForLine(/^worker ready/, { timeoutMs: 30_000 });
    return Object.assign(worker, { workerName });
  }

  const cli = (...args: string[]): Promise<Said> =>
    new Promise((resolve) => {
      execFile(
        process.execPath,
        [cliBin, ...args],
        { env: { ...process.env, ...settings }, cwd: folder, maxBuffer: 64 * 2 ** 20 },
        (error, stdout, stderr) => resolve({ code: error ? Number(error.code ?? 1) : 0, stdout, stderr }),
      );
    });

  async function enqueueAlbum(tracks: number, seconds: number, ...more: string[]): Promise<string> {
    const said = await cli(
      'enqueue',
      'album',
      '--channel',
      'Test Court',
      '--niche',
      'Royal Court Ambience',
      '--mood',
      'elegant, serene',
      '--preview',
      '--tracks',
      String(tracks),
      '--seconds',
      String(seconds),
      // A ninth of the pixels: faults are tried here, not pictures.
      '--size',
      '640x360',
      '--json',
      ...more,
    );
    expect(said.stderr + said.stdout).not.toMatch(/^\s+at /m);
    expect(said.code, said.stderr).toBe(0);
    return (JSON.parse(said.stdout) as { runId: string }).runId;
  }

  const tasks = (run: string) =>
    db.query<TaskFacts>(
      `select t.id, t.key, t.status, t.state_version as version, t.attempt_number as attempts, t.failures, t.crashes, w.worker_name as worker, t.last_error as error
       from tasks t left join workers w on w.id = t.worker_id where t.run_id = '${run}' order by t.position, t.key`,
    );
  const runStatus = async (run: string) =>
    (await db.query<{ status: string }>(`select status from pipeline_runs where id = '${run}'`))[0]?.status;
  const ended = (run: string, timeoutMs = 180_000) =>
    until(
      async () => {
        const status = await runStatus(run);
        return status !== undefined && !['queued', 'running'].includes(status) ? status : null;
      },
      { what: `run ${run} to end`, timeoutMs, everyMs: 200 },
    );

  /** What must hold after any fault, once the run has completed. */
  async function expectWhole(run: string): Promise<void> {
    const found = await tasks(run);
    const unfinished = found.filter((task) => task.status !== 'completed');
    expect(unfinished).toEqual([]);
    expect(await brokenInvariants(databaseUrl, invariants, { quiet: false })).toEqual([]);
    // A claim is the only way to an attempt, and a track or still lies in the store at most once per attempt.
    const claims = await db.query<{ key: string; claims: number; attempts: number }>(
      `select t.key, count(a.id)::int as claims, t.attempt_number as attempts from tasks t join task_audit a on a.task_id = t.id and a.action = 'claim'
       where t.run_id = '${run}' group by t.id having count(a.id) <> t.attempt_number`,
    );
    expect(claims).toEqual([]);
    for (const task of found) {
      const place = join(folder, 'storage', 'runs', run, task.key);
      if (!existsSync(place)) continue; // a stage without files
      // A folder per attempt, named by its version; other names belong to tasks below this one (`transcode/audio`).
      const made = readdirSync(place, { withFileTypes: true }).filter(
        (entry) => entry.isDirectory() && /^\d+$/.test(entry.name),
      );
      expect(made.length, `${task.key} was made ${made.length} times in ${task.attempts} attempts`).toBeLessThanOrEqual(
        task.attempts,
      );
    }
    const fsck = await cli('fsck', '--json');
    expect(fsck.code, fsck.stdout + fsck.stderr).toBe(0);
  }

  /** ffmpeg processes that work in this fleet's scratch. */
  const ffmpegs = (): string[] =>
    readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .flatMap((pid) => {
        try {
          const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
          return command.includes('ffmpeg') && command.includes(folder) ? [`${pid} ${command.slice(0, 120)}`] : [];
        } catch {
          return [];
        }
      });
  const scratchFolders = (): string[] => {
    try {
      return readdirSync(join(folder, 'scratch'));
    } catch {
      return [];
    }
  };

  return {
    folder,
    settings,
    db,
    startWorker,
    cli,
    enqueueAlbum,
    tasks,
    runStatus,
    ended,
    expectWhole,
    ffmpegs,
    scratchFolders,
  };
}
export type AlbumFleet = ReturnType<typeof albumFleet>;
