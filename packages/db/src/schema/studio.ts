/**
 * Studio: an album and what it is made of. `video_jobs.status` follows the phase of its run (trigger) and never goes back
 * within an attempt at the run.
 */
import { sql } from 'drizzle-orm';
import {
  boolean,
  check,
  index,
  integer,
  jsonb,
  pgEnum,
  pgTable,
  text,
  unique,
  uuid,
  varchar,
} from 'drizzle-orm/pg-core';
import { channels, videos } from './catalog.ts';
import { createdAt, id, seconds, time, updatedAt } from './columns.ts';
import { artifacts, pipelineRuns, tasks } from './engine.ts';

export const videoJobStatus = pgEnum('video_job_status', [
  'planned',
  'generating_music',
  'generating_image',
  'rendering',
  'ready_for_export',
  'completed',
  'failed',
]);
export const musicProvider = pgEnum('music_provider', ['dummy', 'mubert', 'beatoven']);
export const visualProvider = pgEnum('visual_provider', ['dummy', 'leonardo', 'gemini']);
export const renderStatus = pgEnum('render_status', ['pending', 'in_progress', 'completed', 'failed']);

/** One album, as its channel ordered it. */
export const videoJobs = pgTable(
  'video_jobs',
  {
    id: id(),
    channelId: uuid('channel_id')
      .notNull()
      .references(() => channels.id, { onDelete: 'cascade' }),
    runId: uuid('run_id')
      .unique('uq_video_jobs_run_id')
      .references(() => pipelineRuns.id, { onDelete: 'set null' }),
    videoId: uuid('video_id').references(() => videos.id, { onDelete: 'set null' }),
    status: videoJobStatus('status').notNull().default('planned'),
    stateVersion: integer('state_version').notNull().default(1),
    nicheLabel: varchar('niche_label', { length: 255 }).notNull(),
    moodKeywords: text('mood_keywords').notNull(),
    targetDurationMinutes: integer('target_duration_minutes').notNull(),
    trackCount: integer('track_count').notNull().default(20),
    /** A preview may be short and have few tracks. */
    preview: boolean('preview').notNull().default(false),
    promptsJson: jsonb('prompts_json'),
    localVideoPath: text('local_video_path'),
    /** The run's storage prefix. */
    outputDirectory: text('output_directory').notNull(),
    errorMessage: text('error_message'),
    uploadStrategy: varchar('upload_strategy', { length: 50 }),
    scheduledTime: time('scheduled_time'),
    youtubeVideoId: varchar('youtube_video_id', { length: 100 }),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (t) => [
    check('video_jobs_track_count_check', sql`${t.trackCount} between 1 and 20`),
    check(
      'video_jobs_album_check',
      sql`${t.preview} or (${t.targetDurationMinutes} between 60 and 90 and ${t.trackCount} = 20)`,
    ),
    index('idx_video_jobs_channel_id').on(t.channelId),
    index('idx_video_jobs_video_id').on(t.videoId),
    index('idx_video_jobs_status').on(t.status),
    index('idx_video_jobs_created_at').on(t.createdAt.desc().nullsFirst()),
    index('idx_video_jobs_prompts').using('gin', t.promptsJson),
  ],
);

/** One track of an album; `order_index` pairs it with its still. */
export const audioTracks = pgTable(
  'audio_tracks',
  {
    id: id(),
    videoJobId: uuid('video_job_id')
      .notNull()
      .references(() => videoJobs.id, { onDelete: 'cascade' }),
    provider: musicProvider('provider').notNull(),
    providerTrackId: varchar('provider_track_id', { length: 255 }),
    orderIndex: integer('order_index').notNull(),
    /** Measured, not believed. */
    durationSeconds: seconds('duration_seconds').notNull(),
    /** The artifact's uri. */
    localFilePath: text('local_file_path').notNull(),
    licenseDocumentUrl: text('license_document_url'),
    promptText: text('prompt_text').notNull(),
    artifactId: uuid('artifact_id').references(() => artifacts.id, { onDelete: 'set null' }),
    createdAt: createdAt(),
  },
  (t) => [
    check('audio_tracks_order_index_check', sql`${t.orderIndex} between 1 and 20`),
    check('audio_tracks_duration_seconds_check', sql`${t.durationSeconds} > 0`),
    unique('idx_audio_tracks_order').on(t.videoJobId, t.orderIndex),
    index('idx_audio_tracks_video_job_id').on(t.videoJobId),
    index('idx_audio_tracks_artifact_id').on(t.artifactId),
  ],
);

/** One still; without a job it stands alone. */
export const images = pgTable(
  'images',
  {
    id: id(),
    videoJobId: uuid('video_job_id').references(() => videoJobs.id, { onDelete: 'cascade' }),
    provider: visualProvider('provider').notNull(),
    providerImageId: varchar('provider_image_id', { length: 255 }),
    orderIndex: integer('order_index'),
    /** The artifact's uri. */
    localFilePath: text('local_file_path').notNull(),
    promptText: text('prompt_text').notNull(),
    artifactId: uuid('artifact_id').references(() => artifacts.id, { onDelete: 'set null' }),
    createdAt: createdAt(),
  },
  (t) => [
    check('images_order_index_check', sql`${t.orderIndex} between 1 and 20`),
    unique('idx_images_order').on(t.videoJobId, t.orderIndex),
    index('idx_images_video_job_id').on(t.videoJobId),
    index('idx_images_artifact_id').on(t.artifactId),
  ],
);

/**
 * One completed render and the commands that made it. Its recorder writes it with status `completed`; how an unfinished or
 * failed render stands is read from its task.
 */
export const renderTasks = pgTable(
  'render_tasks',
  {
    id: id(),
    videoJobId: uuid('video_job_id')
      .notNull()
      .references(() => videoJobs.id, { onDelete: 'cascade' }),
    taskId: uuid('task_id').references(() => tasks.id, { onDelete: 'cascade' }),
    /** All commands in order, as run. */
    ffmpegCommand: text('ffmpeg_command').notNull(),
    localVideoPath: text('local_video_path'),
    resolution: varchar('resolution', { length: 20 }).notNull().default('1920x1080'),
    durationSeconds: seconds('duration_seconds'),
    status: renderStatus('status').notNull().default('pending'),
    errorMessage: text('error_message'),
    createdAt: createdAt(),
    completedAt: time('completed_at'),
  },
  (t) => [
    index('idx_render_tasks_video_job_id').on(t.videoJobId),
    index('idx_render_tasks_task_id').on(t.taskId),
    index('idx_render_tasks_status').on(t.status),
    index('idx_render_tasks_created_at').on(t.createdAt.desc().nullsFirst()),
  ],
);
