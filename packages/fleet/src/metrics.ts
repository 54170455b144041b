/**
 * The metrics of a worker as data: name, labels, meaning. The meter makes instruments of them, reports carry their
 * values, the server puts them together again and the documentation lists them. All of them are sums over a fleet;
 * what must not be summed is a gauge of one worker, at the end.
 */

export interface MetricDefinition {
  readonly name: `reelfleet_${string}`;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
  readonly help: string;
  /** Upper bounds of a histogram. */
  readonly buckets?: readonly number[];
  /** Labels whose values are known beforehand: their series are there from the start, at 0, so that a rate sees the first event. */
  readonly values?: Readonly<Record<string, readonly string[]>>;
}

/** How an attempt ends: the event that was written, `lost` when another worker has the task, `unwritten` when the ledger took nothing. */
export const attemptOutcomes = ['complete', 'retry', 'fail', 'release', 'park', 'cancel', 'lost', 'unwritten'] as const;
export type AttemptOutcome = (typeof attemptOutcomes)[number];

const calls = ['claim', 'beat', 'checkpoint', 'settle'] as const;
export const sweepSteps = [
  'turn',
  'expire',
  'due',
  'store',
  'lost',
  'verify',
  'rotate',
  'workers',
  'purge',
  'tidy',
  'daily',
  'clean-up',
] as const;
export type SweepStep = (typeof sweepSteps)[number];

export const workerMetrics = {
  attempts: {
    name: 'reelfleet_attempts_total',
    type: 'counter',
    labels: ['stage', 'outcome'],
    help: 'Attempts that ended, by how: complete, retry, fail, release, park, cancel, lost (another worker has the task), unwritten (the ledger took nothing)',
    values: { outcome: attemptOutcomes },
  },
  attemptDuration: {
    name: 'reelfleet_attempt_duration_seconds',
    type: 'histogram',
    labels: ['stage'],
    help: 'From claim to the end of an attempt, however it ended',
    buckets: [0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200, 14_400],
  },
  artifactBytes: {
    name: 'reelfleet_artifact_bytes_total',
    type: 'counter',
    labels: ['stage'],
    help: 'Bytes of files that completed tasks have stored',
  },
  ffmpegSpeed: {
    name: 'reelfleet_ffmpeg_speed_ratio',
    type: 'histogram',
    labels: ['stage'],
    help: 'Speed of runs of ffmpeg that ended well, times real time: seconds of output by seconds it took',
    buckets: [0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 20, 50, 100, 200],
  },
  ffmpegOutput: {
    name: 'reelfleet_ffmpeg_output_seconds_total',
    type: 'counter',
    labels: ['stage'],
    help: 'Seconds of media that ffmpeg has written in runs that ended well',
  },
  ffmpegFailures: {
    name: 'reelfleet_ffmpeg_failures_total',
    type: 'counter',
    labels: ['stage'],
    help: 'Runs of ffmpeg that failed by themselves (not those that were told to stop)',
  },
  ticketsDropped: {
    name: 'reelfleet_tickets_dropped_total',
    type: 'counter',
    labels: ['reason'],
    help: 'Tickets that led to no attempt: stale (the task has moved on), refused (worker full, paused stage, no disk) or malformed',
    values: { reason: ['stale', 'refused', 'malformed'] },
  },
  ticketsUnsent: {
    name: 'reelfleet_tickets_unsent_total',
    type: 'counter',
    labels: [],
    help: 'Tickets that the queue did not take and the sweep issues again',
  },
  leasesLost: {
    name: 'reelfleet_leases_lost_total',
    type: 'counter',
    labels: [],
    help: 'Leases that a worker noticed it had lost while it was at work',
  },
  leasesExpired: {
    name: 'reelfleet_leases_expired_total',
    type: 'counter',
    labels: [],
    help: 'Leases that the sweep found over: their worker was gone or silent',
  },
  fencedWrites: {
    name: 'reelfleet_fenced_writes_refused_total',
    type: 'counter',
    labels: ['call'],
    help: 'Writes refused because the task belonged to somebody else by then',
    values: { call: ['checkpoint', 'settle'] },
  },
  beatsLate: {
    name: 'reelfleet_beats_late_total',
    type: 'counter',
    labels: [],
    help: 'Beats sent more than two intervals after the last one that succeeded',
  },
  ledgerBatch: {
    name: 'reelfleet_ledger_batch_size',
    type: 'histogram',
    labels: ['call'],
    help: 'Items in one statement to the ledger; for a beat the leases it extends',
    buckets: [0, 1, 2, 5, 10, 20, 50, 100],
    values: { call: calls },
  },
  ledgerDuration: {
    name: 'reelfleet_ledger_call_duration_seconds',
    type: 'histogram',
    labels: ['call'],
    help: 'From sending a call to the ledger to knowing its outcome, repetitions included',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 20],
    values: { call: calls },
  },
  ledgerErrors: {
    name: 'reelfleet_ledger_errors_total',
    type: 'counter',
    labels: ['call'],
    help: 'Calls to the ledger that ended without an answer',
    values: { call: calls },
  },
  sweepDuration: {
    name: 'reelfleet_sweep_duration_seconds',
    type: 'histogram',
    labels: [],
    help: 'Sweeps of the whole fleet and how long each took',
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  },
  sweepTickets: {
    name: 'reelfleet_sweep_tickets_total',
    type: 'counter',
    labels: ['step'],
    help: 'Tickets issued by the sweep: due (backoff over, stage resumed, sender died), expire (leases over), lost (the queue lost its store), verify and rotate (not found in the queue), purge (deleted videos whose time is over)',
    values: { step: ['due', 'expire', 'lost', 'verify', 'rotate', 'purge'] },
  },
  sweepFailures: {
    name: 'reelfleet_sweep_steps_failed_total',
    type: 'counter',
    labels: ['step'],
    help: 'Steps of the sweep that failed and were left to the next sweep',
    values: { step: sweepSteps },
  },
  storesLost: {
    name: 'reelfleet_queue_store_lost_total',
    type: 'counter',
    labels: [],
    help: 'Times the store of the queue was found emptied or rewound',
  },
  workersLost: {
    name: 'reelfleet_sweep_workers_offline_total',
    type: 'counter',
    labels: [],
    help: 'Workers that went silent without taking their leave',
  },
  removed: {
    name: 'reelfleet_cleanup_removed_total',
    type: 'counter',
    labels: ['kind'],
    help: 'What the daily clean-up removed: rows over their retention, stored objects that nothing names',
    values: { kind: ['rows', 'objects'] },
  },
} as const satisfies Record<string, MetricDefinition>;

/** Of the server and of a worker that has an endpoint of its own. */
export const buildMetric = {
  name: 'reelfleet_build_info',
  type: 'gauge',
  labels: ['component', 'version', 'schema', 'node'],
  help: 'Always 1; which version of which component (server, worker) answers, and the schema it needs',
} as const satisfies MetricDefinition;

/** How one worker is just now; the key is its name in a report. */
export const workerGauges = {
  slots: {
    name: 'reelfleet_worker_slots',
    type: 'gauge',
    labels: ['worker', 'worker_id'],
    help: 'Tasks this worker may have at once',
  },
  busy: {
    name: 'reelfleet_worker_slots_busy',
    type: 'gauge',
    labels: ['worker', 'worker_id'],
    help: 'Tasks this worker is at',
  },
  scratchFree: {
    name: 'reelfleet_worker_scratch_free_bytes',
    type: 'gauge',
    labels: ['worker', 'worker_id'],
    help: 'Free space where this worker keeps its scratch files',
  },
  scratchRequired: {
    name: 'reelfleet_worker_scratch_required_bytes',
    type: 'gauge',
    labels: ['worker', 'worker_id'],
    help: 'Free space below which this worker takes no tickets (REELFLEET_MIN_FREE_MB)',
  },
  memory: {
    name: 'reelfleet_worker_memory_bytes',
    type: 'gauge',
    labels: ['worker', 'worker_id'],
    help: 'Resident memory of this worker process, without the programs it runs',
  },
} as const satisfies Record<string, MetricDefinition>;
