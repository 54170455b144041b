/**
 * Moments: what is said in a video, the moments found in it and the clips cut from them. Transcripts, prompts and
 * configs are written once (triggers).
 */
import { sql } from 'drizzle-orm';
import {
  type AnyPgColumn,
  bigint,
  boolean,
  check,
  customType,
  doublePrecision,
  index,
  integer,
  jsonb,
  pgTable,
  text,
  uuid,
  varchar,
} from 'drizzle-orm/pg-core';
import { videos } from './catalog.ts';
import { createdAt, id, seconds, time, updatedAt } from './columns.ts';

/** What is said in a video: one per video, immutable. */
export const transcripts = pgTable(
  'transcripts',
  {
    id: id(),
    videoId: uuid('video_id')
      .notNull()
      .unique('idx_transcripts_video_id')
      .references((): AnyPgColumn => videos.id, { onDelete: 'cascade' }),
    fullText: text('full_text').notNull(),
    /** `[{"word", "start", "end"}]`, seconds */
    wordTimestamps: jsonb('word_timestamps').notNull(),
    /** `[{"text", "start", "end"}]`, seconds */
    segmentTimestamps: jsonb('segment_timestamps').notNull(),
    language: varchar('language', { length: 10 }).notNull().default('en'),
    numberOfWords: integer('number_of_words'),
    numberOfSegments: integer('number_of_segments'),
    transcriptionService: varchar('transcription_service', { length: 50 }),
    processingTimeSeconds: seconds('processing_time_seconds'),
    /** The uri of the WebVTT file. */
    vttPath: text('vtt_path'),
    createdAt: createdAt(),
    /** What the index below holds, kept with the row too: ranking reads it instead of parsing the text again (ADR 16). */
    searchVector: customType<{ data: string }>({ dataType: () => 'tsvector' })('search_vector').generatedAlwaysAs(
      sql`to_tsvector('english', full_text)`,
    ),
  },
  (t) => [index('idx_transcripts_full_text').using('gin', sql`to_tsvector('english', ${t.fullText})`)],
);

/** A reusable prompt; the same texts are one row. */
export const prompts = pgTable('prompts', {
  id: id(),
  userPrompt: text('user_prompt').notNull(),
  systemPrompt: text('system_prompt').notNull(),
  promptHash: varchar('prompt_hash', { length: 64 }).notNull().unique('idx_prompts_hash'),
  createdAt: createdAt(),
});

/** How moments were asked for. One config serves many videos, so `transcript_id` is neither in its hash nor its owner. */
export const generationConfigs = pgTable(
  'generation_configs',
  {
    id: id(),
    promptId: uuid('prompt_id')
      .notNull()
      .references(() => prompts.id, { onDelete: 'cascade' }),
    transcriptId: uuid('transcript_id').references(() => transcripts.id, { onDelete: 'set null' }),
    model: varchar('model', { length: 100 }).notNull(),
    operationType: varchar('operation_type', { length: 50 }).notNull(),
    temperature: doublePrecision('temperature'),
    topP: doublePrecision('top_p'),
    topK: integer('top_k'),
    minMomentLength: seconds('min_moment_length'),
    maxMomentLength: seconds('max_moment_length'),
    minMoments: integer('min_moments'),
    maxMoments: integer('max_moments'),
    configHash: varchar('config_hash', { length: 64 }).notNull().unique('idx_generation_configs_hash'),
    createdAt: createdAt(),
  },
  (t) => [
    index('idx_generation_configs_prompt_id').on(t.promptId),
    index('idx_generation_configs_transcript_id').on(t.transcriptId),
    index('idx_generation_configs_model').on(t.model),
    index('idx_generation_configs_operation').on(t.operationType),
  ],
);

/** A stretch of a video worth showing. A refined one has the original as its parent. */
export const moments = pgTable(
  'moments',
  {
    id: id(),
    identifier: varchar('identifier', { length: 20 }).notNull().unique('idx_moments_identifier'),
    videoId: uuid('video_id')
      .notNull()
      .references((): AnyPgColumn => videos.id, { onDelete: 'cascade' }),
    startTime: seconds('start_time').notNull(),
    endTime: seconds('end_time').notNull(),
    title: varchar('title', { length: 500 }).notNull(),
    isRefined: boolean('is_refined').notNull().default(false),
    parentId: uuid('parent_id').references((): AnyPgColumn => moments.id, { onDelete: 'set null' }),
    generationModel: varchar('generation_model', { length: 100 }),
    generationConfigId: uuid('generation_config_id').references(() => generationConfigs.id, { onDelete: 'cascade' }),
    /** 0..10, null until scored. */
    score: integer('score'),
    scoringModel: varchar('scoring_model', { length: 100 }),
    scoredAt: time('scored_at'),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (t) => [
    check('moments_end_time_check', sql`${t.endTime} > ${t.startTime}`),
    check('moments_score_check', sql`${t.score} >= 0 and ${t.score} <= 10`),
    index('idx_moments_video_id').on(t.videoId),
    index('idx_moments_is_refined').on(t.isRefined),
    index('idx_moments_parent_id').on(t.parentId),
    index('idx_moments_generation_config_id').on(t.generationConfigId),
    index('idx_moments_score').on(t.score).where(sql`${t.score} is not null`),
    index('idx_moments_timestamps').on(t.startTime, t.endTime),
  ],
);

/** A clip of a root moment, with the padding as used. The row exists only once the file is stored; its length is computed. */
export const clips = pgTable(
  'clips',
  {
    id: id(),
    momentId: uuid('moment_id')
      .notNull()
      .unique('idx_clips_moment_id')
      .references(() => moments.id, { onDelete: 'cascade' }),
    videoId: uuid('video_id')
      .notNull()
      .references((): AnyPgColumn => videos.id, { onDelete: 'cascade' }),
    uri: text('uri').notNull(),
    startTime: seconds('start_time').notNull(),
    endTime: seconds('end_time').notNull(),
    paddingLeft: seconds('padding_left').notNull(),
    paddingRight: seconds('padding_right').notNull(),
    sizeBytes: bigint('size_bytes', { mode: 'bigint' }),
    format: varchar('format', { length: 20 }),
    videoCodec: varchar('video_codec', { length: 50 }),
    audioCodec: varchar('audio_codec', { length: 50 }),
    resolution: varchar('resolution', { length: 20 }),
    createdAt: createdAt(),
  },
  (t) => [check('clips_end_time_check', sql`${t.endTime} > ${t.startTime}`), index('idx_clips_video_id').on(t.videoId)],
);
