/**
 * Engine: runs, their tasks, who works on them, and the trail of what happened. No stage is known here by name.
 * Rows of `pipeline_runs` and `tasks` change only through the ledger functions; the guard trigger refuses the rest.
 */
import { artifactKinds, runStatuses, taskStatuses } from '@reelfleet/core';
import { sql } from 'drizzle-orm';
import {
  type AnyPgColumn,
  bigint,
  bigserial,
  boolean,
  check,
  index,
  integer,
  jsonb,
  numeric,
  pgTable,
  primaryKey,
  smallint,
  text,
  unique,
  uniqueIndex,
  uuid,
  varchar,
} from 'drizzle-orm/pg-core';
import { channels, videos } from './catalog.ts';
import { createdAt, id, oneOf, seconds, time, updatedAt } from './columns.ts';
import { generationConfigs } from './moments.ts';

/** One pass of a pipeline template over a video. `status` and `phase` are functions of its tasks. */
export const pipelineRuns = pgTable(
  'pipeline_runs',
  {
    id: id(),
    /** `pipeline:<video or channel>:<epoch ms>` */
    identifier: varchar('identifier', { length: 100 }).notNull().unique('idx_pipeline_runs_identifier'),
    idempotencyKey: text('idempotency_key').unique('uq_pipeline_runs_idempotency_key'),
    template: varchar('template', { length: 50 }).notNull(),
    videoId: uuid('video_id').references(() => videos.id, { onDelete: 'cascade' }),
    channelId: uuid('channel_id').references(() => channels.id, { onDelete: 'cascade' }),
    generationConfigId: uuid('generation_config_id').references((): AnyPgColumn => generationConfigs.id, {
      onDelete: 'cascade',
    }),
    params: jsonb('params').notNull().default({}),
    status: varchar('status', { length: 20, enum: runStatuses }).notNull().default('queued'),
    priority: smallint('priority').notNull().default(0),
    stateVersion: integer('state_version').notNull().default(1),
    /** The `phase` of the first unfinished task, for people. */
    phase: varchar('phase', { length: 50 }),
    /** Tasks that are queued, running or waiting. */
    openTasks: integer('open_tasks').notNull().default(0),
    cancelRequestedAt: time('cancel_requested_at'),
    cancelRequestedBy: text('cancel_requested_by'),
    totalMomentsGenerated: integer('total_moments_generated'),
    totalClipsCreated: integer('total_clips_created'),
    errorStage: varchar('error_stage', { length: 50 }),
    errorMessage: text('error_message'),
    startedAt: time('started_at'),
    completedAt: time('completed_at'),
    durationSeconds: seconds('duration_seconds').generatedAlwaysAs(
      sql`extract(epoch from (completed_at - started_at))::double precision`,
    ),
    /** The video this run keeps other runs of its template from while it is unfinished. */
    unfinishedVideoId: uuid('unfinished_video_id').generatedAlwaysAs(
      sql`case when status::text = any ('{queued,running}') and template <> 'single' then video_id end`,
    ),
    /** How it ended, when it did not end well. */
    trouble: varchar('trouble', { length: 20 }).generatedAlwaysAs(
      sql`case when status::text = any ('{failed,partial,cancelled}') then status end`,
    ),
    createdAt: createdAt(),
  },
  // No index names `status`, `started_at` or anything else that a claim or a settle writes: a run's row moves twice per
  // run at the least, and is a HOT update so (fillfactor 50 leaves the room), which costs a third. What an index wants
  // to know of the status stands in two generated columns that keep their value from the start to a good end. (Postgres
  // reads their expressions anew with each statement: a list written as one array is read in a third of the time.)
  (t) => [
    oneOf('pipeline_runs_status_check', t.status, runStatuses),
    check('pipeline_runs_open_tasks_check', sql`${t.openTasks} >= 0`),
    index('idx_pipeline_runs_video_id').on(t.videoId),
    index('idx_pipeline_runs_channel_id').on(t.channelId),
    index('idx_pipeline_runs_config_id').on(t.generationConfigId),
    // Lists of what failed. Those of unfinished runs find them through their tasks.
    index('ix_pipeline_runs_trouble').on(t.trouble, t.id).where(sql`${t.trouble} is not null`),
    // One unfinished run of a template per video. `single` runs any stage with any input, so it may repeat.
    uniqueIndex('uq_pipeline_runs_unfinished')
      .on(t.unfinishedVideoId, t.template)
      .where(sql`${t.unfinishedVideoId} is not null`),
  ],
);

/** One stage of one run. `state_version` is both the optimistic-concurrency guard and the fence. */
export const tasks = pgTable(
  'tasks',
  {
    id: id(),
    runId: uuid('run_id')
      .notNull()
      .references(() => pipelineRuns.id, { onDelete: 'cascade' }),
    videoId: uuid('video_id').references(() => videos.id, { onDelete: 'cascade' }),
    /** Deterministic within the run (`music/07`, `transcode/chunk/003`), so that replaying an expansion inserts nothing twice. */
    key: text('key').notNull(),
    stage: text('stage').notNull(),
    /** The name people read on the ticket: `music 7/20 · Royal Court Ambience`. */
    title: varchar('title', { length: 200 }),
    /** The phase its run is in while this is the first unfinished task; null when it is no news to people. */
    phase: varchar('phase', { length: 50 }),
    /** Place of its node in the template, so that "first unfinished" has a meaning. */
    position: smallint('position').notNull().default(0),
    payload: jsonb('payload').notNull().default({}),
    output: jsonb('output'),
    status: text('status', { enum: taskStatuses }).notNull().default('queued'),
    stateVersion: integer('state_version').notNull().default(1),
    optional: boolean('optional').notNull().default(false),
    priority: smallint('priority').notNull().default(0),
    /** Counts claims; 0 before the first. */
    attemptNumber: integer('attempt_number').notNull().default(0),
    /** Errors thrown; bounded by `max_attempts`. */
    failures: integer('failures').notNull().default(0),
    maxAttempts: integer('max_attempts').notNull().default(3),
    /** Leases that expired; bounded by `max_crashes`. */
    crashes: integer('crashes').notNull().default(0),
    maxCrashes: integer('max_crashes').notNull().default(5),
    workerId: uuid('worker_id').references(() => workers.id, { onDelete: 'set null' }),
    claimedAt: time('claimed_at'),
    // Not indexed: the running set is small, and an index would make every beat a non-HOT update.
    claimExpiresAt: time('claim_expires_at'),
    /** When it is due; null while it waits for others. */
    runAfter: time('run_after').defaultNow(),
    dispatchedAt: time('dispatched_at'),
    dispatches: integer('dispatches').notNull().default(0),
    pendingDeps: integer('pending_deps').notNull().default(0),
    currentStep: varchar('current_step', { length: 50 }),
    progressPercent: integer('progress_percent').notNull().default(0),
    checkpoint: jsonb('checkpoint'),
    lastCheckpoint: time('last_checkpoint'),
    cancelRequestedAt: time('cancel_requested_at'),
    cancelRequestedBy: text('cancel_requested_by'),
    errorCode: text('error_code'),
    lastError: text('last_error'),
    /** The worker's id and name at completion, kept as text: they survive the worker's row. */
    processedByWorkerId: varchar('processed_by_worker_id', { length: 36 }),
    processedByWorkerName: varchar('processed_by_worker_name', { length: 100 }),
    /** Actor and action of the next audit row: the guard trigger copies them. */
    updatedBy: text('updated_by').default(sql`current_user`),
    lastEvent: text('last_event').notNull().default('create'),
    createdAt: createdAt(),
    startedAt: time('started_at'),
    completedAt: time('completed_at'),
    updatedAt: updatedAt(),
  },
  (t) => [
    unique('uq_tasks_run_key').on(t.runId, t.key),
    oneOf('tasks_status_check', t.status, taskStatuses),
    check('tasks_progress_percent_check', sql`${t.progressPercent} between 0 and 100`),
    check('tasks_pending_deps_check', sql`${t.pendingDeps} >= 0`),
    // A running task holds a whole claim; no other task holds any part of one.
    check(
      'tasks_claim_check',
      sql`case when ${t.status} = 'running'
        then num_nulls(${t.workerId}, ${t.claimedAt}, ${t.claimExpiresAt}) = 0
        else num_nonnulls(${t.workerId}, ${t.claimedAt}, ${t.claimExpiresAt}) = 0 end`,
    ),
    // Partial, for the tasks that have no video: a null has a place in an index, too, and each claim would write it anew.
    index('ix_tasks_video_id').on(t.videoId).where(sql`${t.videoId} is not null`),
    index('ix_tasks_worker_id').on(t.workerId).where(sql`${t.status} = 'running'`),
    // The sweep's: due and without a ticket. `stage` leads, so that a paused stage's backlog is never scanned.
    index('ix_tasks_due').on(t.stage, t.runAfter).where(sql`${t.status} = 'queued' and ${t.dispatchedAt} is null`),
    // The sweep's: tickets to verify, and those a lost store has swallowed.
    index('ix_tasks_dispatched').on(t.dispatchedAt).where(sql`${t.status} = 'queued'`),
    // Counting dead letters. A task that completes never enters it.
    index('ix_tasks_failed').on(t.stage, t.id).where(sql`${t.status} = 'failed'`),
  ],
);

export const dependencyKinds = ['hard', 'soft'] as const;

/** An edge of a run's graph. Hard: met by completion; soft: met by any end. */
export const taskDependencies = pgTable(
  'task_dependencies',
  {
    taskId: uuid('task_id')
      .notNull()
      .references(() => tasks.id, { onDelete: 'cascade' }),
    dependsOnId: uuid('depends_on_id')
      .notNull()
      .references(() => tasks.id, { onDelete: 'cascade' }),
    kind: text('kind', { enum: dependencyKinds }).notNull().default('hard'),
  },
  (t) => [
    primaryKey({ columns: [t.taskId, t.dependsOnId] }),
    oneOf('task_dependencies_kind_check', t.kind, dependencyKinds),
    check('task_dependencies_self_check', sql`${t.taskId} <> ${t.dependsOnId}`),
    index('ix_task_dependencies_depends_on_id').on(t.dependsOnId),
  ],
);

/**
 * Append-only: written by the guard trigger on `tasks`, from the insert (version 1, `create`) on. No foreign key: it
 * survives its task. Rows go only by retention.
 */
export const taskAudit = pgTable(
  'task_audit',
  {
    id: bigserial('id', { mode: 'bigint' }).primaryKey(),
    taskId: uuid('task_id').notNull(),
    actor: text('actor').notNull(),
    action: text('action').notNull(),
    stateBefore: jsonb('state_before'),
    stateAfter: jsonb('state_after').notNull(),
    stateVersion: integer('state_version').notNull(),
    timestamp: time('timestamp').notNull().defaultNow(),
  },
  (t) => [
    unique('uq_task_audit_version').on(t.taskId, t.stateVersion),
    // Retention asks for the old ones; rows lie in order of time, so a block range index is enough and costs next to nothing.
    index('ix_task_audit_timestamp').using('brin', t.timestamp),
  ],
);

/** Append-only: written by the trigger on `videos`. */
export const videoAudit = pgTable(
  'video_audit',
  {
    id: bigserial('id', { mode: 'bigint' }).primaryKey(),
    videoId: uuid('video_id').notNull(),
    actor: text('actor').notNull(),
    action: text('action').notNull(),
    stateBefore: jsonb('state_before'),
    stateAfter: jsonb('state_after').notNull(),
    stateVersion: integer('state_version').notNull(),
    timestamp: time('timestamp').notNull().defaultNow(),
  },
  (t) => [unique('uq_video_audit_version').on(t.videoId, t.stateVersion)],
);

/** Pause of a stage: a row, not a message, so that it survives a lost queue. */
export const stageControls = pgTable('stage_controls', {
  stage: text('stage').primaryKey(),
  pausedAt: time('paused_at'),
  pausedBy: text('paused_by'),
  reason: text('reason'),
});

/** What the fleet knows of a queue's store: a rising number that must be found there, and how far tickets are checked. */
export const queueStores = pgTable('queue_stores', {
  name: text('name').primaryKey(),
  epoch: bigint('epoch', { mode: 'bigint' }).notNull().default(sql`0`),
  lostAt: time('lost_at'),
  /** Tickets dispatched up to here were looked up once. */
  verifyCursor: time('verify_cursor'),
  /** The slow rotation, which catches tickets removed by hand, has come this far. */
  rotateCursor: time('rotate_cursor'),
});

/** One row: whose turn it is to sweep, for the whole fleet. */
export const sweepTurn = pgTable(
  'sweep_turn',
  {
    id: boolean('id').primaryKey().default(true),
    nextAt: time('next_at').notNull().defaultNow(),
    lastAt: time('last_at'),
    /** Start of the current unbroken series of sweeps: nothing expires until it is a whole lease ago. */
    since: time('since'),
  },
  (t) => [check('sweep_turn_one_row', sql`${t.id}`)],
);

export const providerCallStatuses = ['pending', 'accepted', 'completed', 'failed'] as const;

/** A request to a paid provider: recorded before it is sent, its remote id before it is polled, so it is paid once. */
export const providerCalls = pgTable(
  'provider_calls',
  {
    id: id(),
    taskId: uuid('task_id').references(() => tasks.id, { onDelete: 'set null' }),
    provider: text('provider').notNull(),
    requestHash: varchar('request_hash', { length: 64 }).notNull(),
    remoteId: text('remote_id'),
    status: text('status', { enum: providerCallStatuses }).notNull().default('pending'),
    /** Redacted: no keys, no tokens. */
    request: jsonb('request'),
    response: jsonb('response'),
    tokensIn: integer('tokens_in'),
    tokensOut: integer('tokens_out'),
    costUsd: numeric('cost_usd', { precision: 12, scale: 6 }),
    createdAt: createdAt(),
    completedAt: time('completed_at'),
  },
  (t) => [
    unique('uq_provider_calls_request').on(t.taskId, t.requestHash),
    oneOf('provider_calls_status_check', t.status, providerCallStatuses),
  ],
);

export const qualityStatuses = ['pending', 'in_progress', 'completed', 'failed', 'skipped'] as const;

/** Progress of one rendition of a transcode; `task_id` is the plan task, the chunks add to its row. */
export const qualityProgress = pgTable(
  'quality_progress',
  {
    id: id(),
    taskId: uuid('task_id')
      .notNull()
      .references(() => tasks.id, { onDelete: 'cascade' }),
    quality: varchar('quality', { length: 10 }).notNull(),
    status: varchar('status', { length: 20, enum: qualityStatuses }).notNull().default('pending'),
    segmentsTotal: integer('segments_total'),
    segmentsCompleted: integer('segments_completed').notNull().default(0),
    progressPercent: integer('progress_percent').notNull().default(0),
    startedAt: time('started_at'),
    completedAt: time('completed_at'),
    errorMessage: text('error_message'),
  },
  (t) => [
    unique('uq_task_quality').on(t.taskId, t.quality),
    oneOf('quality_progress_status_check', t.status, qualityStatuses),
    check('quality_progress_percent_check', sql`${t.progressPercent} between 0 and 100`),
    index('ix_quality_progress_task_id').on(t.taskId),
  ],
);

export const workerTypes = ['local', 'remote'] as const;
export const workerStatuses = ['active', 'offline', 'disabled', 'draining'] as const;

/** A worker process that registered. What it works on is `tasks.worker_id`; it has several tasks at once. */
export const workers = pgTable(
  'workers',
  {
    id: id(),
    /** The UUID a worker introduces itself with, as text; a worker process uses its row's id. */
    workerId: varchar('worker_id', { length: 36 })
      .notNull()
      .unique('ix_workers_worker_id')
      .default(sql`gen_random_uuid()`),
    workerName: varchar('worker_name', { length: 100 }),
    workerType: varchar('worker_type', { length: 20, enum: workerTypes }).notNull().default('remote'),
    status: varchar('status', { length: 20, enum: workerStatuses }).notNull().default('active'),
    registeredAt: time('registered_at').notNull().defaultNow(),
    lastHeartbeat: time('last_heartbeat'),
    capabilities: jsonb('capabilities'),
    metadata: jsonb('metadata'),
  },
  (t) => [
    oneOf('workers_type_check', t.workerType, workerTypes),
    oneOf('workers_status_check', t.status, workerStatuses),
    index('ix_workers_status').on(t.status),
    // Block ranges: an ordinary index on what every beat writes makes none of them a HOT update (Postgres 16 and newer).
    index('ix_workers_last_heartbeat').using('brin', t.lastHeartbeat),
  ],
);

/**
 * What workers that left had counted, by counter: sums over the fleet must not fall when one goes. Added to by the
 * trigger on `workers` only. Exact decimals, since a sum that is off by a rounding error looks like a restart.
 */
export const workerTotals = pgTable('worker_totals', {
  key: text('key').primaryKey(),
  total: numeric('total').notNull(),
});

/** API keys of remote workers: only the SHA-256 is kept. Revoked, never deleted. */
export const workerApiKeys = pgTable(
  'worker_api_keys',
  {
    id: id(),
    workerId: uuid('worker_id')
      .notNull()
      .references(() => workers.id, { onDelete: 'cascade' }),
    keyHash: varchar('key_hash', { length: 64 }).notNull(),
    keyPrefix: varchar('key_prefix', { length: 8 }).notNull(),
    createdAt: createdAt(),
    expiresAt: time('expires_at'),
    revokedAt: time('revoked_at'),
    lastUsedAt: time('last_used_at'),
  },
  (t) => [
    unique('uq_worker_api_keys_key_hash').on(t.keyHash),
    index('ix_worker_api_keys_key_prefix').on(t.keyPrefix),
    index('ix_worker_api_keys_worker_id').on(t.workerId),
  ],
);

/** A stored file. Inserted by the completing settle only, so a ghost's files stay invisible. */
export const artifacts = pgTable(
  'artifacts',
  {
    id: id(),
    videoId: uuid('video_id').references(() => videos.id, { onDelete: 'cascade' }),
    runId: uuid('run_id').references(() => pipelineRuns.id, { onDelete: 'cascade' }),
    taskId: uuid('task_id').references(() => tasks.id, { onDelete: 'set null' }),
    /** The task's version at completion: which attempt won. */
    stateVersion: integer('state_version'),
    kind: text('kind', { enum: artifactKinds }).notNull(),
    uri: text('uri').notNull(),
    sha256: text('sha256').notNull(),
    sizeBytes: bigint('size_bytes', { mode: 'bigint' }).notNull(),
    contentType: text('content_type').notNull(),
    /** The files a rendition or chunk consists of (name, bytes, checksum): one row for all of them, not one each. */
    segments: jsonb('segments'),
    createdAt: createdAt(),
  },
  (t) => [
    oneOf('artifacts_kind_check', t.kind, artifactKinds),
    check('artifacts_sha256_check', sql`${t.sha256} ~ '^[0-9a-f]{64}$'`),
    check('artifacts_size_bytes_check', sql`${t.sizeBytes} >= 0`),
    index('idx_artifacts_video_id').on(t.videoId),
    index('idx_artifacts_run_id').on(t.runId),
    // Garbage collection asks whether anything names a stored object.
    index('idx_artifacts_uri').on(t.uri),
    index('idx_artifacts_task_id').on(t.taskId),
  ],
);
