/**
 * The kinds of values a setting can have: how each is written, and what it becomes. Pure. The `takes` of a kind ends
 * the sentence "NAME: got …, takes …".
 */
import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { z } from 'zod';

export interface Kind<S extends z.ZodType = z.ZodType> {
  takes: string;
  schema: S;
}

/** How many tasks at once: by default, and where a stage says otherwise. Empty: by stage policy and CPU count. */
export interface Concurrency {
  readonly default?: number;
  readonly byStage: Readonly<Record<string, number>>;
}

const STAGE = /^[a-z][a-z0-9-]*$/;

/** Parse text; `undefined` from `parse` means malformed. */
function parsed<T>(takes: string, parse: (text: string) => T | undefined): Kind<z.ZodType<T, string>> {
  const schema = z.string().transform((text, context) => {
    const value = parse(text);
    if (value !== undefined) return value;
    context.addIssue({ code: 'invalid_value', values: [], input: text });
    return z.NEVER;
  });
  return { takes, schema };
}

export function whole(least: number, most: number, unit = ''): Kind<z.ZodType<number, string>> {
  return parsed(`a whole number${unit && ` of ${unit}`} from ${least} to ${most}`, (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    return value >= least && value <= most ? value : undefined;
  });
}

export function oneOf<const T extends string>(...names: T[]): Kind<z.ZodType<T, string>> {
  return parsed(`one of ${names.join(', ')}`, (text) => names.find((name) => name === text));
}

export function matching(takes: string, pattern: RegExp): Kind<z.ZodType<string, string>> {
  return parsed(takes, (text) => (pattern.test(text) ? text : undefined));
}

export function url(takes: string, ...schemes: string[]): Kind<z.ZodType<string, string>> {
  return parsed(takes, (text) => (isUrl(text, schemes) ? text : undefined));
}

/** A folder of its own, made absolute. The root of the file system is none: what lies in the folder is ours to delete. */
export function folder(cwd: string): Kind<z.ZodType<string, string>> {
  return parsed('the path of a folder other than /', (text) => folderAt(cwd, text));
}

/** A place for objects, as a URL: paths become `file:` URLs. */
export function storageUrl(cwd: string): Kind<z.ZodType<string, string>> {
  const takes = 'file:///absolute/path, gs://bucket/prefix, s3://bucket/prefix or the path of a folder';
  return parsed(takes, (text) => {
    if (/^(gs|s3):/.test(text))
      return /^(gs|s3):\/\/[^/\s@:?#]+(\/[^\s?#]*)?$/.test(text) ? text.replace(/\/+$/, '') : undefined;
    if (/^file:/.test(text)) {
      try {
        const at = text.startsWith('file:///') ? folderAt('/', fileURLToPath(text)) : undefined;
        return at === undefined || /[?#]/.test(text) ? undefined : pathToFileURL(at).href;
      } catch {
        return undefined;
      }
    }
    const at = text.includes(':') ? undefined : folderAt(cwd, text);
    return at === undefined ? undefined : pathToFileURL(at).href;
  });
}

export function stageList(known: readonly string[] | undefined): Kind<z.ZodType<readonly string[] | 'all', string>> {
  const schema = z.string().transform((text, context): readonly string[] | 'all' => {
    if (text === 'all') return 'all';
    const names = text.split(',').map((name) => name.trim());
    for (const name of names) if (!checkStage(name, known, context)) return z.NEVER;
    return Object.freeze([...new Set(names)]);
  });
  return { takes: 'all, or names of stages separated by commas (music,render)', schema };
}

export function concurrency(known: readonly string[] | undefined): Kind<z.ZodType<Concurrency, string>> {
  const schema = z.string().transform((text, context): Concurrency => {
    const byStage: Record<string, number> = {};
    let fallback: number | undefined;
    for (const part of text.split(',').map((piece) => piece.trim())) {
      const [, name, digits] = /^(?:([a-z][a-z0-9-]*)\s*=\s*)?(\d{1,4})$/.exec(part) ?? [];
      const count = Number(digits ?? 0);
      const twice = name === undefined ? fallback !== undefined : Object.hasOwn(byStage, name);
      if (count < 1 || count > 1000 || twice) {
        context.addIssue({ code: 'invalid_value', values: [], input: text });
        return z.NEVER;
      }
      if (name === undefined) fallback = count;
      else if (checkStage(name, known, context)) byStage[name] = count;
      else return z.NEVER;
    }
    return Object.freeze({ ...(fallback === undefined ? {} : { default: fallback }), byStage: Object.freeze(byStage) });
  });
  return { takes: 'a number from 1 to 1000, or one per stage, each named once (music=8,transcode=1)', schema };
}

function checkStage(name: string, known: readonly string[] | undefined, context: z.RefinementCtx): boolean {
  if (!STAGE.test(name)) context.addIssue({ code: 'invalid_value', values: [], input: name });
  else if (known && !known.includes(name)) {
    context.addIssue({
      code: 'custom',
      message: `takes stages of this version, "${name}" is none: ${known.join(', ')}`,
    });
  } else return true;
  return false;
}

function isUrl(text: string, schemes: readonly string[]): boolean {
  if (/\s/.test(text) || !/^[a-z]+:\/\//.test(text)) return false;
  try {
    const { protocol, host, pathname } = new URL(text);
    // `postgres:///name?host=/run/postgresql` has no host of its own and is well.
    return schemes.includes(protocol.slice(0, -1)) && (host !== '' || pathname.length > 1);
  } catch {
    return false;
  }
}

function folderAt(cwd: string, text: string): string | undefined {
  if (text.includes('\0') || text.startsWith('~')) return undefined;
  const path = resolve(cwd, text);
  return path === resolve('/') ? undefined : path;
}
