/**
 * What the files of `docker/` say, as data: the stages of a Dockerfile, the services of compose.yaml, and which files of
 * the repository a build is sent. Only what ours use of these formats is understood; anything else throws.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

export const root = fileURLToPath(new URL('../..', import.meta.url));
export const read = (path: string): string => readFileSync(`${root}${path}`, 'utf8');

/** The images there are and what they are built from. */
export const images = { worker: 'docker/worker.Dockerfile', server: 'docker/server.Dockerfile' } as const;

export interface Instruction {
  readonly word: string;
  readonly text: string;
}
export interface Stage {
  readonly from: string;
  readonly name: string | undefined;
  readonly instructions: readonly Instruction[];
}

/** The stages of a Dockerfile, continued lines joined, comments dropped. */
export function readDockerfile(path: string): Stage[] {
  const lines = read(path)
    .replace(/^\s*#.*\n/gm, '')
    .replace(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => line.trim() !== '');
  const stages: { from: string; name: string | undefined; instructions: Instruction[] }[] = [];
  for (const line of lines) {
    const [, word = '', text = ''] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
    if (word === '') throw new Error(`${path}: not an instruction: ${line}`);
    const [from = '', , name] = text.split(/\s+/);
    if (word === 'FROM') stages.push({ from, name, instructions: [] });
    else stages.at(-1)?.instructions.push({ word, text });
  }
  return stages;
}

/** Source paths that a stage copies out of the repository, not out of another stage. */
export function copiedFromContext(stage: Stage): string[] {
  return stage.instructions
    .filter(({ word, text }) => word === 'COPY' && !text.startsWith('--from='))
    .flatMap(({ text }) => text.split(/\s+/).slice(0, -1));
}

/** The value of the last instruction of this word, as JSON when it is in exec form. */
export function lastOf(stage: Stage, word: string): string | readonly string[] | undefined {
  const text = stage.instructions.findLast((one) => one.word === word)?.text;
  return text?.startsWith('[') ? (JSON.parse(text) as string[]) : text;
}

/** The variables that a stage's ENV instructions set. */
export function environmentOf(stage: Stage): Record<string, string> {
  const pairs = stage.instructions.filter(({ word }) => word === 'ENV').flatMap(({ text }) => text.split(/\s+/));
  return Object.fromEntries(pairs.map((pair) => pair.split('=', 2) as [string, string]));
}

/** Whether a build is sent this file; the last pattern of .dockerignore that fits it or a folder above it decides. */
export function isSent(path: string): boolean {
  let sent = true;
  for (const line of read('.dockerignore').split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const pattern = line.replace(/^!/, '');
    const expression = pattern
      .replace(/[.+^${}()|[\]\\?]/g, '\\$&')
      .replace(/\*\*\/|\*/g, (found) => (found === '*' ? '[^/]*' : '(?:.*/)?'));
    if (new RegExp(`^${expression}(/|$)`).test(path)) sent = line.startsWith('!');
  }
  return sent;
}

/** Every file below these folders, relative to the repository; packages that npm installed are left out. */
export function filesOf(...folders: string[]): string[] {
  return folders.flatMap((folder) =>
    readdirSync(`${root}${folder}`, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !entry.parentPath.includes('node_modules'))
      .map((entry) => `${entry.parentPath}/${entry.name}`.slice(root.length)),
  );
}

export interface Service {
  image: string;
  build?: { context: string; dockerfile: string };
  command?: string[];
  environment?: Record<string, string | number | null>;
  depends_on?: Record<string, { condition: string }>;
  healthcheck?: { test: string[]; interval: string; retries: number };
  volumes?: (string | { type: string; source?: string; target: string })[];
  secrets?: string[];
  tmpfs?: string[];
  ports?: string[];
  profiles?: string[];
  cap_drop?: string[];
  security_opt?: string[];
  logging?: { options: Record<string, string> };
  read_only?: boolean;
  init?: boolean;
  restart?: string;
  stop_grace_period?: string;
  container_name?: string;
  network_mode?: string;
  privileged?: boolean;
}
export interface Compose {
  services: Record<string, Service>;
  volumes: Record<string, unknown>;
}

export const readCompose = (): Compose => parse(read('docker/compose.yaml'), { merge: true }) as Compose;

/** Variables that compose.yaml takes from its environment: name → default, or null when it refuses to run without. */
export function variablesOf(text: string): Map<string, string | null> {
  const found = new Map<string, string | null>();
  for (const [, name = '', , kind, rest = ''] of text.matchAll(/\$\{([A-Z_]+)((:[-?])([^{}]*))?/g)) {
    if (!found.has(name) || kind === ':?') found.set(name, kind === ':?' ? null : rest);
  }
  return found;
}

/** `40s` and `${NAME:-40s}` in milliseconds. */
export function milliseconds(duration: string | undefined): number {
  const [, seconds] = /^(?:\$\{[A-Z_]+:-)?(\d+)s\}?$/.exec(duration ?? '') ?? [];
  if (seconds === undefined) throw new Error(`not a duration in seconds: ${duration}`);
  return Number(seconds) * 1_000;
}
