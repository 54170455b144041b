/**
 * The model of docs/scale.md: what a fleet needs of its servers, from the constants that `scale` measures. Pure; the formulae
 * stand in the document too, so that a reader with other constants can compute by hand.
 */
import type { Table } from './benchmark.ts';
import type { LedgerConstants, TicketConstants } from './scale-constants.ts';
import type { IdleWorker } from './scale-idle.ts';

export interface FleetSize {
  readonly workers: number;
  readonly tasksPerDay: number;
  /** The busiest seconds against the mean. */
  readonly peak: number;
  readonly beatSeconds: number;
  readonly sweepSeconds: number;
  readonly retentionDays: number;
}

export const theFleet: FleetSize = {
  workers: 1_000,
  tasksPerDay: 10_000_000,
  peak: 10,
  beatSeconds: 10,
  sweepSeconds: 1,
  retentionDays: 90,
};

export interface Constants {
  readonly ledger: LedgerConstants;
  readonly ticket: TicketConstants | null;
  readonly idle: readonly IdleWorker[];
}

const DAY_SECONDS = 86_400;

/** Every task in a run of its own: more runs, and more enqueues, than any pipeline has. */
export function demand(size: FleetSize, { ledger, ticket, idle }: Constants) {
  const mean = size.tasksPerDay / DAY_SECONDS;
  const beats = size.workers / size.beatSeconds;
  const turns = size.workers / size.sweepSeconds;
  const redis = idle.find(({ queue }) => queue === 'Redis');
  const postgres = idle.find(({ queue }) => queue === 'Postgres');
  const cpu = (rate: number) =>
    ledger.taskCpuMs === null || ledger.enqueueCpuMs === null || ledger.beatCpuMs === null || ledger.turnCpuMs === null
      ? null
      : (rate * (ledger.taskCpuMs + ledger.enqueueCpuMs) + beats * ledger.beatCpuMs + turns * ledger.turnCpuMs) / 1_000;
  const times = (value: number | null | undefined, factor: number) => (value == null ? null : value * factor);
  const plus = (a: number | null, b: number | null) => (a === null || b === null ? null : a + b);
  return {
    tasksPerSecond: [mean, mean * size.peak],
    statementsPerSecond: [mean * 3 + beats + turns, mean * size.peak * 3 + beats + turns],
    postgresCores: [cpu(mean), cpu(mean * size.peak)],
    redisCores: [times(ticket?.cpuMs, mean / 1_000), times(ticket?.cpuMs, (mean * size.peak) / 1_000)],
    redisCommandsPerSecond: [mean, mean * size.peak].map((rate) =>
      plus(times(ticket?.commands, rate), times(redis?.redisCommandsPerSecond, size.workers)),
    ),
    redisConnections: times(redis?.redisConnections, size.workers),
    postgresConnections: times(redis?.postgresConnections, size.workers),
    postgresConnectionsWithTickets: times(postgres?.postgresConnections, size.workers),
    ticketBytesPerMillion: times(ticket?.waitingBytes, 1e6),
    walBytesPerDay: size.tasksPerDay * (ledger.taskWal + ledger.enqueueWal) + beats * DAY_SECONDS * ledger.beatWal,
    auditRowsPerDay: size.tasksPerDay * ledger.auditRows,
    auditBytesPerDay: size.tasksPerDay * ledger.auditBytes,
    keptRows: size.tasksPerDay * ledger.auditRows * size.retentionDays,
    keptBytes: size.tasksPerDay * (ledger.auditBytes + ledger.taskBytes + ledger.runBytes) * size.retentionDays,
  };
}

export function modelTable(size: FleetSize, constants: Constants): Table {
  const needs = demand(size, constants);
  const gb = (bytes: number | null) => (bytes === null ? null : bytes / 1e9);
  const both = (name: string, unit: string, [mean, peak]: readonly (number | null)[]) => [
    name,
    mean ?? null,
    peak ?? null,
    unit,
  ];
  const one = (name: string, unit: string, value: number | null) => [name, value, null, unit];
  return {
    title: `the model: ${size.workers.toLocaleString('en')} workers, ${size.tasksPerDay.toLocaleString('en')} tasks a day, mean and peak (${size.peak} times)`,
    columns: ['of it', 'mean', 'peak', 'unit'],
    rows: [
      both('tasks', 'per second', needs.tasksPerSecond),
      both('Postgres: statements', 'per second', needs.statementsPerSecond),
      both('Postgres: CPU', 'cores', needs.postgresCores),
      both('Redis: CPU', 'cores', needs.redisCores),
      both('Redis: commands', 'per second', needs.redisCommandsPerSecond),
      one('Redis: connections', '', needs.redisConnections),
      one('Redis: memory per million waiting tickets', 'GB', gb(needs.ticketBytesPerMillion)),
      one('Postgres: connections, tickets on Redis', '', needs.postgresConnections),
      one('Postgres: connections, tickets on Postgres', '', needs.postgresConnectionsWithTickets),
      one('Postgres: WAL per day', 'GB', gb(needs.walBytesPerDay)),
      one('task_audit: rows per day', 'million', needs.auditRowsPerDay / 1e6),
      one('task_audit: growth per day', 'GB', gb(needs.auditBytesPerDay)),
      one(`task_audit: rows kept for ${size.retentionDays} days`, 'million', needs.keptRows / 1e6),
      one(`tasks, runs and audit kept for ${size.retentionDays} days`, 'GB', gb(needs.keptBytes)),
    ],
  };
}

/** Defaults of the servers, and sizes at which one notices. */
const REDIS_CLIENTS = 10_000;
const POSTGRES_CONNECTIONS = 100;
/** A worker's pool at work: four for statements, one for beats. */
const CONNECTIONS_AT_WORK = 5;
const LARGE_TABLE_BYTES = 100e9;

/** What runs out first, in the order in which a growing fleet meets it. */
export function limitsTable(size: FleetSize, { ledger, ticket, idle }: Constants): Table {
  const redis = idle.find(({ queue }) => queue === 'Redis');
  const per = (amount: number, each: number | null | undefined) => (each ? Math.floor(amount / each) : null);
  const workerMs =
    ledger.beatCpuMs === null || ledger.turnCpuMs === null
      ? null
      : ledger.beatCpuMs / size.beatSeconds + ledger.turnCpuMs / size.sweepSeconds;
  const taskMs =
    ledger.taskCpuMs === null || ledger.enqueueCpuMs === null ? null : ledger.taskCpuMs + ledger.enqueueCpuMs;
  return {
    title: 'what runs out, and when',
    columns: ['what', 'runs out at', 'unit', 'follows from', 'what to turn then'],
    rows: [
      [
        'Postgres connections (max_connections 100)',
        per(POSTGRES_CONNECTIONS, CONNECTIONS_AT_WORK),
        'busy workers',
        `${POSTGRES_CONNECTIONS} / ${CONNECTIONS_AT_WORK} per worker at work`,
        'max_connections up to some hundreds, then pgbouncer',
      ],
      [
        'Redis connections (maxclients 10000)',
        per(REDIS_CLIENTS, redis?.redisConnections),
        'workers that serve all stages',
        'maxclients / connections of an idle worker',
        'REELFLEET_STAGES: fewer stages per worker; maxclients',
      ],
      [
        'one core of Postgres, by tasks',
        per(1_000, taskMs),
        'tasks per second',
        '1000 / (c_task + c_enqueue)',
        'more cores; when one server has no more, a fleet per database',
      ],
      [
        'one core of Redis, by tickets',
        per(1_000, ticket?.cpuMs),
        'tickets per second',
        '1000 / c_redis',
        'a Redis per group of stages, or a cluster with a hash tag per stage',
      ],
      [
        'one core of Postgres, by idle workers',
        per(1_000, workerMs),
        'workers',
        '1000 / (c_beat / beat + c_turn / sweep)',
        'REELFLEET_SWEEP_MS, then REELFLEET_HEARTBEAT_MS and the lease',
      ],
      [
        'task_audit at 100 GB',
        per(LARGE_TABLE_BYTES, ledger.auditBytes),
        'tasks kept',
        '100 GB / s_audit',
        'REELFLEET_RETENTION_DAYS; partitions by month',
      ],
    ],
  };
}
