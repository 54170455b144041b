/**
 * The SQL this code carries, as data: migrations in the journal's order, files of ledger functions in file-name order,
 * and one version that names them all.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Sources {
  /** Folder of the migrations, with drizzle's `meta/_journal.json`. */
  readonly migrations: string;
  /** Folder of the files that are re-applied whenever they change. */
  readonly functions: string;
}

export const productSources: Sources = {
  migrations: join(import.meta.dirname, '../../../drizzle'),
  functions: join(import.meta.dirname, '../sql'),
};

export interface SqlFile {
  readonly name: string;
  readonly hash: string;
  readonly sql: string;
}

export interface Plan {
  readonly migrations: readonly SqlFile[];
  /** All function files, the grants among them. */
  readonly functions: readonly SqlFile[];
  /** Those of `functions` that grant rights (`…grants.sql`): what they say depends on the server, so they run every time. */
  readonly grants: readonly SqlFile[];
  /** Number of the last migration and a short hash over all of it: `0001-3fa9c2d1`. */
  readonly version: string;
}

export function readPlan(sources: Sources): Plan {
  const journal = JSON.parse(readFileSync(join(sources.migrations, 'meta', '_journal.json'), 'utf8')) as {
    entries: { idx: number; tag: string }[];
  };
  const migrations = journal.entries
    .toSorted((a, b) => a.idx - b.idx)
    .map(({ tag }) => readSql(tag, join(sources.migrations, `${tag}.sql`)));
  const functions = readdirSync(sources.functions)
    .filter((name) => name.endsWith('.sql'))
    .sort()
    .map((name) => readSql(name, join(sources.functions, name)));
  const all = sha256([...migrations, ...functions].map((file) => `${file.name} ${file.hash}`).join('\n'));
  return {
    migrations,
    functions,
    grants: functions.filter((file) => file.name.endsWith('grants.sql')),
    version: `${migrations.at(-1)?.name.split('_')[0] ?? '0'}-${all.slice(0, 8)}`,
  };
}

function readSql(name: string, path: string): SqlFile {
  // A checkout with CRLF is the same SQL.
  const sql = readFileSync(path, 'utf8').replaceAll('\r\n', '\n');
  return { name, hash: sha256(sql), sql };
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
