/** 23: migrators that meet, that die, and workers of yesterday. In databases of its own beside the yard's. */

import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Database, migrate, schemaVersion } from '@reelfleet/db';
import { startProcess, type TestProcess } from '@reelfleet/testkit';
import { workerScript } from '../crew.ts';
import type { Fault, Yard } from '../fault.ts';
import { type Course, healing, mustHold } from './healing.ts';

const cliBin = fileURLToPath(new URL('../../../apps/cli/bin/reelfleet.js', import.meta.url));
const MIGRATORS = 5;
const KILLS = 4;

export const migrators: Fault = {
  number: 23,
  name: 'five migrators at once; one killed in the middle; an old worker on a new schema',
  promise:
    'one migrates and all succeed; a killed one leaves nothing half done; an old worker drains with 0, and does not start again',
  takesMs: 90_000,
  run: healing(async (its) => {
    await allAtOnce(its);
    const halves = await killed(its);
    await leftBehind(its);
    return { migrators: MIGRATORS, 'killed in the middle': KILLS, ...halves };
  }),
};

/** An empty database of the fault's own, gone when it has healed. */
async function emptyDatabase({ yard, heal, chance }: Course): Promise<{ url: string; db: Database }> {
  const name = `chaos_${chance.integer(0, 1e9)}_${Date.now()}`;
  await yard.db.query(`create database ${name}`);
  heal(() => yard.db.query(`drop database if exists ${name} with (force)`));
  const url = new URL(yard.postgres.url);
  url.pathname = `/${name}`;
  const db = new Database(url.href, { name: 'chaos-migrators', max: 1 });
  heal(() => db.end());
  return { url: url.href, db };
}

const migrator = (yard: Yard, url: string): TestProcess =>
  startProcess({
    name: 'reelfleet migrate',
    args: [cliBin, 'migrate'],
    env: { ...yard.settings, DATABASE_URL: url, LOG_LEVEL: 'info' },
    cwd: yard.folder,
  });

async function allAtOnce(its: Course): Promise<void> {
  const { url, db } = await emptyDatabase(its);
  const started = Array.from({ length: MIGRATORS }, () => migrator(its.yard, url));
  for (const one of started) {
    const { code } = await one.waitForExit({ timeoutMs: 60_000 });
    mustHold(code === 0, 'every migrator to exit 0', `${code}: ${one.lines.slice(-3).join(' | ')}`);
  }
  const rows = await db.query<{ version: string }>('select reelfleet.schema_version() as version');
  mustHold(rows[0]?.version === schemaVersion(), `schema ${schemaVersion()}`, rows[0]?.version);
  const working = started.filter(({ lines }) => lines.some((line) => /applied migration/.test(line))).length;
  mustHold(working === 1, 'one of them to apply the migrations', working);
}

async function killed(its: Course): Promise<{ untouched: number; whole: number }> {
  const { url, db } = await emptyDatabase(its);
  let untouched = 0;
  let whole = 0;
  for (let kills = 0; kills < KILLS; kills += 1) {
    const attempt = migrate(url).then(
      () => 'done',
      (error: Error) => error.message,
    );
    await sleep(its.chance.integer(10, 250));
    await db.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'reelfleet migrate'`,
    );
    const said = await attempt;
    mustHold(
      said === 'done' || /lost while migrating|connection/i.test(said),
      'a killed migration to say so in one sentence',
      said,
    );
    const rows = await db.query<{ tables: number; versioned: boolean }>(
      `select (select count(*)::int from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind = 'r') as tables,
         exists (select 1 from pg_proc p where p.pronamespace = to_regnamespace('reelfleet') and p.proname = 'schema_version') as versioned`,
    );
    const { tables = -1, versioned = false } = rows[0] ?? {};
    mustHold(
      tables > 0 === versioned,
      'nothing, or all of it',
      `${tables} tables, schema version ${versioned ? 'there' : 'not there'}`,
    );
    if (versioned) whole += 1;
    else untouched += 1;
    if (versioned) break;
  }
  await migrate(url);
  const rows = await db.query<{ version: string }>('select reelfleet.schema_version() as version');
  mustHold(rows[0]?.version === schemaVersion(), 'a rerun to complete it', rows[0]?.version);
  return { untouched, whole };
}

async function leftBehind(its: Course): Promise<void> {
  const { yard, promised } = its;
  const { url, db } = await emptyDatabase(its);
  await migrate(url);
  const start = () =>
    startProcess({
      name: 'a worker of yesterday',
      args: [workerScript],
      // Tickets of its own, in Redis's second database: the fleet's are none of its business.
      env: {
        ...yard.settings,
        DATABASE_URL: url,
        REDIS_URL: `${yard.redis.url}/1`,
        REELFLEET_SCRATCH: `${yard.folder}/scratch-of-yesterday`,
        REELFLEET_WORKER_NAME: 'yesterday',
      },
      cwd: yard.folder,
    });
  const worker = start();
  its.heal(() => worker.kill('SIGKILL', { group: true }));
  await worker.waitForLine(/^worker ready/, { timeoutMs: 30_000 });
  await db.query(
    `create or replace function reelfleet.schema_version() returns text language sql stable as $$ select '9999-tomorrow'::text $$`,
  );
  await promised(
    'a worker of yesterday to notice',
    () => worker.lines.includes('worker ended: schema-changed'),
    15_000,
  );
  const { code } = await worker.waitForExit({ timeoutMs: 20_000 });
  mustHold(code === 0, 'it to drain and exit 0', code);
  const again = start();
  its.heal(() => again.kill('SIGKILL', { group: true }));
  const refused = await again.waitForExit({ timeoutMs: 30_000 });
  mustHold(
    refused.code === 2 && again.lines.some((line) => line.includes('newer than this Reelfleet')),
    'it to refuse to start again, with exit code 2 and a sentence',
    `${refused.code}: ${again.lines.slice(-2).join(' | ')}`,
  );
}
