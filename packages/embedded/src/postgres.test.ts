import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { canReach, mayPass } from './account.ts';
import { findOnPath } from './apt.ts';
import { type EmbeddedPostgres, lastWords, serverFlags, startEmbeddedPostgres } from './postgres.ts';
import { isAlive, parseLockFile } from './postmaster.ts';

const SOURCE = join(import.meta.dirname, 'postgres.ts');

async function query(url: string, text: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

describe('startEmbeddedPostgres', () => {
  let home: string;
  const running: EmbeddedPostgres[] = [];
  const holders: ChildProcess[] = [];

  const start = async (options: { port?: number; dataDir?: string } = {}) => {
    const server = await startEmbeddedPostgres({ dataDir: home, durable: false, ...options });
    running.push(server);
    return server;
  };

  /** Another process that starts the same Postgres and holds it; `PATH` without setpriv leaves it untied. */
  const hold = async (env: NodeJS.ProcessEnv = process.env) => {
    const script = `import { startEmbeddedPostgres } from ${JSON.stringify(SOURCE)};
      const server = await startEmbeddedPostgres({ dataDir: ${JSON.stringify(home)}, durable: false });
      console.log(JSON.stringify(server)); setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    holders.push(child);
    const [said] = await once(child.stdout, 'data');
    const server: { pid: number; url: string } = JSON.parse(String(said));
    return { child, ...server };
  };

  /** The programs needed to find the postgres user, and no setpriv: a system that cannot tie a child to its parent. */
  const withoutSetpriv = () => {
    const bin = join(home, 'bin');
    mkdirSync(bin, { recursive: true });
    const id = findOnPath('id', process.env);
    if (id !== undefined) symlinkSync(id, join(bin, 'id'));
    return { ...process.env, PATH: bin };
  };

  const gone = async (pid: number) => {
    for (let i = 0; i < 400 && isAlive(pid); i++) await sleep(25);
    return !isAlive(pid);
  };

  beforeAll(() => {
    home = mkdtempSync(join(tmpdir(), 'reelfleet-embedded-'));
    chmodSync(home, 0o755);
  });
  afterEach(async () => {
    for (const child of holders.splice(0)) child.kill('SIGKILL');
    for (const server of running.splice(0)) await server.stop();
  });
  afterAll(() => rmSync(home, { recursive: true, force: true }));

  it('keeps its data, its address and its password from one start to the next', async () => {
    const first = await start();
    await query(first.url, 'create table kept (n int)');
    await first.stop();
    expect(isAlive(first.pid)).toBe(false);
    const second = await start();
    expect(second.url).toBe(first.url);
    expect(await query(second.url, 'select * from kept')).toEqual([]);
    await second.stop();
    await second.stop();
  });

  it('listens on loopback only, wants the password, and keeps that for its user alone', async () => {
    const server = await start();
    const wrong = new URL(server.url);
    wrong.password = 'guess';
    await expect(query(wrong.href, 'select 1')).rejects.toThrow('password authentication failed');
    const [row] = await query(
      server.url,
      `select current_setting('listen_addresses') as listens,
      current_setting('unix_socket_directories') as sockets, current_setting('max_connections') as connections`,
    );
    expect(row).toEqual({ listens: '127.0.0.1', sockets: '', connections: '300' });
    expect(statSync(join(home, 'password')).mode & 0o777).toBe(0o600);
  });

  it('is out of reach of Ctrl-C in our terminal', async () => {
    const server = await start();
    if (process.platform !== 'linux') return;
    const fields = readFileSync(`/proc/${server.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    expect(Number(fields[2])).toBe(server.pid); // its process group is its own
  });

  it('starts again after the process that started it was killed', async () => {
    const holder = await hold();
    holder.child.kill('SIGKILL');
    // Until it is waited for, a killed child of ours still has its number.
    await once(holder.child, 'exit');
    const server = await start();
    expect(server.url).toBe(holder.url);
    expect(await query(server.url, 'select 1 as n')).toEqual([{ n: 1 }]);
    expect(await gone(holder.pid)).toBe(true);
  });

  it('takes over from a Postgres that outlived its owner', async () => {
    const holder = await hold(withoutSetpriv());
    holder.child.kill('SIGKILL');
    await once(holder.child, 'exit');
    expect(isAlive(holder.pid)).toBe(true);
    const server = await start();
    expect(isAlive(holder.pid)).toBe(false);
    expect(await query(server.url, 'select 1 as n')).toEqual([{ n: 1 }]);
  });

  it('refuses a folder that a living process uses, and leaves that one alone', async () => {
    const holder = await hold();
    await expect(start()).rejects.toThrow(`is in use by process ${holder.child.pid}`);
    expect(await query(holder.url, 'select 1 as n')).toEqual([{ n: 1 }]);
    holder.child.kill('SIGKILL');
  });

  it('starts again after Postgres itself was killed, with somebody connected', async () => {
    const server = await start();
    const client = new pg.Client({ connectionString: server.url });
    client.on('error', () => {});
    await client.connect();
    process.kill(server.pid, 'SIGKILL');
    expect(await gone(server.pid)).toBe(true);
    const again = await start();
    expect(await query(again.url, 'select 1 as n')).toEqual([{ n: 1 }]);
    await client.end().catch(() => {});
  });

  it('is not held up by a lock file whose number now belongs to a stranger', async () => {
    const server = await start();
    const lock = join(server.clusterDir, 'postmaster.pid');
    const text = readFileSync(lock, 'utf8');
    await server.stop();
    // A stranger of the same user, so that Postgres by itself would take it for a living postmaster.
    const owner = statSync(server.clusterDir);
    const stranger = spawn('sleep', ['60'], process.getuid?.() === 0 ? { uid: owner.uid, gid: owner.gid } : {});
    holders.push(stranger);
    writeFileSync(lock, text.replace(/^\d+/, String(stranger.pid)));
    const again = await start();
    expect(await query(again.url, 'select 1 as n')).toEqual([{ n: 1 }]);
  });

  it('sets a new password when the file with it was lost', async () => {
    const server = await start();
    await server.stop();
    rmSync(join(home, 'password'));
    const again = await start();
    expect(again.url).not.toBe(server.url);
    expect(await query(again.url, 'select 1 as n')).toEqual([{ n: 1 }]);
  });

  it('makes the database anew when making it was cut short', async () => {
    const other = join(home, 'other');
    mkdirSync(join(other, 'cluster.new', 'base'), { recursive: true });
    const server = await start({ dataDir: other });
    expect(await query(server.url, 'select 1 as n')).toEqual([{ n: 1 }]);
    expect(existsSync(join(other, 'cluster.new'))).toBe(false);
  });

  it('says in one sentence that a port asked for is taken', async () => {
    const server = createServer();
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    await expect(start({ port })).rejects.toThrow(`port ${port} on 127.0.0.1 is taken`);
    server.close();
  });

  it('says what to do with the data of another Postgres major', async () => {
    const server = await start();
    await server.stop();
    const file = join(server.clusterDir, 'PG_VERSION');
    writeFileSync(file, '15\n');
    await expect(start()).rejects.toThrow(
      /was written by Postgres 15 and this Reelfleet brings Postgres \d+: .*db backup.*db restore/,
    );
    writeFileSync(file, `${server.version.split('.')[0]}\n`);
  });
});

describe('the settings of the server', () => {
  it('keep every promise of durability unless a test gives them up', () => {
    for (const setting of ['fsync', 'synchronous_commit', 'full_page_writes']) {
      expect(serverFlags(300, true)).toContain(`${setting}=on`);
      expect(serverFlags(300, false)).toContain(`${setting}=off`);
    }
  });
});

describe('who may reach a folder', () => {
  const gate = { mode: 0o40710, uid: 10, gid: 20 };
  it('is decided by the first of owner, group and others that fits', () => {
    expect(mayPass(gate, { uid: 10, gid: 99 })).toBe(true);
    expect(mayPass(gate, { uid: 99, gid: 20 })).toBe(true);
    expect(mayPass(gate, { uid: 99, gid: 99 })).toBe(false);
    expect(mayPass({ ...gate, mode: 0o40077 }, { uid: 10, gid: 20 })).toBe(false);
  });

  it('depends on every folder above it', () => {
    const closed = mkdtempSync(join(tmpdir(), 'reelfleet-closed-')); // 0700
    mkdirSync(join(closed, 'inner'), { mode: 0o755 });
    const nobody = { uid: 65_534, gid: 65_534 };
    expect(canReach(join(closed, 'inner'), nobody)).toBe(false);
    chmodSync(closed, 0o755);
    expect(canReach(join(closed, 'inner'), nobody)).toBe(true);
    rmSync(closed, { recursive: true });
  });
});

describe('what Postgres left behind', () => {
  it('is read from its lock file', () => {
    const text = '123\n/data\n1700000000\n5433\n\n127.0.0.1\n 1 2\nready   \n';
    expect(parseLockFile(text)).toEqual({ pid: 123, ready: true });
    expect(parseLockFile(text.replace('ready', 'starting'))).toEqual({ pid: 123, ready: false });
    expect(parseLockFile('')).toBeUndefined();
    expect(parseLockFile('-17\n/data\n')).toBeUndefined(); // a single-user session
  });

  it('is told by its last error, or its last line', () => {
    const said =
      '2026 [1] LOG:  starting\n2026 [1] FATAL:  could not map memory\n2026 [1] LOG:  database system is shut down\n';
    expect(lastWords(said)).toBe('could not map memory');
    expect(lastWords('ended with 127\n')).toBe('ended with 127');
    expect(lastWords('')).toBe('it said nothing');
  });
});
