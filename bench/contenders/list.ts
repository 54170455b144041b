/**
 * Who takes part, in the order of a round. `jobs` is how many make a run of five seconds or more on two cores, so that
 * the quick are not measured in their first second only and the slow do not keep everybody waiting.
 */
export interface Entry {
  readonly id: string;
  readonly title: string;
  /** The module, from this folder. */
  readonly module: string;
  readonly variant: string;
  readonly store: 'redis' | 'postgres';
  /** A package that has to be installed. */
  readonly peer?: string;
  readonly jobs: number;
}

/** Whether it is ourselves: the database then comes migrated. */
export const own = (entry: Entry): boolean => entry.module === 'reelfleet.ts';

const ours = (id: string, title: string, store: Entry['store'], variant: string, jobs: number): Entry => ({
  id,
  title,
  module: 'reelfleet.ts',
  store,
  variant,
  jobs,
});

export const contenders = {
  reelfleetRedis: ours('reelfleet-redis', 'Reelfleet on Redis, 1 task a run', 'redis', '1', 40_000),
  reelfleetRedis100: ours('reelfleet-redis-100', 'Reelfleet on Redis, 100 tasks a run', 'redis', '100', 40_000),
  reelfleetPostgres: ours('reelfleet-postgres', 'Reelfleet on Postgres, 1 task a run', 'postgres', '1', 20_000),
  reelfleetPostgres100: ours(
    'reelfleet-postgres-100',
    'Reelfleet on Postgres, 100 tasks a run',
    'postgres',
    '100',
    20_000,
  ),
  bullmqRedis: {
    id: 'bullmq-redis',
    title: 'BullMQ on Redis, nothing durable',
    module: 'bullmq.ts',
    store: 'redis',
    variant: '',
    jobs: 100_000,
  },
  bullmqPostgres: {
    id: 'bullmq-postgres',
    title: 'BullMQ on its Postgres backend',
    module: 'bullmq.ts',
    store: 'postgres',
    variant: '',
    jobs: 20_000,
  },
  obviousRedis: {
    id: 'obvious-redis',
    title: 'BullMQ on Redis + fenced updates and audit, the obvious way',
    module: 'obvious.ts',
    store: 'redis',
    variant: '',
    jobs: 20_000,
  },
  obviousPostgres: {
    id: 'obvious-postgres',
    title: 'BullMQ on Postgres + fenced updates and audit, the obvious way',
    module: 'obvious.ts',
    store: 'postgres',
    variant: '',
    jobs: 10_000,
  },
  graphile: {
    id: 'graphile',
    title: 'graphile-worker, default (no audit, rows deleted)',
    module: '../peers/graphile-worker.ts',
    store: 'postgres',
    variant: 'default',
    peer: 'graphile-worker',
    jobs: 30_000,
  },
  graphileBatched: {
    id: 'graphile-batched',
    title: 'graphile-worker, batched (no audit, rows deleted)',
    module: '../peers/graphile-worker.ts',
    store: 'postgres',
    variant: 'batched',
    peer: 'graphile-worker',
    jobs: 200_000,
  },
  pgBossBatches: {
    id: 'pg-boss-batches',
    title: 'pg-boss, batches of 100 (no audit)',
    module: '../peers/pg-boss.ts',
    store: 'postgres',
    variant: 'batches',
    peer: 'pg-boss',
    jobs: 50_000,
  },
  pgBoss: {
    id: 'pg-boss',
    title: 'pg-boss, one by one (no audit)',
    module: '../peers/pg-boss.ts',
    store: 'postgres',
    variant: 'one by one',
    peer: 'pg-boss',
    jobs: 5_000,
  },
} as const satisfies Record<string, Entry>;
