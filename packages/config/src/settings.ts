/**
 * The settings, read once at start: checked whole, completed with what follows from others, and frozen. Everything
 * below receives values. What is malformed stops the process with one line that names the variable, what it got and
 * what it takes, and tells no secret.
 *
 * An empty value counts as unset, spaces around a value are dropped. The environment wins over `.env`.
 */
import { readFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseEnv } from 'node:util';
import { messageOf, UserError } from '@reelfleet/core';
import { z } from 'zod';
import { type Definition, definitions, type Place } from './definitions.ts';
import { nearest } from './nearest.ts';
import { HIDDEN, redactUrl } from './redact.ts';

export type Env = Record<string, string | undefined>;

export interface ReadOptions {
  /** Where relative paths begin and `.env` lies; the process's own by default. */
  cwd?: string;
  /** Another file than `.env`; it must be there then. */
  dotenv?: string;
  /** The stages there are, so that one that is not can be refused by name. */
  stages?: readonly string[];
}

type Definitions = ReturnType<typeof definitions>;
export type SettingName = keyof Definitions;
type Shape = { [Name in SettingName]: Definitions[Name]['schema'] };
type Parsed = z.output<z.ZodObject<Shape>>;
/** What is never unset, because something stands in for it. */
type Derived =
  | 'STORAGE_URL'
  | 'REELFLEET_DATA'
  | 'REELFLEET_STAGES'
  | 'REELFLEET_CONCURRENCY'
  | 'REELFLEET_HEARTBEAT_MS'
  | 'REELFLEET_WORKER_NAME'
  | 'REELFLEET_SCRATCH'
  | 'REELFLEET_OFFLINE_MS';

/** All settings by the names they have in the environment; a name that is not there is unset. */
export type Settings = Readonly<Omit<Parsed, Derived> & { [Name in Derived]-?: NonNullable<Parsed[Name]> }>;

export interface SettingLine {
  name: SettingName;
  /** As text, secrets hidden; null when unset. */
  value: string | null;
  source: 'default' | '.env' | 'environment';
  secret: boolean;
}

interface Problem {
  name: string;
  text: string;
}

/** Which settings a choice of provider needs; of several in one text any one will do. */
const NEEDS: readonly [SettingName, string, readonly SettingName[]][] = [
  ['MUSIC_PROVIDER', 'mubert', ['MUBERT_API_KEY']],
  ['MUSIC_PROVIDER', 'beatoven', ['BEATOVEN_API_KEY']],
  ['IMAGE_PROVIDER', 'leonardo', ['LEONARDO_API_KEY']],
  ['IMAGE_PROVIDER', 'gemini', ['GEMINI_API_KEY']],
  ['SPEECH_PROVIDER', 'whisper.cpp', ['WHISPER_BINARY']],
  ['SPEECH_PROVIDER', 'whisper.cpp', ['WHISPER_MODEL']],
  ['SPEECH_PROVIDER', 'openai', ['OPENAI_API_KEY', 'OPENAI_BASE_URL']],
  ['LANGUAGE_PROVIDER', 'openai', ['OPENAI_API_KEY', 'OPENAI_BASE_URL']],
];

const PREFIX = 'REELFLEET_';

/**
 * The settings of this process, frozen. `env` is `process.env`; `.env` is read when present.
 * Throws {@link UserError} (exit code 2, one line) for a malformed value or an unknown name that starts with `REELFLEET_`.
 */
export function readSettings(env: Env, options: ReadOptions = {}): Settings {
  return read(env, options).settings;
}

/** What `reelfleet config` shows: every setting with its effective value and where that came from. Throws as `readSettings`. */
export function describeSettings(env: Env, options: ReadOptions = {}): SettingLine[] {
  const { settings, sources, defined } = read(env, options);
  return entries(defined).map(([name, { secret = false }]) => ({
    name,
    value: secret && settings[name] !== undefined ? HIDDEN : shown(settings[name]),
    source: sources.get(name)?.from ?? 'default',
    secret,
  }));
}

/** Name, meaning and default of every setting, in the order people read them. */
export function settingsTable(): { name: SettingName; meaning: string; default: string }[] {
  return entries(definitions({ cwd: '/', stages: undefined })).map(([name, { meaning, default: byDefault }]) => ({
    name,
    meaning,
    default: byDefault,
  }));
}

/** The text of `.env.example`: every setting with its meaning, commented out, with the default where it is a plain value. */
export function envExample(): string {
  const lines = settingsTable().map(({ name, meaning, default: byDefault }) => {
    const plain = /^(\d+|[a-z]+|[.\d]+|\.[a-z]+)$/.test(byDefault) && byDefault !== 'unset';
    const note =
      plain || byDefault === 'unset' ? '' : ` (${byDefault.startsWith('unset: ') ? '' : 'default: '}${byDefault})`;
    return `# ${meaning}${note}\n#${name}=${plain ? byDefault : ''}\n`.replaceAll('`', '');
  });
  return [
    '# Settings of Reelfleet. Copy this file to .env and take the # from what you change.',
    '# The environment wins over .env; `reelfleet config` shows what holds and where it came from.\n',
    ...lines,
  ].join('\n');
}

function read(env: Env, options: ReadOptions) {
  const cwd = resolve(options.cwd ?? process.cwd());
  const defined = definitions({ cwd, stages: options.stages });
  const file = readDotenv(cwd, options.dotenv);
  const sources = new Map<string, { text: string; from: '.env' | 'environment' }>();
  for (const [from, values] of [['.env', file] as const, ['environment', env] as const]) {
    for (const [name, value] of Object.entries(values)) {
      const text = value?.trim();
      if (text) sources.set(name, { text, from });
    }
  }

  const given = Object.fromEntries([...sources].map(([name, { text }]) => [name, text]));
  const result = schemaOf(defined, { cwd, stages: options.stages }, given.NODE_ENV === 'production').safeParse(given);
  const problems = [...unknownNames([...Object.keys(file), ...Object.keys(env)], Object.keys(defined))];
  for (const issue of result.error?.issues ?? []) {
    const name = String(issue.path[0]) as SettingName;
    const source = sources.get(name);
    const got = source
      ? `${echo(source.text, defined[name])}${source.from === '.env' ? ' (from .env)' : ''}`
      : 'nothing';
    problems.push({
      name,
      text: `got ${got}, ${issue.code === 'custom' ? issue.message : `takes ${defined[name].takes}`}`,
    });
  }
  const [first, ...more] = problems;
  if (first) {
    const rest = more.length > 0 ? ` (and ${more.length} more)` : '';
    throw new UserError(`${first.name}: ${first.text}${rest}`, { exitCode: 2 });
  }
  if (!result.success) throw result.error;
  return { settings: Object.freeze(result.data), sources, defined };
}

/** The one schema: every setting by its own form, then what depends on several. */
function schemaOf(defined: Definitions, { cwd }: Place, production: boolean) {
  const shape = Object.fromEntries(entries(defined).map(([name, { schema }]) => [name, schema])) as Shape;
  return z.object(shape).transform((parsed, context): Settings => {
    const lease = parsed.REELFLEET_LEASE_MS;
    const data = parsed.REELFLEET_DATA ?? resolve(cwd, '.reelfleet');
    const settings: Settings = {
      ...parsed,
      REELFLEET_DATA: data,
      STORAGE_URL: parsed.STORAGE_URL ?? pathToFileURL(join(data, 'storage')).href,
      REELFLEET_STAGES: parsed.REELFLEET_STAGES ?? 'all',
      REELFLEET_CONCURRENCY: parsed.REELFLEET_CONCURRENCY ?? Object.freeze({ byStage: Object.freeze({}) }),
      REELFLEET_HEARTBEAT_MS: parsed.REELFLEET_HEARTBEAT_MS ?? Math.min(10_000, Math.floor(lease / 3)),
      REELFLEET_WORKER_NAME: parsed.REELFLEET_WORKER_NAME ?? `${hostname().slice(0, 80)}-${process.pid}`,
      REELFLEET_SCRATCH: parsed.REELFLEET_SCRATCH ?? join(tmpdir(), `reelfleet-${process.getuid?.() ?? 'user'}`),
      REELFLEET_OFFLINE_MS: parsed.REELFLEET_OFFLINE_MS ?? 2 * lease,
    };
    const refuse = (name: SettingName, message: string) => context.addIssue({ code: 'custom', path: [name], message });
    if (settings.REELFLEET_HEARTBEAT_MS >= lease / 2) {
      // Two beats must fit: one may be lost without losing the work.
      refuse('REELFLEET_HEARTBEAT_MS', `takes less than half of REELFLEET_LEASE_MS (${lease})`);
    }
    if (settings.REELFLEET_OFFLINE_MS < lease) {
      refuse(
        'REELFLEET_OFFLINE_MS',
        `takes at least REELFLEET_LEASE_MS (${lease}): a worker that may hold a lease is not offline`,
      );
    }
    if (production && settings.REELFLEET_PAUSE_AT !== undefined) {
      refuse('REELFLEET_PAUSE_AT', 'takes nothing while NODE_ENV=production: it is for tests');
    }
    for (const [choice, value, names] of NEEDS) {
      const [name] = names;
      if (name && settings[choice] === value && names.every((one) => settings[one] === undefined)) {
        refuse(
          name,
          `takes what ${choice}=${value} needs${names.length > 1 ? ` (or set ${names.slice(1).join(', ')})` : ''}`,
        );
      }
    }
    return settings;
  });
}

function* unknownNames(given: readonly string[], known: readonly string[]): Generator<Problem> {
  for (const name of new Set(given)) {
    if (!name.startsWith(PREFIX) || known.includes(name)) continue;
    const bare = name.slice(PREFIX.length);
    const meant = known.includes(bare) ? bare : (nearest(name, known) ?? nearest(bare, known));
    // The value stays untold: it may be a password under a misspelt name.
    const help = meant ? `did you mean ${meant}?` : '`reelfleet config` lists all';
    yield { name: printable(name), text: `got a value, but there is no such setting; ${help}` };
  }
}

function readDotenv(cwd: string, named: string | undefined): Env {
  const path = resolve(cwd, named ?? '.env');
  try {
    return parseEnv(readFileSync(path, 'utf8').replace(/^\uFEFF/, ''));
  } catch (error) {
    if (named === undefined && error instanceof Error && 'code' in error && error.code === 'ENOENT') return {};
    throw new UserError(`cannot read the settings in ${path}: ${messageOf(error)}`, { cause: error, exitCode: 2 });
  }
}

/** A malformed value as it may be shown: on one line, not too long, without secrets. */
function echo(text: string, { secret }: Definition): string {
  if (secret) return `a hidden value of ${text.length} ${text.length === 1 ? 'character' : 'characters'}`;
  // What did not parse may hold a password all the same: before an `@`, or as a port that is no number.
  const masked = redactUrl(text).replace(/(:\/\/[^:/?#]*):(?!\d+([/?#]|$)).*/s, `$1:${HIDDEN}`);
  const at = masked.lastIndexOf('@');
  const safe = at === -1 || masked.includes(`${HIDDEN}@`) ? masked : `${HIDDEN}${masked.slice(at)}`;
  return JSON.stringify(printable(safe));
}

function printable(text: string): string {
  const flat = text.replace(/[\p{Cc}\u2028\u2029]/gu, ' ');
  return flat.length > 80 ? `${flat.slice(0, 80)}…` : flat;
}

function shown(value: Settings[SettingName]): string | null {
  if (value === undefined) return null;
  if (typeof value === 'string') return redactUrl(value);
  if (typeof value === 'number') return String(value);
  if ('byStage' in value) {
    const parts = Object.entries(value.byStage).map(([stage, count]) => `${stage}=${count}`);
    if (value.default !== undefined) parts.unshift(String(value.default));
    return parts.length > 0 ? parts.join(',') : null;
  }
  return value.join(',');
}

function entries(defined: Definitions): [SettingName, Definition][] {
  return Object.entries(defined) as [SettingName, Definition][];
}
