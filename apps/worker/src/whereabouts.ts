/**
 * Where the fleet is that this process belongs to: named by the settings, or, when they name no database, what
 * `reelfleet up` started in the data folder.
 */
import { describeSettings, type Env, readSettings, type Settings } from '@reelfleet/config';
import { UserError } from '@reelfleet/core';
import { readRunFile } from './run-file.ts';

/** Settings that name a database. */
export type FleetSettings = Settings & { readonly DATABASE_URL: string };

export interface LocateOptions {
  cwd?: string;
  stages: readonly string[];
}

/**
 * The settings of this process, completed with the addresses of a running `up`. What the environment or `.env` names
 * wins over them. Throws UserError: exit code 2 for a malformed setting, 1 when nothing is running.
 */
export function locateFleet(env: Env, options: LocateOptions): FleetSettings {
  const settings = readSettings(env, options);
  if (settings.DATABASE_URL !== undefined) return settings as FleetSettings;
  const data = settings.REELFLEET_DATA;
  const run = readRunFile(data);
  if (run === null) {
    throw new UserError(`nothing is running in ${data}: start it with "reelfleet up", or set DATABASE_URL`);
  }
  if (run.databaseUrl === null) {
    throw new UserError(`Reelfleet is still starting in ${data} (process ${run.pid}): try again in a moment`);
  }
  return readSettings({ ...env, ...addressesOfUp(env, options) }, options) as FleetSettings;
}

/** The addresses that a running `up` adds to these settings: none when they name a database themselves. */
export function addressesOfUp(env: Env, options: LocateOptions): Env {
  const lines = describeSettings(env, options);
  const given = new Set<string>(lines.filter((line) => line.source !== 'default').map((line) => line.name));
  const run = given.has('DATABASE_URL') ? null : readRunFile(readSettings(env, options).REELFLEET_DATA);
  const found = { DATABASE_URL: run?.databaseUrl, STORAGE_URL: run?.storageUrl, REDIS_URL: run?.redisUrl };
  return Object.fromEntries(
    Object.entries(found).flatMap(([name, value]) => (value && !given.has(name) ? [[name, value]] : [])),
  );
}
