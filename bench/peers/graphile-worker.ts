/**
 * graphile-worker, in the two ways its manual describes. `default`: each of its 100 workers fetches a job, works it and
 * deletes it. `batched` (https://worker.graphile.org/docs/performance): a local queue fetches 500 jobs at a time and
 * completions are gathered, the settings of the project's own figures. Jobs are deleted when done; there is no audit.
 */
import { EventEmitter } from 'node:events';
import { Logger, makeWorkerUtils, run, runMigrations, type WorkerEvents } from 'graphile-worker';
import { bulks, type Contender, now, type Place } from '../contenders/contender.ts';
import { noneLeft } from './none-left.ts';

/** Its own default. 40 clients took no less CPU per job on two cores. */
const POOL = 10;
const logger = new Logger(() => () => {});

const preset = (place: Place) => ({
  worker: {
    connectionString: place.databaseUrl,
    concurrentJobs: place.concurrency,
    maxPoolSize: POOL,
    logger,
    ...(place.variant === 'batched'
      ? {
          localQueue: { size: 500 },
          completeJobBatchDelay: 0,
          failJobBatchDelay: 0,
        }
      : {}),
  },
});

export const contender: Contender = {
  prepare: async (place) => await runMigrations({ preset: preset(place) }),

  async produce(place) {
    const utils = await makeWorkerUtils({ preset: preset(place) });
    return {
      async enqueue(count) {
        for (const size of bulks(count))
          await utils.addJobs(Array.from({ length: size }, () => ({ identifier: 'noop', payload: { key: 0 } })));
      },
      async one(key) {
        await utils.addJob('noop', { key });
        return now();
      },
      close: async () => await utils.release(),
    };
  },

  async consume(place, hooks) {
    const events = new EventEmitter() as WorkerEvents;
    // Told when the end of a job is on its way to the database; `settled` waits until it is there.
    events.on('job:complete', () => hooks.finished(1));
    const runner = await run({
      preset: { ...preset(place), worker: { ...preset(place).worker, events } },
      taskList: { noop: async (payload) => hooks.started((payload as { key: number }).key) },
      noHandleSignals: true,
    });
    return {
      settled: () => noneLeft(place, 'select 1 from graphile_worker._private_jobs limit 1'),
      close: () => runner.stop(),
    };
  },
};
