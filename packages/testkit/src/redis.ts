/**
 * A real redis-server for tests, on a port of its own and without persistence, so that a kill loses every byte. Where
 * it is not installed, `redisMissing()` gives the sentence with which a suite is skipped by name:
 *
 *     describe.skipIf(redisMissing() !== null)(withRedis('tickets on Redis'), () => { … })
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findOnPath, freePort, missingSentence } from '@reelfleet/embedded';
import { atTestEnd } from './cleanup.ts';
import { startProcess, type TestProcess } from './process.ts';
import { until } from './until.ts';

/** Null when redis-server is there, else one sentence with the command that installs it. */
export function redisMissing(): string | null {
  if (findOnPath('redis-server', process.env) !== undefined) return null;
  return missingSentence('redis-server', { apt: 'redis-server', brew: 'redis', dnf: 'redis' });
}

/** The title of a suite that needs Redis; says why and what to do when it is skipped. */
export function withRedis(title: string): string {
  const missing = redisMissing();
  return missing === null ? title : `${title} (skipped: ${missing})`;
}

export interface TestRedis {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** kill -9: everything in it is lost. Returns when the port is free. */
  kill(): Promise<void>;
  /** An empty one on the same port, after `kill`. */
  restart(): Promise<void>;
  /** SIGSTOP: connections stay open and nothing answers. */
  pause(): void;
  resume(): void;
  stop(): Promise<void>;
}

/** Starts a redis-server that ends with the test; null when it is not installed. */
export async function startRedis(options: { port?: number; dir?: string } = {}): Promise<TestRedis | null> {
  if (redisMissing() !== null) return null;
  const port = options.port ?? (await freePort());
  const dir = options.dir ?? mkdtempSync(join(tmpdir(), 'reelfleet-redis-'));
  if (options.dir === undefined) atTestEnd(() => rmSync(dir, { recursive: true, force: true }));
  let server = await launch(port, dir);
  const end = async () => {
    server.kill('SIGKILL');
    await server.exited;
  };
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    get pid() {
      return server.pid;
    },
    kill: end,
    async restart() {
      await end();
      server = await launch(port, dir);
    },
    pause: () => server.freeze(),
    resume: () => server.wake(),
    stop: end,
  };
}

async function launch(port: number, dir: string): Promise<TestProcess> {
  const server = startProcess({
    name: 'redis-server',
    command: 'redis-server',
    args: [
      '--port',
      String(port),
      '--bind',
      '127.0.0.1',
      '--dir',
      dir,
      '--save',
      '',
      '--appendonly',
      'no',
      // BullMQ wants it: an evicted key is a lost ticket.
      '--maxmemory-policy',
      'noeviction',
    ],
  });
  await server.waitForLine(/Ready to accept connections/);
  await until(() => answers(port), { what: `redis-server to answer on port ${port}` });
  return server;
}

function answers(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'));
    const finish = (value: boolean) => {
      socket.destroy();
      done(value);
    };
    socket.once('data', (data) => finish(data.toString().startsWith('+PONG')));
    socket.once('error', () => finish(false));
    socket.setTimeout(1000, () => finish(false));
  });
}
