/**
 * pg-boss. `batches`: its own `work` loop with batches of 100, fetching on without a pause while batches come back full.
 * `one by one`: 100 loops of fetch and complete, since `work` with a batch of one would wait for its poll between two jobs
 * (half a second at least). `notify`: for latency, woken by LISTEN/NOTIFY instead of its poll. No audit; done jobs stay
 * in its table.
 */
import { PgBoss } from 'pg-boss';
import { bulks, type Contender, now, type Place } from '../contenders/contender.ts';
import { noneLeft } from './none-left.ts';

const QUEUE = 'noop';
interface Data {
  key: number;
}

async function open(place: Place, role: 'producer' | 'consumer'): Promise<PgBoss> {
  const boss = new PgBoss({
    connectionString: place.databaseUrl,
    useListenNotify: place.variant === 'notify' && role === 'consumer',
    // Upkeep belongs to the consumer.
    supervise: role === 'consumer',
    schedule: false,
  });
  boss.on('error', () => {});
  await boss.start();
  return boss;
}

export const contender: Contender = {
  async prepare(place) {
    const boss = await open(place, 'producer');
    await boss.createQueue(QUEUE, { notify: place.variant === 'notify' });
    await boss.stop({ graceful: false });
  },

  async produce(place) {
    const boss = await open(place, 'producer');
    return {
      async enqueue(count) {
        for (const size of bulks(count))
          await boss.insert(
            QUEUE,
            Array.from({ length: size }, () => ({ data: { key: 0 } })),
          );
      },
      async one(key) {
        await boss.send(QUEUE, { key });
        return now();
      },
      close: () => boss.stop({ graceful: false }),
    };
  },

  async consume(place, hooks) {
    const boss = await open(place, 'consumer');
    if (place.variant !== 'one by one') {
      await boss.work<Data>(
        QUEUE,
        { batchSize: place.variant === 'notify' ? 1 : 100, pollingIntervalSeconds: 0.5, burstWhenBatchFull: true },
        async (jobs) => {
          for (const { data } of jobs) hooks.started(data.key);
          hooks.finished(jobs.length);
        },
      );
      return {
        settled: () => noneLeft(place, `select 1 from pgboss.job where state < 'completed' limit 1`),
        close: () => boss.stop({ graceful: false }),
      };
    }
    let stopped = false;
    const loops = Array.from({ length: place.concurrency }, async () => {
      while (!stopped) {
        const [job] = await boss.fetch<Data>(QUEUE);
        if (!job) return;
        hooks.started(job.data.key);
        await boss.complete(QUEUE, job.id);
        hooks.finished(1);
      }
    });
    return {
      async close() {
        stopped = true;
        await Promise.allSettled(loops);
        await boss.stop({ graceful: false });
      },
    };
  },
};
