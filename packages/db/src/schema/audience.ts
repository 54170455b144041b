/**
 * Audience: who watched what, and how an album did elsewhere.
 */
import { boolean, date, index, integer, numeric, pgTable, uuid, varchar } from 'drizzle-orm/pg-core';
import { videos } from './catalog.ts';
import { createdAt, id, seconds, time } from './columns.ts';
import { videoJobs } from './studio.ts';

/** A browser, known by a cookie and nothing else. */
export const viewers = pgTable('viewers', {
  id: id(),
  sessionId: varchar('session_id', { length: 64 }).notNull().unique('uq_viewers_session_id'),
  firstSeen: time('first_seen').notNull().defaultNow(),
  lastSeen: time('last_seen').notNull().defaultNow(),
});

export const playbackSessions = pgTable(
  'playback_sessions',
  {
    id: id(),
    videoId: uuid('video_id')
      .notNull()
      .references(() => videos.id, { onDelete: 'cascade' }),
    viewerId: uuid('viewer_id').references(() => viewers.id, { onDelete: 'set null' }),
    sessionToken: varchar('session_token', { length: 64 }).notNull().unique('uq_playback_sessions_session_token'),
    startedAt: time('started_at').notNull().defaultNow(),
    endedAt: time('ended_at'),
    /** Seconds. */
    durationWatched: seconds('duration_watched').notNull().default(0),
    /** Seconds from the start: the furthest it got. */
    maxPosition: seconds('max_position').notNull().default(0),
    qualityUsed: varchar('quality_used', { length: 10 }),
    /** Watched 90 % or more. */
    completed: boolean('completed').notNull().default(false),
  },
  (t) => [
    index('ix_playback_sessions_video_id').on(t.videoId),
    index('ix_playback_sessions_viewer_id').on(t.viewerId),
    index('ix_playback_sessions_started_at').on(t.startedAt),
  ],
);

/** A day's figures of a published album. */
export const videoAnalytics = pgTable(
  'video_analytics',
  {
    id: id(),
    videoJobId: uuid('video_job_id')
      .notNull()
      .references(() => videoJobs.id, { onDelete: 'cascade' }),
    youtubeVideoId: varchar('youtube_video_id', { length: 100 }).notNull(),
    views: integer('views').notNull().default(0),
    watchTimeHours: numeric('watch_time_hours', { precision: 10, scale: 2 }),
    revenueUsd: numeric('revenue_usd', { precision: 10, scale: 2 }),
    snapshotDate: date('snapshot_date').notNull(),
    createdAt: createdAt(),
  },
  (t) => [index('idx_video_analytics_video_job_id').on(t.videoJobId)],
);
