/**
 * Databases for tests: one Postgres cluster per vitest run, one migrated template per set of migrations, one clone of
 * it per call. A clone takes some tens of milliseconds and shares nothing with any other test. The cluster is the
 * embedded Postgres without durability, or the one named by TEST_DATABASE_URL (15 or newer, where that user may create
 * databases). This package does not know the migrations: whoever owns them passes them in.
 */
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '@reelfleet/embedded';
import pg from 'pg';

const PREFIX = 'reelfleet-test-';

export interface TestCluster {
  /** A user who may create databases. */
  readonly url: string;
  stop(): Promise<void>;
}

/** The cluster of this run: the one TEST_DATABASE_URL names (`stop` leaves it alone), else a new one of our own. */
export async function testCluster(): Promise<TestCluster> {
  const given = process.env.TEST_DATABASE_URL;
  if (given !== undefined && given !== '') return { url: given, async stop() {} };
  removeLeftovers();
  const dataDir = mkdtempSync(join(tmpdir(), `${PREFIX}${process.pid}-`));
  chmodSync(dataDir, 0o755); // run as root, the postgres user has to pass through it
  const server = await startEmbeddedPostgres({ dataDir, durable: false });
  return {
    url: server.url,
    async stop() {
      await server.stop();
      for (const folder of [server.clusterDir, dataDir]) rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Folders of runs that were killed. Their servers died with them, or do so on finding their files gone. */
function removeLeftovers(): void {
  for (const name of readdirSync(tmpdir())) {
    const pid = name.startsWith(PREFIX) ? Number.parseInt(name.slice(PREFIX.length), 10) : Number.NaN;
    if (Number.isNaN(pid)) continue;
    try {
      process.kill(pid, 0);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') continue;
      try {
        rmSync(join(tmpdir(), name), { recursive: true, force: true });
      } catch {} // another user's
    }
  }
}

/** Migrations and what tells them apart. */
export interface TestSchema {
  /** Changes whenever the migrations do, for instance a hash of their files; letters, digits and `_` only. */
  readonly hash: string;
  /** Brings the empty database at `url` up to date and closes its connections. */
  migrate(url: string): Promise<void>;
}

export interface TestDatabase {
  readonly url: string;
  readonly name: string;
  /** Cuts whoever is still connected and removes the database. May be called twice. */
  drop(): Promise<void>;
}

/**
 * A database of one's own with `schema` applied; an empty one without `schema`. Works from any number of processes at
 * once: the first one to ask makes the template while the others wait for it. Needs TEST_DATABASE_URL, which vitest's
 * global setup provides. A database that is not dropped goes with the cluster.
 */
export async function freshDatabase(schema?: TestSchema): Promise<TestDatabase> {
  const cluster = process.env.TEST_DATABASE_URL;
  if (cluster === undefined || cluster === '') {
    throw new Error('freshDatabase needs TEST_DATABASE_URL: run through vitest, or set it to testCluster().url');
  }
  const name = `reelfleet_t_${process.pid}_${randomBytes(5).toString('hex')}`;
  await withAdmin(cluster, async (admin) => {
    const template = schema === undefined ? 'template0' : await ensureTemplate(admin, cluster, schema);
    await admin.query(`create database ${pg.escapeIdentifier(name)} template ${pg.escapeIdentifier(template)}`);
  });
  return {
    url: urlOf(cluster, name),
    name,
    drop: () =>
      withAdmin(cluster, async (admin) => {
        await admin.query(`drop database if exists ${pg.escapeIdentifier(name)} with (force)`);
      }),
  };
}

/** The name of the migrated template. It is built under another name and renamed when whole, so that its being there means it is finished. */
async function ensureTemplate(admin: pg.Client, cluster: string, schema: TestSchema): Promise<string> {
  const template = `reelfleet_tpl_${schema.hash}`;
  if (!/^\w{1,40}$/.test(schema.hash)) throw new Error(`"${schema.hash}" is no usable hash: 1 to 40 of [A-Za-z0-9_]`);
  const exists = async () => {
    const found = await admin.query('select 1 from pg_database where datname = $1', [template]);
    return found.rows.length > 0;
  };
  if (await exists()) return template;
  await admin.query('select pg_advisory_lock(hashtext($1))', [template]); // let go when the connection closes
  if (await exists()) return template;
  const building = pg.escapeIdentifier(`${template}_building`);
  await admin.query(`drop database if exists ${building} with (force)`); // of a run that was killed here
  await admin.query(`create database ${building} template template0`);
  await schema.migrate(urlOf(cluster, `${template}_building`));
  // Without connections nothing keeps the clones waiting ("source database is being accessed by other users").
  await admin.query(`alter database ${building} allow_connections false`);
  await admin.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [
    `${template}_building`,
  ]);
  await admin.query(`alter database ${building} rename to ${pg.escapeIdentifier(template)}`);
  return template;
}

async function withAdmin<T>(url: string, use: (admin: pg.Client) => Promise<T>): Promise<T> {
  const admin = new pg.Client({ connectionString: url });
  admin.on('error', () => {}); // a cluster restarted under us: the query under way reports it
  await admin.connect();
  try {
    return await use(admin);
  } finally {
    await admin.end();
  }
}

function urlOf(cluster: string, database: string): string {
  const url = new URL(cluster);
  url.pathname = `/${database}`;
  return url.href;
}
