/**
 * The words of the simulation: what workers, the sweep and operators may do to one task, as data that fast-check
 * generates and shrinks and that a regression writes down by hand. A command says who does what; which version it
 * carries follows from what its worker believes at that moment (`intend` in model.ts). Nothing is decided here.
 */
import type { NeedKind } from '@reelfleet/core';
import fc from 'fast-check';

/** What becomes of a statement: its answer arrives, or it runs and the answer is lost, or it never arrives at all. */
export type Fate = 'answered' | 'reply lost' | 'request lost';
export type WorkerEvent = 'complete' | 'fail' | 'park' | 'retry' | 'release' | 'cancel';

export type Command =
  /** `full`: the worker refuses (no disk). `twice`: two tickets of one task in one batch. */
  | { do: 'claim'; worker: number; ticket: 'newest' | 'older' | 'forged'; full: boolean; twice: boolean; fate: Fate }
  | { do: 'beat'; worker: number; percent: number; fate: Fate }
  | { do: 'checkpoint'; worker: number; units: number; fate: Fate }
  /** `later`: given back with a delay, so that it is not due at once. */
  | { do: 'settle'; worker: number; event: WorkerEvent; later: boolean; fate: Fate }
  /** The worker finds out what became of its unanswered statement. */
  | { do: 'read back'; worker: number }
  /** A copy of the worker's last statement comes out of the network late; nobody hears its answer. */
  | { do: 'echo'; worker: number }
  /** A ghost wakes up: a handler that was frozen writes under the fence its worker held before. */
  | { do: 'haunt'; worker: number; write: 'beat' | 'checkpoint' | WorkerEvent }
  /** `kill -9`, and another process in its place. */
  | { do: 'crash'; worker: number }
  /** The lease of whoever holds the task passes. */
  | { do: 'lapse' }
  /** Expired leases are taken back. `tooSoon`: sweeps have not run for a whole lease yet. */
  | { do: 'sweep'; tooSoon: boolean }
  /** A backoff passes. */
  | { do: 'wait' }
  /** What is due and has no ticket gets one. */
  | { do: 'dispatch' }
  | { do: 'cancel'; whole: boolean }
  | { do: 'retry'; whole: boolean }
  | { do: 'resolve'; wish: 'completed' | 'failed'; stale: boolean }
  | { do: 'pause' }
  | { do: 'resume' };

/** One command after the other, or two at once on connections of their own. */
export type Step = Command | { both: [Command, Command] };

export interface Setting {
  workers: number;
  maxAttempts: number;
  maxCrashes: number;
  /** A second task that needs the first: what a settle unblocks, skips and rolls up. It is never claimed. */
  follower: NeedKind | null;
}

export interface Schedule {
  setting: Setting;
  steps: Step[];
}

const worker = fc.nat({ max: 2 });
const rarely = fc.oneof({ weight: 11, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) });
const fate = fc.oneof(
  { weight: 12, arbitrary: fc.constant<Fate>('answered') },
  { weight: 2, arbitrary: fc.constantFrom<Fate>('reply lost', 'request lost') },
);
const ticket = fc.oneof(
  { weight: 9, arbitrary: fc.constant('newest' as const) },
  { weight: 1, arbitrary: fc.constantFrom('older' as const, 'forged' as const) },
);
/** What ends a life is rarer than what lets it go on. */
const event = fc.constantFrom<WorkerEvent>(
  ...(['complete', 'fail', 'cancel', 'park', 'park'] as const),
  ...(['release', 'release', 'release', 'retry', 'retry', 'retry'] as const),
);

const arbitraries: { [Word in Command['do']]: fc.Arbitrary<Extract<Command, { do: Word }>> } = {
  claim: fc.record({ do: fc.constant('claim'), worker, ticket, full: rarely, twice: rarely, fate }),
  beat: fc.record({ do: fc.constant('beat'), worker, percent: fc.nat({ max: 100 }), fate }),
  checkpoint: fc.record({ do: fc.constant('checkpoint'), worker, units: fc.nat({ max: 3 }), fate }),
  settle: fc.record({ do: fc.constant('settle'), worker, event, later: rarely, fate }),
  'read back': fc.record({ do: fc.constant('read back'), worker }),
  echo: fc.record({ do: fc.constant('echo'), worker }),
  haunt: fc.record({
    do: fc.constant('haunt'),
    worker,
    write: fc.constantFrom('complete', 'checkpoint', 'beat', 'retry'),
  }),
  crash: fc.record({ do: fc.constant('crash'), worker }),
  lapse: fc.constant({ do: 'lapse' }),
  sweep: fc.record({ do: fc.constant('sweep'), tooSoon: rarely }),
  wait: fc.constant({ do: 'wait' }),
  dispatch: fc.constant({ do: 'dispatch' }),
  cancel: fc.record({ do: fc.constant('cancel'), whole: fc.boolean() }),
  retry: fc.record({ do: fc.constant('retry'), whole: fc.boolean() }),
  resolve: fc.record({
    do: fc.constant('resolve'),
    wish: fc.constantFrom('failed', 'failed', 'completed'),
    stale: rarely,
  }),
  pause: fc.constant({ do: 'pause' }),
  resume: fc.constant({ do: 'resume' }),
};
const weighed = (weights: Partial<Record<Command['do'], number>>): fc.Arbitrary<Command> =>
  fc.oneof(
    ...Object.entries(weights).map(([word, weight]) => ({ weight, arbitrary: arbitraries[word as Command['do']] })),
  );

// What leads on (resume, wait, read back, sweep, retry) costs nothing where there is nothing to lead on from, and comes often.
const command = weighed({
  ...{ claim: 40, settle: 22, 'read back': 16, resume: 10, wait: 8, sweep: 8, retry: 16, haunt: 8 },
  ...{ checkpoint: 4, echo: 4, lapse: 4, resolve: 4, beat: 3, crash: 2, dispatch: 2, cancel: 1, pause: 1 },
});
const racing = weighed({
  ...{ claim: 4, settle: 5, beat: 3, checkpoint: 3, sweep: 3, cancel: 2, echo: 2, retry: 2 },
  ...{ 'read back': 2, lapse: 1, haunt: 1, resolve: 1, dispatch: 1, pause: 1 },
});
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: command },
  { weight: 1, arbitrary: fc.record({ both: fc.tuple(racing, racing) }) },
);

/** Any life of one task among two or three workers. */
export const schedules: fc.Arbitrary<Schedule> = fc.record({
  setting: fc.record({
    workers: fc.constantFrom(2, 3),
    maxAttempts: fc.constantFrom(3, 2, 1),
    maxCrashes: fc.constantFrom(3, 2, 1),
    follower: fc.constantFrom<NeedKind | null>(null, 'hard', 'soft'),
  }),
  steps: fc.array(step, { minLength: 8, maxLength: 60, size: 'max' }),
});
