/**
 * The ledger's calls as workers and sweeps make them, in the order of one round over a backlog. A round takes tickets from
 * the head of the queue and gives as many back to its tail, so that the backlog keeps its size; each call finds the same
 * work to do whatever the size. What prepares a call is not measured.
 */
import type { SettleItem } from '@reelfleet/core';
import { int4, text } from '@reelfleet/db';
import { type BackloggedLedger, noopRun } from './backlog-ledger.ts';

type Held = { id: string; version: number };
type Ticket = BackloggedLedger['tickets'][number];

/** What a round carries from call to call. */
export interface Round {
  readonly on: BackloggedLedger;
  runs: ReturnType<typeof noopRun>[];
  asks: Ticket[];
  held: Held[];
}

export interface Call {
  readonly name: string;
  /** Whether the goal is about it. */
  readonly judged: boolean;
  prepare?(round: Round): unknown;
  run(round: Round): Promise<unknown>;
  /** The part of a call's cost that counts, when it had more to do than the others. */
  share?(answer: unknown): number;
  /** Not measured either: checks that the call did what it is measured for. */
  check?(round: Round, answer: unknown): void;
}

const LEASE_MS = 30_000;
const SWEEP_MS = 1_000;
/** How many rows the sweep's steps find to do; and how many tasks one batch of a worker holds. */
const SOME = 100;
const EXPIRED = 20;

export const startRound = (on: BackloggedLedger): Round => ({ on, runs: [], asks: [], held: [] });

function take(round: Round, count: number): void {
  round.asks = round.on.tickets.splice(0, count);
  if (round.asks.length < count) throw new Error(`only ${round.asks.length} of ${count} tickets are left`);
}

const claim = (round: Round, leaseMs: number, refusal: string | null = null) =>
  round.on.ledger.claim(
    round.on.worker,
    leaseMs,
    round.asks.map(({ id, version }) => ({ id, version, refusal })),
  );

function keepClaimed(round: Round, answers: unknown): void {
  for (const answer of answers as Awaited<ReturnType<typeof claim>>) {
    if (answer.kind !== 'claimed') throw new Error(`a ticket of the backlog was answered ${answer.kind}`);
    round.held.push({ id: answer.task.id, version: answer.task.version });
  }
}

const complete = (round: Round, count: number) =>
  round.on.ledger.settle(
    round.on.worker,
    round.held.splice(0, count).map((task): SettleItem => ({ ...task, event: 'complete', output: {} })),
  );

const wants = (what: string, wanted: number, got: number) => {
  if (got !== wanted) throw new Error(`${what}: expected ${wanted}, got ${got}`);
};
const length = (answer: unknown) => (answer as unknown[]).length;
const toTail = (round: Round, tickets: readonly Ticket[]) => round.on.tickets.push(...tickets);

const enqueue = (count: number): Call => ({
  name: `enqueue ${count}`,
  judged: false,
  prepare: (round) => {
    round.runs = Array.from({ length: count }, () => noopRun());
  },
  run: (round) => round.on.operator.enqueue(round.runs, 'bench'),
  check: (round, answer) => toTail(round, (answer as { tickets: Ticket[] }).tickets),
});
const claimSome = (count: number): Call => ({
  name: `claim ${count}`,
  judged: true,
  prepare: (round) => take(round, count),
  run: (round) => claim(round, LEASE_MS),
  check: keepClaimed,
});
const settle = (count: number): Call => ({
  name: `settle ${count}`,
  judged: false,
  run: (round) => complete(round, count),
  check: (_round, answer) => wants('settled', count, length((answer as { status: unknown }[]).filter((a) => a.status))),
});

/** Moves the moment of the store's loss to just behind the oldest rows of the backlog. */
const loseTheOldest = (rows: number) => (round: Round) =>
  round.on.db.query(
    `update queue_stores set lost_at = (select dispatched_at + interval '1 microsecond' from tasks
       where status = 'queued' and dispatched_at is not null order by dispatched_at offset $1::text::int limit 1)
     where name = $2::text`,
    [int4(rows), text(round.on.store)],
  );

export const calls: readonly Call[] = [
  enqueue(1),
  enqueue(SOME),
  claimSome(1),
  claimSome(SOME),
  {
    name: `beat of ${SOME}`,
    judged: false,
    run: (round) =>
      round.on.ledger.beat(
        round.on.worker,
        LEASE_MS,
        round.held.slice(0, SOME).map((task) => ({ ...task, progressPercent: 50, step: 'half' })),
        { draining: false },
      ),
    check: (_round, answer) =>
      wants(
        'held',
        SOME,
        Object.values((answer as { tasks: object }).tasks).filter((verdict) => verdict === 'held').length,
      ),
  },
  {
    name: `checkpoint ${SOME}`,
    judged: false,
    run: (round) =>
      round.on.ledger.checkpoint(
        round.on.worker,
        round.held.slice(0, SOME).map((task) => ({ ...task, data: { at: 1 }, units: 1, progress: 50, step: 'half' })),
      ),
    check: (_round, answer) => wants('saved', SOME, (answer as boolean[]).filter(Boolean).length),
  },
  settle(1),
  settle(SOME),
  { name: 'sweep: turn', judged: true, run: ({ on }) => on.sweep.turn(SWEEP_MS, 3_600_000) },
  { name: 'sweep: expire, nothing', judged: true, run: ({ on }) => on.sweep.expire('bench', SWEEP_MS, 500) },
  {
    name: `sweep: expire ${EXPIRED}`,
    judged: true,
    async prepare(round) {
      take(round, EXPIRED);
      const before = round.held.length;
      keepClaimed(round, await claim(round, 1));
      round.held.length = before;
      await new Promise((done) => setTimeout(done, 5));
    },
    run: ({ on }) => on.sweep.expire('bench', SWEEP_MS, 500),
    check: (round, answer) => {
      const { expired, tickets } = answer as { expired: number; tickets: Ticket[] };
      wants('expired', EXPIRED, expired);
      toTail(round, tickets);
    },
  },
  {
    name: 'sweep: due, nothing',
    judged: true,
    run: ({ on }) => on.sweep.due(2_000),
    check: (_round, answer) => wants('due', 0, length(answer)),
  },
  {
    name: `sweep: due ${SOME}`,
    judged: true,
    async prepare(round) {
      take(round, SOME);
      await claim(round, LEASE_MS, 'worker busy');
    },
    run: ({ on }) => on.sweep.due(2_000),
    check: (round, answer) => {
      wants('due', SOME, length(answer));
      toTail(round, answer as Ticket[]);
    },
  },
  { name: 'sweep: store', judged: true, run: ({ on }) => on.sweep.store(on.store, 1) },
  {
    name: 'sweep: lost, nothing',
    judged: true,
    prepare: ({ on }) => on.db.query(`update queue_stores set lost_at = '2000-01-01'`),
    run: ({ on }) => on.sweep.lost(on.store, 2_000),
    check: (_round, answer) => wants('lost', 0, length(answer)),
  },
  {
    name: `sweep: lost ${SOME}`,
    judged: true,
    prepare: loseTheOldest(SOME),
    run: ({ on }) => on.sweep.lost(on.store, SOME),
    check: (round, answer) => {
      wants('lost', SOME, length(answer));
      const again = new Map((answer as Ticket[]).map((ticket) => [ticket.id, ticket]));
      const { tickets } = round.on;
      round.on.tickets.splice(0, tickets.length, ...tickets.filter(({ id }) => !again.has(id)), ...again.values());
    },
  },
  {
    name: 'sweep: cursor',
    judged: true,
    run: ({ on }) => on.sweep.verified(on.store, false, new Date(0).toISOString()),
  },
  {
    name: `sweep: redispatch ${SOME}`,
    judged: true,
    prepare: (round) => take(round, SOME),
    run: ({ on, asks }) => on.sweep.redispatch(asks),
    check: (round, answer) => {
      wants('redispatched', SOME, length(answer));
      toTail(round, answer as Ticket[]);
    },
  },
  { name: 'sweep: workers', judged: true, run: ({ on }) => on.sweep.workersOffline(3_600_000) },
];

/**
 * Looking tickets up is for those that are five seconds old, which in the small backlog the other calls would leave none:
 * so it is measured by itself, before them. It changes nothing.
 */
export const standingCalls: readonly Call[] = [
  {
    name: `sweep: verify ${SOME}`,
    judged: true,
    run: ({ on }) => on.sweep.toVerify(on.store, SOME, false),
    // All that were dispatched in the same moment as the hundredth come with it.
    share: (answer) => SOME / (answer as { rows: Ticket[] }).rows.length,
    check(_round, answer) {
      const { rows } = answer as { rows: Ticket[] };
      if (rows.length < SOME) throw new Error(`only ${rows.length} tickets to verify`);
    },
  },
];

/** Tasks through their whole life, unmeasured: what a day of work does to the tables. */
export async function churn(on: BackloggedLedger, tasks: number): Promise<void> {
  for (let done = 0; done < tasks; done += SOME) {
    const round = startRound(on);
    round.runs = Array.from({ length: SOME }, () => noopRun());
    toTail(round, (await on.operator.enqueue(round.runs, 'bench')).tickets);
    take(round, SOME);
    // Every ticket is refused once and issued again by the sweep, so that each index has seen them come and go.
    await claim(round, LEASE_MS, 'worker busy');
    round.asks = await on.sweep.due(2_000);
    keepClaimed(round, await claim(round, LEASE_MS));
    await complete(round, SOME);
  }
}
