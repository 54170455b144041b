/**
 * A real Postgres of our own, on this machine, for one folder. It owns the folder's cluster from `initdb` to fast
 * shutdown and promises that whatever became of the previous owner (stopped, killed, the machine lost its power) the
 * next start works. Postgres listens on 127.0.0.1 only, with a password; it lives in a session of its own, so that
 * Ctrl-C in a terminal reaches us and not it, and workers can drain before it stops.
 *
 * In the folder: `password` (0600), `port` (kept from start to start, so that an address once given stays true),
 * `owner` (who started it last), `server.log`, and `cluster/`, or, when the Postgres account cannot reach the folder,
 * `cluster-path` with the place under /var/lib/reelfleet.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  accessSync,
  chmodSync,
  chownSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, UserError } from '@reelfleet/core';
import { type Account, accountFor, canReach } from './account.ts';
import { type Binaries, findBinaries, SYSTEM_DIR } from './binaries.ts';
import { tiedToParent } from './lifeline.ts';
import { clearStalePostmaster, endPostmaster, readLockFile } from './postmaster.ts';

const NAME = 'reelfleet'; // of the superuser and of the database

export interface EmbeddedPostgresOptions {
  /** The folder for everything of this Postgres; made when missing. */
  readonly dataDir: string;
  /** A TCP port on 127.0.0.1; by default the one used last if it is free, else any free one. */
  readonly port?: number;
  readonly maxConnections?: number;
  /** False gives up surviving a power cut for speed: for tests only. */
  readonly durable?: boolean;
  /** Gets short lines for people about what takes time. */
  readonly log?: (message: string) => void;
}

export interface EmbeddedPostgres {
  /** Connection string of a superuser, with its password. */
  readonly url: string;
  readonly port: number;
  /** The postmaster. */
  readonly pid: number;
  /** As in `18.4`. */
  readonly version: string;
  /** Where the database files are: below `dataDir`, or under /var/lib/reelfleet. */
  readonly clusterDir: string;
  /** Fast shutdown; returns when the server has gone. May be called twice. */
  stop(): Promise<void>;
}

/**
 * Starts the Postgres of `dataDir`, making it at first use (about half a second), and returns when it takes
 * connections. Throws UserError, one sentence, when the folder is in use by a living process, holds data of another
 * Postgres major, belongs to somebody else, or when the port asked for is taken.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { maxConnections = 300, durable = true, log = () => {} } = options;
  const home = resolve(options.dataDir);
  try {
    mkdirSync(home, { recursive: true });
    accessSync(home, constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw new UserError(
      `the database folder ${home} cannot be used (${messageOf(cause)}): choose another one with --data`,
      { cause },
    );
  }
  const { clusterDir, account } = placeCluster(home, log);
  const binaries = findBinaries(account, log);
  assertMajor(clusterDir, binaries);
  await clearStalePostmaster(clusterDir, readNumber(join(home, 'owner')), log);

  let password = readText(join(home, 'password'));
  if (!existsSync(clusterDir)) {
    log(`creating the database (Postgres ${binaries.version}) in ${clusterDir}`);
    password = await createCluster({ home, clusterDir, account, binaries, durable });
  } else if (password === undefined) {
    log('the password of the database was lost; setting a new one');
    password = newPassword(home);
    await singleUser(binaries, clusterDir, account, `alter user ${NAME} password '${password}'`);
  }

  writeFileSync(join(home, 'owner'), `${process.pid}\n`);
  const flags = serverFlags(maxConnections, durable);
  for (let attempt = 1; ; attempt++) {
    const port = options.port ?? (await freePort(readNumber(join(home, 'port'))));
    const outcome = await launch({ home, clusterDir, account, binaries, durable, port, flags, log });
    if (typeof outcome === 'number') {
      writeFileSync(join(home, 'port'), `${port}\n`);
      const pid = outcome;
      // Where the kernel does not tie the server to us, at least an ordinary exit takes it along.
      const atExit = () => {
        try {
          process.kill(pid, 'SIGINT');
        } catch {}
      };
      process.once('exit', atExit);
      return {
        url: `postgres://${NAME}:${password}@127.0.0.1:${port}/${NAME}`,
        port,
        pid,
        version: binaries.version,
        clusterDir,
        async stop() {
          process.off('exit', atExit);
          await endPostmaster(pid);
        },
      };
    }
    const portTaken = /could not bind|could not create any TCP/.test(outcome.said);
    if (portTaken && options.port !== undefined) {
      throw new UserError(`port ${port} on 127.0.0.1 is taken by another program: choose another one`);
    }
    // Backends of a killed postmaster need a moment to notice; they hold its shared memory until then.
    const shared = /shared memory block .* is still in use/.test(outcome.said);
    if ((portTaken && attempt < 5) || (shared && attempt < 40)) {
      await sleep(shared ? 250 : 0);
      continue;
    }
    throw new UserError(
      `the embedded Postgres did not start: ${lastWords(outcome.said)} (see ${join(home, 'server.log')})`,
    );
  }
}

/** Decides where the cluster lies and who runs it; remembers a place outside of `home`. */
function placeCluster(home: string, log: (message: string) => void): { clusterDir: string; account?: Account } {
  const note = join(home, 'cluster-path');
  const inside = join(home, 'cluster');
  const noted = readText(note);
  if (noted !== undefined) return withAccount(noted, accountFor(noted, log));
  const account = accountFor(inside, log);
  if (canReach(home, account)) return withAccount(inside, account);
  if (existsSync(inside)) {
    throw new UserError(
      `the user who owns ${inside} can no longer reach it: open the folders above it with "chmod o+x", or choose another folder with --data`,
    );
  }
  // A random name, not one derived from `home`: a clone that was deleted and made again starts with an empty database.
  const outside = join(SYSTEM_DIR, `cluster-${randomBytes(6).toString('hex')}`);
  mkdirSync(SYSTEM_DIR, { recursive: true, mode: 0o755 });
  writeFileSync(note, `${outside}\n`);
  log(`the user postgres cannot reach ${home}; the database lies in ${outside}`);
  return withAccount(outside, account);
}

function withAccount(clusterDir: string, account: Account | undefined) {
  return account === undefined ? { clusterDir } : { clusterDir, account };
}

function assertMajor(clusterDir: string, binaries: Binaries): void {
  const major = readNumber(join(clusterDir, 'PG_VERSION'));
  if (major === undefined || major === binaries.major) return;
  throw new UserError(
    `the database in ${clusterDir} was written by Postgres ${major} and this Reelfleet brings Postgres ${binaries.major}: ` +
      `with the Reelfleet that wrote it run "reelfleet up" and "reelfleet db backup FILE", move the data folder away, ` +
      `then with this one "reelfleet up" and "reelfleet db restore FILE"`,
  );
}

interface ClusterPlan {
  readonly home: string;
  readonly clusterDir: string;
  readonly account?: Account | undefined;
  readonly binaries: Binaries;
  readonly durable: boolean;
}

/** Makes the cluster beside its place and moves it there when whole, so that a kill in the middle leaves no half of one. */
async function createCluster({ home, clusterDir, account, binaries, durable }: ClusterPlan): Promise<string> {
  const draft = `${clusterDir}.new`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { mode: 0o700 });
  if (account !== undefined) chownSync(draft, account.uid, account.gid);
  const password = newPassword(home);
  // Inside the draft's parent under the account's own eyes only; initdb wants an empty folder, so it cannot lie within.
  const passwordFile = `${draft}.password`;
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
  try {
    if (account !== undefined) chownSync(passwordFile, account.uid, account.gid);
    await run(
      binaries.initdb,
      [
        `--pgdata=${draft}`,
        `--username=${NAME}`,
        `--pwfile=${passwordFile}`,
        '--auth=scram-sha-256',
        '--encoding=UTF8',
        // Postgres's own Unicode rules: the same order on every system, and no index breaks when libc is updated.
        '--locale=C',
        '--locale-provider=builtin',
        '--builtin-locale=C.UTF-8',
        '--text-search-config=english',
        ...(durable ? [] : ['--no-sync']),
      ],
      { account, cwd: draft },
    );
    await singleUser(binaries, draft, account, `create database ${NAME}`);
    renameSync(draft, clusterDir);
  } finally {
    rmSync(passwordFile, { force: true });
  }
  return password;
}

/** Runs one statement without a server; the cluster must be at rest. */
async function singleUser(binaries: Binaries, clusterDir: string, account: Account | undefined, statement: string) {
  await run(binaries.postgres, ['--single', '-D', clusterDir, 'postgres'], {
    account,
    cwd: clusterDir,
    input: `${statement}\n`,
  });
}

/** The settings of the server, given on its command line so that an old cluster gets new ones. Exported for its test. */
export function serverFlags(maxConnections: number, durable: boolean): string[] {
  const settings: Record<string, string | number> = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: maxConnections,
    shared_buffers: '128MB',
    timezone: 'UTC',
    log_timezone: 'UTC',
    log_checkpoints: 'off',
    // A client whose machine or process froze holds its locks no longer than this.
    tcp_keepalives_idle: 30,
    tcp_keepalives_interval: 10,
    tcp_keepalives_count: 3,
    fsync: durable ? 'on' : 'off',
    synchronous_commit: durable ? 'on' : 'off',
    full_page_writes: durable ? 'on' : 'off',
    ...(durable ? {} : { autovacuum_naptime: '10s', max_wal_size: '4GB', checkpoint_timeout: '30min' }),
  };
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

interface Launch extends ClusterPlan {
  readonly port: number;
  readonly flags: readonly string[];
  readonly log: (message: string) => void;
}

/** Starts the server and waits until it takes connections: its pid, or what it said before it gave up. */
async function launch(plan: Launch): Promise<number | { said: string }> {
  const logFile = join(plan.home, 'server.log');
  if (existsSync(logFile)) renameSync(logFile, `${logFile}.1`);
  const logFd = openSync(logFile, 'a', 0o600);
  // If we are killed: fast shutdown, for which the files are clean at once; tests need not even that.
  const { command, args } = tiedToParent(
    plan.binaries.postgres,
    ['-D', plan.clusterDir, '-p', String(plan.port), ...plan.flags],
    plan.durable ? 'SIGINT' : 'SIGQUIT',
  );
  const child = spawn(command, args, {
    ...plan.account,
    cwd: plan.clusterDir,
    env: serverEnv(),
    stdio: ['ignore', logFd, logFd],
    detached: true, // a session of its own: the terminal's Ctrl-C is for us
  });
  closeSync(logFd);
  let ended: string | undefined;
  child.once('error', (error) => {
    ended = error.message;
  });
  child.once('exit', (code, signal) => {
    ended = `ended with ${signal ?? code}`;
  });
  child.unref();
  const began = Date.now();
  let told = false;
  for (;;) {
    if (ended !== undefined) return { said: `${readText(logFile) ?? ''}\n${ended}` };
    const lock = readLockFile(plan.clusterDir);
    if (lock?.pid === child.pid && lock?.ready) return lock.pid;
    if (!told && Date.now() - began > 3000) {
      told = true;
      plan.log('waiting for Postgres; after a power cut it first replays its log');
    }
    await sleep(15);
  }
}

/** Nothing of our environment: a PGPORT or PGOPTIONS meant for other servers must not bend this one. */
function serverEnv(): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH ?? '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };
}

/** Runs a program to its end; throws with its last words unless it succeeds. */
function run(
  command: string,
  args: readonly string[],
  { account, cwd, input = '' }: { account: Account | undefined; cwd: string; input?: string },
): Promise<void> {
  return new Promise((done, fail) => {
    // Tied to us: an initdb that outlives a killed start would write into the folder the next start clears.
    const tied = tiedToParent(command, args, 'SIGKILL');
    const child = spawn(tied.command, tied.args, {
      ...account,
      cwd,
      env: serverEnv(),
      stdio: ['pipe', 'ignore', 'pipe'],
      detached: true, // the terminal's Ctrl-C is for us; it takes a second at most
    });
    // Where the kernel does not tie it to us, at least an ordinary exit takes it and its own children along.
    const atExit = () => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      } catch {}
    };
    process.once('exit', atExit);
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-4000);
    });
    child.once('error', fail);
    child.once('close', (code) => {
      process.off('exit', atExit);
      // The single-user Postgres leaves with 0 even when its statement failed.
      if (code === 0 && !/\b(ERROR|FATAL|PANIC):/.test(said)) done();
      else fail(new UserError(`the embedded Postgres could not be prepared: ${lastWords(said)}`));
    });
    child.stdin.on('error', () => {}); // it may have gone before it read; its exit tells
    child.stdin.end(input);
  });
}

/** The line that says why, out of a log: the last error, or else the last line. */
export function lastWords(said: string): string {
  const lines = said.split('\n').filter((line) => line.trim() !== '');
  const line = lines.findLast((text) => /\b(error|ERROR|FATAL|PANIC):/.test(text)) ?? lines.at(-1) ?? 'it said nothing';
  return line.replace(/^.*?\b(?:error|ERROR|FATAL|PANIC):\s*/, '').trim();
}

function newPassword(home: string): string {
  const password = randomBytes(24).toString('base64url');
  const file = join(home, 'password');
  writeFileSync(file, `${password}\n`, { mode: 0o600 });
  chmodSync(file, 0o600); // the mode above counts only for a file that was not there
  return password;
}

/** `preferred` if it is free, else any TCP port of 127.0.0.1 that is free now. */
export async function freePort(preferred?: number): Promise<number> {
  const probe = (port: number) =>
    new Promise<number | undefined>((done) => {
      const server = createServer();
      server.once('error', () => done(undefined));
      server.listen(port, '127.0.0.1', () => {
        const address = server.address();
        server.close(() => done(typeof address === 'object' && address !== null ? address.port : undefined));
      });
    });
  const port = (preferred !== undefined ? await probe(preferred) : undefined) ?? (await probe(0));
  if (port === undefined) throw new UserError('there is no free TCP port on 127.0.0.1');
  return port;
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim() || undefined;
  } catch {
    return undefined;
  }
}

function readNumber(path: string): number | undefined {
  const value = Number(readText(path) ?? Number.NaN);
  return Number.isInteger(value) && value > 0 ? value : undefined;
}
