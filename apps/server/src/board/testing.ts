/**
 * For tests of the board: a worker beside the test server whose stages carry the product's names and do what the test
 * says: work on command, fail with a reason and log lines, or end at once.
 */
import { randomUUID } from 'node:crypto';
import { createLogger } from '@reelfleet/config';
import {
  type AnyStage,
  defineStage,
  defineTemplate,
  instantiate,
  PermanentError,
  type Providers,
  systemClock,
  type Tools,
} from '@reelfleet/core';
import { Database, openLedger, openOperatorLedger, openSweepLedger } from '@reelfleet/db';
import { openQueue, startWorker } from '@reelfleet/fleet';
import { atTestEnd } from '@reelfleet/testkit';
import { z } from 'zod';
import type { TestServer } from '../testing.ts';

const input = z.object({ title: z.string(), end: z.enum(['fail', 'wait', 'complete']) });
const stageNames = ['music', 'image', 'render'] as const;
const unavailable = () => Promise.reject(new Error('this test has no such tool'));

export const FAILURE = 'the provider gave no music for "Dawn at the Docks": choose another prompt';
export const LOG_LINES = Array.from({ length: 12 }, (_, line) => `frame=${line * 25} speed=1.${line}x`);

export async function openBoardFleet(server: TestServer, redisUrl?: string) {
  let letGo: () => void = () => {};
  const gate = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const made: AnyStage[] = stageNames.map((name) =>
    defineStage({
      name,
      description: `${name} of the test`,
      input,
      output: z.object({}),
      policy: {
        concurrency: 4,
        maxAttempts: 1,
        maxCrashes: 3,
        backoffMs: 20,
        backoffMaxMs: 50,
        stalledAfterMs: 60_000,
      },
      run: async ({ input: { end }, progress, note, signal }) => {
        if (end === 'fail') {
          for (const line of LOG_LINES) note(line);
          throw new PermanentError(FAILURE);
        }
        if (end === 'wait') {
          progress(0.42, 'second verse');
          await Promise.race([gate, new Promise((_resolve, reject) => signal.addEventListener('abort', reject))]);
        }
        return {};
      },
    }),
  );
  const stages = new Map(made.map((stage) => [stage.name, stage]));
  const templates = stageNames.map((stage) =>
    defineTemplate({
      name: `board-${stage}`,
      params: input,
      nodes: [{ key: stage, stage, phase: stage, title: ({ title }) => title, input: ({ params }) => params }],
    }),
  );
  const byName = new Map(templates.map((template) => [template.name, template]));
  const operator = openOperatorLedger(server.db);

  return {
    letGo: () => letGo(),
    /** One run of one task. */
    async enqueue(stage: (typeof stageNames)[number], params: z.infer<typeof input>, priority = 0) {
      const template = byName.get(`board-${stage}`);
      if (!template) throw new Error(`no template for ${stage}`);
      const id = randomUUID();
      const { tasks, edges } = instantiate(template, params, { newId: randomUUID, stages });
      const run = {
        id,
        identifier: id,
        idempotencyKey: null,
        template: template.name,
        videoId: null,
        channelId: null,
        generationConfigId: null,
        params,
        priority,
        phase: stage,
      };
      const { tickets } = await operator.enqueue([{ run, tasks, edges, before: [], after: [] }], 'test');
      await server.queue.send(tickets);
      return { run: id, task: tasks[0]?.id ?? '' };
    },
    /** A real worker for these stages. */
    async work(served: readonly (typeof stageNames)[number][]) {
      const log = createLogger({
        level: 'debug',
        name: 'worker',
        destination: { write: (line: string) => void server.lines.push(line) } as never,
      });
      const db = new Database(server.databaseUrl, { name: 'test-worker' });
      const beats = new Database(server.databaseUrl, { name: 'test-beats', max: 1 });
      const worker = await startWorker({
        ledger: openLedger(db, beats),
        sweep: openSweepLedger(db),
        queue: openQueue(redisUrl ? { kind: 'redis', url: redisUrl } : { kind: 'postgres', url: server.databaseUrl }, {
          consumers: served.length,
          log,
        }),
        storage: server.storage,
        tools: { ffmpeg: unavailable, ffprobe: unavailable } as Tools,
        providers: new Proxy({}, { get: unavailable }) as Providers,
        stages,
        templates: byName,
        recorders: new Map(),
        clock: systemClock,
        log,
        newId: randomUUID,
        announce: () => {},
        settings: {
          name: 'studio-1',
          stages: [...served],
          concurrency: { default: 4, byStage: {} },
          leaseMs: 5_000,
          heartbeatMs: 100,
          sweepMs: 60_000,
          graceMs: 6_000,
          offlineMs: 10_000,
          retentionDays: 90,
          minFreeMb: 1,
          scratchRoot: `${server.folder}/scratch`,
          pauseAt: undefined,
        },
      });
      let stopped = false;
      const stop = async () => {
        if (stopped) return;
        stopped = true;
        letGo();
        await worker.stop();
        await Promise.all([db.end(), beats.end()]);
      };
      atTestEnd(stop);
      return { stop };
    },
    audit: (task: string) =>
      server.db.query<{ action: string; actor: string }>(
        `select action, actor from task_audit where task_id = '${task}' order by state_version`,
      ),
  };
}
