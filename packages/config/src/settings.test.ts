import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { UserError } from '@reelfleet/core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { describeSettings, type Env, envExample, type ReadOptions, readSettings, settingsTable } from './index.ts';

let cwd: string;
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'reelfleet-config-'));
});
afterEach(() => rm(cwd, { recursive: true, force: true }));

const stages = ['plan', 'music', 'render', 'transcode', 'transcode-chunk'];
const read = (env: Env, options: ReadOptions = {}) => readSettings(env, { cwd, ...options });

/** The one line that malformed settings are refused with. */
function refusal(env: Env, options: ReadOptions = {}): string {
  try {
    read(env, { stages, ...options });
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    expect((error as UserError).exitCode).toBe(2);
    expect((error as UserError).message).not.toMatch(/[\r\n]/);
    return (error as UserError).message;
  }
  return expect.unreachable(`accepted ${JSON.stringify(env)}`);
}

describe('defaults', () => {
  test('with nothing set, everything has the default of the table and lies below .reelfleet', () => {
    expect(read({})).toEqual({
      REELFLEET_DATA: join(cwd, '.reelfleet'),
      STORAGE_URL: `file://${cwd}/.reelfleet/storage`,
      REELFLEET_STAGES: 'all',
      REELFLEET_CONCURRENCY: { byStage: {} },
      REELFLEET_LEASE_MS: 30_000,
      REELFLEET_HEARTBEAT_MS: 10_000,
      REELFLEET_GRACE_MS: 25_000,
      REELFLEET_SWEEP_MS: 1_000,
      REELFLEET_WORKER_NAME: expect.stringMatching(new RegExp(`-${process.pid}$`)),
      REELFLEET_SCRATCH: join(tmpdir(), `reelfleet-${process.getuid?.() ?? 'user'}`),
      REELFLEET_MIN_FREE_MB: 512,
      REELFLEET_OFFLINE_MS: 60_000,
      REELFLEET_RETENTION_DAYS: 90,
      ARCHIVE_RETENTION_DAYS: 30,
      REELFLEET_IMPORT_MAX_MB: 50_000,
      REELFLEET_IMPORT_MINUTES: 360,
      REELFLEET_ALLOW_PRIVATE_URLS: 'no',
      LOG_LEVEL: 'info',
      PORT: 3000,
      HOST: '127.0.0.1',
      MUSIC_PROVIDER: 'dummy',
      IMAGE_PROVIDER: 'dummy',
      LANGUAGE_PROVIDER: 'builtin',
      OPENAI_SPEECH_MODEL: 'whisper-1',
      OPENAI_LANGUAGE_MODEL: 'gpt-4.1-mini',
    });
  });

  test('settings cannot be changed after reading', () => {
    const settings = read({ REELFLEET_STAGES: 'music', REELFLEET_CONCURRENCY: 'music=2' });
    for (const value of [
      settings,
      settings.REELFLEET_STAGES,
      settings.REELFLEET_CONCURRENCY,
      settings.REELFLEET_CONCURRENCY.byStage,
    ]) {
      expect(Object.isFrozen(value)).toBe(true);
    }
  });

  test('a shorter lease brings a shorter beat and an earlier verdict of offline with it', () => {
    expect(read({ REELFLEET_LEASE_MS: '3000' })).toMatchObject({
      REELFLEET_HEARTBEAT_MS: 1000,
      REELFLEET_OFFLINE_MS: 6000,
    });
  });

  test('an empty value is an unset one, and spaces around a value are dropped', () => {
    expect(read({ REDIS_URL: '', PORT: '  ', LOG_LEVEL: ' debug ', REELFLEET_PASSWORD: '' })).toMatchObject({
      PORT: 3000,
      LOG_LEVEL: 'debug',
    });
    expect(read({ REDIS_URL: '' }).REDIS_URL).toBeUndefined();
  });
});

describe('forms', () => {
  test.each([
    ['.reelfleet/storage', (at: string) => `file://${at}/.reelfleet/storage`],
    ['/srv/a b/', () => 'file:///srv/a%20b'],
    ['file:///srv/store/', () => 'file:///srv/store'],
    ['file:///srv/x/../store', () => 'file:///srv/store'],
    ['gs://bucket/prefix/', () => 'gs://bucket/prefix'],
    ['s3://bucket', () => 's3://bucket'],
  ])('STORAGE_URL=%s becomes one URL', (given, expected) => {
    expect(read({ STORAGE_URL: given }).STORAGE_URL).toBe(expected(cwd));
  });

  test('the storage follows the data folder, and relative folders begin where the process was started', () => {
    expect(read({ REELFLEET_DATA: 'elsewhere', REELFLEET_SCRATCH: './s' })).toMatchObject({
      REELFLEET_DATA: join(cwd, 'elsewhere'),
      STORAGE_URL: `file://${cwd}/elsewhere/storage`,
      REELFLEET_SCRATCH: join(cwd, 's'),
    });
  });

  test.each([
    ['4', { default: 4, byStage: {} }],
    ['music=8,transcode=1', { byStage: { music: 8, transcode: 1 } }],
    [' 2, transcode-chunk = 3 ', { default: 2, byStage: { 'transcode-chunk': 3 } }],
  ])('REELFLEET_CONCURRENCY=%s is read', (given, expected) => {
    expect(read({ REELFLEET_CONCURRENCY: given }, { stages }).REELFLEET_CONCURRENCY).toEqual(expected);
  });

  test('stages are a list without doubles, or all', () => {
    expect(read({ REELFLEET_STAGES: 'music, render,music' }, { stages }).REELFLEET_STAGES).toEqual(['music', 'render']);
    expect(read({ REELFLEET_STAGES: 'all' }, { stages }).REELFLEET_STAGES).toBe('all');
    expect(read({ REELFLEET_STAGES: 'one-of-my-own' }).REELFLEET_STAGES).toEqual(['one-of-my-own']);
  });

  test('connections are taken in all their usual spellings', () => {
    for (const url of [
      'postgres://u:p@h/db',
      'postgresql://h:6432/db?sslmode=require',
      'postgres:///db?host=/run/postgresql',
    ]) {
      expect(read({ DATABASE_URL: url }).DATABASE_URL).toBe(url);
    }
    for (const url of ['redis://h', 'rediss://:p@h:6380/1']) expect(read({ REDIS_URL: url }).REDIS_URL).toBe(url);
    for (const host of ['0.0.0.0', '::', '::1', 'localhost', 'my-host.example'])
      expect(read({ HOST: host }).HOST).toBe(host);
  });

  test('a pause point is taken, but not in production', () => {
    expect(read({ REELFLEET_PAUSE_AT: 'after-claim' }).REELFLEET_PAUSE_AT).toBe('after-claim');
    expect(refusal({ REELFLEET_PAUSE_AT: 'after-claim', NODE_ENV: 'production' })).toMatch(
      /^REELFLEET_PAUSE_AT: got "after-claim", .*tests/,
    );
  });

  test('an OpenAI-compatible endpoint needs no key when it has an address', () => {
    expect(read({ LANGUAGE_PROVIDER: 'openai', OPENAI_BASE_URL: 'http://localhost:8080/v1' }).LANGUAGE_PROVIDER).toBe(
      'openai',
    );
  });
});

describe('a malformed setting stops the process with one line that names it', () => {
  test.each<[string, Env]>([
    ['DATABASE_URL', { DATABASE_URL: 'localhost:5432' }],
    ['DATABASE_URL', { DATABASE_URL: 'mysql://h/db' }],
    ['DATABASE_URL', { DATABASE_URL: 'postgres://h:99999/db' }],
    ['DATABASE_URL', { DATABASE_URL: 'postgres://' }],
    ['REDIS_URL', { REDIS_URL: 'localhost' }],
    ['REDIS_URL', { REDIS_URL: 'http://localhost:6379' }],
    ['STORAGE_URL', { STORAGE_URL: 'https://host/store' }],
    ['STORAGE_URL', { STORAGE_URL: 'file://host/store' }],
    ['STORAGE_URL', { STORAGE_URL: 'file:///' }],
    ['STORAGE_URL', { STORAGE_URL: 'file:store' }],
    ['STORAGE_URL', { STORAGE_URL: 'gs://' }],
    ['STORAGE_URL', { STORAGE_URL: '~/store' }],
    ['REELFLEET_DATA', { REELFLEET_DATA: '/' }],
    ['REELFLEET_SCRATCH', { REELFLEET_SCRATCH: '/tmp/..' }],
    ['REELFLEET_STAGES', { REELFLEET_STAGES: 'music,,render' }],
    ['REELFLEET_STAGES', { REELFLEET_STAGES: 'Music' }],
    ['REELFLEET_STAGES', { REELFLEET_STAGES: 'music,muzak' }],
    ['REELFLEET_CONCURRENCY', { REELFLEET_CONCURRENCY: 'many' }],
    ['REELFLEET_CONCURRENCY', { REELFLEET_CONCURRENCY: '0' }],
    ['REELFLEET_CONCURRENCY', { REELFLEET_CONCURRENCY: 'music=0' }],
    ['REELFLEET_CONCURRENCY', { REELFLEET_CONCURRENCY: 'music=1,music=2' }],
    ['REELFLEET_CONCURRENCY', { REELFLEET_CONCURRENCY: '2,3' }],
    ['REELFLEET_CONCURRENCY', { REELFLEET_CONCURRENCY: 'muzak=2' }],
    ['REELFLEET_LEASE_MS', { REELFLEET_LEASE_MS: '30s' }],
    ['REELFLEET_LEASE_MS', { REELFLEET_LEASE_MS: '-1' }],
    ['REELFLEET_LEASE_MS', { REELFLEET_LEASE_MS: '1e9' }],
    ['REELFLEET_LEASE_MS', { REELFLEET_LEASE_MS: '10' }],
    ['REELFLEET_HEARTBEAT_MS', { REELFLEET_HEARTBEAT_MS: '15000' }],
    ['REELFLEET_HEARTBEAT_MS', { REELFLEET_LEASE_MS: '4000', REELFLEET_HEARTBEAT_MS: '2000' }],
    ['REELFLEET_GRACE_MS', { REELFLEET_GRACE_MS: 'soon' }],
    ['REELFLEET_SWEEP_MS', { REELFLEET_SWEEP_MS: '0' }],
    ['REELFLEET_WORKER_NAME', { REELFLEET_WORKER_NAME: 'a worker' }],
    ['REELFLEET_MIN_FREE_MB', { REELFLEET_MIN_FREE_MB: '0.5' }],
    ['REELFLEET_OFFLINE_MS', { REELFLEET_OFFLINE_MS: '20000' }],
    ['REELFLEET_PAUSE_AT', { REELFLEET_PAUSE_AT: 'After Claim' }],
    ['REELFLEET_RETENTION_DAYS', { REELFLEET_RETENTION_DAYS: '0' }],
    ['ARCHIVE_RETENTION_DAYS', { ARCHIVE_RETENTION_DAYS: 'never' }],
    ['REELFLEET_PASSWORD', { REELFLEET_PASSWORD: 'short' }],
    ['METRICS_PORT', { METRICS_PORT: '65536' }],
    ['LOG_LEVEL', { LOG_LEVEL: 'verbose' }],
    ['PORT', { PORT: '3000a' }],
    ['HOST', { HOST: 'http://0.0.0.0' }],
    ['MUSIC_PROVIDER', { MUSIC_PROVIDER: 'suno' }],
    ['IMAGE_PROVIDER', { IMAGE_PROVIDER: 'DUMMY' }],
    ['SPEECH_PROVIDER', { SPEECH_PROVIDER: 'dummy' }],
    ['LANGUAGE_PROVIDER', { LANGUAGE_PROVIDER: 'gpt' }],
    ['MUBERT_API_KEY', { MUSIC_PROVIDER: 'mubert' }],
    ['GEMINI_API_KEY', { IMAGE_PROVIDER: 'gemini' }],
    ['OPENAI_API_KEY', { SPEECH_PROVIDER: 'openai' }],
    ['WHISPER_BINARY', { SPEECH_PROVIDER: 'whisper.cpp', WHISPER_MODEL: '/m.bin' }],
    ['OPENAI_BASE_URL', { OPENAI_BASE_URL: 'api.example.com/v1' }],
    ['REELFLEET_FOO', { REELFLEET_FOO: '1' }],
    ['REELFLEET_', { REELFLEET_: '1' }],
  ])('%s: %j', (name, env) => {
    const value = env[name];
    const line = refusal(env);
    expect(line.startsWith(`${name}: got `), line).toBe(true);
    if (name === 'REELFLEET_PASSWORD' || name.startsWith('REELFLEET_F') || name === 'REELFLEET_') return;
    expect(line).toContain(value === undefined ? 'got nothing' : JSON.stringify(value));
    expect(line).toContain(', takes ');
  });

  test('what it takes is said, with what it depends on', () => {
    expect(refusal({ REELFLEET_LEASE_MS: 'abc' })).toBe(
      'REELFLEET_LEASE_MS: got "abc", takes a whole number of milliseconds from 500 to 3600000',
    );
    expect(refusal({ REELFLEET_LEASE_MS: '4000', REELFLEET_HEARTBEAT_MS: '2000' })).toBe(
      'REELFLEET_HEARTBEAT_MS: got "2000", takes less than half of REELFLEET_LEASE_MS (4000)',
    );
    expect(refusal({ REELFLEET_STAGES: 'muzak' })).toBe(
      'REELFLEET_STAGES: got "muzak", takes stages of this version, "muzak" is none: plan, music, render, transcode, transcode-chunk',
    );
    expect(refusal({ SPEECH_PROVIDER: 'openai' })).toBe(
      'OPENAI_API_KEY: got nothing, takes what SPEECH_PROVIDER=openai needs (or set OPENAI_BASE_URL)',
    );
  });

  test('of several the first is told, and how many more there are', () => {
    expect(refusal({ LOG_LEVEL: 'x', PORT: 'y', HOST: '/' })).toMatch(/^LOG_LEVEL: got "x", .* \(and 2 more\)$/);
  });

  test.each([
    ['REELFLEET_LEASE', 'REELFLEET_LEASE_MS'],
    ['REELFLEET_HEARTBEET_MS', 'REELFLEET_HEARTBEAT_MS'],
    ['REELFLEET_PASSWRD', 'REELFLEET_PASSWORD'],
    ['REELFLEET_REDIS_URL', 'REDIS_URL'],
    ['REELFLEET_DATABASE_URL', 'DATABASE_URL'],
  ])('%s is unknown; did you mean %s? Its value stays untold', (name, meant) => {
    const line = refusal({ [name]: 'hunter22' });
    expect(line).toBe(`${name}: got a value, but there is no such setting; did you mean ${meant}?`);
  });

  test('names that do not start with REELFLEET_ belong to others', () => {
    expect(() => read({ DATABASE_URI: 'x', HOME: '/root', reelfleet_x: '1' })).not.toThrow();
  });

  test.each<[Env]>([
    [{ DATABASE_URL: 'mysql://u:hunter22@h/db' }],
    [{ DATABASE_URL: 'u:hunter22@h/db' }],
    [{ DATABASE_URL: 'postgres://u:a/hunter22@h:x/db' }],
    [{ DATABASE_URL: 'postgres://u:hunter22' }],
    [{ REDIS_URL: 'http://:hunter22@h' }],
    [{ REDIS_URL: 'https://hunter22@h' }],
    [{ STORAGE_URL: 's3://id:hunter22@bucket' }],
    [{ OPENAI_BASE_URL: 'ftp://h/?api_key=hunter22' }],
    [{ REELFLEET_PASSWORD: 'hunter2' }],
    [{ OPENAI_API_KEY: 'hunter22\nhunter22' }],
  ])('no secret is told: %j', (env) => {
    expect(refusal(env)).not.toContain('hunter2');
  });

  test('a long or many-lined value is cut to one short line', () => {
    const line = refusal({ LOG_LEVEL: `a\nb\u001b[31m${'x'.repeat(5000)}` });
    expect(line.length).toBeLessThan(250);
    expect(line).not.toContain('\u001b');
  });
});

describe('.env', () => {
  test('is read when present, and the environment wins', async () => {
    await writeFile(join(cwd, '.env'), '\uFEFFPORT=4000\n# a comment\nLOG_LEVEL="warn"\nOTHER=1\n');
    expect(read({ PORT: '5000' })).toMatchObject({ PORT: 5000, LOG_LEVEL: 'warn' });
  });

  test('an empty value in the environment does not hide the one in .env', async () => {
    await writeFile(join(cwd, '.env'), 'PORT=4000\n');
    expect(read({ PORT: '' }).PORT).toBe(4000);
  });

  test('what is malformed in it is refused too, and the line says that it stands there', async () => {
    await writeFile(join(cwd, '.env'), 'PORT=x\n');
    expect(refusal({})).toBe('PORT: got "x" (from .env), takes a whole number from 0 to 65535');
    await writeFile(join(cwd, '.env'), 'REELFLEET_LEASEMS=1\n');
    expect(refusal({})).toContain('did you mean REELFLEET_LEASE_MS?');
  });

  test('NODE_ENV from it counts for the pause point', async () => {
    await writeFile(join(cwd, '.env'), 'NODE_ENV=production\n');
    expect(refusal({ REELFLEET_PAUSE_AT: 'mid-work' })).toMatch(/^REELFLEET_PAUSE_AT: /);
  });

  test('another file can be named and must be there then; one that cannot be read is refused in one line', async () => {
    await writeFile(join(cwd, 'prod.env'), 'PORT=4000\n');
    expect(read({}, { dotenv: 'prod.env' }).PORT).toBe(4000);
    expect(refusal({}, { dotenv: 'none.env' })).toContain(join(cwd, 'none.env'));
    await mkdir(join(cwd, '.env'));
    expect(refusal({})).toContain(`cannot read the settings in ${join(cwd, '.env')}`);
  });
});

describe('what is shown', () => {
  test('a secret that is refused is told by its length only', () => {
    expect(refusal({ REELFLEET_PASSWORD: 'x' })).toMatch(/^REELFLEET_PASSWORD: got a hidden value of 1 character\b/);
    expect(refusal({ REELFLEET_PASSWORD: 'xy' })).toMatch(/^REELFLEET_PASSWORD: got a hidden value of 2 characters\b/);
  });

  test('every setting has its effective value and its source, secrets and passwords in URLs hidden', async () => {
    await writeFile(join(cwd, '.env'), 'REDIS_URL=redis://:hunter22@h\nOPENAI_API_KEY=hunter22\nPORT=1\n');
    const env = {
      DATABASE_URL: 'postgres://u:hunter22@h/db?password=hunter22',
      PORT: '2',
      REELFLEET_CONCURRENCY: '2,music=8',
    };
    const lines = describeSettings(env, { cwd });
    const line = (name: string) => lines.find((one) => one.name === name);
    expect(line('DATABASE_URL')).toEqual({
      name: 'DATABASE_URL',
      value: 'postgres://u:***@h/db?password=***',
      source: 'environment',
      secret: false,
    });
    expect(line('REDIS_URL')).toMatchObject({ value: 'redis://:***@h', source: '.env' });
    expect(line('OPENAI_API_KEY')).toMatchObject({ value: '***', source: '.env', secret: true });
    expect(line('REELFLEET_PASSWORD')).toMatchObject({ value: null, source: 'default', secret: true });
    expect(line('PORT')).toMatchObject({ value: '2', source: 'environment' });
    expect(line('REELFLEET_CONCURRENCY')).toMatchObject({ value: '2,music=8' });
    expect(line('STORAGE_URL')).toMatchObject({ value: `file://${cwd}/.reelfleet/storage`, source: 'default' });
    expect(JSON.stringify(lines)).not.toContain('hunter22');
    expect(lines.map((one) => one.name)).toEqual(settingsTable().map((one) => one.name));
  });

  test('the table names every setting once, with a meaning and a default', () => {
    const table = settingsTable();
    for (const { meaning, default: byDefault } of table) {
      expect(meaning).toMatch(/^\S.{5,120}\S$/);
      expect(byDefault).not.toBe('');
    }
    expect(new Set(table.map(({ name }) => name)).size).toBe(table.length);
  });

  test('the defaults the table shows as plain values are those that hold', () => {
    const settings: Record<string, unknown> = read({});
    for (const { name, default: byDefault } of settingsTable()) {
      // Who transcribes follows from the machine.
      const plain = name.endsWith('_PROVIDER') && name !== 'SPEECH_PROVIDER';
      if (/^\d+$/.test(byDefault) || plain) expect(String(settings[name]), name).toBe(byDefault);
    }
  });

  test('the example file, with every # taken away, is a file of well-formed settings', () => {
    const uncommented = envExample().replaceAll(/^#(?=\w+=)/gm, '');
    const values = parseEnv(uncommented);
    expect(Object.keys(values).toSorted()).toEqual(
      settingsTable()
        .map(({ name }) => name as string)
        .toSorted(),
    );
    expect({ ...read(values), REELFLEET_WORKER_NAME: '' }).toEqual({ ...read({}), REELFLEET_WORKER_NAME: '' });
  });
});
