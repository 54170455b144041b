/**
 * A lane: one database with its connections and its crew of workers, on which one schedule runs at a time, so that an act
 * of the sweep meets no task but its own.
 */
import { randomUUID } from 'node:crypto';
import type { WorkerIdentity } from '@reelfleet/core';
import { json, openLedger, openOperatorLedger, openSweepLedger } from '@reelfleet/db';
import { migratedDatabase } from '@reelfleet/db/testing';
import { LossyDatabase } from './lossy.ts';

/** No lease of a schedule runs out by itself. */
export const LEASE_MS = 3_600_000;
export type Lane = Awaited<ReturnType<typeof openLane>>;

/** The crew outlives its schedules; a worker that crashes comes back as another. */
export const identity = (id: string): WorkerIdentity => ({
  id,
  name: id,
  type: 'local',
  capabilities: {},
  metadata: {},
});

/** `prepare`: what is done to the ledger before anything runs on it. */
export async function openLane(prepare: (db: LossyDatabase) => Promise<void> = async () => {}) {
  const database = await migratedDatabase();
  const db = new LossyDatabase(database.url, { name: 'simulation', max: 2 });
  const workers = [0, 1, 2].map((n) => new LossyDatabase(database.url, { name: `simulation-worker-${n}`, max: 1 }));
  await prepare(db);
  // Sweeps have been running for long: longer than the millisecond they are told a lease has.
  await db.query(`update sweep_turn set since = now() - interval '1 hour'`);
  const echoes = openLedger(db, db);
  const crew = workers.map(() => randomUUID());
  for (const id of crew) await echoes.hello(identity(id));
  return {
    url: database.url,
    db,
    workers,
    crew,
    ledgers: workers.map((worker) => openLedger(worker, db)),
    echoes,
    sweep: openSweepLedger(db),
    operator: openOperatorLedger(db),
    async close() {
      await Promise.all([db, ...workers].map((one) => one.end()));
      await database.drop();
    },
  };
}

/** For a ledger that is spoilt on purpose: its function `name` under another name, `body` in its place. */
export async function replaceFunction(db: LossyDatabase, name: string, signature: string, body: string): Promise<void> {
  const found = await db.query<{ taken: string }>(
    `select p.oid::regprocedure::text as taken from pg_proc p join pg_namespace n on n.oid = p.pronamespace
     where n.nspname = 'reelfleet' and p.proname = $1::text::jsonb #>> '{}'`,
    [json(name)],
  );
  if (found.length !== 1) throw new Error(`the ledger has ${found.length} functions named ${name}, not one`);
  await db.query(`alter function ${found[0]?.taken} rename to sound_${name}`);
  await db.query(
    `create function reelfleet.${name}${signature} returns jsonb language plpgsql as $$ begin ${body} end $$`,
  );
}
