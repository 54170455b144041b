/**
 * How the fleet scales: one album, and two hundred small runs, with 1, 2, 4 and 8 worker processes of one slot each on this
 * one machine; and the constants from which docs/scale.md computes a fleet of a thousand workers.
 */
import { availableParallelism } from 'node:os';
import type { Order } from '@reelfleet/catalog';
import { until } from '@reelfleet/testkit';
import type { Benchmark, BenchmarkOptions, Cell, Table } from './benchmark.ts';
import { type LedgerConstants, ledgerConstants, type TicketConstants, ticketConstants } from './scale-constants.ts';
import { openScaleFleet, type Seconds } from './scale-fleet.ts';
import { type IdleWorker, idleWorker } from './scale-idle.ts';
import { demand, limitsTable, modelTable, theFleet } from './scale-model.ts';
import { openWorld, type World } from './support/world.ts';

const LONGEST_MS = 600_000;

interface Load {
  readonly name: string;
  orders(): Order[];
}

interface Pass {
  readonly load: string;
  readonly workers: number;
  readonly seconds: number;
  readonly cpu: Seconds | null;
}

const albumOf = (tracks: number, seconds: number): Load => ({
  name: `one album: ${tracks} tracks, ${tracks * seconds} s, 1080p`,
  orders: () => [
    {
      kind: 'album',
      channel: 'Bench',
      niche: 'rain on old roofs',
      moods: ['calm', 'warm'],
      preview: true,
      tracks,
      seconds,
    },
  ],
});
const small = (count: number): Load => ({
  name: `${count} small runs: one still each, 640 x 360`,
  orders: () =>
    Array.from({ length: count }, (_, seed) => ({
      kind: 'stage',
      stage: 'image',
      input: {
        orderIndex: 1,
        title: 'Still',
        prompt: 'misty mountains at dawn',
        seed,
        width: 640,
        height: 360,
        fps: 30,
      },
    })),
});

/** From the first claim to the last end, by the database's clock. */
async function pass(world: World, load: Load, workers: number, space: number): Promise<Pass> {
  const redis = world.redis ? `${world.redis.url}/${space}` : null;
  const fleet = await openScaleFleet(world, { workers, redis });
  try {
    const before = fleet.cpu();
    const orders = load.orders();
    await fleet.operator.enqueue(orders);
    const ended = await until(
      async () => {
        const [row] = await fleet.db.query<{ open: number; failed: number; seconds: number }>(
          `select (select count(*) from pipeline_runs where status in ('queued', 'running'))::int as open,
                  (select count(*) from pipeline_runs where status not in ('queued', 'running', 'completed'))::int as failed,
                  (select extract(epoch from max(completed_at) - min(started_at)) from tasks)::float8 as seconds`,
        );
        if (row && row.failed > 0) throw new Error(`${row.failed} of ${orders.length} runs did not complete`);
        return row?.open === 0 ? row : null;
      },
      { what: `${load.name} with ${workers} workers`, timeoutMs: LONGEST_MS, everyMs: 100 },
    );
    const after = fleet.cpu();
    const cpu = before && after && spent(before, after);
    return { load: load.name, workers, seconds: ended.seconds, cpu };
  } finally {
    await fleet.close();
  }
}

const spent = (before: Seconds, after: Seconds): Seconds => ({
  workers: after.workers - before.workers,
  postgres: after.postgres - before.postgres,
  redis: after.redis - before.redis,
});

function tableOf(passes: readonly Pass[]): Table {
  const cores = availableParallelism();
  return {
    title: `worker processes of one slot each, on ${cores} cores, which they share with Postgres and Redis`,
    columns: ['load', 'workers', 'seconds', 'speed-up', 'CPU s of workers', 'of Postgres', 'of Redis', 'cores busy'],
    rows: passes.map(({ load, workers, seconds, cpu }): Cell[] => {
      const alone = passes.find((one) => one.load === load && one.workers === 1);
      const all = cpu && cpu.workers + cpu.postgres + cpu.redis;
      return [
        load,
        workers,
        seconds,
        alone ? alone.seconds / seconds : null,
        cpu?.workers ?? null,
        cpu?.postgres ?? null,
        cpu?.redis ?? null,
        all && `${(all / seconds).toFixed(2)} of ${cores}`,
      ];
    }),
  };
}

function constantsTable(ledger: LedgerConstants, ticket: TicketConstants | null): Table {
  return {
    title: 'what one of each costs (the constants of docs/scale.md)',
    columns: ['symbol', 'what', 'value', 'unit'],
    rows: [
      ['c_task', 'Postgres CPU: claim and settle, one by one', ledger.taskCpuMs, 'ms'],
      ['c_enqueue', 'Postgres CPU: enqueue of a run of one task', ledger.enqueueCpuMs, 'ms'],
      ['c_beat', 'Postgres CPU: a beat of four tasks', ledger.beatCpuMs, 'ms'],
      ['c_turn', 'Postgres CPU: asking for the sweep', ledger.turnCpuMs, 'ms'],
      ['w_task', 'WAL: claim and settle', ledger.taskWal, 'bytes'],
      ['w_enqueue', 'WAL: enqueue of a run of one task', ledger.enqueueWal, 'bytes'],
      ['w_beat', 'WAL: a beat of four tasks', ledger.beatWal, 'bytes'],
      ['n_audit', 'audit rows per task: create, claim, complete', ledger.auditRows, 'rows'],
      ['s_audit', 'these rows with their indices', ledger.auditBytes, 'bytes'],
      ['s_task', 'a row of tasks with its indices', ledger.taskBytes, 'bytes'],
      ['s_run', 'a row of pipeline_runs with its indices', ledger.runBytes, 'bytes'],
      ['n_redis', 'Redis commands per ticket, those inside scripts counted too', ticket?.commands ?? null, 'commands'],
      ['c_redis', 'Redis CPU per ticket', ticket?.cpuMs ?? null, 'ms'],
      ['s_ticket', 'Redis memory per waiting ticket', ticket?.waitingBytes ?? null, 'bytes'],
    ],
  };
}

function idleTable(idle: readonly IdleWorker[]): Table {
  return {
    title: 'what one more idle worker process costs, serving all stages, with the default settings',
    columns: [
      'tickets on',
      'stages',
      'memory MB',
      'Postgres connections',
      'transactions/s',
      'Postgres CPU ms/s',
      'Redis connections',
      'Redis commands/s',
    ],
    rows: idle.map((one) => [
      one.queue,
      one.stages,
      one.memoryMb,
      one.postgresConnections,
      one.transactionsPerSecond,
      one.postgresCpuMsPerSecond,
      one.redisConnections,
      one.redisCommandsPerSecond,
    ]),
  };
}

async function run({ short, say }: BenchmarkOptions) {
  const world = await openWorld();
  const loads = short ? [small(6)] : [albumOf(8, 30), small(200)];
  const counts = short ? [2] : [1, 2, 4, 8];
  try {
    const ledger = await ledgerConstants(world, short ? 100 : 2_000);
    const ticket = await ticketConstants(world, short ? 100 : 5_000);
    say('constants measured');
    const idle: IdleWorker[] = [];
    for (const onRedis of short ? [] : [true, false])
      if (!onRedis || world.redis) idle.push(await idleWorker(world, onRedis, 20));
    const constants = { ledger, ticket, idle };
    const passes: Pass[] = [];
    for (const load of loads) {
      for (const workers of counts) {
        passes.push(await pass(world, load, workers, passes.length));
        say(`${load.name}, ${workers} workers: ${passes.at(-1)?.seconds.toFixed(1)} s`);
      }
    }
    return {
      tables: [
        tableOf(passes),
        constantsTable(ledger, ticket),
        idleTable(idle),
        modelTable(theFleet, constants),
        limitsTable(theFleet, constants),
      ],
      goals: [],
      facts: { passes, ...constants, model: { size: theFleet, needs: demand(theFleet, constants) } },
      notes: [
        ...(world.redisMissing === null
          ? []
          : [`tickets on Postgres, and no constants of Redis: ${world.redisMissing}`]),
        'ffmpeg encodes with several threads, so one worker can keep more than one core busy',
      ],
    };
  } finally {
    await world.close();
  }
}

export const benchmark: Benchmark = {
  name: 'scale',
  question: 'what do more worker processes give on one machine, and what would a thousand workers cost?',
  goals: [],
  run,
};
