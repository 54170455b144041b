/**
 * Dispatch latency of an idle fleet: from the moment the producer knows that a job is durably written until its handler
 * starts in another process. One job at a time, 20 to 50 ms apart, so that none waits for another. Ours is the product's
 * enqueue: first the ledger, then the ticket, so the ticket's way is what is measured; the others write one row or key, which
 * is both. `with the write` counts from asking, for all alike. The clock is the machine's monotonic one, the same in every
 * process.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Benchmark, type BenchmarkOptions, type Cell, judge, type Report } from './benchmark.ts';
import type { Paced, Starts } from './contenders/host.ts';
import { contenders, type Entry } from './contenders/list.ts';
import { gather, withPlace } from './contenders/meeting.ts';
import { withContender } from './contenders/process.ts';
import { type Distribution, distribution } from './support/percentiles.ts';
import { openWorld, type World } from './support/world.ts';

/** Two rounds of 500: a thousand samples each, spread over the run. */
const ROUNDS = 2;
const SAMPLES = 500;
const SHORT_SAMPLES = 50;
/** One job at a time needs no more. */
const CONCURRENCY = 10;
const LEAST_GAP_MS = 20;
const MOST_GAP_MS = 50;
/** Before a round's samples count: code is compiled, connections are open, caches filled. */
const WARM_UP = 20;
/** Long enough for a consumer to be idle after its start, and for its first poll to be over. */
const SETTLE_MS = 1_000;

const GOALS = { p50: 'on Redis p50 at most 3 ms', p99: 'on Redis p99 at most 15 ms' };

const entries: readonly Entry[] = [
  contenders.reelfleetRedis,
  contenders.reelfleetPostgres,
  contenders.bullmqRedis,
  contenders.bullmqPostgres,
  contenders.graphile,
  { ...contenders.pgBoss, id: 'pg-boss-notify', title: 'pg-boss, woken by NOTIFY (no audit)', variant: 'notify' },
];

interface Samples {
  /** From the durable write being known to the start of the handler. */
  dispatch: number[];
  /** From asking to enqueue to the start of the handler. */
  whole: number[];
}

const pass = (entry: Entry, world: World, samples: number): Promise<Samples> =>
  withPlace(entry, world, CONCURRENCY, (place) =>
    withContender(entry, place, async ({ producer, consumer }) => {
      await producer.order({ do: 'prepare' });
      await consumer.order({ do: 'watch' });
      await sleep(SETTLE_MS);
      const count = samples + WARM_UP;
      const gapsMs = Array.from({ length: count }, () => LEAST_GAP_MS + Math.random() * (MOST_GAP_MS - LEAST_GAP_MS));
      const paced = await producer.order<Paced>({ do: 'pace', gapsMs }, 300);
      const starts = new Map(await consumer.order<Starts>({ do: 'starts', count }));
      const counted = paced.filter(([key]) => key >= WARM_UP);
      const startOf = (key: number) => starts.get(key) ?? Number.NaN;
      return {
        dispatch: counted.map(([key, , writtenAt]) => startOf(key) - writtenAt),
        whole: counted.map(([key, askedAt]) => startOf(key) - askedAt),
      };
    }),
  );

async function run({ short, only, count, say }: BenchmarkOptions): Promise<Report> {
  const world = await openWorld();
  try {
    const { present, notes } = gather(entries, world, only);
    const samples = new Map<string, Samples>(present.map(({ id }) => [id, { dispatch: [], whole: [] }]));
    for (let round = 1; round <= (short || count ? 1 : ROUNDS); round++) {
      for (const entry of present) {
        const { dispatch, whole } = await pass(entry, world, count ?? (short ? SHORT_SAMPLES : SAMPLES));
        samples.get(entry.id)?.dispatch.push(...dispatch);
        samples.get(entry.id)?.whole.push(...whole);
        say(`round ${round}: ${entry.title}: p50 ${distribution(dispatch).p50.toFixed(1)} ms`);
      }
    }
    const figures = present.map((entry) => {
      const { dispatch, whole } = samples.get(entry.id) as Samples;
      return { entry, dispatch: distribution(dispatch), whole: distribution(whole) };
    });
    const ours: Distribution | undefined = figures.find(
      ({ entry }) => entry.id === contenders.reelfleetRedis.id,
    )?.dispatch;
    const show = (value: number) => `${value.toFixed(1)} ms`;
    return {
      tables: [
        {
          title: `from the durable write to the start of the handler in another process, ms, ${figures[0]?.dispatch.count ?? 0} samples each`,
          columns: ['', 'p50', 'p90', 'p99', 'max', 'with the write: p50', 'p99'],
          rows: figures.map(({ entry, dispatch, whole }): Cell[] => [
            entry.title,
            dispatch.p50,
            dispatch.p90,
            dispatch.p99,
            dispatch.max,
            whole.p50,
            whole.p99,
          ]),
        },
      ],
      goals: [judge(GOALS.p50, ours?.p50, { atMost: 3 }, show), judge(GOALS.p99, ours?.p99, { atMost: 15 }, show)],
      notes,
      facts: { figures, samples: Object.fromEntries(samples) },
    };
  } finally {
    await world.close();
  }
}

export const benchmark: Benchmark = {
  name: 'latency',
  question:
    'how long after its enqueue is committed does a task start on an idle fleet, beside what people would use instead?',
  goals: Object.values(GOALS),
  run,
};
