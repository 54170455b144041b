/**
 * The ledger's port: what workers, the sweep and operators ask of Postgres, in the words of ARCHITECTURE.md. Every
 * method is one statement on the other side. The adapter (packages/db) resolves unknown outcomes before it answers:
 * a promise that resolves tells what happened.
 */
import type { ConfigWish, EnsuredConfig } from './language.ts';
import type { NewEdge, NewTask } from './pipeline.ts';
import type { ArtifactRef } from './stage.ts';
import type { TaskStatus } from './task.ts';

/** "Task `id` at version `version` may be ready": what a queue carries. */
export interface Ticket {
  id: string;
  version: number;
  dispatches: number;
  stage: string;
  title: string;
  priority: number;
}

/** A ticket as Postgres remembers having issued it. */
export type DispatchedTicket = Pick<Ticket, 'id' | 'version' | 'dispatches' | 'stage'>;

/** A task held under a lease, with everything its handler needs. */
export interface ClaimedTask {
  id: string;
  /** The fence: every later write carries it. */
  version: number;
  key: string;
  stage: string;
  title: string;
  payload: Record<string, unknown>;
  runId: string;
  videoId: string | null;
  template: string;
  params: Record<string, unknown>;
  attemptNumber: number;
  failures: number;
  maxAttempts: number;
  priority: number;
  checkpoint: { units: number; data: unknown } | null;
  /** Outputs of the tasks it depends on, by key. */
  outputs: Record<string, unknown>;
}

export interface ClaimAsk {
  id: string;
  version: number;
  /** The worker cannot take it (disk full, slots full): the ledger marks the row undispatched so that no ticket is eaten. */
  refusal: string | null;
}

/** `sentAt`: monotonic milliseconds when the claim was sent; the lease counts from there. */
export type ClaimAnswer =
  | { kind: 'claimed'; task: ClaimedTask; sentAt: number }
  | { kind: 'stale' }
  | { kind: 'refused'; reason: string };

/** A change of a domain row asked for by a recorder; applied in order by the settle that completes the task. */
export interface RowChange {
  /**
   * `archive`, `restore` and `purge` are of `videos`, and concern all rows that name its files: packages/db/sql/37-videos.sql.
   * `keep-clip` and `replace-clip` are of `clips`, `clip-picture` is of `thumbnails`: packages/db/sql/26-clips.sql.
   * Of `pipeline_runs` there is only `add`, to the totals of the task's own run.
   */
  op:
    | ('insert' | 'keep' | 'upsert' | 'update' | 'add' | 'delete')
    | ('archive' | 'restore' | 'purge')
    | ('keep-clip' | 'replace-clip' | 'clip-picture');
  table: string;
  /** Columns that identify the row, for upsert, update, add and delete. */
  key?: readonly string[];
  values: Record<string, unknown>;
}

export type SettleEvent = 'complete' | 'fail' | 'park' | 'retry' | 'release' | 'cancel' | 'resolve';

export interface SettleItem {
  id: string;
  version: number;
  event: SettleEvent;
  output?: unknown;
  code?: string;
  message?: string;
  /** Backoff or a provider's delay; 0 = due at once. */
  delayMs?: number;
  /** For `resolve`: the outcome. */
  wish?: 'completed' | 'failed';
  artifacts?: readonly ArtifactRef[];
  records?: readonly RowChange[];
  children?: readonly NewTask[];
  edges?: readonly NewEdge[];
  skip?: readonly string[];
}

/** Status after the event, or null: the fence had moved and nothing was written. */
export interface SettleAnswer {
  status: TaskStatus | null;
  tickets: Ticket[];
}

export interface BeatItem {
  id: string;
  version: number;
  progressPercent: number;
  step: string | null;
}

export type BeatVerdict = 'held' | 'cancel' | 'busy' | 'lost';

export interface BeatAnswer {
  tasks: Record<string, BeatVerdict>;
  worker: 'active' | 'offline' | 'draining' | 'disabled';
  schema: string;
}

export interface CheckpointItem {
  id: string;
  version: number;
  data: unknown;
  units: number;
  progress: number;
  step: string | null;
}

/** A request that costs money, as it is written down before it is sent. `requestHash` (64 hex digits) tells equal ones. */
export interface CallItem {
  /** Of the task on whose behalf, with its fence. */
  id: string;
  version: number;
  /** The row's, if this is the first time: what every try of the request is known by. */
  callId: string;
  provider: string;
  requestHash: string;
  request: unknown;
}

/** The row there is now; `kept` when its answer arrived in an earlier try. Null: the fence had moved, nothing may be sent. */
export type CallBegun = { callId: string; kept: { response: unknown } | null } | null;

export interface CallEnd {
  callId: string;
  response: unknown;
  tokensIn: number | null;
  tokensOut: number | null;
  costUsd: number | null;
}

export interface WorkerIdentity {
  id: string;
  name: string;
  type: 'local' | 'remote';
  capabilities: Record<string, unknown>;
  metadata: Record<string, unknown>;
}

/**
 * What a worker process has counted since it started, and how it is. Always the whole of it, so that a report that is
 * lost or sent twice changes no sum; `seq` rises, so that one that comes late does not either.
 */
export interface WorkerReport {
  seq: number;
  /** Sums over the fleet mean something. */
  counters: Record<string, number>;
  /** They do not. */
  gauges: Record<string, number>;
}

/** What a worker needs. `signal` ends the waiting for an outcome (the lease is lost anyway). */
export interface Ledger {
  hello(worker: WorkerIdentity): Promise<BeatAnswer['worker']>;
  bye(workerId: string, report?: WorkerReport): Promise<void>;
  schemaVersion(): Promise<string>;
  claim(workerId: string, leaseMs: number, asks: readonly ClaimAsk[]): Promise<ClaimAnswer[]>;
  beat(
    workerId: string,
    leaseMs: number,
    items: readonly BeatItem[],
    state: { draining: boolean; report?: WorkerReport },
  ): Promise<BeatAnswer>;
  /** Per item: true when durable, false when the fence had moved. */
  checkpoint(workerId: string, items: readonly CheckpointItem[], signal?: AbortSignal): Promise<boolean[]>;
  settle(workerId: string, items: readonly SettleItem[], signal?: AbortSignal): Promise<SettleAnswer[]>;
  /** Write a paid request down, before it is sent; or find what an earlier try of the same task left of it. */
  beginCall(workerId: string, call: CallItem, signal?: AbortSignal): Promise<CallBegun>;
  /** Keep its answer. Not fenced: it is paid, whoever holds the task by now. */
  endCall(end: CallEnd, signal?: AbortSignal): Promise<void>;
  /** Whether a task of another run than `runId` works on this video. */
  videoAtWork(videoId: string, runId: string, signal?: AbortSignal): Promise<boolean>;
}

/** What the sweep needs. Every step is safe side by side. */
export interface SweepLedger {
  turn(intervalMs: number, leaseMs: number): Promise<boolean>;
  choreDue(name: string, everyMs: number): Promise<boolean>;
  expire(actor: string, leaseMs: number, limit: number): Promise<{ expired: number; tickets: Ticket[] }>;
  due(limit: number): Promise<Ticket[]>;
  store(name: string, seen: number | null): Promise<{ lost: boolean; next: number }>;
  lost(name: string, limit: number): Promise<Ticket[]>;
  /** Tickets to look up; `cursor` goes back through `verified` once that is done (null: nothing was left). */
  toVerify(name: string, limit: number, rotate: boolean): Promise<{ rows: DispatchedTicket[]; cursor: string | null }>;
  verified(name: string, rotate: boolean, cursor: string | null): Promise<void>;
  redispatch(missing: readonly DispatchedTicket[]): Promise<Ticket[]>;
  workersOffline(offlineMs: number): Promise<number>;
  retention(days: number, limit: number): Promise<number>;
  /** Purges for videos that were deleted more than `days` ago, one of `runs` each, whose video is filled in. */
  purge(actor: string, days: number, runs: readonly EnqueueItem[]): Promise<Ticket[]>;
  /** Of these stored objects, the keys that no row names and no unfinished task may still need. */
  unnamed(objects: readonly { key: string; uri: string }[]): Promise<string[]>;
}

export interface NewRun {
  id: string;
  identifier: string;
  idempotencyKey: string | null;
  template: string;
  videoId: string | null;
  channelId: string | null;
  generationConfigId: string | null;
  params: Record<string, unknown>;
  priority: number;
  phase: string;
}

export interface EnqueueItem {
  run: NewRun;
  tasks: readonly NewTask[];
  edges: readonly NewEdge[];
  /** Rows the run refers to (channel, video). */
  before: readonly RowChange[];
  /** Rows that refer to the run (video_jobs). */
  after: readonly RowChange[];
}

export interface OperatorLedger {
  /** Same key (or same run id) again: answers with the first run, `created` false. */
  enqueue(
    items: readonly EnqueueItem[],
    actor: string,
  ): Promise<{ runs: { id: string; runId: string; created: boolean }[]; tickets: Ticket[] }>;
  cancel(
    actor: string,
    target: { runs?: readonly string[]; tasks?: readonly string[] },
  ): Promise<{ cancelled: number; asked: number; tickets: Ticket[] }>;
  retry(
    actor: string,
    target: { runs?: readonly string[]; tasks?: readonly string[] },
  ): Promise<{ retried: number; tickets: Ticket[] }>;
  /**
   * The prompt and the config of this content: the rows there are, or new ones; one of each, however many ask at once. What a
   * run needs is ensured before it is enqueued.
   */
  ensureConfig(wish: ConfigWish): Promise<EnsuredConfig>;
  resolve(actor: string, item: Omit<SettleItem, 'event'>): Promise<SettleAnswer>;
  pauseStage(stage: string, actor: string, reason: string | null): Promise<void>;
  resumeStage(stage: string): Promise<boolean>;
  workerControl(name: string, status: 'active' | 'disabled' | 'draining'): Promise<{ changed: number; known: number }>;
  /**
   * Hide a video at once, cancel its unfinished runs, and send `run` for its files (delete); bring them back (restore);
   * remove them and then the video (purge). `run.params.folders` is filled in.
   */
  deleteVideo(actor: string, videoId: string, run: EnqueueItem): Promise<VideoTold>;
  restoreVideo(actor: string, videoId: string, run: EnqueueItem): Promise<VideoTold>;
  purgeVideo(actor: string, videoId: string, run: EnqueueItem): Promise<VideoTold>;
  /** An edit of the video as it was at `version`; answers its new version, and refuses when it has another one by now. */
  editVideo(actor: string, videoId: string, version: number, change: VideoChange): Promise<number>;
}

/** The run that was sent, and what became of the work that was under way. */
export interface VideoTold {
  runId: string;
  cancelled: number;
  asked: number;
  tickets: Ticket[];
}

/** What is not there stays as it is. */
export interface VideoChange {
  title?: string;
  description?: string;
  categoryId?: string | null;
  /** Made where there are none of that slug. */
  addTags?: readonly { id: string; name: string; slug: string }[];
  /** Slugs. */
  removeTags?: readonly string[];
}
