import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readSettings } from '@reelfleet/config';
import { Database, openLedger, openReads, workerHosts } from '@reelfleet/db';
import { migratedDatabase } from '@reelfleet/db/testing';
import { atTestEnd } from '@reelfleet/testkit';
import { claimRunFile, writeRunFile } from '@reelfleet/worker';
import { describe, expect, it } from 'vitest';
import { connectionsNeeded, missingFrom } from './check.ts';
import { checkSpeech } from './machine.ts';
import { checkServer, judgeReach, judgeServer } from './server.ts';
import { beating, checkTickets, judgeConnections, judgeDatabase, judgeStages, judgeTickets } from './services.ts';

const facts = {
  url: 'postgres://u:***@h/d',
  server: '16.1',
  major: 16,
  maxConnections: 100,
  connections: 10,
  sizeBytes: 1,
  schema: '0001-aa',
  expected: '0001-aa',
  migrations: [],
  clockSkewMs: 3,
  roundTripMs: 2,
  rows: {},
};
const worker = (name: string, status: string, stages: string[]) => ({
  id: name,
  name,
  status,
  lastHeartbeat: null,
  registeredAt: '2026-11-21T12:00:00Z',
  stages,
  tasks: [],
});
const stage = (name: string, queued: number, pausedAt: string | null = null) => ({
  stage: name,
  queued,
  running: 0,
  pausedAt,
  pausedBy: pausedAt && 'ann',
  reason: pausedAt && 'quota',
});

describe('doctor', () => {
  it('says which speech provider is used, which others could be, and how to get the rest', () => {
    const speech = (env: Record<string, string>) =>
      checkSpeech(readSettings({ ...env, REELFLEET_DATA: '/tmp/x' }, { cwd: '/' }), { PATH: '/nowhere' });
    const whisper = { WHISPER_BINARY: process.execPath, WHISPER_MODEL: process.execPath };
    expect(speech({})).toMatchObject({
      level: 'warning',
      says: 'no provider can be used here: what is said in videos is not written down',
      cure: expect.stringMatching(
        /openai: set OPENAI_API_KEY.*whisper\.cpp: set WHISPER_BINARY.*pocketsphinx: install it/,
      ),
    });
    expect(speech({ ...whisper, OPENAI_API_KEY: 'sk-x' })).toMatchObject({
      level: 'note',
      says: 'openai (also: whisper.cpp)',
      cure: expect.stringMatching(/^pocketsphinx: install it/),
    });
    expect(speech({ ...whisper, WHISPER_MODEL: '/nowhere', SPEECH_PROVIDER: 'whisper.cpp' })).toMatchObject({
      level: 'warning',
      says: 'SPEECH_PROVIDER is whisper.cpp, which cannot be used here',
      cure: expect.stringContaining('WHISPER_MODEL is /nowhere'),
    });
  });

  it('fails a database that is too old or has another schema, and names the cure', () => {
    expect(judgeDatabase(facts).map(({ level }) => level)).toEqual(['ok', 'ok', 'ok']);
    expect(judgeDatabase({ ...facts, major: 14 })[0]).toMatchObject({
      level: 'failed',
      cure: expect.stringContaining('15'),
    });
    for (const schema of [null, '0000-bb'])
      expect(judgeDatabase({ ...facts, schema })[1]).toMatchObject({
        level: 'failed',
        cure: 'run "reelfleet migrate"',
      });
    expect(judgeDatabase({ ...facts, clockSkewMs: -60_000 })[2]).toMatchObject({ level: 'warning' });
  });

  it('counts the connections that the fleet may open, and says what to set', () => {
    expect(connectionsNeeded([{ stages: 7 }, { stages: 1 }], true)).toBe(18 + 12);
    expect(connectionsNeeded([{ stages: 7 }, { stages: 1 }], false)).toBe(10);
    expect(judgeConnections(facts, [{ stages: 7 }], true).level).toBe('ok');
    const many = Array.from({ length: 6 }, () => ({ stages: 7 }));
    expect(judgeConnections(facts, many, true)).toMatchObject({
      level: 'failed',
      cure: expect.stringContaining('200'),
    });
  });

  it('hears what Postgres notifies, and says what to do where a pooler swallows it', async () => {
    const database = await migratedDatabase();
    expect(await checkTickets(database.url)).toMatchObject({ level: 'ok' });
    expect(await checkTickets('postgres://nobody@127.0.0.1:1/none')).toMatchObject({ level: 'failed' });
    expect(judgeTickets(false)).toMatchObject({ level: 'failed', cure: expect.stringContaining('REDIS_URL') });
    await database.drop();
  });

  it('fails when work waits for a stage that nobody serves, and only warns when none waits', () => {
    const levels = (...args: Parameters<typeof judgeStages>) =>
      judgeStages(...args).map(({ name, level }) => [name, level]);
    const names = ['music', 'image'];
    expect(levels(names, [worker('a', 'active', names)], [], 0)).toEqual([['workers', 'ok']]);
    expect(levels(names, [worker('a', 'active', ['music'])], [], 0)).toEqual([['workers', 'warning']]);
    expect(levels(names, [worker('a', 'active', ['music'])], [stage('image', 3)], 0)).toEqual([['workers', 'failed']]);
    expect(levels(names, [worker('a', 'offline', names)], [], 0)).toEqual([['workers', 'note']]);
    expect(
      levels(
        names,
        [worker('a', 'active', names), worker('b', 'disabled', names)],
        [stage('music', 2, '2026-11-21T12:00:00Z')],
        0,
      ),
    ).toEqual([
      ['workers', 'ok'],
      ['taken out', 'warning'],
      ['paused', 'warning'],
    ]);
  });

  it('counts no worker that has not beaten for long', () => {
    const now = Date.parse('2026-11-21T12:05:00Z');
    const at = (name: string, lastHeartbeat: string | null) => ({
      ...worker(name, 'active', ['music']),
      lastHeartbeat,
    });
    const all = [at('lately', '2026-11-21T12:04:30Z'), at('long ago', '2026-11-21T12:00:00Z'), at('never', null)];
    expect(beating(all, 60_000, now).map(({ name }) => name)).toEqual(['lately']);
  });

  it('warns when files lie in a folder and workers beat from several hosts', () => {
    expect(judgeReach('file:///data', ['a', 'a', null])).toBeNull();
    expect(judgeReach('gs://bucket', ['a', 'b'])).toBeNull();
    expect(judgeReach('file:///data', ['b', 'a', 'b'])).toMatchObject({
      level: 'warning',
      says: expect.stringContaining('2 hosts: a, b'),
      cure: expect.stringContaining('STORAGE_URL'),
    });
  });

  it('learns from the database which host each worker said it runs on', async () => {
    const { url, drop } = await migratedDatabase();
    const [db, reads] = [new Database(url, { name: 'test' }), openReads(url, { name: 'test' })];
    const ledger = openLedger(db, db);
    const ids = ['01a00000-0000-7000-8000-000000000001', '01a00000-0000-7000-8000-000000000002'];
    for (const [index, id] of ids.entries()) {
      const identity = { id, name: `w${index}`, type: 'remote' as const, capabilities: { stages: [] } };
      await ledger.hello({ ...identity, metadata: index === 0 ? { host: 'left' } : {} });
    }
    expect([...(await workerHosts(reads.db))].sort()).toEqual([
      [ids[0], 'left'],
      [ids[1], null],
    ]);
    await Promise.all([db.end(), reads.end()]);
    await drop();
  });

  it('tells a ready server from one that is not, and both from somebody else on its port', () => {
    const origin = 'http://127.0.0.1:3000';
    expect(judgeServer(origin, 200, { status: 'ready', parts: {} }).level).toBe('ok');
    expect(judgeServer(origin, 503, { parts: {}, detail: 'queue: cannot be reached' })).toMatchObject({
      level: 'failed',
      says: expect.stringContaining('queue: cannot be reached'),
    });
    for (const told of [null, 'hello', { status: 'ready' }])
      expect(judgeServer(origin, 200, told).level).toBe('warning');
  });

  it('asks the server that up started where that listens, whatever HOST and PORT say here', async () => {
    const server = createServer((_request, response) => response.end('{"parts":{}}')).listen(0, '::1');
    await once(server, 'listening');
    atTestEnd(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const data = mkdtempSync(join(tmpdir(), 'reelfleet-doctor-'));
    atTestEnd(() => rmSync(data, { recursive: true }));
    const settings = readSettings({ REELFLEET_DATA: data, PORT: '1' }, { cwd: data, stages: [] });
    claimRunFile(data);
    expect((await checkServer(settings)).says).toBe('none answers at http://127.0.0.1:1');
    const nothing = { databaseUrl: null, databasePort: null, storageUrl: null, redisUrl: null, workers: 0 };
    writeRunFile(data, { state: 'running', host: '::1', port, ...nothing });
    expect(await checkServer(settings)).toMatchObject({ level: 'ok', says: `http://[::1]:${port} is ready` });
  });

  it('reads the lists of ffmpeg', () => {
    const listing = ' V....D libx264   H.264\n A....D aac   AAC\n ... loudnorm A->A';
    expect(missingFrom(listing, ['libx264', 'aac', 'loudnorm', 'scale'])).toEqual(['scale']);
  });
});
