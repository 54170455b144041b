/**
 * The yard's own Postgres: embedded, durable as a user's is, in the yard's folder, and ready to be killed. It comes back
 * on the same port with the same data, so that workers find it again as they would find a server that was restarted.
 */
import { mkdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { type EmbeddedPostgres, isAlive, startEmbeddedPostgres } from '@reelfleet/embedded';
import { atTestEnd, until } from '@reelfleet/testkit';
import type { YardPostgres } from './fault.ts';

/** Starts a cluster below `folder`; it ends with the suite. */
export async function openPostgres(folder: string): Promise<YardPostgres> {
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  let server: EmbeddedPostgres = await startEmbeddedPostgres({ dataDir: folder });
  const { port, url, clusterDir } = server;
  atTestEnd(() => server.stop());

  /** Its children notice the death by themselves; until the last has gone, the port or the shared memory may be taken. */
  async function end(signal: NodeJS.Signals): Promise<void> {
    const { pid } = server;
    const children = childrenOf(pid);
    process.kill(pid, signal);
    await until(() => !isAlive(pid) && !children.some(isAlive), {
      what: `Postgres (process ${pid}) and its backends to be gone after ${signal}`,
      timeoutMs: 20_000,
    });
    await until(async () => !(await listens(port)), { what: `port ${port} to be free` });
  }

  return {
    url,
    dataFolder: clusterDir,
    get pid() {
      return server.pid;
    },
    kill: () => end('SIGKILL'),
    // What `pg_ctl stop -m immediate` sends.
    stopImmediately: () => end('SIGQUIT'),
    async start() {
      server = await startEmbeddedPostgres({ dataDir: folder, port });
    },
  };
}

function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(/\s+/).filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

function listens(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      done(true);
    });
    socket.once('error', () => done(false));
  });
}
