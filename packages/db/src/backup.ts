/**
 * What an operator does to a whole database: look at it, back it up, restore it, empty it. Offline tools over `pg`, one
 * session each; the running product does not use this file.
 *
 * A backup is gzip'd JSON lines: a header (format, migrations), the rows of every table as Postgres itself writes them,
 * and a last line with the counts, without which the file counts as cut off. It is one snapshot, so it is consistent
 * while the fleet works. It holds no tickets: after a restore every queued task gets a new one from the sweep. It needs
 * no program of Postgres (the embedded server brings no pg_dump) and restores into any major version.
 */
import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { link, open, rm } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { messageOf, UserError } from '@reelfleet/core';
import { getTableName, is } from 'drizzle-orm';
import { PgTable } from 'drizzle-orm/pg-core';
import pg from 'pg';
import { connectionError, isConnectionLoss, maskUrl, parseDatabaseUrl } from './connection-error.ts';
import { schemaVersion } from './migrate.ts';
import * as schema from './schema/index.ts';

const FORMAT = 1;
const ROWS_AT_ONCE = 1_000;
/** Rows that a fleet without work writes, or the migrations: a database that holds only these counts as empty. */
const HOUSEKEEPING = new Set(['sweep_turn', 'queue_stores', 'workers', 'worker_totals', 'stage_controls']);

export interface DatabaseFacts {
  /** Password hidden. */
  readonly url: string;
  readonly server: string;
  readonly major: number;
  readonly maxConnections: number;
  readonly connections: number;
  readonly sizeBytes: number;
  /** What `reelfleet.schema_version()` answers; null without a Reelfleet schema. */
  readonly schema: string | null;
  /** What this code needs. */
  readonly expected: string;
  readonly migrations: readonly string[];
  /** The database's clock minus ours, milliseconds; exact to half of `roundTripMs`. */
  readonly clockSkewMs: number;
  readonly roundTripMs: number;
  /** Rows by table. */
  readonly rows: Readonly<Record<string, number>>;
}

/** Look at a database; it need not be migrated. Throws UserError when it cannot be reached. */
export function inspectDatabase(url: string): Promise<DatabaseFacts> {
  return withClient(url, async (client) => {
    const began = Date.now();
    const { rows: clock } = await client.query('select (extract(epoch from clock_timestamp()) * 1000)::float8 as now');
    const roundTripMs = Date.now() - began;
    const { rows } = await client.query(
      `select current_setting('server_version') as server, current_setting('server_version_num')::int / 10000 as major,
              current_setting('max_connections')::int as "maxConnections",
              (select count(*)::int from pg_stat_activity where backend_type = 'client backend') as connections,
              pg_database_size(current_database())::float8 as "sizeBytes"`,
    );
    const migrations = await migrationsOf(client);
    const version =
      migrations === null ? null : (await client.query('select reelfleet.schema_version() as v')).rows[0].v;
    const counts: Record<string, number> = {};
    for (const table of version === null ? [] : await tablesOf(client)) counts[table] = await countOf(client, table);
    return {
      url: maskUrl(url),
      ...rows[0],
      schema: version,
      expected: schemaVersion(),
      migrations: (migrations ?? []).map(({ name }) => name),
      clockSkewMs: clock[0].now - (began + roundTripMs / 2),
      roundTripMs,
      rows: counts,
    };
  });
}

export interface BackupResult {
  readonly tables: number;
  readonly rows: number;
}

/** Write a backup to `path`, which must not exist; the file is there whole or not at all, readable by its owner only. */
export async function backupDatabase(url: string, path: string): Promise<BackupResult> {
  const refuse = () => new UserError(`${path} exists already: choose another file`);
  if (existsSync(path)) throw refuse();
  const draft = `${path}.${process.pid}.part`;
  try {
    const result = await withClient(url, async (client) => {
      await client.query('begin isolation level repeatable read, read only');
      const migrations = await migrationsOf(client);
      if (migrations === null) throw notMigrated(url);
      const counts: Record<string, number> = {};
      async function* lines(): AsyncGenerator<string> {
        const header = { reelfleet: 'backup', format: FORMAT, at: new Date().toISOString(), schema: schemaVersion() };
        yield `${JSON.stringify({ ...header, migrations })}\n`;
        for (const table of await tablesOf(client)) {
          counts[table] = 0;
          yield `${JSON.stringify({ table })}\n`;
          await client.query(
            `declare rows no scroll cursor for select to_jsonb(t)::text as row from ${quoted(table)} t`,
          );
          for (;;) {
            const { rows } = await client.query<{ row: string }>(`fetch ${ROWS_AT_ONCE} from rows`);
            if (rows.length === 0) break;
            counts[table] += rows.length;
            yield `${rows.map(({ row }) => row).join('\n')}\n`;
          }
          await client.query('close rows');
        }
        yield `${JSON.stringify({ end: counts })}\n`;
      }
      await pipeline(Readable.from(lines()), createGzip(), createWriteStream(draft, { mode: 0o600, flags: 'wx' }));
      await client.query('commit');
      const all = Object.values(counts);
      return { tables: all.length, rows: all.reduce((sum, n) => sum + n, 0) };
    });
    const file = await open(draft, 'r+');
    await file.sync();
    await file.close();
    await link(draft, path);
    return result;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'EEXIST') throw refuse();
    if (code && ['ENOENT', 'EACCES', 'ENOSPC', 'ENOTDIR', 'EROFS', 'EISDIR'].includes(code)) {
      throw new UserError(`cannot write ${path} (${messageOf(error)}): choose another place`, { cause: error });
    }
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

interface Migration {
  readonly name: string;
  readonly hash: string;
}
interface Header {
  readonly migrations: readonly Migration[];
  readonly at: string;
}

/**
 * Put a backup into a database that is migrated to the same point and holds no work. One transaction: afterwards the
 * database is as the backup was, or as it was before. Throws UserError otherwise.
 */
export function restoreDatabase(url: string, path: string): Promise<BackupResult & { readonly at: string }> {
  return withClient(url, async (client) => {
    const ours = await migrationsOf(client);
    if (ours === null) throw notMigrated(url);
    await client.query('begin');
    await asReplica(client);
    const tables = await tablesOf(client);
    await client.query(`lock table ${tables.map(quoted).join(', ')} in access exclusive mode`);
    for (const table of tables) {
      if (HOUSEKEEPING.has(table) || (await countOf(client, table)) === 0) continue;
      throw new UserError(
        `the database at ${maskUrl(url)} is not empty (table ${table} has rows): restore into a new one, or empty it with "reelfleet db reset --yes"`,
      );
    }
    await client.query(`truncate ${tables.map(quoted).join(', ')}`);

    let header: Header | null = null;
    let table: string | null = null;
    let expected: Record<string, number> | null = null;
    let batch: string[] = [];
    const counts: Record<string, number> = {};
    const columns = await columnsOf(client);
    const flush = async () => {
      if (batch.length === 0 || table === null) return;
      const list = columns.get(table);
      if (!list) throw damaged(path, `it names table ${table}`);
      await client.query(
        `insert into ${quoted(table)} (${list}) overriding system value
         select ${list} from jsonb_populate_recordset(null::${quoted(table)}, $1::jsonb)`,
        [`[${batch.join(',')}]`],
      );
      counts[table] = (counts[table] ?? 0) + batch.length;
      batch = [];
    };
    for await (const line of linesOf(path)) {
      if (header === null) {
        header = readHeader(line, path);
        assertSameSchema(header, ours, url);
      } else if (line.startsWith('{"table":')) {
        await flush();
        table = (JSON.parse(line) as { table: string }).table;
        counts[table] = 0;
      } else if (line.startsWith('{"end":')) {
        await flush();
        expected = (JSON.parse(line) as { end: Record<string, number> }).end;
      } else {
        batch.push(line);
        if (batch.length === ROWS_AT_ONCE) await flush();
      }
    }
    if (header === null) throw damaged(path, 'it is empty');
    if (expected === null) throw damaged(path, 'its end is missing');
    for (const [name, count] of Object.entries(expected)) {
      const now = columns.has(name) ? await countOf(client, name) : 0;
      if (now !== count || counts[name] !== count) throw damaged(path, `table ${name} has ${now} of ${count} rows`);
    }
    // The queue knows nothing of these tasks: undispatched, the sweep issues a ticket for each.
    await client.query("update tasks set dispatched_at = null where status = 'queued'");
    await resetSequences(client);
    await client.query('commit');
    await client.query('analyze');
    const all = Object.values(counts);
    return { tables: all.length, rows: all.reduce((sum, n) => sum + n, 0), at: header.at };
  });
}

/**
 * Remove every table of Reelfleet and everything in them. Throws UserError when the schema `public` holds tables that
 * are not ours, or while somebody works on the database.
 */
export function resetDatabase(url: string): Promise<void> {
  return withClient(url, async (client) => {
    const ours = new Set<string>(Object.values(schema).flatMap((one) => (is(one, PgTable) ? [getTableName(one)] : [])));
    const foreign = (await tablesOf(client)).filter((table) => !ours.has(table));
    if (foreign.length > 0) {
      throw new UserError(
        `the database at ${maskUrl(url)} holds tables that are not Reelfleet's (${foreign.slice(0, 3).join(', ')}): DATABASE_URL may name the wrong one`,
      );
    }
    const { rows } = await client.query<{ n: number }>(
      "select count(*)::int as n from pg_stat_activity where datname = current_database() and application_name = 'reelfleet-worker'",
    );
    if ((rows[0]?.n ?? 0) > 0) {
      throw new UserError(
        `workers are connected to the database at ${maskUrl(url)}: stop them first, then reset it; for the embedded one start it with "reelfleet up --workers 0" meanwhile`,
      );
    }
    // One simple query, hence one transaction.
    await client.query(
      `drop schema if exists reelfleet cascade; drop schema if exists bullmq cascade;
       drop schema public cascade; create schema public;`,
    );
  });
}

async function withClient<T>(url: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  parseDatabaseUrl(url);
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
    application_name: 'reelfleet-tool',
  });
  client.on('error', () => {}); // a backend that is killed between two queries: the next query reports it
  try {
    await client.connect();
    await client.query(
      "set statement_timeout = 0; set lock_timeout = '10s'; set search_path = public; set timezone = 'UTC'",
    );
  } catch (error) {
    await client.end().catch(() => {});
    throw connectionError(url, error);
  }
  try {
    return await use(client);
  } catch (error) {
    if (isConnectionLoss(error)) {
      throw new UserError(`the connection to ${maskUrl(url)} was lost; nothing was changed: try again`, {
        cause: error,
      });
    }
    if ((error as { code?: string }).code === '55P03') {
      throw new UserError(`the database at ${maskUrl(url)} is being worked on: stop the workers first`, {
        cause: error,
      });
    }
    throw error;
  } finally {
    await client.end().catch(() => {});
  }
}

const quoted = (table: string) => `public.${pg.escapeIdentifier(table)}`;

async function migrationsOf(client: pg.Client): Promise<Migration[] | null> {
  const { rows } = await client.query("select to_regclass('reelfleet.migrations') is not null as known");
  if (!rows[0].known) return null;
  return (await client.query<Migration>('select name, hash from reelfleet.migrations order by name')).rows;
}

async function tablesOf(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select c.relname as name from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') order by 1`,
  );
  return rows.map(({ name }) => name);
}

async function countOf(client: pg.Client, table: string): Promise<number> {
  const { rows } = await client.query<{ n: string }>(`select count(*) as n from ${quoted(table)}`);
  return Number(rows[0]?.n);
}

/** Columns that can be inserted, as a list for SQL, by table. */
async function columnsOf(client: pg.Client): Promise<Map<string, string>> {
  const { rows } = await client.query<{ table: string; columns: string[] }>(
    `select c.relname as table, array_agg(a.attname::text order by a.attnum) as columns
     from pg_class c join pg_attribute a on a.attrelid = c.oid
     where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
       and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
     group by 1`,
  );
  return new Map(
    rows.map(({ table, columns }) => [table, columns.map((name) => pg.escapeIdentifier(name)).join(', ')]),
  );
}

/** Rows come as they were: no trigger may add an audit entry or refuse a row whose partner comes later. */
async function asReplica(client: pg.Client): Promise<void> {
  try {
    await client.query('set local session_replication_role = replica');
  } catch (error) {
    if ((error as { code?: string }).code !== '42501') throw error;
    throw new UserError(
      'restoring needs a superuser, since it turns triggers off: name one in DATABASE_URL for this command',
      { cause: error },
    );
  }
}

async function resetSequences(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ table: string; column: string; sequence: string }>(
    `select c.relname as table, a.attname as column, pg_get_serial_sequence(format('public.%I', c.relname), a.attname) as sequence
     from pg_class c join pg_attribute a on a.attrelid = c.oid
     where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped
       and pg_get_serial_sequence(format('public.%I', c.relname), a.attname) is not null`,
  );
  for (const { table, column, sequence } of rows) {
    await client.query(
      `select setval($1::regclass, greatest(coalesce(max(${pg.escapeIdentifier(column)}), 0), 1), count(*) > 0) from ${quoted(table)}`,
      [sequence],
    );
  }
}

async function* linesOf(path: string): AsyncGenerator<string> {
  const file = createReadStream(path);
  const unzipped = createGunzip();
  // readline does not hand on its input's errors: they are kept and thrown where the lines end.
  let failed: unknown;
  const fail = (error: unknown) => {
    failed ??= error;
    unzipped.destroy();
  };
  file.on('error', fail);
  unzipped.on('error', fail);
  try {
    yield* createInterface({ input: file.pipe(unzipped), crlfDelay: Number.POSITIVE_INFINITY });
  } catch (error) {
    failed ??= error;
  } finally {
    file.destroy();
  }
  if (failed === undefined) return;
  const code = (failed as NodeJS.ErrnoException).code ?? '';
  if (code.startsWith('Z_')) throw damaged(path, messageOf(failed));
  throw new UserError(`cannot read ${path} (${messageOf(failed)})`, { cause: failed });
}

function readHeader(line: string, path: string): Header {
  try {
    const header = JSON.parse(line) as Header & { reelfleet?: string; format?: number };
    if (header.reelfleet === 'backup' && header.format === FORMAT && Array.isArray(header.migrations)) return header;
  } catch {}
  throw new UserError(`${path} is no backup that this Reelfleet can read: "reelfleet db backup FILE" writes one`);
}

function assertSameSchema(header: Header, ours: readonly Migration[], url: string): void {
  const text = (all: readonly Migration[]) => all.map(({ name, hash }) => `${name} ${hash}`).join('\n');
  if (text(header.migrations) === text(ours)) return;
  throw new UserError(
    `the backup was made at migration ${header.migrations.at(-1)?.name} and the database at ${maskUrl(url)} is at ${ours.at(-1)?.name}: ` +
      'restore it with the Reelfleet that made it, then migrate',
  );
}

const damaged = (path: string, how: string) =>
  new UserError(`${path} is damaged or cut off (${how}); nothing was changed: take another backup file`);

const notMigrated = (url: string) =>
  new UserError(`the database at ${maskUrl(url)} has no Reelfleet schema: run "reelfleet migrate" first`);
