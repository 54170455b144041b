/**
 * What the API answers, as schemas: they check every answer, take out what is not in them, and are what /docs shows. Each
 * is held against the operator's own type by the compiler, in both directions, so neither can change alone.
 */
import type {
  ArtifactDetails,
  ArtifactRow,
  AuditRow,
  CategoryRow,
  ClipsOrdered,
  DeadLetterRow,
  Enqueued,
  Ingested,
  RunDetails,
  RunRow,
  StageRow,
  TagRow,
  TaskRow,
  VideoDetails,
  VideoRow,
  VideoTold,
  WorkerRow,
} from '@reelfleet/catalog';
import { runStatuses, taskStatuses } from '@reelfleet/core';
import { z } from 'zod';

/** The schema itself, if what it answers is exactly `T`. */
export const exactly =
  <T>() =>
  <S extends z.ZodType<T>>(schema: S & (T extends z.output<S> ? unknown : never)): S =>
    schema;

export const id = z.uuid().meta({ examples: ['0197a3f2-6c1e-7b52-9d0c-3f6a1e5b7c28'] });
export const time = z.iso.datetime().describe('ISO-8601, UTC');
const percent = z.number().min(0).max(100);
export const count = z.number().int().min(0);

/** RFC 9457. */
export const problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    detail: z.string().describe('One sentence: what is wrong, and what to do'),
    instance: z.string().optional(),
    errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
  })
  .meta({ id: 'Problem' });

export const run = exactly<RunRow>()(
  z.object({
    id,
    identifier: z.string().meta({ examples: ['pipeline:royal-court:1763733000000'] }),
    template: z.string(),
    title: z.string().nullable(),
    status: z.enum(runStatuses),
    phase: z.string().nullable(),
    priority: z.number().int(),
    openTasks: count.describe('Tasks that are queued, running or waiting'),
    tasksTotal: count,
    tasksEnded: count,
    progressPercent: percent,
    errorStage: z.string().nullable(),
    errorMessage: z.string().nullable(),
    cancelRequestedAt: time.nullable(),
    createdAt: time,
    startedAt: time.nullable(),
    completedAt: time.nullable(),
    durationSeconds: z.number().nullable(),
    videoId: id.nullable(),
    channelId: id.nullable(),
  }),
).meta({ id: 'Run', description: 'One pass of a pipeline template' });

const taskState = {
  id,
  key: z
    .string()
    .describe('Its name within the run')
    .meta({ examples: ['music/07'] }),
  stage: z.string(),
  title: z.string().nullable(),
  status: z.enum(taskStatuses),
  stateVersion: z.number().int().describe('Raised by every change of its state'),
  attemptNumber: count,
  progressPercent: percent,
  currentStep: z.string().nullable(),
  workerName: z.string().nullable(),
  failures: count,
  maxAttempts: count,
  crashes: count,
  maxCrashes: count,
  optional: z.boolean(),
  runAfter: time.nullable(),
  claimExpiresAt: time.nullable(),
  errorCode: z.string().nullable(),
  lastError: z.string().nullable(),
  startedAt: time.nullable(),
  completedAt: time.nullable(),
};

export const task = exactly<TaskRow>()(
  z.object({ ...taskState, needs: z.array(z.string()).describe('Keys of the tasks it waits for') }),
).meta({ id: 'Task', description: 'One stage of one run' });

export const deadLetter = exactly<DeadLetterRow>()(z.object({ ...taskState, runId: id })).meta({
  id: 'DeadLetter',
  description: 'A task in `failed`',
});

export const audit = exactly<AuditRow>()(
  z.object({
    stateVersion: z.number().int(),
    actor: z.string(),
    actorName: z.string().nullable().describe("The worker's name, where a worker did it"),
    action: z.string(),
    from: z.enum(taskStatuses).nullable(),
    to: z.enum(taskStatuses),
    error: z.string().nullable(),
    at: time,
  }),
).meta({ id: 'Audit', description: 'One change of a task, never changed afterwards' });

const artifactRow = {
  id,
  kind: z.string(),
  uri: z.string().describe('Where it is stored'),
  sha256: z.string(),
  sizeBytes: count,
  contentType: z.string(),
  taskKey: z.string().nullable(),
};
export const artifact = exactly<ArtifactRow>()(z.object(artifactRow)).meta({
  id: 'Artifact',
  description: 'A stored file, named by the attempt that won',
});
export const artifactDetails = exactly<ArtifactDetails>()(
  z.object({
    ...artifactRow,
    fileName: z.string(),
    runId: id.nullable(),
    taskId: id.nullable(),
    videoId: id.nullable(),
    createdAt: time,
  }),
).meta({ id: 'ArtifactDetails' });

export const runDetails = exactly<RunDetails>()(
  z.object({ run, tasks: z.array(task), artifacts: z.array(artifact) }),
).meta({ id: 'RunDetails' });

const videoRow = {
  id,
  identifier: z.string(),
  title: z.string(),
  status: z.string(),
  reviewStatus: z.string(),
  durationSeconds: z.number().nullable(),
  sizeBytes: count.nullable(),
  width: count.nullable(),
  height: count.nullable(),
  uri: z.string().nullable().describe('Where its file is stored; null until it is'),
  thumbnailUri: z.string().nullable(),
  channelId: id.nullable(),
  channelName: z.string().nullable(),
  category: z.string().nullable().describe('Slug of its category'),
  tags: z.array(z.string()).describe('Slugs'),
  stateVersion: z.number().int().describe('Raised by every change; an edit names the one it read'),
  createdAt: time,
  updatedAt: time,
  deletedAt: time.nullable(),
};
export const video = exactly<VideoRow>()(z.object(videoRow)).meta({ id: 'Video', description: 'The product' });
export const videoDetails = exactly<VideoDetails>()(
  z.object({
    video: z.object({
      ...videoRow,
      description: z.string(),
      videoCodec: z.string().nullable(),
      audioCodec: z.string().nullable(),
      frameRate: z.number().nullable(),
    }),
    runs: z.array(run).describe('What was done to it, newest first'),
    streamUrl: z.string().nullable().describe('The master playlist of its stream (HLS); null until there is one'),
    captionsUrl: z.string().nullable().describe('WebVTT with what is said'),
    transcriptLanguage: z.string().nullable().describe('Language of its transcript; null while there is none'),
    spritesUrl: z.string().nullable().describe('WebVTT that leads to the pictures for scrubbing'),
    qualities: z
      .array(
        z.object({
          quality: z.string().meta({ examples: ['720p'] }),
          width: count.nullable(),
          height: count.nullable(),
          bitrate: count.nullable().describe('kbit/s'),
          status: z.enum(['pending', 'in_progress', 'completed', 'failed', 'skipped']),
          progressPercent: percent,
          segmentsCompleted: count.nullable(),
          segmentsTotal: count.nullable(),
        }),
      )
      .describe('Renditions of its stream, highest first, with how far each is'),
    chapters: z.array(z.object({ title: z.string(), startSeconds: z.number(), endSeconds: z.number() })),
  }),
).meta({ id: 'VideoDetails' });

export const videoTold = exactly<VideoTold>()(
  z.object({
    video: z.string().describe('Identifier of the video'),
    runId: id.describe('The run that moves or removes its files'),
    cancelled: count.describe('Tasks of it that were cancelled at once'),
    asked: count.describe('Tasks of it that were told to stop'),
  }),
).meta({ id: 'VideoTold', description: 'What became of an order about a whole video' });
export const videoEdited = z.object({ video: z.string(), stateVersion: z.number().int() }).meta({ id: 'VideoEdited' });

const filed = {
  id,
  name: z.string(),
  slug: z.string(),
  createdAt: time,
  videos: count.describe('Not counting deleted ones'),
};
export const category = exactly<CategoryRow>()(z.object({ ...filed, description: z.string() })).meta({
  id: 'Category',
});
export const tag = exactly<TagRow>()(z.object(filed)).meta({ id: 'Tag' });

export const worker = exactly<WorkerRow>()(
  z.object({
    id: z.string(),
    name: z.string(),
    status: z.string(),
    lastHeartbeat: time.nullable(),
    registeredAt: time,
    stages: z.array(z.string()),
    tasks: z.array(z.object({ id, key: z.string(), title: z.string().nullable(), progressPercent: percent })),
  }),
).meta({ id: 'Worker', description: 'A worker process and what it works on' });

export const stage = exactly<StageRow>()(
  z.object({
    stage: z.string(),
    queued: count,
    running: count,
    pausedAt: time.nullable(),
    pausedBy: z.string().nullable(),
    reason: z.string().nullable(),
  }),
).meta({ id: 'Stage', description: 'A kind of work, its backlog and whether it is paused' });

export const enqueued = exactly<Enqueued>()(
  z.object({ runId: id, created: z.boolean().describe('False: this key ordered it before') }),
).meta({ id: 'Enqueued' });

export const ingested = exactly<Ingested>()(
  z.object({
    runId: id
      .nullable()
      .describe('Null only where there was nothing to do, and where the run that did it is not kept any more'),
    created: z.boolean().describe('False: this key, or this source, was ordered before'),
    video: z.string().nullable().describe('Identifier of the video'),
  }),
).meta({ id: 'Ingested' });

export const clipsOrdered = exactly<ClipsOrdered>()(
  z.object({
    ...ingested.shape,
    clips: z
      .array(z.object({ moment: z.string(), uri: z.string() }))
      .describe('Of the moments that were named, those that have their clip already'),
  }),
).meta({ id: 'ClipsOrdered' });

/** What became of an order of any kind; the one that says most first, since what a schema does not know is taken out. */
export const ordered = z.union([clipsOrdered, ingested, enqueued]);

/** Where the next page begins. */
export const next = z.string().nullable().describe('The `cursor` of the next page; null on the last one');
