/** Stages that play a part for the faults: `poison` kills whoever takes it, `hold` keeps its lease until it is told. */
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { defineStage, defineTemplate } from '@reelfleet/core';
import { z } from 'zod';
import { patient } from './patience.ts';

/** So many workers may die of a poison task before it is parked for good. */
export const POISON_CRASHES = 3;

export const poison = defineStage({
  name: 'poison',
  description: 'Kill the worker that takes it',
  input: z.object({}),
  output: z.object({}),
  policy: { maxAttempts: 3, maxCrashes: POISON_CRASHES, concurrency: 1, stalledAfterMs: 15_000 },
  async run() {
    process.kill(process.pid, 'SIGKILL');
    // The signal takes effect before another line of ours runs; if it ever did not, the attempt must not end well.
    throw new Error('a poison task survived itself');
  },
});

export const holdInput = z.object({
  /** Holds for so long … */
  ms: z.number().int().min(0).max(120_000).default(5_000),
  /** … or, when given, until this file is there, for `ms` at most. */
  until: z.string().optional(),
});

export const hold = defineStage({
  name: 'hold',
  description: 'Keep a lease for a while, saying that something moves',
  input: holdInput,
  output: z.object({ heldMs: z.number() }),
  policy: { ...patient, concurrency: 4 },
  async run({ input, signal, moved, saveCheckpoint }) {
    const startedAt = performance.now();
    const held = () => performance.now() - startedAt;
    await saveCheckpoint({ holding: true }, 0);
    while (held() < input.ms && !(input.until !== undefined && existsSync(input.until))) {
      await sleep(50, undefined, { signal }).catch(() => signal.throwIfAborted());
      moved();
    }
    return { heldMs: Math.round(held()) };
  },
});

const alone = (stage: { name: string; input: z.ZodType }) =>
  defineTemplate<Record<string, unknown>>({
    name: stage.name,
    params: stage.input as never,
    nodes: [
      {
        key: stage.name,
        stage: stage.name,
        phase: stage.name,
        title: () => stage.name,
        input: ({ params }) => params,
      },
    ],
  });

export const poisonTemplate = alone(poison);
export const holdTemplate = alone(hold);
