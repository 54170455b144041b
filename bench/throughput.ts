/**
 * Ledger throughput: how many jobs that do nothing go through per second, and what they cost in CPU, for ourselves and for
 * what people would use instead. Each contender has a process that enqueues and one that works 100 jobs at once, a fresh
 * database of the same cluster, an empty Redis. First all jobs are enqueued, then a worker is started and timed until the
 * last one is over and written down. Rounds go through all of them and are repeated, so that a drift of the machine falls
 * on everybody; figures are medians of the rounds.
 */
import pg from 'pg';
import { type Benchmark, type BenchmarkOptions, type Cell, type Goal, judge, type Report } from './benchmark.ts';
import type { Drained } from './contenders/host.ts';
import { contenders, type Entry } from './contenders/list.ts';
import { gather, withPlace } from './contenders/meeting.ts';
import { withContender } from './contenders/process.ts';
import { cpuSecondsOf, cpuSecondsOfTree } from './support/cpu.ts';
import { median } from './support/percentiles.ts';
import { openWorld, type World } from './support/world.ts';

const CONCURRENCY = 100;
const ROUNDS = 2;
const SHORT_JOBS = 300;

const GOALS = {
  obvious: 'on Redis at least 2 × BullMQ with fenced updates and audit written the obvious way',
  raw: 'on Redis at least 0.5 × raw BullMQ',
  postgres: 'on the Postgres backend at least 0.7 × raw BullMQ on Postgres',
};

/** One contender, once. CPU in seconds of the consumption alone; null where the system does not tell. */
interface Pass {
  jobs: number;
  enqueueSeconds: number;
  consumeSeconds: number;
  cpu: Record<'worker' | 'postgres' | 'redis', number | null>;
}

const pass = (entry: Entry, world: World, jobs: number): Promise<Pass> =>
  withPlace(entry, world, CONCURRENCY, (place) =>
    withContender(entry, place, async ({ producer, consumer }) => {
      await producer.order({ do: 'prepare' });
      const enqueued = await producer.order<Drained>({ do: 'enqueue', count: jobs }, 300);
      // Everybody's tables were empty a moment ago: the planner would know in a minute, and a bench has no minute.
      await analyze(place.databaseUrl);
      const spent = () => ({
        worker: cpuSecondsOf(consumer.pid),
        postgres: world.postmaster === null ? null : cpuSecondsOfTree(world.postmaster),
        redis: entry.store === 'postgres' || world.redis === null ? 0 : cpuSecondsOf(world.redis.pid),
      });
      const before = spent();
      const drained = await consumer.order<Drained>({ do: 'drain', count: jobs }, 300);
      const after = spent();
      const difference = (who: keyof typeof before) =>
        after[who] === null || before[who] === null ? null : after[who] - before[who];
      return {
        jobs,
        enqueueSeconds: enqueued.seconds,
        consumeSeconds: drained.seconds,
        cpu: { worker: difference('worker'), postgres: difference('postgres'), redis: difference('redis') },
      };
    }),
  );

async function analyze(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query('analyze');
  await client.end();
}

/** The figures of a contender over its rounds. */
function figures(passes: readonly Pass[]) {
  const of = (value: (one: Pass) => number | null): number | null => {
    const values = passes.map(value);
    return values.some((one) => one === null) || values.length === 0 ? null : median(values as number[]);
  };
  const perThousand = (who: keyof Pass['cpu']) =>
    of(({ cpu, jobs }) => (cpu[who] === null ? null : ((cpu[who] as number) / jobs) * 1000));
  return {
    consumed: of(({ jobs, consumeSeconds }) => jobs / consumeSeconds),
    endToEnd: of(({ jobs, consumeSeconds, enqueueSeconds }) => jobs / (consumeSeconds + enqueueSeconds)),
    cpu: of(({ cpu, jobs }) =>
      Object.values(cpu).includes(null)
        ? null
        : (Object.values(cpu).reduce<number>((sum, one) => sum + (one ?? 0), 0) / jobs) * 1000,
    ),
    worker: perThousand('worker'),
    postgres: perThousand('postgres'),
    redis: perThousand('redis'),
  };
}

async function run({ short, only, count, say }: BenchmarkOptions): Promise<Report> {
  const world = await openWorld();
  try {
    const { present, notes } = gather(Object.values(contenders), world, only);
    const passes = new Map<string, Pass[]>(present.map(({ id }) => [id, []]));
    for (let round = 1; round <= (short || count ? 1 : ROUNDS); round++) {
      for (const entry of present) {
        const one = await pass(entry, world, count ?? (short ? SHORT_JOBS : entry.jobs));
        passes.get(entry.id)?.push(one);
        const [taken, done] = [one.jobs / one.enqueueSeconds, one.jobs / one.consumeSeconds].map(Math.round);
        say(`round ${round}: ${entry.title}: ${taken} enqueued/s, ${done} jobs/s`);
      }
    }
    const all = present.map((entry) => ({ entry, ...figures(passes.get(entry.id) ?? []) }));
    const rate = (entry: Entry) => all.find((one) => one.entry.id === entry.id)?.consumed ?? null;
    return {
      tables: [
        {
          title: `no-op jobs, ${CONCURRENCY} at once in one worker process`,
          columns: ['', 'jobs/s', 'with enqueue', 'CPU', 'worker', 'Postgres', 'Redis'],
          rows: all.map(({ entry, consumed, endToEnd, cpu, worker, postgres, redis }): Cell[] => [
            entry.title,
            consumed && Math.round(consumed),
            endToEnd && Math.round(endToEnd),
            cpu,
            worker,
            postgres,
            redis,
          ]),
        },
      ],
      goals: goals(rate),
      notes: [
        ...notes,
        'CPU: seconds per 1,000 jobs, of the consumption alone; worker, Postgres and Redis are its parts',
      ],
      facts: { concurrency: CONCURRENCY, passes: Object.fromEntries(passes), figures: all },
    };
  } finally {
    await world.close();
  }
}

function goals(rate: (entry: Entry) => number | null): Goal[] {
  const ratio = (ours: Entry, theirs: Entry) => {
    const [mine, other] = [rate(ours), rate(theirs)];
    return mine === null || other === null ? null : mine / other;
  };
  const show = (value: number) => `${value.toFixed(2)} ×`;
  const shapes = [
    { shape: '1 task a run', redis: contenders.reelfleetRedis, postgres: contenders.reelfleetPostgres },
    { shape: '100 tasks a run', redis: contenders.reelfleetRedis100, postgres: contenders.reelfleetPostgres100 },
  ];
  return shapes.flatMap(({ shape, redis, postgres }) => [
    judge(`${GOALS.obvious} (${shape})`, ratio(redis, contenders.obviousRedis), { atLeast: 2 }, show),
    judge(`${GOALS.raw} (${shape})`, ratio(redis, contenders.bullmqRedis), { atLeast: 0.5 }, show),
    judge(`${GOALS.postgres} (${shape})`, ratio(postgres, contenders.bullmqPostgres), { atLeast: 0.7 }, show),
  ]);
}

export const benchmark: Benchmark = {
  name: 'throughput',
  question:
    'how many tasks that do nothing can the ledger enqueue, claim and complete per second, beside what people would use instead?',
  goals: Object.values(GOALS),
  run,
};
