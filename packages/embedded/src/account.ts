/**
 * Which user the embedded Postgres runs as, and what that user can reach. Postgres refuses to run as root, so root
 * hands it to the owner of an existing cluster, or to the system user `postgres`, made when it is missing.
 */
import { execFileSync } from 'node:child_process';
import { realpathSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { messageOf, UserError } from '@reelfleet/core';
import { throwIfStopped } from './lifeline.ts';

/** A user to start processes as; absent means the one we are. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** The account for a cluster in `clusterDir`, which need not exist yet; undefined for an ordinary user. */
export function accountFor(clusterDir: string, log: (message: string) => void): Account | undefined {
  const me = process.getuid?.() ?? 0;
  const owner = statSync(clusterDir, { throwIfNoEntry: false });
  if (me !== 0) {
    if (owner !== undefined && owner.uid !== me) {
      throw new UserError(
        `the database in ${clusterDir} belongs to user number ${owner.uid} and you are ${me}: run this as that user, or choose another folder with --data`,
      );
    }
    return undefined;
  }
  if (owner !== undefined && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  const known = lookUp('postgres');
  if (known !== undefined) return known;
  log('adding the system user postgres (Postgres does not run as root)');
  try {
    execFileSync('groupadd', ['--system', '--force', 'postgres'], { stdio: 'pipe' });
    execFileSync(
      'useradd',
      ['--system', '--gid', 'postgres', '--no-create-home', '--shell', '/usr/sbin/nologin', 'postgres'],
      { stdio: 'pipe' },
    );
  } catch (cause) {
    throwIfStopped(cause, 'adding the system user postgres');
    throw new UserError(
      `Postgres does not run as root and the user postgres could not be added (${messageOf(cause).trim()}): add it, or run this as an ordinary user, or set DATABASE_URL`,
      { cause },
    );
  }
  const added = lookUp('postgres');
  if (added === undefined) throw new UserError('the user postgres was added but cannot be found: set DATABASE_URL');
  return added;
}

function lookUp(name: string): Account | undefined {
  const id = (flag: string) =>
    Number(execFileSync('id', [flag, name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
  try {
    return { uid: id('-u'), gid: id('-g') };
  } catch (error) {
    throwIfStopped(error, `looking up the user ${name}`);
    return undefined;
  }
}

/** The part of a folder's status that says who may pass through it. */
export interface Gate {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** May this account pass through a folder? */
export function mayPass(gate: Gate, account: Account): boolean {
  if (gate.uid === account.uid) return (gate.mode & 0o100) !== 0;
  if (gate.gid === account.gid) return (gate.mode & 0o010) !== 0;
  return (gate.mode & 0o001) !== 0;
}

/** Can this account reach `path`, that is, pass through the folder and every folder above it? A 0700 home stops it. */
export function canReach(path: string, account: Account | undefined): boolean {
  if (account === undefined) return true;
  for (let folder = realpathSync(path); ; folder = dirname(folder)) {
    if (!mayPass(statSync(folder), account)) return false;
    if (folder === dirname(folder)) return true;
  }
}
