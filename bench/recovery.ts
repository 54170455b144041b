/**
 * How long it takes until a task runs again, somewhere else: after `kill -9` of the worker that held it, at the default
 * lease and at a short one, and after SIGTERM, where the worker gives it back. Real worker processes on both backends. The
 * moment of the kill and the start of the next handler are told by the same wall clock; the kills are spread evenly over
 * the time between two beats, since a lease counts from the last of them.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Benchmark, type BenchmarkOptions, judge, type Table } from './benchmark.ts';
import { openRecoveryFleet, type RecoveryFleet } from './recovery-fleet.ts';
import { type Distribution, distribution } from './support/percentiles.ts';
import { openWorld, type World } from './support/world.ts';

const DEFAULT_LEASE_MS = 30_000;
const SHORT_LEASE_MS = 3_000;
/** Beyond the lease: a sweep's interval, and a second for all the rest. */
const BEYOND_MS = 2_000;
const HANDED_OVER_MS = 1_000;
/** Work is aborted five seconds before the grace ends: so here a second after the signal. */
const GRACE_MS = 6_000;

interface Plan {
  readonly how: 'kill -9' | 'SIGTERM';
  readonly leaseMs: number;
  /** Tasks held at once. */
  readonly tasks: number;
  readonly times: number;
}

interface Sample {
  /** Signal, end of the attempt as the audit trail has it, start of the next handler. */
  readonly signalAt: number;
  readonly endedAt: number;
  readonly heldAt: number;
}

interface Outcome extends Plan {
  readonly queue: 'Redis' | 'Postgres';
  readonly samples: readonly Sample[];
  /** From the signal, or for SIGTERM from the release, to running elsewhere: milliseconds. */
  readonly recovered: Distribution;
  /** From the end of the attempt (its expiry, its release) to running elsewhere. */
  readonly handedOver: Distribution;
}

const full: readonly Plan[] = [
  { how: 'kill -9', leaseMs: DEFAULT_LEASE_MS, tasks: 10, times: 50 },
  { how: 'kill -9', leaseMs: SHORT_LEASE_MS, tasks: 4, times: 50 },
  { how: 'SIGTERM', leaseMs: DEFAULT_LEASE_MS, tasks: 2, times: 50 },
];
const brief: readonly Plan[] = [
  { how: 'kill -9', leaseMs: 1_500, tasks: 1, times: 1 },
  { how: 'SIGTERM', leaseMs: DEFAULT_LEASE_MS, tasks: 1, times: 1 },
];

async function carryOut(plan: Plan, fleet: RecoveryFleet): Promise<Sample[]> {
  const samples: Sample[] = [];
  const beatMs = Math.floor(plan.leaseMs / 3);
  let next = 0;
  await Promise.all(
    fleet.tasks.map(async (task) => {
      let holding = await fleet.held(task, 2);
      while (next < plan.times) {
        const turn = next++;
        // An idle worker is there before one goes: what is measured is the fleet, not the start of a process.
        await fleet.addWorker();
        // Evenly over a beat, in an order that has nothing to do with time.
        if (plan.how === 'kill -9') await sleep((((turn * 37) % plan.times) / plan.times) * beatMs);
        const signalAt = fleet.end(holding, plan.how === 'kill -9' ? 'SIGKILL' : 'SIGTERM');
        // The end of the attempt and the next claim raise the version by one each.
        const again = await fleet.held(task, holding.version + 2);
        samples.push({ signalAt, endedAt: await fleet.endedAt(task, holding.version), heldAt: again.at });
        holding = again;
      }
    }),
  );
  return samples;
}

async function measure(plan: Plan, world: World, redisUrl: string | null): Promise<Outcome> {
  const database = await world.database('reelfleet');
  const folder = await mkdtemp(join(tmpdir(), 'recovery-bench-'));
  const fleet = await openRecoveryFleet({
    ...plan,
    databaseUrl: database.url,
    redisUrl,
    graceMs: GRACE_MS,
    folder,
  });
  try {
    const samples = await carryOut(plan, fleet);
    const from = (sample: Sample) => (plan.how === 'kill -9' ? sample.signalAt : sample.endedAt);
    return {
      ...plan,
      queue: redisUrl ? 'Redis' : 'Postgres',
      samples,
      recovered: distribution(samples.map((sample) => sample.heldAt - from(sample))),
      handedOver: distribution(samples.map((sample) => sample.heldAt - sample.endedAt)),
    };
  } finally {
    await fleet.close();
    await database.drop();
    await rm(folder, { recursive: true, force: true });
  }
}

const inSeconds = (ms: number) => Number((ms / 1000).toFixed(2));

function tableOf(outcomes: readonly Outcome[]): Table {
  return {
    title: 'seconds until the task runs elsewhere: after kill -9 from the kill, after SIGTERM from the release',
    columns: ['ended by', 'lease', 'tickets on', 'times', 'p50', 'p90', 'max', 'goal', 'of it after the expiry, p50'],
    rows: outcomes.map(({ how, leaseMs, queue, recovered, handedOver }) => [
      how,
      inSeconds(leaseMs),
      queue,
      recovered.count,
      inSeconds(recovered.p50),
      inSeconds(recovered.p90),
      inSeconds(recovered.max),
      inSeconds(how === 'kill -9' ? leaseMs + BEYOND_MS : HANDED_OVER_MS),
      how === 'kill -9' ? inSeconds(handedOver.p50) : null,
    ]),
  };
}

/** What others say they do when a worker dies without a word, read in their documentation in November 2026. */
const others: Table = {
  title: 'after kill -9, by default, as their documentation has it (read November 2026)',
  columns: ['what', 'until the job runs elsewhere', 'where it says so'],
  rows: [
    [
      'BullMQ 6.7',
      '30 to 60 s: a lock of 30 s, looked at every 30 s; failed for good at the second time',
      'https://docs.bullmq.io/guide/jobs/stalled and WorkerOptions (lockDuration, stalledInterval, maxStalledCount)',
    ],
    [
      'River',
      '1 h: RescueStuckJobsAfter, counted from the start of the attempt, so it must exceed the longest job',
      'https://pkg.go.dev/github.com/riverqueue/river#Config',
    ],
    [
      'Oban (Lifeline)',
      '60 min: rescue_after, looked at once a minute; purely by time, a job that still runs is started twice',
      'https://hexdocs.pm/oban/Oban.Plugins.Lifeline.html',
    ],
    ['graphile-worker', '4 h, looked at every 8 to 10 min', 'https://worker.graphile.org/docs/error-handling'],
  ],
};

async function run({ short, say }: BenchmarkOptions) {
  const world = await openWorld();
  const plans = short ? brief : full;
  const outcomes: Outcome[] = [];
  try {
    let space = 0;
    for (const onRedis of short ? [world.redis !== null] : [true, false]) {
      if (onRedis && world.redis === null) continue;
      for (const plan of plans) {
        // A Redis database of its own, so that no ticket of another fleet is in the way.
        const redisUrl = onRedis && world.redis ? `${world.redis.url}/${space++}` : null;
        const outcome = await measure(plan, world, redisUrl);
        outcomes.push(outcome);
        say(
          `${plan.how}, lease ${plan.leaseMs / 1000} s, tickets on ${outcome.queue}: at most ${inSeconds(outcome.recovered.max)} s`,
        );
      }
    }
  } finally {
    await world.close();
  }
  const most = (how: Plan['how'], leaseMs: number) => {
    const maxima = outcomes.filter((one) => one.how === how && one.leaseMs === leaseMs).map((one) => one.recovered.max);
    return maxima.length > 0 ? Math.max(...maxima) : null;
  };
  const show = (ms: number) => `${inSeconds(ms)} s at most`;
  return {
    tables: [tableOf(outcomes), others],
    goals: [
      judge(goals[0], most('kill -9', DEFAULT_LEASE_MS), { atMost: DEFAULT_LEASE_MS + BEYOND_MS }, show),
      judge(goals[1], most('kill -9', SHORT_LEASE_MS), { atMost: SHORT_LEASE_MS + BEYOND_MS }, show),
      judge(goals[2], most('SIGTERM', DEFAULT_LEASE_MS), { atMost: HANDED_OVER_MS }, show),
    ],
    facts: { outcomes },
    notes: world.redisMissing === null ? [] : [`only with tickets on Postgres: ${world.redisMissing}`],
  };
}

const goals = [
  'kill -9 at the default lease of 30 s: runs elsewhere within the lease and 2 s',
  'kill -9 at a lease of 3 s: runs elsewhere within the lease and 2 s',
  'SIGTERM: runs elsewhere within 1 s of its release',
] as const;

export const benchmark: Benchmark = {
  name: 'recovery',
  question: 'how long until the task of a worker that ends runs on another one?',
  goals,
  run,
};
