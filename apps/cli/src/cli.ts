/**
 * What every command is given: the environment it was called in, its output, and the fleet it talks to. Opening the
 * fleet is lazy and loads the database and queue code only then, so that `--help` answers at once.
 */
import { type Env, readSettings, type Settings } from '@reelfleet/config';
import { UserError } from '@reelfleet/core';
import { stages } from '@reelfleet/pipelines';
import type { FleetSettings } from '@reelfleet/worker';
import { InvalidArgumentError } from 'commander';
import type { Fleet } from './open-fleet.ts';
import type { Output } from './ui/output.ts';

export interface Cli {
  readonly env: Env;
  readonly out: Output;
  /** The names of the stages this version runs. */
  readonly stages: readonly string[];
  /** The settings as they stand, with or without a running fleet. `changes` come from options and win. */
  settings(changes?: Changes): Settings;
  /** The settings with a database: named, or found through what `up` started. Throws UserError when nothing runs. */
  fleetSettings(changes?: Changes): Promise<FleetSettings>;
  /** Use the fleet and close it again. */
  withFleet<T>(use: (fleet: Fleet) => Promise<T>): Promise<T>;
}

/** Settings given as options: by setting, the option's name and its value. */
export type Changes = Partial<Record<string, { option: string; value: string | undefined }>>;

export function openCli(env: Env, out: Output): Cli {
  const names = [...stages.keys()];
  const changed = (changes: Changes): Env => {
    const given = Object.entries(changes).flatMap(([name, change]) =>
      change?.value === undefined ? [] : [[name, change.value] as const],
    );
    return { ...env, ...Object.fromEntries(given) };
  };
  return {
    env,
    out,
    stages: names,
    settings: (changes = {}) => byOption(changes, () => readSettings(changed(changes), { stages: names })),
    async fleetSettings(changes = {}) {
      const { locateFleet } = await import('@reelfleet/worker');
      return byOption(changes, () => locateFleet(changed(changes), { stages: names }));
    },
    async withFleet(use) {
      const { openFleet } = await import('./open-fleet.ts');
      const fleet = await openFleet(await this.fleetSettings());
      try {
        return await use(fleet);
      } finally {
        await fleet.close();
      }
    },
  };
}

function byOption<T>(changes: Changes, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw namedByOption(changes, error);
  }
}

/** The error, in words that name the option when it speaks of a setting that came from one. */
export function namedByOption(changes: Changes, error: unknown): unknown {
  if (!(error instanceof UserError)) return error;
  for (const [name, change] of Object.entries(changes)) {
    if (change?.value === undefined || !error.message.startsWith(`${name}: `)) continue;
    const { exitCode, kind } = error;
    return new UserError(`${change.option}${error.message.slice(name.length)}`, { exitCode, kind, cause: error });
  }
  return error;
}

/** For commander: a whole number within bounds. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^-?\d{1,12}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    throw new InvalidArgumentError(`It takes a whole number from ${least} to ${most}.`);
  };
}

/** For commander: a number within bounds, as in `2` or `0.5`. */
export function aNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,9}(\.\d{1,9})?$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    throw new InvalidArgumentError(`It takes a number from ${least} to ${most}.`);
  };
}

/** For commander: `a, b` as a list without blanks. */
export function commaList(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

/** For commander: one of these words. */
export function oneOf<T extends string>(...words: T[]): (text: string) => T {
  return (text) => {
    const found = words.find((word) => word === text);
    if (found !== undefined) return found;
    throw new InvalidArgumentError(`It takes one of ${words.join(', ')}.`);
  };
}
