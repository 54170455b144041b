/**
 * The constants of docs/scale.md: what one task, one beat, one ticket and one idle worker cost. Claims and settles are
 * measured one by one, because in a large fleet each worker has one task at a time to speak of; batches only make it cheaper.
 */
import { createLogger } from '@reelfleet/config';
import type { BeatItem, SettleItem, Ticket } from '@reelfleet/core';
import { Database, openLedger, openOperatorLedger, openSweepLedger } from '@reelfleet/db';
import { openQueue } from '@reelfleet/fleet';
import { Redis } from 'ioredis';
import { v7 } from 'uuid';
import { noopRun } from './backlog-ledger.ts';
import { cpuSecondsOfTree } from './support/cpu.ts';
import type { World } from './support/world.ts';

/** Per unit of the thing its name says; CPU in milliseconds of one core, sizes in bytes. */
export interface LedgerConstants {
  enqueueCpuMs: number | null;
  /** Claim and settle, one statement each. */
  taskCpuMs: number | null;
  taskWal: number;
  enqueueWal: number;
  /** One beat of four tasks. */
  beatCpuMs: number | null;
  beatWal: number;
  /** One worker asking for the turn, which another one has. */
  turnCpuMs: number | null;
  /** What stays: rows with their indices. */
  auditRows: number;
  auditBytes: number;
  taskBytes: number;
  runBytes: number;
}

export interface TicketConstants {
  commands: number;
  cpuMs: number;
  waitingBytes: number;
}

const LANES = 4;
const BEAT_TASKS = 4;
const LEASE_MS = 600_000;

/** Works `count` times in a few lanes, one connection each. */
async function times(count: number, work: () => Promise<unknown>): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < count) {
      next += 1;
      await work();
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

export async function ledgerConstants(world: World, count: number): Promise<LedgerConstants> {
  const database = await world.database('reelfleet');
  const db = new Database(database.url, { name: 'bench', max: LANES });
  const [ledger, operator, sweep] = [openLedger(db, db), openOperatorLedger(db), openSweepLedger(db)];
  const worker = v7();
  await ledger.hello({ id: worker, name: 'bench', type: 'remote', capabilities: {}, metadata: {} });
  const tickets: Ticket[] = [];
  const enqueue = async () => void tickets.push(...(await operator.enqueue([noopRun()], 'bench')).tickets);
  const claim = async () => {
    const { id, version } = tickets.shift() as Ticket;
    const [answer] = await ledger.claim(worker, LEASE_MS, [{ id, version, refusal: null }]);
    if (answer?.kind !== 'claimed') throw new Error(`a fresh ticket was answered ${answer?.kind}`);
    return { id, version: answer.task.version };
  };
  const live = async () => {
    const item: SettleItem = { ...(await claim()), event: 'complete', output: {} };
    await ledger.settle(worker, [item]);
  };
  const wal = async () =>
    (await db.query<{ at: number }>(`select (pg_current_wal_lsn() - '0/0'::pg_lsn)::float8 as at`))[0]?.at ??
    Number.NaN;
  const sizes = async () => {
    for (const table of ['tasks', 'pipeline_runs', 'task_audit']) await db.query(`vacuum analyze ${table}`);
    const [row] = await db.query<{ tasks: number; runs: number; audit: number; rows: number }>(
      `select pg_total_relation_size('tasks')::float8 as tasks, pg_total_relation_size('pipeline_runs')::float8 as runs,
              pg_total_relation_size('task_audit')::float8 as audit, (select count(*) from task_audit)::float8 as rows`,
    );
    return row as NonNullable<typeof row>;
  };
  const cost = async (units: number, work: () => Promise<unknown>) => {
    const [cpu, at] = [world.postmaster === null ? null : cpuSecondsOfTree(world.postmaster), await wal()];
    await times(units, work);
    const after = world.postmaster === null ? null : cpuSecondsOfTree(world.postmaster);
    return {
      cpuMs: cpu === null || after === null ? null : ((after - cpu) * 1000) / units,
      wal: ((await wal()) - at) / units,
    };
  };
  try {
    // Plans, caches, and the first page images after the start.
    await times(count / 10, enqueue);
    await times(count / 10, live);
    const before = await sizes();
    const enqueued = await cost(count, enqueue);
    const lived = await cost(count, live);
    const after = await sizes();
    await times(BEAT_TASKS, enqueue);
    const items: BeatItem[] = [];
    for (let n = 0; n < BEAT_TASKS; n++) items.push({ ...(await claim()), progressPercent: 50, step: 'encoding' });
    const beat = await cost(count, () => ledger.beat(worker, LEASE_MS, items, { draining: false }));
    await sweep.turn(3_600_000, LEASE_MS);
    const turn = await cost(count, () => sweep.turn(3_600_000, LEASE_MS));
    return {
      enqueueCpuMs: enqueued.cpuMs,
      taskCpuMs: lived.cpuMs,
      taskWal: lived.wal,
      enqueueWal: enqueued.wal,
      beatCpuMs: beat.cpuMs,
      beatWal: beat.wal,
      turnCpuMs: turn.cpuMs,
      auditRows: (after.rows - before.rows) / count,
      auditBytes: (after.audit - before.audit) / count,
      taskBytes: (after.tasks - before.tasks) / count,
      runBytes: (after.runs - before.runs) / count,
    };
  } finally {
    await db.end();
    await database.drop();
  }
}

/** Null where there is no Redis. */
export async function ticketConstants(world: World, count: number): Promise<TicketConstants | null> {
  if (world.redis === null) return null;
  const redis = new Redis(`${world.redis.url}/15`);
  const log = createLogger({ level: 'error', name: 'bench' });
  const queue = openQueue({ kind: 'redis', url: `${world.redis.url}/15` }, { consumers: 1, log });
  const numberIn = async (section: string, names: readonly string[]) => {
    const info = await redis.info(section);
    return names.reduce((sum, name) => sum + Number(new RegExp(`${name}:([\\d.]+)`).exec(info)?.[1] ?? Number.NaN), 0);
  };
  const commands = () => numberIn('stats', ['total_commands_processed']);
  const cpu = () => numberIn('cpu', ['used_cpu_sys', 'used_cpu_user']);
  const memory = () => numberIn('memory', ['used_memory']);
  const tickets = Array.from({ length: count }, (): Ticket => {
    return {
      id: v7(),
      version: 1,
      dispatches: 1,
      stage: 'noop',
      title: 'music 7/20 · Royal Court Ambience',
      priority: 0,
    };
  });
  try {
    // Connections and scripts first.
    await queue.send(tickets.slice(0, 1));
    const [commandsBefore, cpuBefore, memoryBefore] = [await commands(), await cpu(), await memory()];
    // One by one, as they become due in a large fleet.
    for (const ticket of tickets.slice(1)) await queue.send([ticket]);
    const memoryAfter = await memory();
    await new Promise<void>((done) => {
      let left = count;
      const consumer = queue.consume('noop', 4, async () => {
        left -= 1;
        if (left === 0) done();
        return 'done';
      });
      void consumer.run();
    });
    return {
      commands: ((await commands()) - commandsBefore) / count,
      cpuMs: (((await cpu()) - cpuBefore) * 1000) / count,
      waitingBytes: (memoryAfter - memoryBefore) / count,
    };
  } finally {
    await queue.close(2_000);
    await redis.flushdb();
    redis.disconnect();
  }
}
