/**
 * BullMQ by itself, on either of its backends: the job is all there is, nothing is written anywhere else. Done jobs are
 * removed at once, the cheapest it can do.
 */
import { type BackendFactory, createPostgresBackend, Queue, runMigrations, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import pg from 'pg';
import { bulks, type Contender, now, type Place, storeOf } from './contender.ts';

const QUEUE = 'noop';

/** A connection as BullMQ wants it, and how to close it. On Postgres each Worker takes a LISTEN client out of the pool. */
export function connect({ redisUrl, databaseUrl }: Place) {
  if (redisUrl !== null) {
    const redis = new Redis(redisUrl, { maxRetriesPerRequest: null });
    return { connection: redis as never, backend: undefined as never, close: async () => redis.disconnect() };
  }
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 10, options: '-c search_path=bullmq' });
  pool.setMaxListeners(0);
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  return {
    connection: pool as never,
    backend: createPostgresBackend as BackendFactory as never,
    close: () => pool.end(),
  };
}

/** BullMQ's tables, where the place has no Redis. */
export async function prepareBullmq(place: Place): Promise<void> {
  if (storeOf(place) === 'redis') return;
  const client = new pg.Client({ connectionString: place.databaseUrl, options: '-c search_path=bullmq' });
  await client.connect();
  await client.query('create schema if not exists bullmq');
  await runMigrations(client as never, 'bullmq');
  await client.end();
}

/** A queue of jobs with the options everybody here uses. */
export function openBullQueue(place: Place) {
  const { connection, backend, close } = connect(place);
  const queue = new Queue(QUEUE, { connection, skipVersionCheck: true } as never, backend);
  const opts = { attempts: 1, removeOnComplete: true };
  return {
    add: (data: object) => queue.add('noop', data, opts),
    addBulk: (all: readonly object[]) => queue.addBulk(all.map((data) => ({ name: 'noop', data, opts }))),
    async close() {
      await queue.close();
      await close();
    },
  };
}

/** A worker that hands each job's data to `process` and tells of each completion BullMQ has written. */
export async function openBullWorker<T>(
  place: Place,
  process: (data: T) => Promise<void>,
  finished: (count: number) => void,
) {
  const { connection, backend, close } = connect(place);
  const worker = new Worker(
    QUEUE,
    (job) => process(job.data as T),
    { connection, concurrency: place.concurrency, skipVersionCheck: true } as never,
    backend,
  );
  worker.on('completed', () => finished(1));
  worker.on('error', () => {});
  await worker.waitUntilReady();
  return {
    async close() {
      await worker.close(true);
      await close();
    },
  };
}

export const contender: Contender = {
  prepare: prepareBullmq,
  async produce(place) {
    const queue = openBullQueue(place);
    return {
      async enqueue(count) {
        for (const size of bulks(count)) await queue.addBulk(Array.from({ length: size }, () => ({ key: 0 })));
      },
      async one(key) {
        await queue.add({ key });
        return now();
      },
      close: () => queue.close(),
    };
  },
  consume: (place, hooks) =>
    openBullWorker<{ key: number }>(place, async ({ key }) => hooks.started(key), hooks.finished),
};
