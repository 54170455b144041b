/** Stages and templates made for the fleet's own tests: they wait, fail, park and fan out on command. */
import {
  type AnyStage,
  defineStage,
  defineTemplate,
  ParkError,
  PermanentError,
  type PipelineTemplate,
  RateLimitedError,
} from '@reelfleet/core';
import { z } from 'zod';

/** What tests set to steer handlers from outside, and what handlers tell about themselves. */
export class Stagehand {
  readonly started: string[] = [];
  readonly reasons: string[] = [];
  readonly gates = new Map<string, { open: Promise<void>; release(): void }>();

  gate(name: string): { open: Promise<void>; release(): void } {
    const known = this.gates.get(name);
    if (known) return known;
    let release: () => void = () => {};
    const open = new Promise<void>((resolve) => {
      release = resolve;
    });
    const gate = { open, release };
    this.gates.set(name, gate);
    return gate;
  }

  stages(): AnyStage[] {
    const policy = {
      backoffMs: 20,
      backoffMaxMs: 50,
      concurrency: 50,
      stalledAfterMs: 60_000,
      maxAttempts: 3,
      maxCrashes: 3,
    };
    const input = z.object({
      name: z.string().default('x'),
      fail: z.string().optional(),
      times: z.number().optional(),
    });
    const output = z.object({ said: z.string() });
    return [
      defineStage({
        name: 'echo',
        description: 'ends at once',
        input,
        output,
        policy,
        run: async ({ input: { name } }) => {
          this.started.push(name);
          return { said: name };
        },
      }),
      defineStage({
        name: 'gated',
        description: 'waits for its gate and saves a checkpoint first',
        input,
        output,
        policy: { ...policy, stalledAfterMs: 60_000 },
        run: async ({ input: { name }, signal, checkpoint, saveCheckpoint, progress }) => {
          this.started.push(name);
          const before = z.object({ n: z.number() }).safeParse(checkpoint).data?.n ?? 0;
          await saveCheckpoint({ n: before + 1 }, before + 1);
          progress(0.5, 'waiting');
          await Promise.race([
            this.gate(name).open,
            new Promise((_resolve, reject) =>
              signal.addEventListener('abort', () => {
                this.reasons.push(String(signal.reason.reason));
                reject(signal.reason);
              }),
            ),
          ]);
          return { said: name };
        },
      }),
      defineStage({
        name: 'faulty',
        description: 'fails as told',
        input,
        output,
        policy,
        run: async ({ input: { name, fail, times }, checkpoint, saveCheckpoint }) => {
          const tries = (z.object({ tries: z.number() }).safeParse(checkpoint).data?.tries ?? 0) + 1;
          await saveCheckpoint({ tries }, 0);
          if (fail === 'permanent') throw new PermanentError('the source has no audio; give it one');
          if (fail === 'park') throw new ParkError('a person has to look at this', { output: { asked: true } });
          if (tries <= (times ?? 0)) {
            if (fail === 'limited') throw new RateLimitedError('provider asks for patience', { retryAfterMs: 50 });
            throw new Error(`try ${tries} failed`);
          }
          return { said: `${name} at try ${tries}` };
        },
      }),
      defineStage({
        name: 'still',
        description: 'never moves',
        input,
        output,
        policy: { ...policy, stalledAfterMs: 300, maxAttempts: 1 },
        run: () => new Promise(() => {}),
      }),
      defineStage({
        name: 'split',
        description: 'fans out',
        input: z.object({ n: z.number() }),
        output: z.object({ n: z.number() }),
        policy,
        run: async ({ input: { n } }) => ({ n }),
      }),
      defineStage({
        name: 'join',
        description: 'joins',
        input: z.object({ said: z.array(z.string()) }),
        output: z.object({ all: z.string() }),
        policy,
        run: async ({ input: { said } }) => ({ all: said.join(',') }),
      }),
    ];
  }
}

const single = (stage: string): PipelineTemplate =>
  defineTemplate({
    name: stage,
    params: z.record(z.string(), z.unknown()),
    nodes: [
      {
        key: stage,
        stage,
        phase: stage,
        title: (params: { name?: string }) => `${stage} ${params.name ?? ''}`,
        input: ({ params }) => params,
      },
    ],
  });

export const testTemplates: PipelineTemplate[] = [
  ...['echo', 'gated', 'faulty', 'still'].map(single),
  defineTemplate<{ n: number; fail?: string }>({
    name: 'fan',
    params: z.object({ n: z.number(), fail: z.string().optional() }) as never,
    nodes: [
      {
        key: 'split',
        stage: 'split',
        phase: 'splitting',
        title: () => 'split',
        input: ({ params }) => ({ n: params.n }),
      },
      {
        key: 'piece',
        stage: 'echo',
        phase: 'working',
        title: () => 'piece',
        each: {
          of: 'split',
          items: (output: { n: number }) =>
            Array.from({ length: output.n }, (_, index) => ({
              suffix: String(index).padStart(2, '0'),
              title: `piece ${index}`,
              payload: { name: `p${index}` },
            })),
        },
        input: ({ payload }) => payload,
      },
      {
        key: 'join',
        stage: 'join',
        phase: 'joining',
        title: () => 'join',
        needs: ['piece/*'],
        input: ({ outputs }) => ({
          said: Object.entries(outputs)
            .filter(([key]) => key.startsWith('piece/'))
            .sort()
            .map(([, output]) => (output as { said: string }).said),
        }),
      },
    ],
  }),
];
