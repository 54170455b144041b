/**
 * What an operator can do, as one interface: the CLI and the server are two faces of it. Every method that refuses
 * throws UserError with one sentence. RUN and VIDEO arguments take the id or the `identifier`.
 */
import type { Body, RunStatus, StoredObject, TaskStatus } from '@reelfleet/core';
import type { ArtifactDetails, ArtifactRow, VideoDetails, VideoRow } from './library-types.ts';
import type { Filing, VideoLife } from './life-types.ts';
import type { MomentRow, SearchResult, TranscriptDetails } from './said-types.ts';

export * from './library-types.ts';
export * from './life-types.ts';
export * from './said-types.ts';
export type { ChapterRow, QualityRow, Watching } from './watching.ts';

export interface AlbumOrder {
  channel: string;
  niche?: string | undefined;
  moods: readonly string[];
  minutes?: number | undefined;
  persona?: string | undefined;
  preview?: boolean | undefined;
  tracks?: number | undefined;
  /** Target length of each track, previews only. */
  seconds?: number | undefined;
  /** Of the picture, `640x360`, previews only. */
  size?: string | undefined;
  key?: string | undefined;
  priority?: number | undefined;
  title?: string | undefined;
  /** Chooses the built-in providers' variations; by default derived from the run. */
  seed?: number | undefined;
}

export interface StageOrder {
  stage: string;
  input: Record<string, unknown>;
  video?: string | undefined;
  key?: string | undefined;
  priority?: number | undefined;
}

/** A video from a source: an address (`url`), or a file that lies in our store already (`upload`). */
export interface IngestOrder {
  url?: string | undefined;
  upload?: StoredObject | undefined;
  fileName?: string | undefined;
  title?: string | undefined;
  identifier?: string | undefined;
  category?: string | undefined;
  tags?: readonly string[] | undefined;
  qualities?: readonly number[] | undefined;
  codec?: string | undefined;
  /** False: what is said in it is not written down. */
  transcribe?: boolean | undefined;
  /** What is spoken in it, by its ISO 639 code. */
  language?: string | undefined;
  key?: string | undefined;
  priority?: number | undefined;
}

/** How moments are looked for and cut, beside of which video. Lengths are seconds. */
export interface MomentsWish {
  prompt?: string | undefined;
  minLength?: number | undefined;
  maxLength?: number | undefined;
  minMoments?: number | undefined;
  maxMoments?: number | undefined;
  model?: string | undefined;
  temperature?: number | undefined;
  topP?: number | undefined;
  topK?: number | undefined;
  /** How to better what was found; left out: it stays as it is found. */
  refine?: string | undefined;
  clips?: boolean | undefined;
  paddingLeft?: number | undefined;
  paddingRight?: number | undefined;
}

/** The moments of a video that is here and has a transcript, with clips of them. */
export interface MomentsOrder extends MomentsWish {
  video: string;
  key?: string | undefined;
  priority?: number | undefined;
}

/** Clips of moments that were found before. */
export interface ClipsOrder {
  video: string;
  /** Identifiers or ids; all that have no clip by default. */
  moments?: readonly string[] | undefined;
  /** Cut anew what has a clip. */
  replace?: boolean | undefined;
  paddingLeft?: number | undefined;
  paddingRight?: number | undefined;
  key?: string | undefined;
  priority?: number | undefined;
}

/** Everything: a source brought in, or a video that is here; then what is said in it, its moments and their clips. */
export interface FullOrder extends IngestOrder, MomentsWish {
  video?: string | undefined;
}

export type Order =
  | ({ kind: 'album' } & AlbumOrder)
  | ({ kind: 'stage' } & StageOrder)
  | ({ kind: 'ingest' } & IngestOrder)
  | ({ kind: 'moments' } & MomentsOrder)
  | ({ kind: 'clips' } & ClipsOrder)
  | ({ kind: 'full' } & FullOrder);

export interface Enqueued {
  runId: string;
  /** False: the key ordered it before. */
  created: boolean;
}

/** What became of an order that brings in a source, or is about a video. */
export interface Ingested {
  /** Null only where there was nothing to do: what was ordered is there already (and retention may have taken its run). */
  runId: string | null;
  /** False: the key, or the source, was ordered before. */
  created: boolean;
  /** The identifier of the video; null where the key was that of a run without one. */
  video: string | null;
}

export interface ClipsOrdered extends Ingested {
  /** Of the moments that were named, those that have their clip already, with where it is stored. */
  clips: { moment: string; uri: string }[];
}

export type Answered<O extends Order> = O extends { kind: 'clips' }
  ? ClipsOrdered
  : O extends { kind: 'ingest' | 'moments' | 'full' }
    ? Ingested
    : Enqueued;

type OfUpload<O> = Omit<O, 'url' | 'upload' | 'fileName' | 'video'>;

/** A file on its way into the store. */
export interface UploadedFile {
  /** Called once, when the order has been looked at. */
  open(): Body;
  fileName: string;
  contentType: string;
  /** Where it is known before: what is there already is then not sent again, and what changes on the way is noticed. */
  sha256?: string | undefined;
}

export interface RunRow {
  id: string;
  identifier: string;
  template: string;
  title: string | null;
  status: RunStatus;
  phase: string | null;
  priority: number;
  openTasks: number;
  tasksTotal: number;
  tasksEnded: number;
  /** Mean progress over its tasks, 0..100. */
  progressPercent: number;
  errorStage: string | null;
  errorMessage: string | null;
  cancelRequestedAt: string | null;
  createdAt: string;
  startedAt: string | null;
  completedAt: string | null;
  durationSeconds: number | null;
  videoId: string | null;
  channelId: string | null;
}

export interface TaskRow {
  id: string;
  key: string;
  stage: string;
  title: string | null;
  status: TaskStatus;
  stateVersion: number;
  attemptNumber: number;
  progressPercent: number;
  currentStep: string | null;
  workerName: string | null;
  failures: number;
  maxAttempts: number;
  crashes: number;
  maxCrashes: number;
  optional: boolean;
  needs: string[];
  runAfter: string | null;
  claimExpiresAt: string | null;
  errorCode: string | null;
  lastError: string | null;
  startedAt: string | null;
  completedAt: string | null;
}

export interface RunDetails {
  run: RunRow;
  tasks: TaskRow[];
  artifacts: ArtifactRow[];
}

/** A task in `failed`, as the list of dead letters shows it. */
export type DeadLetterRow = Omit<TaskRow, 'needs'> & { runId: string };

export interface AuditRow {
  stateVersion: number;
  actor: string;
  /** The worker's display name, when the actor is one. */
  actorName: string | null;
  action: string;
  from: TaskStatus | null;
  to: TaskStatus;
  error: string | null;
  at: string;
}

export interface WorkerRow {
  id: string;
  name: string;
  status: string;
  lastHeartbeat: string | null;
  registeredAt: string;
  stages: string[];
  tasks: { id: string; key: string; title: string | null; progressPercent: number }[];
}

export interface ChannelRow {
  id: string;
  name: string;
  brandNiche: string;
  isActive: boolean;
  createdAt: string;
  totalJobs: number;
  completedJobs: number;
}

export interface PersonaRow {
  id: string;
  name: string;
  isActive: boolean;
}

export interface StageRow {
  stage: string;
  queued: number;
  running: number;
  pausedAt: string | null;
  pausedBy: string | null;
  reason: string | null;
}

/** What every paged list takes: how many at most, and the `next` of the page before. */
export interface PageAsked {
  limit?: number | undefined;
  cursor?: string | undefined;
}

/** What a list of videos is narrowed to. */
export interface VideoFilter extends PageAsked {
  /** Slug, name or id. */
  category?: string | undefined;
  tag?: string | undefined;
  status?: string | undefined;
  /** Those that are deleted instead of those that are not. */
  deleted?: boolean | undefined;
}

export interface Operator extends Filing {
  /**
   * Enqueue runs in bulk, in batches; answers in order. Nothing is enqueued when any order is wrong. With `localFiles`
   * false, as for orders from outside, an input may name no file but those of our own store.
   */
  enqueue<O extends Order>(orders: readonly O[], options?: { localFiles?: boolean }): Promise<Answered<O>[]>;
  /**
   * Take a file into the store and enqueue its order; nothing stays of it when the order is refused, the source is there
   * already, or `signal` fires.
   */
  upload(
    file: UploadedFile,
    order: ({ kind?: 'ingest' } & OfUpload<IngestOrder>) | ({ kind: 'full' } & OfUpload<FullOrder>),
    options?: { signal?: AbortSignal; onBytes?: (total: number) => void },
  ): Promise<Ingested>;
  runs(filter: { status?: RunStatus; limit?: number; before?: string }): Promise<RunRow[]>;
  /** Runs, newest first, page by page: runs that come meanwhile move nothing. `channel` takes an id or a name. */
  runsPage(
    filter: PageAsked & { status?: RunStatus | undefined; template?: string | undefined; channel?: string | undefined },
  ): Promise<{ runs: RunRow[]; next: string | null }>;
  /** Tasks in `failed`, by stage, page by page. */
  deadLetters(filter: PageAsked & { stage?: string | undefined }): Promise<{
    tasks: DeadLetterRow[];
    next: string | null;
  }>;
  /** Finds a run or a task by id (or a run's identifier); throws UserError when there is neither. */
  find(ref: string): Promise<{ kind: 'run'; id: string } | { kind: 'task'; id: string; runId: string }>;
  run(ref: string): Promise<RunDetails>;
  task(ref: string): Promise<{ task: TaskRow; audit: AuditRow[]; errorTail: string | null; run: RunRow }>;
  /** What a task waits for, as sentences, the first being the answer. */
  why(ref: string): Promise<string[]>;
  cancel(ref: string): Promise<{ cancelled: number; asked: number }>;
  retry(ref: string): Promise<{ retried: number }>;
  pause(stage: string, reason: string | null): Promise<void>;
  resume(stage: string): Promise<boolean>;
  stages(): Promise<StageRow[]>;
  workers(): Promise<WorkerRow[]>;
  workerControl(name: string, action: 'enable' | 'disable' | 'drain'): Promise<number>;
  channels: {
    ls(): Promise<ChannelRow[]>;
    add(channel: { name: string; niche: string }): Promise<ChannelRow>;
    edit(ref: string, change: { name?: string; niche?: string }): Promise<ChannelRow>;
    setActive(ref: string, active: boolean): Promise<ChannelRow>;
  };
  personas: {
    ls(): Promise<PersonaRow[]>;
    add(persona: { name: string }): Promise<PersonaRow>;
    edit(ref: string, change: { name?: string }): Promise<PersonaRow>;
    setActive(ref: string, active: boolean): Promise<PersonaRow>;
  };
  artifacts: {
    /** By its id. */
    show(id: string): Promise<ArtifactDetails>;
    /** By the key of its file in the store. */
    at(key: string): Promise<ArtifactDetails>;
  };
  videos: VideoLife & {
    /** Newest first, page by page; those that were deleted are left out. */
    ls(filter: VideoFilter): Promise<{ videos: VideoRow[]; next: string | null }>;
    /** One that is deleted only when asked for. */
    show(ref: string, options?: { deleted?: boolean | undefined }): Promise<VideoDetails>;
    /** The stored file of a video, its picture, or its stream's master playlist; throws UserError while there is none. */
    file(ref: string, which: 'content' | 'thumbnail' | 'stream'): Promise<ArtifactDetails>;
    /** What is said in it; throws UserError while there is no transcript. */
    transcript(ref: string, options?: { words?: boolean | undefined }): Promise<TranscriptDetails>;
    /** By the time they begin, each with its clip; one that was refined stands behind what it was refined of. */
    moments(ref: string): Promise<MomentRow[]>;
    /** The file of a moment's clip, or its picture; throws UserError while there is none. */
    clipFile(ref: string, moment: string, which: 'content' | 'thumbnail'): Promise<ArtifactDetails>;
  };
  /**
   * Videos in which these words are said, best first, with the places. Words as people type them: all of them are to be said,
   * `"in this order"`, this `OR` that, but `-without`. Throws UserError where nothing in them can be looked for.
   */
  search(words: string, options?: { limit?: number | undefined }): Promise<SearchResult>;
  /** Copy a finished album out: `<date> <title>.mp4`, `.jpg`, `.txt`; the job becomes completed. Returns the paths. */
  export(ref: string, to: string): Promise<string[]>;
  /** Re-hash every artifact against the database. */
  fsck(
    report?: (done: number, total: number) => void,
  ): Promise<{ checked: number; bytes: number; problems: { uri: string; problem: string }[] }>;
  gc(options: {
    dryRun: boolean;
    olderThanMs?: number;
  }): Promise<{ looked: number; removed: number; bytes: number; runsRemoved: number }>;
}
