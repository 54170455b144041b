/** What one worker asks of the servers when there is nothing to do: connections, statements, Redis commands. */
import { setTimeout as sleep } from 'node:timers/promises';
import { stages } from '@reelfleet/pipelines';
import { Redis } from 'ioredis';
import { openScaleFleet } from './scale-fleet.ts';
import type { World } from './support/world.ts';

export interface IdleWorker {
  readonly queue: 'Redis' | 'Postgres';
  readonly stages: number;
  readonly memoryMb: number | null;
  readonly postgresConnections: number;
  readonly transactionsPerSecond: number;
  readonly postgresCpuMsPerSecond: number | null;
  readonly redisConnections: number | null;
  readonly redisCommandsPerSecond: number | null;
}

/** Two fleets, of one worker and of three: what the second has more is what two workers cost, whoever has the sweep's turn. */
export async function idleWorker(world: World, onRedis: boolean, seconds: number): Promise<IdleWorker> {
  const one = await look(world, onRedis, 1, seconds);
  const three = await look(world, onRedis, 3, seconds);
  const each = (field: keyof typeof one) => {
    const [few, many] = [one[field], three[field]];
    return few === null || many === null ? null : (many - few) / 2;
  };
  return {
    queue: onRedis ? 'Redis' : 'Postgres',
    stages: stages.size,
    memoryMb: one.memory === null ? null : one.memory / 2 ** 20,
    postgresConnections: each('postgresConnections') ?? Number.NaN,
    transactionsPerSecond: each('transactions') ?? Number.NaN,
    postgresCpuMsPerSecond: each('cpu'),
    redisConnections: each('redisConnections'),
    redisCommandsPerSecond: each('redisCommands'),
  };
}

async function look(world: World, onRedis: boolean, workers: number, seconds: number) {
  const url = onRedis && world.redis ? `${world.redis.url}/14` : null;
  const fleet = await openScaleFleet(world, { workers, redis: url });
  const redis = url === null ? null : new Redis(url);
  const redisNumber = async (section: string, name: string) =>
    redis === null ? null : Number(new RegExp(`${name}:(\\d+)`).exec(await redis.info(section))?.[1]);
  const counted = async () => {
    const [row] = await fleet.db.query<{ n: number }>(
      'select (xact_commit + xact_rollback)::float8 as n from pg_stat_database where datname = current_database()',
    );
    return { transactions: row?.n ?? Number.NaN, commands: await redisNumber('stats', 'total_commands_processed') };
  };
  try {
    await sleep(2_000);
    const [before, cpuBefore, began] = [await counted(), fleet.cpu(), performance.now()];
    await sleep(seconds * 1_000);
    const [after, cpuAfter] = [await counted(), fleet.cpu()];
    const passed = (performance.now() - began) / 1_000;
    const [connections] = await fleet.db.query<{ n: number }>(
      `select count(*)::int as n from pg_stat_activity where datname = current_database() and application_name in ('reelfleet-worker', 'reelfleet-tickets')`,
    );
    return {
      memory: fleet.memory(),
      postgresConnections: connections?.n ?? Number.NaN,
      transactions: (after.transactions - before.transactions) / passed,
      cpu: cpuBefore && cpuAfter ? ((cpuAfter.postgres - cpuBefore.postgres) * 1_000) / passed : null,
      redisConnections: await redisNumber('clients', 'connected_clients'),
      redisCommands:
        before.commands === null || after.commands === null ? null : (after.commands - before.commands) / passed,
    };
  } finally {
    redis?.disconnect();
    await fleet.close();
  }
}
