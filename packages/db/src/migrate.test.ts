import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { atTestEnd, freshDatabase, testCluster, until } from '@reelfleet/testkit';
import pg from 'pg';
import { describe, expect, test } from 'vitest';
import { assertVersion, migrate, schemaVersion } from './migrate.ts';
import { productSources, type Sources } from './migration-plan.ts';

/** An empty database and a second connection to watch it with. */
async function emptyDatabase() {
  const database = await freshDatabase();
  const watcher = new pg.Client({ connectionString: database.url });
  watcher.on('error', () => {});
  await watcher.connect();
  atTestEnd(async () => {
    await watcher.end();
    await database.drop();
  });
  return { url: database.url, watcher };
}

/** The product's SQL with changes: a copy in a scratch folder. */
function changedSources(change: {
  migrations?: Record<string, string>;
  functions?: Record<string, string>;
  edit?: Record<string, string>;
}): Sources {
  const folder = mkdtempSync(join(tmpdir(), 'reelfleet-sql-'));
  atTestEnd(() => rmSync(folder, { recursive: true, force: true }));
  const sources = { migrations: join(folder, 'drizzle'), functions: join(folder, 'sql') };
  cpSync(productSources.migrations, sources.migrations, { recursive: true });
  cpSync(productSources.functions, sources.functions, { recursive: true });
  const journalPath = join(sources.migrations, 'meta', '_journal.json');
  const journal = JSON.parse(readFileSync(journalPath, 'utf8'));
  for (const [tag, sql] of Object.entries(change.migrations ?? {})) {
    journal.entries.push({ idx: journal.entries.length, tag });
    writeFileSync(join(sources.migrations, `${tag}.sql`), sql);
  }
  writeFileSync(journalPath, JSON.stringify(journal));
  for (const [name, sql] of Object.entries(change.functions ?? {})) writeFileSync(join(sources.functions, name), sql);
  for (const [name, sql] of Object.entries(change.edit ?? {})) writeFileSync(join(sources.migrations, name), sql);
  return sources;
}

/** What a database looks like from outside: tables, functions, triggers. */
async function fingerprint(watcher: pg.Client): Promise<string[]> {
  const { rows } = await watcher.query<{ thing: string }>(`
    select 'relation ' || c.oid::regclass || ' ' || c.relkind::text as thing from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname in ('public', 'reelfleet') and c.relkind in ('r', 'i', 'S')
    union all select 'function ' || p.oid::regprocedure || ' ' || md5(p.prosrc) from pg_proc p where p.pronamespace = to_regnamespace('reelfleet')
    union all select 'trigger ' || t.tgname || ' ' || t.tgrelid::regclass from pg_trigger t where not t.tgisinternal
    order by 1`);
  return rows.map((row) => row.thing);
}

const killMigrations = `select pg_terminate_backend(pid) from pg_stat_activity
  where datname = current_database() and application_name = 'reelfleet migrate'`;

describe('migrate', () => {
  test('brings an empty database to the schema, says what it did, and finds nothing to do the second time', async () => {
    const { url, watcher } = await emptyDatabase();
    const said: string[] = [];
    const first = await migrate(url, { log: (line) => said.push(line) });
    expect(first.applied).toContain('0000_tables');
    expect(first.functions).toContain('90-grants.sql');
    expect(first.version).toBe(schemaVersion());
    expect(said).toContain('applied migration 0000_tables');
    const stored = await watcher.query('select reelfleet.schema_version() as version');
    expect(stored.rows[0].version).toBe(schemaVersion());

    said.length = 0;
    const second = await migrate(url, { log: (line) => said.push(line) });
    expect(second).toEqual({ applied: [], functions: [], role: 'exists', version: schemaVersion() });
    expect(said).toEqual([`nothing to do: the schema is at ${schemaVersion()}`]);
  });

  test('ten at once apply everything once, and all succeed', async () => {
    const { url, watcher } = await emptyDatabase();
    const queueRuns: string[] = [];
    const results = await Promise.all(
      Array.from({ length: 10 }, () => migrate(url, { migrateQueue: async (at) => void queueRuns.push(at) })),
    );
    expect(results.filter((result) => result.applied.length > 0)).toHaveLength(1);
    expect(results.filter((result) => result.functions.length > 0)).toHaveLength(1);
    expect(queueRuns).toEqual(Array(10).fill(url));
    const { rows } = await watcher.query('select name from reelfleet.migrations order by name');
    expect(rows.map((row) => row.name)).toEqual(results.find((result) => result.applied.length > 0)?.applied);
  });

  test('killed in the middle it leaves the database untouched, and a rerun completes', async () => {
    const { url, watcher } = await emptyDatabase();
    const untouched = await fingerprint(watcher);
    const slow = changedSources({ migrations: { '9999_slow': 'create table late (id int); select pg_sleep(60);' } });
    const killed = migrate(url, { sources: slow }).catch((error: Error) => error);
    await until(
      async () => {
        const { rowCount } = await watcher.query(
          `select from pg_stat_activity where datname = current_database() and application_name = 'reelfleet migrate' and wait_event = 'PgSleep'`,
        );
        return rowCount === 1;
      },
      { what: 'the migration to sleep' },
    );
    await watcher.query(killMigrations);
    expect(String(await killed)).toMatch(
      /connection .* was lost while migrating; the database is as it was or fully migrated/,
    );
    expect(await fingerprint(watcher)).toEqual(untouched);
    expect((await migrate(url)).applied).not.toEqual([]);
  });

  test('killed at any moment it leaves the database untouched or fully migrated, and a rerun completes', async () => {
    const reference = await emptyDatabase();
    await migrate(reference.url);
    const complete = await fingerprint(reference.watcher);
    for (const afterMs of [15, 40, 80, 140, 220]) {
      const { url, watcher } = await emptyDatabase();
      const untouched = await fingerprint(watcher);
      const attempt = migrate(url).catch((error: Error) => error);
      await sleep(afterMs);
      await watcher.query(killMigrations);
      await attempt;
      const found = await fingerprint(watcher);
      expect([untouched, complete]).toContainEqual(found);
      await migrate(url);
      expect(await fingerprint(watcher)).toEqual(complete);
    }
  });

  test('a failing migration changes nothing and names its file', async () => {
    const { url, watcher } = await emptyDatabase();
    const untouched = await fingerprint(watcher);
    const sources = changedSources({ migrations: { '9999_wrong': 'alter table nowhere add column x int;' } });
    await expect(migrate(url, { sources })).rejects.toThrow(
      'migration 9999_wrong failed: relation "nowhere" does not exist; nothing was changed',
    );
    expect(await fingerprint(watcher)).toEqual(untouched);
  });

  test('a changed function file is applied again and changes the version', async () => {
    const { url, watcher } = await emptyDatabase();
    await migrate(url);
    const sources = changedSources({
      functions: {
        '99-extra.sql':
          'create or replace function reelfleet.extra() returns int language sql as $$ select 42 $$; -- no line end',
      },
    });
    const result = await migrate(url, { sources });
    expect(result).toMatchObject({ applied: [], functions: ['99-extra.sql'] });
    expect(result.version).not.toBe(schemaVersion());
    const { rows } = await watcher.query('select reelfleet.extra() as extra, reelfleet.schema_version() as version');
    expect(rows[0]).toEqual({ extra: 42, version: result.version });
    // Back to this code: the file is unknown here, so it no longer counts.
    expect((await migrate(url)).version).toBe(schemaVersion());
    expect((await watcher.query("select from reelfleet.functions where name = '99-extra.sql'")).rowCount).toBe(0);
  });

  test('a database that is newer than the code is refused with one sentence', async () => {
    const { url } = await emptyDatabase();
    await migrate(url, { sources: changedSources({ migrations: { '9999_future': 'create table future (id int);' } }) });
    await expect(migrate(url)).rejects.toThrow(
      /is newer than this Reelfleet: it has migration 9999_future, .*; update Reelfleet$/,
    );
  });

  test('a migration that was edited after it was applied is refused with one sentence', async () => {
    const { url } = await emptyDatabase();
    await migrate(url);
    const sources = changedSources({ edit: { '0001_rules.sql': '-- nothing' } });
    await expect(migrate(url, { sources })).rejects.toThrow(
      /^migration 0001_rules was changed after it was applied to /,
    );
  });

  test('with a user who may not create roles it says what an administrator should do, and grants follow once the role is there', async () => {
    const given = process.env.TEST_DATABASE_URL;
    delete process.env.TEST_DATABASE_URL; // a cluster of our own: roles belong to the cluster, and this one must not have ours yet
    const cluster = await testCluster().finally(() => {
      process.env.TEST_DATABASE_URL = given;
    });
    atTestEnd(() => cluster.stop());
    const admin = new pg.Client({ connectionString: cluster.url });
    admin.on('error', () => {});
    await admin.connect();
    atTestEnd(() => admin.end());
    await admin.query("create role owner login password 'x'; create role stranger login password 'x'");
    await admin.query('create database fleet owner owner');
    const url = new URL(cluster.url);
    url.username = 'owner';
    url.password = 'x';
    url.pathname = '/fleet';

    const said: string[] = [];
    const first = await migrate(url.href, { log: (line) => said.push(line) });
    expect(first.role).toBe('skipped');
    expect(said.join('\n')).toContain(
      'have an administrator run "create role reelfleet_worker nologin", then migrate again',
    );

    await admin.query('create role reelfleet_worker nologin');
    expect(await migrate(url.href)).toMatchObject({ applied: [], functions: [], role: 'exists' });
    const client = new pg.Client({ connectionString: url.href });
    await client.connect();
    const { rows } = await client.query(
      "select has_schema_privilege('reelfleet_worker', 'reelfleet', 'usage') as granted",
    );
    await client.end();
    expect(rows[0].granted).toBe(true);

    url.username = 'stranger';
    await expect(migrate(url.href)).rejects.toThrow(/migrate as the owner of the database$|permission denied/);
    url.pathname = '/postgres';
    await expect(migrate(url.href)).rejects.toThrow(
      /this database user may not do that .*: migrate as the owner of the database$/,
    );
  });

  test('a wrong password, a closed port, a missing database and a strange URL end in one sentence without the password', async () => {
    const wrong = (change: (url: URL) => void) => {
      const url = new URL(process.env.TEST_DATABASE_URL ?? '');
      url.password = 's3cret-and-wrong';
      change(url);
      return migrate(url.href).then(
        () => 'no error',
        (error: Error) => `${error.name}: ${error.message}`,
      );
    };
    const closed = await wrong((url) => {
      url.port = '1';
    });
    expect(closed).toMatch(
      /^UserError: nobody answers at postgres:.*:\*\*\*@.*: start Postgres or check host and port/,
    );
    const unknown = await wrong((url) => {
      url.username = 'nobody';
    });
    expect(unknown).toMatch(/^UserError: Postgres refuses the user or password in .*:\*\*\*@/);
    const missing = new URL(process.env.TEST_DATABASE_URL ?? '');
    missing.pathname = '/not_there';
    await expect(migrate(missing.href)).rejects.toThrow(/^the database in .*\/not_there does not exist/);
    await expect(migrate('mysql://me:s3cret@db/x')).rejects.toThrow('"mysql://me:***@db/x" names no Postgres database');
    for (const sentence of [closed, unknown]) expect(sentence).not.toContain('s3cret');
  });

  test('a server older than 15 is refused with one sentence', () => {
    expect(() => assertVersion(140_011, '14.11', 'postgres://me:pw@db/x')).toThrow(
      'postgres://me:***@db/x is Postgres 14.11; Reelfleet needs 15 or newer: upgrade the server',
    );
    expect(() => assertVersion(150_000, '15.0', 'postgres://db/x')).not.toThrow();
  });
});
