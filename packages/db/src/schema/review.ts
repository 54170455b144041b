/**
 * Review and release: what the safety stage found, and where a video was published. Receipts outlive their video.
 */
import { sql } from 'drizzle-orm';
import { boolean, doublePrecision, index, jsonb, pgTable, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import { videos } from './catalog.ts';
import { createdAt, id, oneOf, wordList } from './columns.ts';
import { tasks } from './engine.ts';

export const safetyReports = pgTable(
  'safety_reports',
  {
    id: id(),
    taskId: uuid('task_id')
      .notNull()
      .references(() => tasks.id, { onDelete: 'cascade' }),
    score: doublePrecision('score'),
    issues: jsonb('issues'),
    requiresHumanReview: boolean('requires_human_review').notNull().default(false),
    createdAt: createdAt(),
  },
  (t) => [index('idx_safety_reports_task_id').on(t.taskId)],
);

export const receiptStatuses = ['pending', 'uploading', 'published', 'failed', 'withdrawn'] as const;

export const publishReceipts = pgTable(
  'publish_receipts',
  {
    id: id(),
    videoId: uuid('video_id').references(() => videos.id, { onDelete: 'set null' }),
    channel: text('channel').notNull(),
    status: text('status', { enum: receiptStatuses }).notNull().default('pending'),
    externalId: text('external_id'),
    details: jsonb('details'),
    createdAt: createdAt(),
  },
  (t) => [
    oneOf('publish_receipts_status_check', t.status, receiptStatuses),
    index('idx_publish_channel').on(t.channel),
    index('idx_publish_receipts_video_id').on(t.videoId),
    // A video is on its way to a channel, or there, at most once; failed and withdrawn ones are history.
    uniqueIndex('uq_publish_receipts_live')
      .on(t.videoId, t.channel)
      .where(sql`${t.status} in (${wordList(['pending', 'uploading', 'published'])})`),
  ],
);
