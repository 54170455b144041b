/**
 * Ourselves: the product's ledger, queue and worker as apps/worker wires them, with a stage that does nothing. The
 * variant is the number of tasks in a run. Settings are the product's defaults, but for 100 tasks at once.
 */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '@reelfleet/config';
import {
  type AnyStage,
  defineStage,
  defineTemplate,
  instantiate,
  type Ledger,
  type PipelineTemplate,
  type Providers,
  systemClock,
  type Tools,
} from '@reelfleet/core';
import { Database, openLedger, openOperatorLedger, openSweepLedger } from '@reelfleet/db';
import { openQueue, type QueueStore, startWorker } from '@reelfleet/fleet';
import { openStorage } from '@reelfleet/storage';
import { v7 } from 'uuid';
import { z } from 'zod';
import { BULK, bulks, type Contender, type Hooks, now, type Place } from './contender.ts';

const input = z.object({ key: z.number() });

function noopStage(started: Hooks['started']): AnyStage {
  return defineStage({
    name: 'noop',
    description: 'does nothing',
    input,
    output: z.object({}),
    policy: { concurrency: 1_000 },
    async run({ input: { key } }) {
      started(key);
      return {};
    },
  });
}

const template = (tasks: number): PipelineTemplate =>
  defineTemplate({
    name: 'noop',
    params: input,
    nodes: Array.from({ length: tasks }, (_, at) => ({
      key: `noop-${at}`,
      stage: 'noop',
      phase: 'work',
      title: () => 'noop',
      input: ({ params }: { params: { key: number } }) => ({ key: params.key }),
    })),
  } as never);

const log = createLogger({ level: 'info', name: 'worker' });
const storeFor = ({ redisUrl, databaseUrl }: Place): QueueStore =>
  redisUrl === null ? { kind: 'postgres', url: databaseUrl } : { kind: 'redis', url: redisUrl };

export const contender: Contender = {
  async prepare() {}, // the database comes migrated

  async produce(place) {
    const perRun = Number(place.variant);
    const db = new Database(place.databaseUrl, { name: 'reelfleet' });
    const operator = openOperatorLedger(db);
    const queue = openQueue(storeFor(place), { consumers: 0, log });
    const noop = template(perRun);
    const stages = new Map([['noop', noopStage(() => {})]]);
    const item = (key: number) => {
      const id = v7();
      const { tasks, edges } = instantiate(noop, { key }, { newId: () => v7(), stages });
      const run = {
        id,
        identifier: id,
        idempotencyKey: null,
        template: 'noop',
        videoId: null,
        channelId: null,
        generationConfigId: null,
        params: { key },
        priority: 0,
        phase: 'work',
      };
      return { run, tasks, edges, before: [], after: [] };
    };
    return {
      async enqueue(count) {
        for (const size of bulks(count, BULK)) {
          const answer = await operator.enqueue(
            Array.from({ length: Math.ceil(size / perRun) }, () => item(0)),
            'bench',
          );
          await queue.send(answer.tickets);
        }
      },
      async one(key) {
        const answer = await operator.enqueue([item(key)], 'bench');
        const written = now();
        await queue.send(answer.tickets);
        return written;
      },
      async close() {
        await queue.close(2_000);
        await db.end();
      },
    };
  },

  async consume(place, hooks) {
    const db = new Database(place.databaseUrl, { name: 'reelfleet-worker' });
    const beats = new Database(place.databaseUrl, { name: 'reelfleet-worker', max: 1, deadlineMs: 7_500 });
    const scratch = join(tmpdir(), `reelfleet-bench-scratch-${process.pid}`);
    const unavailable = () => Promise.reject(new Error('a no-op needs no tools'));
    const tools: Tools = { ffmpeg: unavailable, ffprobe: unavailable };
    const worker = await startWorker({
      ledger: counted(openLedger(db, beats), hooks),
      sweep: openSweepLedger(db),
      queue: openQueue(storeFor(place), { consumers: 1, log }),
      storage: openStorage(`file://${scratch}/storage`, { scratch }),
      tools,
      providers: new Proxy({}, { get: unavailable }) as Providers,
      stages: new Map([['noop', noopStage(hooks.started)]]),
      templates: new Map([['noop', template(Number(place.variant))]]),
      recorders: new Map(),
      clock: systemClock,
      log,
      newId: () => v7(),
      announce: () => {},
      settings: {
        name: 'bench',
        stages: 'all',
        concurrency: { default: place.concurrency, byStage: { noop: place.concurrency } },
        leaseMs: 30_000,
        heartbeatMs: 10_000,
        sweepMs: 1_000,
        graceMs: 6_000,
        offlineMs: 60_000,
        retentionDays: 90,
        minFreeMb: 512,
        scratchRoot: scratch,
        pauseAt: undefined,
      },
    });
    return {
      async close() {
        await worker.stop();
        await Promise.all([db.end(), beats.end()]);
      },
    };
  },
};

/** The same ledger; tells when a completion has been written. */
function counted(ledger: Ledger, hooks: Hooks): Ledger {
  return {
    ...ledger,
    async settle(workerId, items, signal) {
      const answers = await ledger.settle(workerId, items, signal);
      const other = answers.find(({ status }) => status !== 'completed');
      if (other) {
        console.error(`a task that does nothing ended as ${other.status}: ${JSON.stringify(items[0])}`);
        process.exit(1); // the rest would never come, and the program that counts them would wait
      }
      hooks.finished(answers.length);
      return answers;
    },
  };
}
