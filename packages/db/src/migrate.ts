/**
 * Brings a database to the schema this code was written for. It owns the schema `reelfleet`'s own bookkeeping (which
 * migrations were applied, which ledger functions, with their hashes), the role `reelfleet_worker` and, through a
 * callback, the queue's tables.
 *
 * Promises: any number may start at once, one of them migrates and all succeed; one that is killed half-way leaves the
 * database as it was or fully migrated, because everything pending is one simple query, hence one transaction. It goes
 * through `pg`: postgres.js loses track of transactions when a connection dies.
 */
import { UserError } from '@reelfleet/core';
import pg from 'pg';
import { connectionError, isConnectionLoss, maskUrl, parseDatabaseUrl } from './connection-error.ts';
import { type Plan, productSources, readPlan, type Sources, type SqlFile } from './migration-plan.ts';

const LOCK = 7_733_563_100_121; // any number of our own; the lock is per database
const ROLE = 'reelfleet_worker';
const OLDEST_POSTGRES = 15;
const LOCK_TIMEOUT_MS = 5_000;
const TRIES = 6;
/** The server says with this which part of the script it has reached: most of its errors do not name a place. */
const NOTICE = 'reelfleet migrate: ';

export interface MigrateOptions {
  /** Gets short lines for people about what was done. */
  readonly log?: (message: string) => void;
  /** Prepares the queue's own tables (BullMQ's, in schema `bullmq`); called under the migration lock, before the grants. */
  readonly migrateQueue?: (url: string) => Promise<void>;
  /** Where the SQL lies; the product's own unless a test says otherwise. */
  readonly sources?: Sources;
}

export interface MigrateResult {
  /** Migrations applied by this call, in order; empty when there was nothing to do. */
  readonly applied: string[];
  /** Files of ledger functions (re-)applied by this call. */
  readonly functions: string[];
  /** Role `reelfleet_worker`: `skipped` where this user may not create roles. */
  readonly role: 'created' | 'exists' | 'skipped';
  /** What `reelfleet.schema_version()` answers now. */
  readonly version: string;
}

/**
 * Apply what is pending. Safe to call from several processes at once and after any crash. Throws UserError, one
 * sentence, when the server cannot be reached or is too old, when the database is newer than this code, or when the
 * SQL fails; nothing has changed then.
 */
export async function migrate(url: string, options: MigrateOptions = {}): Promise<MigrateResult> {
  const { log = () => {}, migrateQueue, sources = productSources } = options;
  const plan = readPlan(sources);
  const client = await connect(url);
  try {
    await assertServer(client, url);
    // Waits for whoever migrates right now, as long as it takes; let go when the connection closes, however it does.
    await client.query('select pg_advisory_lock($1)', [LOCK]);
    const todo = decide(plan, await readRecords(client), url);
    const role = await ensureRole(client, log);
    await migrateQueue?.(url);
    await run(client, plan, todo);
    for (const file of todo.migrations) log(`applied migration ${file.name}`);
    if (todo.functions.length > 0) log(`applied ledger functions ${todo.functions.map((f) => f.name).join(', ')}`);
    if (todo.migrations.length + todo.functions.length === 0) log(`nothing to do: the schema is at ${plan.version}`);
    return {
      applied: todo.migrations.map((file) => file.name),
      functions: todo.functions.map((file) => file.name),
      role,
      version: plan.version,
    };
  } catch (error) {
    throw isConnectionLoss(error) ? lostConnection(url, error) : error;
  } finally {
    await client.end().catch(() => {});
  }
}

let ownVersion: string | undefined;

/** The schema this code needs, as in `0001-3fa9c2d1`: workers and server refuse a database whose `reelfleet.schema_version()` differs. */
export function schemaVersion(): string {
  ownVersion ??= readPlan(productSources).version;
  return ownVersion;
}

async function connect(url: string): Promise<pg.Client> {
  parseDatabaseUrl(url);
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
    application_name: 'reelfleet migrate',
  });
  client.on('error', () => {}); // a backend killed between two queries: the next query reports it
  try {
    await client.connect();
    // The database's or the role's own defaults must not cut a migration short or send tables elsewhere.
    await client.query(
      'set statement_timeout = 0; set lock_timeout = 0; set idle_session_timeout = 0; set search_path = public',
    );
  } catch (error) {
    await client.end().catch(() => {});
    throw connectionError(url, error);
  }
  return client;
}

async function assertServer(client: pg.Client, url: string): Promise<void> {
  const { rows } = await client.query<{ num: number; version: string }>(
    "select current_setting('server_version_num')::int as num, current_setting('server_version') as version",
  );
  for (const server of rows) assertVersion(server.num, server.version, url);
}

/** `num` as in `server_version_num`. Exported for its test: no such old server is at hand. */
export function assertVersion(num: number, version: string, url: string): void {
  if (num >= OLDEST_POSTGRES * 10_000) return;
  throw new UserError(
    `${maskUrl(url)} is Postgres ${version}; Reelfleet needs ${OLDEST_POSTGRES} or newer: upgrade the server or name another one in DATABASE_URL`,
  );
}

/** Hashes of what was applied, by name. */
interface Records {
  readonly migrations: ReadonlyMap<string, string>;
  readonly functions: ReadonlyMap<string, string>;
}

async function readRecords(client: pg.Client): Promise<Records> {
  const known = await client.query("select to_regclass('reelfleet.functions') is not null as known");
  if (!known.rows[0].known) return { migrations: new Map(), functions: new Map() };
  const read = async (table: string) => {
    const { rows } = await client.query<{ name: string; hash: string }>(`select name, hash from reelfleet.${table}`);
    return new Map(rows.map((row) => [row.name, row.hash]));
  };
  return { migrations: await read('migrations'), functions: await read('functions') };
}

interface Todo {
  readonly migrations: readonly SqlFile[];
  readonly functions: readonly SqlFile[];
}

/** What is left to do, or why nothing may be done. */
function decide(plan: Plan, records: Records, url: string): Todo {
  const ours = new Map(plan.migrations.map((file) => [file.name, file.hash]));
  for (const [name, hash] of records.migrations) {
    const expected = ours.get(name);
    if (expected === undefined) {
      throw new UserError(
        `the database at ${maskUrl(url)} is newer than this Reelfleet: it has migration ${name}, which is unknown here; update Reelfleet`,
      );
    }
    if (expected !== hash) {
      throw new UserError(
        `migration ${name} was changed after it was applied to ${maskUrl(url)}: restore the file and put the change into a new migration`,
      );
    }
  }
  const migrations = plan.migrations.filter((file) => !records.migrations.has(file.name));
  // A migration may have dropped what functions and triggers hang on, so after one they are all applied anew.
  const functions = plan.functions.filter(
    (file) => migrations.length > 0 || records.functions.get(file.name) !== file.hash,
  );
  return { migrations, functions };
}

/** A role for workers, which can do nothing until the grants. Roles are the cluster's: another database's migration may be creating it right now. */
async function ensureRole(client: pg.Client, log: (message: string) => void): Promise<MigrateResult['role']> {
  const exists = async () => (await client.query('select from pg_roles where rolname = $1', [ROLE])).rowCount === 1;
  if (await exists()) return 'exists';
  try {
    await client.query(`create role ${ROLE} nologin`);
    return 'created';
  } catch (error) {
    if (isConnectionLoss(error)) throw error;
    if (await exists()) return 'exists';
    if (codeOf(error) !== '42501') throw error;
    log(
      `the role ${ROLE} is missing and this user may not create it: have an administrator run "create role ${ROLE} nologin", then migrate again`,
    );
    return 'skipped';
  }
}

/** Everything in one simple query: the server runs it as one transaction, and no reply of ours is needed on the way. */
async function run(client: pg.Client, plan: Plan, todo: Todo): Promise<void> {
  const parts = script(plan, todo);
  const sql = parts
    .map(({ name, sql }) => `do $part$ begin raise notice '${NOTICE}${name}'; end $part$;\n${sql}`)
    .join('\n');
  let reached: string | undefined;
  client.on('notice', ({ message }) => {
    if (message?.startsWith(NOTICE)) reached = message.slice(NOTICE.length);
  });
  await client.query(`set lock_timeout = ${LOCK_TIMEOUT_MS}; set client_min_messages = notice`);
  for (let attempt = 1; ; attempt++) {
    try {
      await client.query(sql);
      return;
    } catch (error) {
      if (isConnectionLoss(error)) throw error;
      // A fleet is at work: its statements lock the same tables in their own order. All was rolled back, so try again.
      if (['40P01', '55P03'].includes(codeOf(error) ?? '') && attempt < TRIES) continue;
      throw sqlError(error, reached ?? 'the SQL of this Reelfleet');
    }
  }
}

/**
 * A user called reelfleet, as people like to name it, would meet our internal schema under `"$user"`: a table that such a
 * user creates by hand would land in it, where triggers and functions that look in public do not find it.
 */
const PLAIN_SEARCH_PATH = `do $path$ begin
  if current_user = 'reelfleet' then
    execute format('alter role current_user in database %I set search_path = public', current_database());
  end if;
end $path$;`;

interface Part {
  readonly name: string;
  readonly sql: string;
}

function script(plan: Plan, todo: Todo): Part[] {
  const { escapeLiteral } = pg;
  const record = (table: string, file: SqlFile) =>
    `\n;\ninsert into reelfleet.${table} (name, hash) values (${escapeLiteral(file.name)}, ${escapeLiteral(file.hash)})
     on conflict (name) do update set hash = excluded.hash, applied_at = now();`;
  const bookkeeping = ['migrations', 'functions'].map(
    (table) => `create table if not exists reelfleet.${table} (
      name text primary key, hash text not null, applied_at timestamptz not null default now());`,
  );
  const names = plan.functions.map((file) => escapeLiteral(file.name)).join(', ');
  return [
    { name: 'the bookkeeping', sql: `create schema if not exists reelfleet;\n${bookkeeping.join('\n')}` },
    ...(todo.migrations.length > 0 ? [{ name: 'the search path', sql: PLAIN_SEARCH_PATH }] : []),
    ...todo.migrations.map((file) => ({ name: `migration ${file.name}`, sql: file.sql + record('migrations', file) })),
    {
      name: 'the schema version',
      sql: `create or replace function reelfleet.schema_version() returns text language sql stable
        as ${escapeLiteral(`select ${escapeLiteral(plan.version)}::text`)};
        delete from reelfleet.functions where name not in (${names || "''"});`,
    },
    ...todo.functions.map((file) => ({
      name: `packages/db/sql/${file.name}`,
      sql: file.sql + record('functions', file),
    })),
    // Grants run every time: the role may be there since yesterday, and the queue may have got new tables.
    ...plan.grants
      .filter((file) => !todo.functions.includes(file))
      .map((file) => ({ name: `packages/db/sql/${file.name}`, sql: `${file.sql}\n;` })),
  ];
}

/** The server's words, with the file they are about. */
function sqlError(error: unknown, place: string): UserError {
  const { message, code, detail } = error as pg.DatabaseError;
  if (code === '42501') {
    return new UserError(
      `${place}: this database user may not do that (${message}): migrate as the owner of the database`,
      {
        cause: error,
      },
    );
  }
  if (code === '40P01' || code === '55P03') {
    return new UserError(
      `${place}: a table is in use by somebody else for too long (${message}); nothing was changed: migrate again at a quieter moment`,
      { cause: error },
    );
  }
  return new UserError(`${place} failed: ${message}${detail ? ` (${detail})` : ''}; nothing was changed`, {
    cause: error,
  });
}

function lostConnection(url: string, cause: unknown): UserError {
  return new UserError(
    `the connection to ${maskUrl(url)} was lost while migrating; the database is as it was or fully migrated: run "reelfleet migrate" again`,
    { cause },
  );
}

function codeOf(error: unknown): string | undefined {
  return (error as { code?: string } | undefined)?.code;
}
