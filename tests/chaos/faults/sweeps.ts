/** 22: sweeps that meet, and one that stops in the middle. */
import { setTimeout as sleep } from 'node:timers/promises';
import { createLogger } from '@reelfleet/config';
import { Database, openSweepLedger } from '@reelfleet/db';
import { openMeter, type Sweeper, startSweeper } from '@reelfleet/fleet';
import { openStorage } from '@reelfleet/storage';
import type { Fault, Yard } from '../fault.ts';
import { caught, expired } from './ghosts.ts';
import { healing, mustHold } from './healing.ts';

const SWEEPERS = 5;
const LOCK_MS = 4_000;

export const sweepsTogether: Fault = {
  number: 22,
  name: 'five sweeps at once; the one holding the lock frozen',
  promise:
    'each lease expires once and each ticket is issued once whoever sweeps, and a sweeper that stands still stops nobody',
  takesMs: 90_000,
  run: healing(async (its) => {
    const { yard, heal, promised } = its;
    const db = new Database(yard.postgres.url, { name: 'chaos-sweeps', max: SWEEPERS });
    heal(() => db.end());
    const sweepers = Array.from({ length: SWEEPERS }, (_, index) => openSweeper(yard, db, `sweeper-${index + 1}`));
    heal(() => Promise.all(sweepers.map((sweeper) => sweeper.stop())));

    // One who held leases, and had the turn when he last had something to do, stands still.
    const { worker, held } = await caught({ yard, chance: its.chance }, (one) => one.process.freeze());
    heal(() => worker.process.wake());
    let sweeping = true;
    heal(() => {
      sweeping = false;
    });
    let swept = 0;
    const together = (async () => {
      while (sweeping) {
        const work = await Promise.all(sweepers.map((sweeper) => sweeper.once()));
        swept += work.length;
        await sleep(50);
      }
    })();
    await expired(its, worker, held);
    worker.process.wake();
    sweeping = false;
    await together;

    // And one that holds the row of the turn itself.
    const lastSweep = await sweptAt(yard);
    await promised('sweeps to go on', async () => (await sweptAt(yard)) > lastSweep, 10_000);
    const lock = db.query(
      `with turn as (select 1 from sweep_turn for update) select pg_sleep(${LOCK_MS / 1_000}) from turn`,
    );
    await yard.works(2, 30_000);
    await lock;
    const unlocked = await sweptAt(yard);
    await promised('sweeps to go on when the lock is gone', async () => (await sweptAt(yard)) > unlocked, 10_000);
    const twice = await yard.db.query<{ task: string }>(
      `select task_id as task from task_audit where action = 'expire' group by task_id, state_version having count(*) > 1`,
    );
    mustHold(twice.length === 0, 'every lease to expire once', twice.map(({ task }) => task).join(', '));
    const ended = await yard.ended([...new Set(held.map(({ runId }) => runId))], 60_000);
    mustHold(ended.size > 0, 'the runs of the frozen one to end', ended.size);
    return { sweeps: swept, 'leases expired': held.length };
  }),
};

/** One that sweeps when it is told to, and leaves the fleet's turn alone. */
function openSweeper(yard: Yard, db: Database, actor: string): Sweeper {
  return startSweeper({
    actor,
    ledger: { ...openSweepLedger(db), turn: async () => false, choreDue: async () => false },
    queue: yard.tickets,
    stages: [],
    storage: openStorage(`file://${yard.folder}/data/none`),
    log: createLogger({ level: 'silent', name: 'chaos' }),
    meter: openMeter(),
    intervalMs: 1_000,
    leaseMs: yard.leaseMs,
    offlineMs: 2 * yard.leaseMs,
    retentionDays: 90,
  });
}

async function sweptAt(yard: Yard): Promise<number> {
  const rows = await yard.db.query<{ at: number }>(
    'select (extract(epoch from last_at) * 1000)::float8 as at from sweep_turn',
  );
  return rows[0]?.at ?? 0;
}
