/**
 * Catalog: the videos and what they are filed under. Every update of a video raises its `state_version` and is audited
 * (trigger); an edit names the version it read and gets a conflict otherwise.
 */
import { sql } from 'drizzle-orm';
import {
  type AnyPgColumn,
  bigint,
  boolean,
  check,
  doublePrecision,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  unique,
  uniqueIndex,
  uuid,
  varchar,
} from 'drizzle-orm/pg-core';
import { createdAt, id, oneOf, seconds, time, updatedAt } from './columns.ts';
import { clips } from './moments.ts';

/** A voice and style that videos are made in. */
export const personas = pgTable('personas', {
  id: id(),
  name: text('name').notNull(),
  toneProfile: jsonb('tone_profile'),
  voiceProfile: jsonb('voice_profile'),
  styleProfile: jsonb('style_profile'),
  /** Off: kept for its videos, offered to no new run. */
  isActive: boolean('is_active').notNull().default(true),
  createdAt: createdAt(),
});

/** A channel that orders albums. */
export const channels = pgTable(
  'channels',
  {
    id: id(),
    name: varchar('name', { length: 255 }).notNull().unique('uq_channels_name'),
    youtubeChannelId: varchar('youtube_channel_id', { length: 100 }).unique('uq_channels_youtube_channel_id'),
    brandNiche: varchar('brand_niche', { length: 255 }).notNull(),
    isActive: boolean('is_active').notNull().default(true),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (t) => [
    index('idx_channels_is_active').on(t.isActive),
    // NULLS FIRST is what a plain `order by … desc` asks for; without it the index would not serve.
    index('idx_channels_created_at').on(t.createdAt.desc().nullsFirst()),
  ],
);

export const categories = pgTable('categories', {
  id: id(),
  name: varchar('name', { length: 100 }).notNull(),
  slug: varchar('slug', { length: 100 }).notNull().unique('uq_categories_slug'),
  description: text('description').notNull().default(''),
  createdAt: createdAt(),
});

export const tags = pgTable('tags', {
  id: id(),
  name: varchar('name', { length: 50 }).notNull().unique('uq_tags_name'),
  slug: varchar('slug', { length: 50 }).notNull().unique('ix_tags_slug'),
  createdAt: createdAt(),
});

/** What a video is technically. */
export const videoStatuses = ['pending', 'processing', 'ready', 'failed'] as const;
/** Where it stands editorially. */
export const reviewStatuses = ['draft', 'pending_review', 'published', 'rejected'] as const;

export const videos = pgTable(
  'videos',
  {
    id: id(),
    identifier: varchar('identifier', { length: 255 }).notNull().unique('idx_videos_identifier'),
    title: varchar('title', { length: 500 }).notNull(),
    description: text('description').notNull().default(''),
    personaId: uuid('persona_id').references(() => personas.id, { onDelete: 'set null' }),
    channelId: uuid('channel_id').references(() => channels.id, { onDelete: 'set null' }),
    categoryId: uuid('category_id').references(() => categories.id, { onDelete: 'set null' }),
    sourceUrl: text('source_url'),
    sourceSha256: text('source_sha256'),
    /** Null until stored. */
    videoUrl: text('video_url'),
    thumbnailUrl: text('thumbnail_url'),
    // Null until probed, from here to the frame rate.
    durationSeconds: seconds('duration_seconds'),
    fileSizeBytes: bigint('file_size_bytes', { mode: 'bigint' }),
    videoCodec: varchar('video_codec', { length: 50 }),
    audioCodec: varchar('audio_codec', { length: 50 }),
    sourceWidth: integer('source_width'),
    sourceHeight: integer('source_height'),
    frameRate: doublePrecision('frame_rate'),
    status: varchar('status', { length: 20, enum: videoStatuses }).notNull().default('pending'),
    reviewStatus: text('review_status', { enum: reviewStatuses }).notNull().default('draft'),
    confidence: doublePrecision('confidence'),
    stateVersion: integer('state_version').notNull().default(1),
    errorMessage: text('error_message'),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
    publishedAt: time('published_at'),
    deletedAt: time('deleted_at'),
  },
  (t) => [
    oneOf('videos_status_check', t.status, videoStatuses),
    oneOf('videos_review_status_check', t.reviewStatus, reviewStatuses),
    // Duplicate detection among what is not deleted; a soft-deleted match is found by the plain index and offered for restore.
    uniqueIndex('uq_videos_source_url').on(t.sourceUrl).where(sql`${t.deletedAt} is null`),
    uniqueIndex('uq_videos_source_sha256').on(t.sourceSha256).where(sql`${t.deletedAt} is null`),
    index('idx_videos_source_url').on(t.sourceUrl),
    index('idx_videos_source_sha256').on(t.sourceSha256),
    index('idx_videos_created_at').on(t.createdAt),
    index('ix_videos_status').on(t.status),
    index('ix_videos_category_id').on(t.categoryId),
    index('ix_videos_channel_id').on(t.channelId),
    index('ix_videos_persona_id').on(t.personaId),
    index('ix_videos_published_at').on(t.publishedAt),
    index('ix_videos_deleted_at').on(t.deletedAt),
  ],
);

export const videoTags = pgTable(
  'video_tags',
  {
    videoId: uuid('video_id')
      .notNull()
      .references(() => videos.id, { onDelete: 'cascade' }),
    tagId: uuid('tag_id')
      .notNull()
      .references(() => tags.id, { onDelete: 'cascade' }),
  },
  (t) => [
    primaryKey({ columns: [t.videoId, t.tagId] }),
    index('ix_video_tags_video_id').on(t.videoId),
    index('ix_video_tags_tag_id').on(t.tagId),
  ],
);

/** A rendition a player can choose. */
export const videoQualities = pgTable(
  'video_qualities',
  {
    id: id(),
    videoId: uuid('video_id')
      .notNull()
      .references(() => videos.id, { onDelete: 'cascade' }),
    /** `1080p` */
    quality: varchar('quality', { length: 10 }).notNull(),
    width: integer('width'),
    height: integer('height'),
    /** kbit/s */
    bitrate: integer('bitrate'),
    /** As in the manifest's CODECS. */
    codecs: text('codecs'),
    playlistUri: text('playlist_uri'),
  },
  (t) => [unique('uq_video_qualities_quality').on(t.videoId, t.quality)],
);

/** The picture of a video or of a clip, 1280×720. The row exists only once the file is stored. */
export const thumbnails = pgTable(
  'thumbnails',
  {
    id: id(),
    videoId: uuid('video_id').references(() => videos.id, { onDelete: 'cascade' }),
    clipId: uuid('clip_id').references((): AnyPgColumn => clips.id, { onDelete: 'cascade' }),
    uri: text('uri').notNull(),
    sizeBytes: bigint('size_bytes', { mode: 'bigint' }),
    createdAt: createdAt(),
  },
  (t) => [
    check(
      'thumbnails_owner_check',
      sql`(${t.videoId} is not null and ${t.clipId} is null) or (${t.videoId} is null and ${t.clipId} is not null)`,
    ),
    index('idx_thumbnails_video_id').on(t.videoId),
    index('idx_thumbnails_clip_id').on(t.clipId),
    uniqueIndex('idx_thumbnails_video_id_unique').on(t.videoId).where(sql`${t.videoId} is not null`),
    uniqueIndex('idx_thumbnails_clip_id_unique').on(t.clipId).where(sql`${t.clipId} is not null`),
  ],
);
