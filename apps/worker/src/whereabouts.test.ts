import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { claimRunFile, readRunFile, removeRunFile, writeRunFile } from './run-file.ts';
import { addressesOfUp, locateFleet } from './whereabouts.ts';

const URL = 'postgres://u:p@127.0.0.1:5432/d';
const facts = {
  state: 'running' as const,
  host: '127.0.0.1',
  port: 3000,
  databaseUrl: URL,
  databasePort: 5432,
  storageUrl: 'file:///srv/store',
  redisUrl: null,
  workers: 2,
};
let data: string;
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'reelfleet-run-'));
});
afterEach(() => rmSync(data, { recursive: true }));

const options = () => ({ cwd: data, stages: ['music'] });
const env = (more: Record<string, string> = {}) => ({ REELFLEET_DATA: data, ...more });

/** As if another process had written it. */
function rewrite(change: Record<string, unknown>): void {
  const path = join(data, 'run.json');
  writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), ...change }));
}

describe('run.json', () => {
  it('belongs to one living process at a time, and only its owner may read it', () => {
    claimRunFile(data);
    expect(readRunFile(data)).toMatchObject({ pid: process.pid, state: 'starting', databaseUrl: null });
    expect(() => claimRunFile(data)).toThrow(/already running in .* \(process \d+\): stop that one first/);
    expect(statSync(join(data, 'run.json')).mode & 0o777).toBe(0o600);
    writeRunFile(data, facts);
    expect(readRunFile(data)).toMatchObject(facts);
    removeRunFile(data);
    expect(readRunFile(data)).toBeNull();
  });

  it('of a version that did not tell the host is read all the same', () => {
    claimRunFile(data);
    writeRunFile(data, facts);
    rewrite({ host: undefined });
    expect(readRunFile(data)).toMatchObject({ ...facts, host: null });
  });

  it('of a process that has gone counts as not there and is taken over', () => {
    claimRunFile(data);
    const { pid } = spawnSync(process.execPath, ['-e', '0']);
    rewrite({ pid });
    expect(readRunFile(data)).toBeNull();
    claimRunFile(data);
    expect(readRunFile(data)?.pid).toBe(process.pid);
  });

  it.runIf(process.platform === 'linux')(
    'of a stranger who has the same number after a reboot counts as not there',
    () => {
      claimRunFile(data);
      rewrite({ startTicks: '1' });
      expect(readRunFile(data)).toBeNull();
    },
  );

  it('that is damaged counts as not there', () => {
    writeFileSync(join(data, 'run.json'), '{"pid":');
    expect(readRunFile(data)).toBeNull();
  });
});

describe('where the fleet is', () => {
  it('is where DATABASE_URL says, whatever runs in the data folder', () => {
    claimRunFile(data);
    writeRunFile(data, facts);
    const other = 'postgres://other@h/d';
    expect(locateFleet(env({ DATABASE_URL: other }), options())).toMatchObject({
      DATABASE_URL: other,
      STORAGE_URL: `file://${data}/storage`,
    });
    expect(addressesOfUp(env({ DATABASE_URL: other }), options())).toEqual({});
  });

  it('is otherwise what up started, as far as nothing else is named', () => {
    claimRunFile(data);
    expect(() => locateFleet(env(), options())).toThrow(/still starting/);
    writeRunFile(data, facts);
    expect(locateFleet(env(), options())).toMatchObject({ DATABASE_URL: URL, STORAGE_URL: 'file:///srv/store' });
    const mine = { STORAGE_URL: 'file:///mine' };
    expect(locateFleet(env(mine), options())).toMatchObject({ DATABASE_URL: URL, STORAGE_URL: 'file:///mine' });
  });

  it('is nowhere when nothing runs, and one sentence says what to do', () => {
    expect(() => locateFleet(env(), options())).toThrow(
      `nothing is running in ${data}: start it with "reelfleet up", or set DATABASE_URL`,
    );
  });
});
