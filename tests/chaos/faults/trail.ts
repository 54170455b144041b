/** Questions to the audit trail: what happened to these tasks, and what did this worker do. Times are the database's. */
import { type Database, type Param, text, uuids } from '@reelfleet/db';
import { until } from '@reelfleet/testkit';

export interface Entry {
  readonly task: string;
  readonly version: number;
  readonly action: string;
  readonly actor: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Who held it before. */
  readonly holder: string | null;
  readonly code: string | null;
  readonly error: string | null;
}

const ENTRY = `select task_id as task, state_version as version, action, actor, (extract(epoch from "timestamp") * 1000)::float8 as at,
  state_before->>'worker' as holder, state_after->>'errorCode' as code, state_after->>'error' as error from task_audit`;

// Another fault may have Postgres away just now; that is no answer to a question.
const patiently = <T extends object>(db: Database, statement: string, params: readonly Param[] = []): Promise<T[]> =>
  until(() => db.query<T>(statement, params), {
    what: 'Postgres to answer the fault',
    timeoutMs: 30_000,
    everyMs: 200,
  });

/** The database's clock, in milliseconds since the epoch. */
export async function databaseNow(db: Database): Promise<number> {
  const rows = await patiently<{ now: number }>(
    db,
    'select (extract(epoch from clock_timestamp()) * 1000)::float8 as now',
  );
  return (rows[0] as { now: number }).now;
}

/** All entries of these tasks, in order. */
export const trailOf = (db: Database, tasks: readonly string[]): Promise<Entry[]> =>
  patiently(db, `${ENTRY} where task_id = any($1::text::uuid[]) order by task_id, state_version`, [uuids(tasks)]);

/** What a worker did, or had done to what it held, from a moment of the database on. */
export const deedsOf = (db: Database, worker: string, since: number): Promise<Entry[]> =>
  patiently(
    db,
    `${ENTRY} where (actor = $1::text or state_before->>'worker' = $1::text) and "timestamp" >= to_timestamp($2::text::float8 / 1000) order by id`,
    [text(worker), text(String(since))],
  );

/** How these tasks stand. */
export const standing = (
  db: Database,
  tasks: readonly string[],
): Promise<{ id: string; key: string; status: string }[]> =>
  patiently(db, `select id, key, status from tasks where id = any($1::text::uuid[])`, [uuids(tasks)]);

/** Those of these tasks that have not completed. */
export const unfinished = async (db: Database, tasks: readonly string[]): Promise<string[]> =>
  (await standing(db, tasks))
    .filter(({ status }) => status !== 'completed')
    .map(({ key, status }) => `${key} ${status}`);
