/**
 * A stage: one kind of work, its contract and its handler. The handler's whole world is its context; it never sees
 * SQL, Redis, BullMQ, attempts or leases. Return = completed; throw = tried again by policy; PermanentError = failed now.
 */
import { z } from 'zod';
import type { Body, Logger, Providers, StoredObject, Tools } from './ports.ts';

export const SECOND = 1_000;
export const MINUTE = 60_000;

export const artifactKinds = [
  'raw',
  'script',
  'image',
  'audio',
  'segment',
  'render',
  'thumbnail',
  'clip',
  'rendition',
  'manifest',
  'transcript',
  'captions',
  'log',
] as const;
export type ArtifactKind = (typeof artifactKinds)[number];

/** A stored file that travels between stages: in outputs, payloads and, when its task completes, in table `artifacts`. */
export const artifactRef = z.object({
  id: z.uuid(),
  kind: z.enum(artifactKinds),
  uri: z.string().min(1),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  sizeBytes: z.number().int().nonnegative(),
  contentType: z.string().min(1),
});
export type ArtifactRef = z.infer<typeof artifactRef>;

/** Storage as one attempt sees it: its own prefix for writing, everything its run may read for reading. */
export interface StageStorage {
  /** Store a file under this attempt's prefix; the ref is named in the output and becomes an artifact on completion. */
  put(name: string, body: Body, options: { kind: ArtifactKind; contentType: string }): Promise<ArtifactRef>;
  /** Bring a stored file into the scratch folder (checksum verified) and return its local path. */
  fetch(ref: ArtifactRef, name?: string): Promise<string>;
  /** Whether a file named by an earlier attempt's checkpoint is still there, whole. */
  has(ref: StoredObject): Promise<boolean>;
  /** Where this attempt writes, as an absolute URI: the run's prefix for `output_directory`. */
  readonly runUri: string;
}

export interface StageContext<I> {
  input: I;
  /** What the last attempt saved, or null. Validate it: an older version of the code may have written it. */
  checkpoint: unknown;
  /** Durable and fenced when it resolves. `units` counts what is safely stored; when it grows, crashes are forgiven. */
  saveCheckpoint(data: unknown, units: number): Promise<void>;
  /** Lossy progress for people, 0..1, with a short step name. Also feeds the motion watchdog. */
  progress(fraction: number, step?: string): void;
  /** Something moved (bytes, out_time, a poll answered): resets the motion watchdog without changing the percentage. */
  moved(): void;
  storage: StageStorage;
  /** A folder that vanishes when the attempt ends. */
  scratch: string;
  tools: Tools;
  providers: Providers;
  log: Logger;
  /** Fires on cancel, shutdown, lost lease and stall. Pass it to everything that can wait. */
  signal: AbortSignal;
  /** The last lines of an external program, kept for `reelfleet logs`. */
  note(line: string): void;
  /** Tests only: stops at a named point when REELFLEET_PAUSE_AT says so. */
  pausePoint(point: string): Promise<void>;
}

export interface StagePolicy {
  /** Errors a task of this stage may throw before it fails. */
  maxAttempts: number;
  /** Leases that may expire (crashes) before it fails. */
  maxCrashes: number;
  /** Tasks of this stage at once per worker process; `cpu` = number of cores. */
  concurrency: number | 'cpu';
  /** The attempt ends as `stalled` when nothing moved for this long. */
  stalledAfterMs: number;
  /** First backoff after an error; doubles up to `backoffMaxMs`, with full jitter. */
  backoffMs: number;
  backoffMaxMs: number;
}

export const defaultPolicy: StagePolicy = {
  maxAttempts: 3,
  maxCrashes: 5,
  concurrency: 1,
  stalledAfterMs: 5 * MINUTE,
  backoffMs: 1 * SECOND,
  backoffMaxMs: 60 * SECOND,
};

export interface Stage<I = unknown, O = unknown> {
  name: string;
  /** One line for people: what it does. */
  description: string;
  input: z.ZodType<I>;
  output: z.ZodType<O>;
  policy: StagePolicy;
  run(context: StageContext<I>): Promise<O>;
}

// biome-ignore lint/suspicious/noExplicitAny: a registry holds stages of every input and output type.
export type AnyStage = Stage<any, any>;

/**
 * Define a stage.
 * @example defineStage({ name: 'probe', description: '…', input: z.object({…}), output: z.object({…}), policy: {}, async run({ input }) { … } })
 */
export function defineStage<I, O>(stage: Omit<Stage<I, O>, 'policy'> & { policy?: Partial<StagePolicy> }): Stage<I, O> {
  return { ...stage, policy: { ...defaultPolicy, ...stage.policy } };
}
