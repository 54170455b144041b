/**
 * Flat under backlog: what claims and every step of the sweep cost with a million queued tasks against a thousand, and
 * again with a transaction left open for the whole run, whose snapshot keeps every dead row version and index entry from
 * being removed. Both databases live in one cluster and take turns call by call, so that the machine's moods fall on both.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '@reelfleet/db';
import pg from 'pg';
import { type Call, calls, churn, standingCalls, startRound } from './backlog-calls.ts';
import { type BackloggedLedger, openBacklog, settleDown } from './backlog-ledger.ts';
import { type Benchmark, type BenchmarkOptions, judge, type Table } from './benchmark.ts';
import { median, percentile } from './support/percentiles.ts';
import { openWorld } from './support/world.ts';

const LIMIT = 1.2;
/** Oldest tickets kept in memory; those given back to the tail follow them. */
const KEPT = 20_000;
/** Rounds in which plans are made and caches filled, before those that are timed; and those in which buffers are counted. */
const WARM_ROUNDS = 2;
const COUNTED_ROUNDS = 5;
/** Tickets are looked up when they are this old. */
const VERIFY_AFTER_MS = 5_200;

interface Measured {
  readonly call: string;
  readonly judged: boolean;
  /** Milliseconds per call, and buffers touched, in the small and in the large backlog. */
  readonly small: Figures;
  readonly large: Figures;
  readonly ratio: number;
  readonly bufferRatio: number;
}

interface Figures {
  readonly median: number;
  readonly p90: number;
  readonly buffers: number;
  /** The median of the first and of the last quarter of the rounds. */
  readonly first: number;
  readonly last: number;
}

/** Blocks that this database's backends have touched so far; the counting itself comes on top, the same each time. */
async function blocks(db: Database): Promise<number> {
  await db.query('select pg_stat_force_next_flush()');
  const [row] = await db.query<{ n: number }>(
    'select (blks_hit + blks_read)::float8 as n from pg_stat_database where datname = current_database()',
  );
  return row?.n ?? Number.NaN;
}

interface Samples {
  readonly ms: number[];
  readonly buffers: number[];
}

async function measure(
  call: Call,
  on: BackloggedLedger,
  round: ReturnType<typeof startRound>,
  into: Samples,
  what: 'warm' | 'timed' | 'counted',
) {
  await call.prepare?.(round);
  const before = what === 'counted' ? await blocks(on.db) : 0;
  const began = performance.now();
  const answer = await call.run(round);
  const share = call.share?.(answer) ?? 1;
  const ms = (performance.now() - began) * share;
  if (what === 'counted') into.buffers.push(((await blocks(on.db)) - before) * share);
  else if (what === 'timed') into.ms.push(ms);
  call.check?.(round, answer);
}

/** All calls, `rounds` times over, small and large in turn. */
async function phase(small: BackloggedLedger, large: BackloggedLedger, list: readonly Call[], rounds: number) {
  const samples = new Map(list.map((call) => [call, { small: newSamples(), large: newSamples() }]));
  const overhead = { small: await countingItself(small.db), large: await countingItself(large.db) };
  for (let n = -WARM_ROUNDS; n < rounds + COUNTED_ROUNDS; n++) {
    const what = n < 0 ? 'warm' : n < rounds ? 'timed' : 'counted';
    const states = { small: startRound(small), large: startRound(large) };
    const order = n % 2 === 0 ? (['small', 'large'] as const) : (['large', 'small'] as const);
    for (const call of list) {
      const into = samples.get(call) as { small: Samples; large: Samples };
      for (const side of order) await measure(call, side === 'small' ? small : large, states[side], into[side], what);
    }
  }
  return [...samples].map(([call, sides]): Measured => {
    const [one, other] = [figures(sides.small, overhead.small), figures(sides.large, overhead.large)];
    return {
      call: call.name,
      judged: call.judged,
      small: one,
      large: other,
      ratio: other.median / one.median,
      bufferRatio: other.buffers / Math.max(1, one.buffers),
    };
  });
}

const newSamples = (): Samples => ({ ms: [], buffers: [] });

async function countingItself(db: Database): Promise<number> {
  const samples: number[] = [];
  for (let n = 0; n < 5; n++) {
    const before = await blocks(db);
    samples.push((await blocks(db)) - before);
  }
  return median(samples);
}

function figures({ ms, buffers }: Samples, overhead: number): Figures {
  const quarter = Math.max(1, Math.floor(ms.length / 4));
  return {
    median: median(ms),
    p90: percentile(
      ms.toSorted((a, b) => a - b),
      0.9,
    ),
    buffers: Math.max(0, median(buffers) - overhead),
    first: median(ms.slice(0, quarter)),
    last: median(ms.slice(-quarter)),
  };
}

/** A snapshot that somebody forgot: repeatable read, held until the client ends. */
async function leaveTransactionOpen(on: BackloggedLedger): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: on.database.url, application_name: 'forgotten' });
  // When the run fails, the database is dropped under it.
  client.on('error', () => {});
  await client.connect();
  await client.query('begin isolation level repeatable read');
  await client.query('select 1 from tasks limit 1');
  return client;
}

function tableOf(title: string, [few, many]: readonly [number, number], rows: readonly Measured[]): Table {
  const count = (n: number) => n.toLocaleString('en');
  return {
    title,
    columns: [
      'call',
      `ms, ${count(few)}`,
      'p90',
      `ms, ${count(many)}`,
      'p90',
      'ratio',
      `buffers, ${count(few)}`,
      `buffers, ${count(many)}`,
    ],
    rows: rows.map(({ call, small, large, ratio }) => [
      call,
      small.median,
      small.p90,
      large.median,
      large.p90,
      ratio,
      small.buffers,
      large.buffers,
    ]),
  };
}

const worst = (rows: readonly Measured[]) =>
  rows.filter(({ judged }) => judged).reduce((most, row) => (row.ratio > most.ratio ? row : most));

async function run({ short, say }: BenchmarkOptions) {
  const sizes = [1_000, short ? 5_000 : 1_000_000] as const;
  const rounds = short ? 4 : 120;
  const churned = short ? 300 : 20_000;
  const world = await openWorld({ redis: false });
  try {
    const small = await openBacklog(world, sizes[0], KEPT);
    const large = await openBacklog(world, sizes[1], KEPT);
    say(`${sizes[1].toLocaleString('en')} tasks queued in ${large.fillSeconds.toFixed(0)} s`);
    const measureAll = async () => {
      await sleep(VERIFY_AFTER_MS);
      return [...(await phase(small, large, standingCalls, rounds)), ...(await phase(small, large, calls, rounds))];
    };
    const calm = await measureAll();
    say('calm rounds done');

    const forgotten = await Promise.all([small, large].map(leaveTransactionOpen));
    const began = performance.now();
    await Promise.all([churn(small, churned), churn(large, churned)]);
    // What autovacuum would try to do; under the snapshot it removes nothing.
    for (const { db } of [small, large]) await settleDown(db);
    const open = await measureAll();
    const openSeconds = Math.round((performance.now() - began) / 1000);
    await Promise.all(forgotten.map((client) => client.end()));
    say(`rounds with a transaction open for ${openSeconds} s done`);
    await Promise.all([small.close(), large.close()]);

    const calmest = new Map(calm.map((row) => [row.call, row]));
    const many = sizes[1].toLocaleString('en');
    const show = (row: Measured) => (value: number) => `${value.toFixed(2)} (${row.call})`;
    return {
      tables: [
        tableOf('claim, settle and sweep: milliseconds per call, and buffers it touches', sizes, calm),
        tableOf(
          `the same with a transaction left open, ${churned.toLocaleString('en')} tasks worked since it began`,
          sizes,
          open,
        ),
        {
          title: `what the open transaction itself costs, with ${many} queued: milliseconds, first and last rounds`,
          columns: ['call', 'without', 'first rounds', 'last rounds', 'buffers without', 'buffers with'],
          rows: open.map(({ call, large: { first, last, buffers } }) => [
            call,
            calmest.get(call)?.large.median ?? null,
            first,
            last,
            calmest.get(call)?.large.buffers ?? null,
            buffers,
          ]),
        },
      ],
      goals: [
        judge(goals[0], worst(calm).ratio, { atMost: LIMIT }, show(worst(calm))),
        judge(goals[1], worst(open).ratio, { atMost: LIMIT }, show(worst(open))),
      ],
      facts: { sizes, rounds, churned, openSeconds, fillSeconds: large.fillSeconds, calm, open },
      notes: [
        'filled through enqueue, 100 runs of one task per call; a quarter of the backlog belongs to a paused stage and has no tickets',
        'commits do not wait for the disk here (synchronous_commit off), which would hide differences; both sides alike',
      ],
    };
  } finally {
    await world.close();
  }
}

const goals = [
  `claims and every step of the sweep: at most ${LIMIT} times the time with 1,000,000 queued tasks as with 1,000`,
  'the same with a transaction left open for the whole run',
] as const;

export const benchmark: Benchmark = {
  name: 'backlog',
  question: 'what do claims and the sweep cost under a million queued tasks, against a thousand?',
  goals,
  run,
};
