/**
 * A stage: one kind of work, its contract and its handler. The handler's whole world is its context; it never sees
 * SQL, Redis, BullMQ, attempts or leases. Return = completed; throw = tried again by policy; PermanentError = failed now.
 */
import { z } from 'zod';
import type { Body, FileBody, Logger, PaidCalls, Providers, StoredObject, Tools } from './ports.ts';

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

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** One file of a set, by its name below the set's address; a name and no path, so that a file's folder names its set. */
export const setMember = z.object({
  name: z.string().regex(/^[^/]+$/, 'is a name without a slash'),
  sha256,
  sizeBytes: z.number().int().nonnegative(),
  /** What it lasts, for the segments of a stream. */
  seconds: z.number().positive().optional(),
});
export type SetMember = z.infer<typeof setMember>;

/**
 * A stored file that travels between stages: in outputs, payloads and, when its task completes, in table `artifacts`. With
 * `segments` it is a set of files that only mean something together (the segments of a rendition): `uri` is then the folder
 * they lie in, `sizeBytes` their sum, `sha256` that of their list, and `contentType` what each of them is.
 */
export const artifactRef = z.object({
  id: z.uuid(),
  kind: z.enum(artifactKinds),
  uri: z.string().min(1),
  sha256,
  sizeBytes: z.number().int().nonnegative(),
  contentType: z.string().min(1),
  segments: z.array(setMember).min(1).optional(),
});
export type ArtifactRef = z.infer<typeof artifactRef>;
/** A set of stored files, as {@link artifactRef} says. */
export const artifactSet = artifactRef.required({ segments: true });
export type ArtifactSet = z.infer<typeof artifactSet>;

/** Storage as one attempt sees it: its own prefix for writing, everything its run may read for reading. */
export interface StageStorage {
  /** Store a file under this attempt's prefix; the ref is named in the output and becomes an artifact on completion. */
  put(name: string, body: Body, options: { kind: ArtifactKind; contentType: string }): Promise<ArtifactRef>;
  /**
   * Store files, or parts of files, that belong together below this attempt's prefix, in a folder of their own, several at a
   * time. `onStored` is told after each, in no particular order.
   */
  putSet(
    folder: string,
    files: readonly (FileBody & { name: string; seconds?: number })[],
    options: { kind: ArtifactKind; contentType: string; onStored?: (name: string) => void },
  ): Promise<ArtifactSet>;
  /** Bring a stored file into the scratch folder (checksum verified) and return its local path. */
  fetch(ref: StoredObject, name?: string): Promise<string>;
  /** Bring one file of a set into the scratch folder (checksum verified) and return its local path. */
  fetchMember(set: ArtifactSet, member: string, name?: string): Promise<string>;
  /**
   * The local path of a large file that several tasks of this worker read, brought here and verified once for all of them. It
   * must not be written to, and may be gone when the attempt has ended.
   */
  borrow(ref: StoredObject): Promise<string>;
  /** Whether a file, or every file of a set, that an earlier attempt's checkpoint names is still there, whole. */
  has(ref: StoredObject & { segments?: readonly SetMember[] | undefined }): Promise<boolean>;
  /** Whether every file of a set is there and has its size: a look without reading, for what was verified when it was stored. */
  present(set: ArtifactSet): Promise<boolean>;
  /** The address that a file of this attempt has, or will have when it is put under that name. */
  uriOf(name: string): string;
  /** Where this attempt writes, as an absolute URI: the run's prefix for `output_directory`. */
  readonly runUri: string;
}

/** Stored files by their keys, for the few stages that move or remove those of whole runs: `runs/…` and `archive/…` only. */
export interface StoredTrees {
  /** Every file in a folder and below it. */
  list(folder: string): AsyncIterable<{ key: string; sizeBytes: number }>;
  /** Give a file another key; one that has it already is no error. */
  move(file: { key: string; sizeBytes: number }, toKey: string): Promise<void>;
  /** Remove a file; one that is not there is no error. */
  delete(key: string): Promise<void>;
  /** The address of a folder, as rows begin with it. */
  uriOf(folder: string): string;
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
  trees: StoredTrees;
  /** Whether a task of another run works on this video: what is told to stop needs a moment for it. */
  othersAtWork(videoId: string): Promise<boolean>;
  /** A folder that vanishes when the attempt ends. */
  scratch: string;
  tools: Tools;
  providers: Providers;
  /** Requests that cost money go through here, so that no retry pays for an answer that was received. */
  calls: PaidCalls;
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
  /**
   * Properties of the output that only become rows (a transcript has thousands of words): its recorder sees them, `tasks.output`
   * and the stages after it do not.
   */
  recordOnly?: readonly (keyof O & string)[];
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
