/** `reelfleet up` as a process, on a database that is there already: what it starts, where, and how that ends. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migratedDatabase, type TestDatabase } from '@reelfleet/db/testing';
import { migrateQueue } from '@reelfleet/fleet';
import { startProcess, until } from '@reelfleet/testkit';
import { readRunFile } from '@reelfleet/worker';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { choosePort, originOf } from './port.ts';

const BIN = join(import.meta.dirname, '../../bin/reelfleet.js');

let database: TestDatabase;
let dir: string;
let taken: { port: number; close(): void };
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'reelfleet-up-'));
  database = await migratedDatabase({ migrateQueue });
  const somebody = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => somebody.once('listening', resolve));
  taken = { port: (somebody.address() as { port: number }).port, close: () => somebody.close() };
});
afterAll(async () => {
  taken.close();
  await database.drop();
  rmSync(dir, { recursive: true, force: true });
});

const up = (data: string, args: string[] = [], env: Record<string, string> = {}) =>
  startProcess({
    args: [BIN, 'up', '--workers', '1', '--data', join(dir, data), ...args],
    name: 'up',
    cwd: dir,
    env: { NODE_ENV: undefined, DATABASE_URL: database.url, REELFLEET_SCRATCH: join(dir, 'scratch'), ...env },
  });

describe('reelfleet up', () => {
  it('starts a server where it says, keeps it alive there, refuses a second of itself, and takes it along when it ends', async () => {
    const first = up('one', ['--port', '0']);
    await first.waitForLine(/^ready$/, { timeoutMs: 60_000 });
    const origin = /^server +(http:\/\/127\.0\.0\.1:\d+)$/.exec(await first.waitForLine(/^server /))?.[1] ?? '';
    expect(readRunFile(join(dir, 'one'))).toMatchObject({ port: Number(new URL(origin).port), state: 'running' });
    expect((await fetch(`${origin}/readyz`)).status).toBe(200);

    const second = up('one', ['--port', '0']);
    expect((await second.waitForExit({ timeoutMs: 30_000 })).code).toBe(1);
    expect(second.stderr).toEqual([expect.stringMatching(/^reelfleet: Reelfleet is already running in /)]);

    const log = join(dir, 'one/logs/server.log');
    const pidOf = () => {
      const lines = readFileSync(log, 'utf8').trim().split('\n');
      return Number(JSON.parse(lines.at(-1) ?? '{}').pid);
    };
    process.kill(pidOf(), 'SIGKILL');
    await first.waitForLine(/the server died \(SIGKILL\): starting it again/);
    await until(async () => (await fetch(`${origin}/healthz`)).status === 200, { what: 'it again', timeoutMs: 30_000 });

    first.kill('SIGTERM');
    expect((await first.waitForExit({ timeoutMs: 40_000 })).code).toBe(0);
    await expect(fetch(`${origin}/healthz`)).rejects.toThrow();
    expect(readRunFile(join(dir, 'one'))).toBeNull();
  }, 120_000);

  it.each<[string, () => string[], () => Record<string, string>, RegExp]>([
    [
      'as an option',
      () => ['--port', String(taken.port)],
      () => ({}),
      /^reelfleet: --port: \d+ is in use on 127\.0\.0\.1/,
    ],
    ['as a setting', () => [], () => ({ PORT: String(taken.port) }), /^reelfleet: PORT: \d+ is in use on 127\.0\.0\.1/],
  ])(
    'a port that was given %s and is taken is told at once, and nothing is left behind',
    async (_how, args, env, sentence) => {
      const process = up('two', args(), env());
      expect((await process.waitForExit({ timeoutMs: 30_000 })).code).toBe(2);
      expect(process.stdout).toEqual([]);
      expect(process.stderr).toEqual([expect.stringMatching(sentence)]);
      expect(readRunFile(join(dir, 'two'))).toBeNull();
    },
  );
});

describe('the port of the server', () => {
  it('is another when nobody chose it and somebody has it', async () => {
    const said: string[] = [];
    const wish = { host: '127.0.0.1', port: taken.port, given: null };
    const port = await choosePort(wish, (text) => said.push(text));
    expect(port).not.toBe(taken.port);
    expect(said).toEqual([`port ${taken.port} is in use: the server takes ${port}`]);
  });

  it('is part of an address that works on this machine', () => {
    expect(['127.0.0.1', '0.0.0.0', '::', '::1', 'localhost'].map((host) => originOf(host, 3000))).toEqual([
      'http://127.0.0.1:3000',
      'http://127.0.0.1:3000',
      'http://[::1]:3000',
      'http://[::1]:3000',
      'http://localhost:3000',
    ]);
  });
});
