CREATE TYPE "public"."music_provider" AS ENUM('dummy', 'mubert', 'beatoven');--> statement-breakpoint
CREATE TYPE "public"."render_status" AS ENUM('pending', 'in_progress', 'completed', 'failed');--> statement-breakpoint
CREATE TYPE "public"."video_job_status" AS ENUM('planned', 'generating_music', 'generating_image', 'rendering', 'ready_for_export', 'completed', 'failed');--> statement-breakpoint
CREATE TYPE "public"."visual_provider" AS ENUM('dummy', 'leonardo', 'gemini');--> statement-breakpoint
CREATE TABLE "playback_sessions" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"video_id" uuid NOT NULL,
	"viewer_id" uuid,
	"session_token" varchar(64) NOT NULL,
	"started_at" timestamp with time zone DEFAULT now() NOT NULL,
	"ended_at" timestamp with time zone,
	"duration_watched" double precision DEFAULT 0 NOT NULL,
	"max_position" double precision DEFAULT 0 NOT NULL,
	"quality_used" varchar(10),
	"completed" boolean DEFAULT false NOT NULL,
	CONSTRAINT "uq_playback_sessions_session_token" UNIQUE("session_token")
);
--> statement-breakpoint
CREATE TABLE "video_analytics" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"video_job_id" uuid NOT NULL,
	"youtube_video_id" varchar(100) NOT NULL,
	"views" integer DEFAULT 0 NOT NULL,
	"watch_time_hours" numeric(10, 2),
	"revenue_usd" numeric(10, 2),
	"snapshot_date" date NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "viewers" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"session_id" varchar(64) NOT NULL,
	"first_seen" timestamp with time zone DEFAULT now() NOT NULL,
	"last_seen" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "uq_viewers_session_id" UNIQUE("session_id")
);
--> statement-breakpoint
CREATE TABLE "categories" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"name" varchar(100) NOT NULL,
	"slug" varchar(100) NOT NULL,
	"description" text DEFAULT '' NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "uq_categories_slug" UNIQUE("slug")
);
--> statement-breakpoint
CREATE TABLE "channels" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"name" varchar(255) NOT NULL,
	"youtube_channel_id" varchar(100),
	"brand_niche" varchar(255) NOT NULL,
	"is_active" boolean DEFAULT true NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "uq_channels_name" UNIQUE("name"),
	CONSTRAINT "uq_channels_youtube_channel_id" UNIQUE("youtube_channel_id")
);
--> statement-breakpoint
CREATE TABLE "personas" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"name" text NOT NULL,
	"tone_profile" jsonb,
	"voice_profile" jsonb,
	"style_profile" jsonb,
	"is_active" boolean DEFAULT true NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "tags" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"name" varchar(50) NOT NULL,
	"slug" varchar(50) NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "uq_tags_name" UNIQUE("name"),
	CONSTRAINT "ix_tags_slug" UNIQUE("slug")
);
--> statement-breakpoint
CREATE TABLE "thumbnails" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"video_id" uuid,
	"clip_id" uuid,
	"uri" text NOT NULL,
	"size_bytes" bigint,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "thumbnails_owner_check" CHECK (("thumbnails"."video_id" is not null and "thumbnails"."clip_id" is null) or ("thumbnails"."video_id" is null and "thumbnails"."clip_id" is not null))
);
--> statement-breakpoint
CREATE TABLE "video_qualities" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"video_id" uuid NOT NULL,
	"quality" varchar(10) NOT NULL,
	"width" integer,
	"height" integer,
	"bitrate" integer,
	"codecs" text,
	"playlist_uri" text,
	CONSTRAINT "uq_video_qualities_quality" UNIQUE("video_id","quality")
);
--> statement-breakpoint
CREATE TABLE "video_tags" (
	"video_id" uuid NOT NULL,
	"tag_id" uuid NOT NULL,
	CONSTRAINT "video_tags_video_id_tag_id_pk" PRIMARY KEY("video_id","tag_id")
);
--> statement-breakpoint
CREATE TABLE "videos" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"identifier" varchar(255) NOT NULL,
	"title" varchar(500) NOT NULL,
	"description" text DEFAULT '' NOT NULL,
	"persona_id" uuid,
	"channel_id" uuid,
	"category_id" uuid,
	"source_url" text,
	"source_sha256" text,
	"video_url" text,
	"thumbnail_url" text,
	"duration_seconds" double precision,
	"file_size_bytes" bigint,
	"video_codec" varchar(50),
	"audio_codec" varchar(50),
	"source_width" integer,
	"source_height" integer,
	"frame_rate" double precision,
	"status" varchar(20) DEFAULT 'pending' NOT NULL,
	"review_status" text DEFAULT 'draft' NOT NULL,
	"confidence" double precision,
	"state_version" integer DEFAULT 1 NOT NULL,
	"error_message" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	"published_at" timestamp with time zone,
	"deleted_at" timestamp with time zone,
	CONSTRAINT "idx_videos_identifier" UNIQUE("identifier"),
	CONSTRAINT "videos_status_check" CHECK ("videos"."status" in ('pending', 'processing', 'ready', 'failed')),
	CONSTRAINT "videos_review_status_check" CHECK ("videos"."review_status" in ('draft', 'pending_review', 'published', 'rejected'))
);
--> statement-breakpoint
CREATE TABLE "artifacts" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"video_id" uuid,
	"run_id" uuid,
	"task_id" uuid,
	"state_version" integer,
	"kind" text NOT NULL,
	"uri" text NOT NULL,
	"sha256" text NOT NULL,
	"size_bytes" bigint NOT NULL,
	"content_type" text NOT NULL,
	"segments" jsonb,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "artifacts_kind_check" CHECK ("artifacts"."kind" in ('raw', 'script', 'image', 'audio', 'segment', 'render', 'thumbnail', 'clip', 'rendition', 'manifest', 'transcript', 'captions', 'log')),
	CONSTRAINT "artifacts_sha256_check" CHECK ("artifacts"."sha256" ~ '^[0-9a-f]{64}$'),
	CONSTRAINT "artifacts_size_bytes_check" CHECK ("artifacts"."size_bytes" >= 0)
);
--> statement-breakpoint
CREATE TABLE "pipeline_runs" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"identifier" varchar(100) NOT NULL,
	"idempotency_key" text,
	"template" varchar(50) NOT NULL,
	"video_id" uuid,
	"channel_id" uuid,
	"generation_config_id" uuid,
	"params" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"status" varchar(20) DEFAULT 'queued' NOT NULL,
	"priority" smallint DEFAULT 0 NOT NULL,
	"state_version" integer DEFAULT 1 NOT NULL,
	"phase" varchar(50),
	"open_tasks" integer DEFAULT 0 NOT NULL,
	"cancel_requested_at" timestamp with time zone,
	"cancel_requested_by" text,
	"total_moments_generated" integer,
	"total_clips_created" integer,
	"error_stage" varchar(50),
	"error_message" text,
	"started_at" timestamp with time zone,
	"completed_at" timestamp with time zone,
	"duration_seconds" double precision GENERATED ALWAYS AS (extract(epoch from (completed_at - started_at))::double precision) STORED,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "idx_pipeline_runs_identifier" UNIQUE("identifier"),
	CONSTRAINT "uq_pipeline_runs_idempotency_key" UNIQUE("idempotency_key"),
	CONSTRAINT "pipeline_runs_status_check" CHECK ("pipeline_runs"."status" in ('queued', 'running', 'completed', 'failed', 'partial', 'cancelled')),
	CONSTRAINT "pipeline_runs_open_tasks_check" CHECK ("pipeline_runs"."open_tasks" >= 0)
);
--> statement-breakpoint
CREATE TABLE "provider_calls" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"task_id" uuid,
	"provider" text NOT NULL,
	"request_hash" varchar(64) NOT NULL,
	"remote_id" text,
	"status" text DEFAULT 'pending' NOT NULL,
	"request" jsonb,
	"response" jsonb,
	"tokens_in" integer,
	"tokens_out" integer,
	"cost_usd" numeric(12, 6),
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"completed_at" timestamp with time zone,
	CONSTRAINT "uq_provider_calls_request" UNIQUE("task_id","request_hash"),
	CONSTRAINT "provider_calls_status_check" CHECK ("provider_calls"."status" in ('pending', 'accepted', 'completed', 'failed'))
);
--> statement-breakpoint
CREATE TABLE "quality_progress" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"task_id" uuid NOT NULL,
	"quality" varchar(10) NOT NULL,
	"status" varchar(20) DEFAULT 'pending' NOT NULL,
	"segments_total" integer,
	"segments_completed" integer DEFAULT 0 NOT NULL,
	"progress_percent" integer DEFAULT 0 NOT NULL,
	"started_at" timestamp with time zone,
	"completed_at" timestamp with time zone,
	"error_message" text,
	CONSTRAINT "uq_task_quality" UNIQUE("task_id","quality"),
	CONSTRAINT "quality_progress_status_check" CHECK ("quality_progress"."status" in ('pending', 'in_progress', 'completed', 'failed', 'skipped')),
	CONSTRAINT "quality_progress_percent_check" CHECK ("quality_progress"."progress_percent" between 0 and 100)
);
--> statement-breakpoint
CREATE TABLE "queue_stores" (
	"name" text PRIMARY KEY NOT NULL,
	"epoch" bigint DEFAULT 0 NOT NULL,
	"lost_at" timestamp with time zone,
	"verify_cursor" timestamp with time zone,
	"rotate_cursor" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "stage_controls" (
	"stage" text PRIMARY KEY NOT NULL,
	"paused_at" timestamp with time zone,
	"paused_by" text,
	"reason" text
);
--> statement-breakpoint
CREATE TABLE "sweep_turn" (
	"id" boolean PRIMARY KEY DEFAULT true NOT NULL,
	"next_at" timestamp with time zone DEFAULT now() NOT NULL,
	"last_at" timestamp with time zone,
	"since" timestamp with time zone,
	CONSTRAINT "sweep_turn_one_row" CHECK ("sweep_turn"."id")
);
--> statement-breakpoint
CREATE TABLE "task_audit" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"task_id" uuid NOT NULL,
	"actor" text NOT NULL,
	"action" text NOT NULL,
	"state_before" jsonb,
	"state_after" jsonb NOT NULL,
	"state_version" integer NOT NULL,
	"timestamp" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "uq_task_audit_version" UNIQUE("task_id","state_version")
);
--> statement-breakpoint
CREATE TABLE "task_dependencies" (
	"task_id" uuid NOT NULL,
	"depends_on_id" uuid NOT NULL,
	"kind" text DEFAULT 'hard' NOT NULL,
	CONSTRAINT "task_dependencies_task_id_depends_on_id_pk" PRIMARY KEY("task_id","depends_on_id"),
	CONSTRAINT "task_dependencies_kind_check" CHECK ("task_dependencies"."kind" in ('hard', 'soft')),
	CONSTRAINT "task_dependencies_self_check" CHECK ("task_dependencies"."task_id" <> "task_dependencies"."depends_on_id")
);
--> statement-breakpoint
CREATE TABLE "tasks" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"run_id" uuid NOT NULL,
	"video_id" uuid,
	"key" text NOT NULL,
	"stage" text NOT NULL,
	"title" varchar(200),
	"phase" varchar(50),
	"position" smallint DEFAULT 0 NOT NULL,
	"payload" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"output" jsonb,
	"status" text DEFAULT 'queued' NOT NULL,
	"state_version" integer DEFAULT 1 NOT NULL,
	"optional" boolean DEFAULT false NOT NULL,
	"priority" smallint DEFAULT 0 NOT NULL,
	"attempt_number" integer DEFAULT 0 NOT NULL,
	"failures" integer DEFAULT 0 NOT NULL,
	"max_attempts" integer DEFAULT 3 NOT NULL,
	"crashes" integer DEFAULT 0 NOT NULL,
	"max_crashes" integer DEFAULT 5 NOT NULL,
	"worker_id" uuid,
	"claimed_at" timestamp with time zone,
	"claim_expires_at" timestamp with time zone,
	"run_after" timestamp with time zone DEFAULT now(),
	"dispatched_at" timestamp with time zone,
	"dispatches" integer DEFAULT 0 NOT NULL,
	"pending_deps" integer DEFAULT 0 NOT NULL,
	"current_step" varchar(50),
	"progress_percent" integer DEFAULT 0 NOT NULL,
	"checkpoint" jsonb,
	"last_checkpoint" timestamp with time zone,
	"cancel_requested_at" timestamp with time zone,
	"cancel_requested_by" text,
	"error_code" text,
	"last_error" text,
	"processed_by_worker_id" varchar(36),
	"processed_by_worker_name" varchar(100),
	"updated_by" text DEFAULT current_user,
	"last_event" text DEFAULT 'create' NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"started_at" timestamp with time zone,
	"completed_at" timestamp with time zone,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "uq_tasks_run_key" UNIQUE("run_id","key"),
	CONSTRAINT "tasks_status_check" CHECK ("tasks"."status" in ('blocked', 'queued', 'running', 'waiting', 'completed', 'failed', 'cancelled', 'skipped')),
	CONSTRAINT "tasks_progress_percent_check" CHECK ("tasks"."progress_percent" between 0 and 100),
	CONSTRAINT "tasks_pending_deps_check" CHECK ("tasks"."pending_deps" >= 0),
	CONSTRAINT "tasks_claim_check" CHECK (case when "tasks"."status" = 'running'
        then num_nulls("tasks"."worker_id", "tasks"."claimed_at", "tasks"."claim_expires_at") = 0
        else num_nonnulls("tasks"."worker_id", "tasks"."claimed_at", "tasks"."claim_expires_at") = 0 end)
);
--> statement-breakpoint
CREATE TABLE "video_audit" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"video_id" uuid NOT NULL,
	"actor" text NOT NULL,
	"action" text NOT NULL,
	"state_before" jsonb,
	"state_after" jsonb NOT NULL,
	"state_version" integer NOT NULL,
	"timestamp" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "uq_video_audit_version" UNIQUE("video_id","state_version")
);
--> statement-breakpoint
CREATE TABLE "worker_api_keys" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"worker_id" uuid NOT NULL,
	"key_hash" varchar(64) NOT NULL,
	"key_prefix" varchar(8) NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"expires_at" timestamp with time zone,
	"revoked_at" timestamp with time zone,
	"last_used_at" timestamp with time zone,
	CONSTRAINT "uq_worker_api_keys_key_hash" UNIQUE("key_hash")
);
--> statement-breakpoint
CREATE TABLE "workers" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"worker_id" varchar(36) DEFAULT gen_random_uuid() NOT NULL,
	"worker_name" varchar(100),
	"worker_type" varchar(20) DEFAULT 'remote' NOT NULL,
	"status" varchar(20) DEFAULT 'active' NOT NULL,
	"registered_at" timestamp with time zone DEFAULT now() NOT NULL,
	"last_heartbeat" timestamp with time zone,
	"capabilities" jsonb,
	"metadata" jsonb,
	CONSTRAINT "ix_workers_worker_id" UNIQUE("worker_id"),
	CONSTRAINT "workers_type_check" CHECK ("workers"."worker_type" in ('local', 'remote')),
	CONSTRAINT "workers_status_check" CHECK ("workers"."status" in ('active', 'offline', 'disabled', 'draining'))
);
--> statement-breakpoint
CREATE TABLE "clips" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"moment_id" uuid NOT NULL,
	"video_id" uuid NOT NULL,
	"uri" text NOT NULL,
	"start_time" double precision NOT NULL,
	"end_time" double precision NOT NULL,
	"padding_left" double precision NOT NULL,
	"padding_right" double precision NOT NULL,
	"size_bytes" bigint,
	"format" varchar(20),
	"video_codec" varchar(50),
	"audio_codec" varchar(50),
	"resolution" varchar(20),
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "idx_clips_moment_id" UNIQUE("moment_id"),
	CONSTRAINT "clips_end_time_check" CHECK ("clips"."end_time" > "clips"."start_time")
);
--> statement-breakpoint
CREATE TABLE "generation_configs" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"prompt_id" uuid NOT NULL,
	"transcript_id" uuid,
	"model" varchar(100) NOT NULL,
	"operation_type" varchar(50) NOT NULL,
	"temperature" double precision,
	"top_p" double precision,
	"top_k" integer,
	"min_moment_length" double precision,
	"max_moment_length" double precision,
	"min_moments" integer,
	"max_moments" integer,
	"config_hash" varchar(64) NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "idx_generation_configs_hash" UNIQUE("config_hash")
);
--> statement-breakpoint
CREATE TABLE "moments" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"identifier" varchar(20) NOT NULL,
	"video_id" uuid NOT NULL,
	"start_time" double precision NOT NULL,
	"end_time" double precision NOT NULL,
	"title" varchar(500) NOT NULL,
	"is_refined" boolean DEFAULT false NOT NULL,
	"parent_id" uuid,
	"generation_model" varchar(100),
	"generation_config_id" uuid,
	"score" integer,
	"scoring_model" varchar(100),
	"scored_at" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "idx_moments_identifier" UNIQUE("identifier"),
	CONSTRAINT "moments_end_time_check" CHECK ("moments"."end_time" > "moments"."start_time"),
	CONSTRAINT "moments_score_check" CHECK ("moments"."score" >= 0 and "moments"."score" <= 10)
);
--> statement-breakpoint
CREATE TABLE "prompts" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"user_prompt" text NOT NULL,
	"system_prompt" text NOT NULL,
	"prompt_hash" varchar(64) NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "idx_prompts_hash" UNIQUE("prompt_hash")
);
--> statement-breakpoint
CREATE TABLE "transcripts" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"video_id" uuid NOT NULL,
	"full_text" text NOT NULL,
	"word_timestamps" jsonb NOT NULL,
	"segment_timestamps" jsonb NOT NULL,
	"language" varchar(10) DEFAULT 'en' NOT NULL,
	"number_of_words" integer,
	"number_of_segments" integer,
	"transcription_service" varchar(50),
	"processing_time_seconds" double precision,
	"vtt_path" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "idx_transcripts_video_id" UNIQUE("video_id")
);
--> statement-breakpoint
CREATE TABLE "publish_receipts" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"video_id" uuid,
	"channel" text NOT NULL,
	"status" text DEFAULT 'pending' NOT NULL,
	"external_id" text,
	"details" jsonb,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "publish_receipts_status_check" CHECK ("publish_receipts"."status" in ('pending', 'uploading', 'published', 'failed', 'withdrawn'))
);
--> statement-breakpoint
CREATE TABLE "safety_reports" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"task_id" uuid NOT NULL,
	"score" double precision,
	"issues" jsonb,
	"requires_human_review" boolean DEFAULT false NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "audio_tracks" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"video_job_id" uuid NOT NULL,
	"provider" "music_provider" NOT NULL,
	"provider_track_id" varchar(255),
	"order_index" integer NOT NULL,
	"duration_seconds" double precision NOT NULL,
	"local_file_path" text NOT NULL,
	"license_document_url" text,
	"prompt_text" text NOT NULL,
	"artifact_id" uuid,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "idx_audio_tracks_order" UNIQUE("video_job_id","order_index"),
	CONSTRAINT "audio_tracks_order_index_check" CHECK ("audio_tracks"."order_index" between 1 and 20),
	CONSTRAINT "audio_tracks_duration_seconds_check" CHECK ("audio_tracks"."duration_seconds" > 0)
);
--> statement-breakpoint
CREATE TABLE "images" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"video_job_id" uuid,
	"provider" "visual_provider" NOT NULL,
	"provider_image_id" varchar(255),
	"order_index" integer,
	"local_file_path" text NOT NULL,
	"prompt_text" text NOT NULL,
	"artifact_id" uuid,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "idx_images_order" UNIQUE("video_job_id","order_index"),
	CONSTRAINT "images_order_index_check" CHECK ("images"."order_index" between 1 and 20)
);
--> statement-breakpoint
CREATE TABLE "render_tasks" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"video_job_id" uuid NOT NULL,
	"task_id" uuid,
	"ffmpeg_command" text NOT NULL,
	"local_video_path" text,
	"resolution" varchar(20) DEFAULT '1920x1080' NOT NULL,
	"duration_seconds" double precision,
	"status" "render_status" DEFAULT 'pending' NOT NULL,
	"error_message" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"completed_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "video_jobs" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"channel_id" uuid NOT NULL,
	"run_id" uuid,
	"video_id" uuid,
	"status" "video_job_status" DEFAULT 'planned' NOT NULL,
	"state_version" integer DEFAULT 1 NOT NULL,
	"niche_label" varchar(255) NOT NULL,
	"mood_keywords" text NOT NULL,
	"target_duration_minutes" integer NOT NULL,
	"track_count" integer DEFAULT 20 NOT NULL,
	"preview" boolean DEFAULT false NOT NULL,
	"prompts_json" jsonb,
	"local_video_path" text,
	"output_directory" text NOT NULL,
	"error_message" text,
	"upload_strategy" varchar(50),
	"scheduled_time" timestamp with time zone,
	"youtube_video_id" varchar(100),
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "uq_video_jobs_run_id" UNIQUE("run_id"),
	CONSTRAINT "video_jobs_track_count_check" CHECK ("video_jobs"."track_count" between 1 and 20),
	CONSTRAINT "video_jobs_album_check" CHECK ("video_jobs"."preview" or ("video_jobs"."target_duration_minutes" between 60 and 90 and "video_jobs"."track_count" = 20))
);
--> statement-breakpoint
ALTER TABLE "playback_sessions" ADD CONSTRAINT "playback_sessions_video_id_videos_id_fk" FOREIGN KEY ("video_id") REFERENCES "public"."videos"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "playback_sessions" ADD CONSTRAINT "playback_sessions_viewer_id_viewers_id_fk" FOREIGN KEY ("viewer_id") REFERENCES "public"."viewers"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "video_analytics" ADD CONSTRAINT "video_analytics_video_job_id_video_jobs_id_fk" FOREIGN KEY ("video_job_id") REFERENCES "public"."video_jobs"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "thumbnails" ADD CONSTRAINT "thumbnails_video_id_videos_id_fk" FOREIGN KEY ("video_id") REFERENCES "public"."videos"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "thumbnails" ADD CONSTRAINT "thumbnails_clip_id_clips_id_fk" FOREIGN KEY ("clip_id") REFERENCES "public"."clips"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "video_qualities" ADD CONSTRAINT "video_qualities_video_id_videos_id_fk" FOREIGN KEY ("video_id") REFERENCES "public"."videos"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "video_tags" ADD CONSTRAINT "video_tags_video_id_videos_id_fk" FOREIGN KEY ("video_id") REFERENCES "public"."videos"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "video_tags" ADD CONSTRAINT "video_tags_tag_id_tags_id_fk" FOREIGN KEY ("tag_id") REFERENCES "public"."tags"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "videos" ADD CONSTRAINT "videos_persona_id_personas_id_fk" FOREIGN KEY ("persona_id") REFERENCES "public"."personas"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "videos" ADD CONSTRAINT "videos_channel_id_channels_id_fk" FOREIGN KEY ("channel_id") REFERENCES "public"."channels"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "videos" ADD CONSTRAINT "videos_category_id_categories_id_fk" FOREIGN KEY ("category_id") REFERENCES "public"."categories"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "artifacts" ADD CONSTRAINT "artifacts_video_id_videos_id_fk" FOREIGN KEY ("video_id") REFERENCES "public"."videos"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "artifacts" ADD CONSTRAINT "artifacts_run_id_pipeline_runs_id_fk" FOREIGN KEY ("run_id") REFERENCES "public"."pipeline_runs"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "artifacts" ADD CONSTRAINT "artifacts_task_id_tasks_id_fk" FOREIGN KEY ("task_id") REFERENCES "public"."tasks"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "pipeline_runs" ADD CONSTRAINT "pipeline_runs_video_id_videos_id_fk" FOREIGN KEY ("video_id") REFERENCES "public"."videos"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "pipeline_runs" ADD CONSTRAINT "pipeline_runs_channel_id_channels_id_fk" FOREIGN KEY ("channel_id") REFERENCES "public"."channels"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "pipeline_runs" ADD CONSTRAINT "pipeline_runs_generation_config_id_generation_configs_id_fk" FOREIGN KEY ("generation_config_id") REFERENCES "public"."generation_configs"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "provider_calls" ADD CONSTRAINT "provider_calls_task_id_tasks_id_fk" FOREIGN KEY ("task_id") REFERENCES "public"."tasks"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "quality_progress" ADD CONSTRAINT "quality_progress_task_id_tasks_id_fk" FOREIGN KEY ("task_id") REFERENCES "public"."tasks"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "task_dependencies" ADD CONSTRAINT "task_dependencies_task_id_tasks_id_fk" FOREIGN KEY ("task_id") REFERENCES "public"."tasks"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "task_dependencies" ADD CONSTRAINT "task_dependencies_depends_on_id_tasks_id_fk" FOREIGN KEY ("depends_on_id") REFERENCES "public"."tasks"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "tasks" ADD CONSTRAINT "tasks_run_id_pipeline_runs_id_fk" FOREIGN KEY ("run_id") REFERENCES "public"."pipeline_runs"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "tasks" ADD CONSTRAINT "tasks_video_id_videos_id_fk" FOREIGN KEY ("video_id") REFERENCES "public"."videos"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "tasks" ADD CONSTRAINT "tasks_worker_id_workers_id_fk" FOREIGN KEY ("worker_id") REFERENCES "public"."workers"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "worker_api_keys" ADD CONSTRAINT "worker_api_keys_worker_id_workers_id_fk" FOREIGN KEY ("worker_id") REFERENCES "public"."workers"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "clips" ADD CONSTRAINT "clips_moment_id_moments_id_fk" FOREIGN KEY ("moment_id") REFERENCES "public"."moments"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "clips" ADD CONSTRAINT "clips_video_id_videos_id_fk" FOREIGN KEY ("video_id") REFERENCES "public"."videos"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "generation_configs" ADD CONSTRAINT "generation_configs_prompt_id_prompts_id_fk" FOREIGN KEY ("prompt_id") REFERENCES "public"."prompts"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "generation_configs" ADD CONSTRAINT "generation_configs_transcript_id_transcripts_id_fk" FOREIGN KEY ("transcript_id") REFERENCES "public"."transcripts"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "moments" ADD CONSTRAINT "moments_video_id_videos_id_fk" FOREIGN KEY ("video_id") REFERENCES "public"."videos"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "moments" ADD CONSTRAINT "moments_parent_id_moments_id_fk" FOREIGN KEY ("parent_id") REFERENCES "public"."moments"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "moments" ADD CONSTRAINT "moments_generation_config_id_generation_configs_id_fk" FOREIGN KEY ("generation_config_id") REFERENCES "public"."generation_configs"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "transcripts" ADD CONSTRAINT "transcripts_video_id_videos_id_fk" FOREIGN KEY ("video_id") REFERENCES "public"."videos"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "publish_receipts" ADD CONSTRAINT "publish_receipts_video_id_videos_id_fk" FOREIGN KEY ("video_id") REFERENCES "public"."videos"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "safety_reports" ADD CONSTRAINT "safety_reports_task_id_tasks_id_fk" FOREIGN KEY ("task_id") REFERENCES "public"."tasks"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "audio_tracks" ADD CONSTRAINT "audio_tracks_video_job_id_video_jobs_id_fk" FOREIGN KEY ("video_job_id") REFERENCES "public"."video_jobs"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "audio_tracks" ADD CONSTRAINT "audio_tracks_artifact_id_artifacts_id_fk" FOREIGN KEY ("artifact_id") REFERENCES "public"."artifacts"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "images" ADD CONSTRAINT "images_video_job_id_video_jobs_id_fk" FOREIGN KEY ("video_job_id") REFERENCES "public"."video_jobs"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "images" ADD CONSTRAINT "images_artifact_id_artifacts_id_fk" FOREIGN KEY ("artifact_id") REFERENCES "public"."artifacts"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "render_tasks" ADD CONSTRAINT "render_tasks_video_job_id_video_jobs_id_fk" FOREIGN KEY ("video_job_id") REFERENCES "public"."video_jobs"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "render_tasks" ADD CONSTRAINT "render_tasks_task_id_tasks_id_fk" FOREIGN KEY ("task_id") REFERENCES "public"."tasks"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "video_jobs" ADD CONSTRAINT "video_jobs_channel_id_channels_id_fk" FOREIGN KEY ("channel_id") REFERENCES "public"."channels"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "video_jobs" ADD CONSTRAINT "video_jobs_run_id_pipeline_runs_id_fk" FOREIGN KEY ("run_id") REFERENCES "public"."pipeline_runs"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "video_jobs" ADD CONSTRAINT "video_jobs_video_id_videos_id_fk" FOREIGN KEY ("video_id") REFERENCES "public"."videos"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "ix_playback_sessions_video_id" ON "playback_sessions" USING btree ("video_id");--> statement-breakpoint
CREATE INDEX "ix_playback_sessions_viewer_id" ON "playback_sessions" USING btree ("viewer_id");--> statement-breakpoint
CREATE INDEX "ix_playback_sessions_started_at" ON "playback_sessions" USING btree ("started_at");--> statement-breakpoint
CREATE INDEX "idx_video_analytics_video_job_id" ON "video_analytics" USING btree ("video_job_id");--> statement-breakpoint
CREATE INDEX "idx_channels_is_active" ON "channels" USING btree ("is_active");--> statement-breakpoint
CREATE INDEX "idx_channels_created_at" ON "channels" USING btree ("created_at" DESC NULLS FIRST);--> statement-breakpoint
CREATE INDEX "idx_thumbnails_video_id" ON "thumbnails" USING btree ("video_id");--> statement-breakpoint
CREATE INDEX "idx_thumbnails_clip_id" ON "thumbnails" USING btree ("clip_id");--> statement-breakpoint
CREATE UNIQUE INDEX "idx_thumbnails_video_id_unique" ON "thumbnails" USING btree ("video_id") WHERE "thumbnails"."video_id" is not null;--> statement-breakpoint
CREATE UNIQUE INDEX "idx_thumbnails_clip_id_unique" ON "thumbnails" USING btree ("clip_id") WHERE "thumbnails"."clip_id" is not null;--> statement-breakpoint
CREATE INDEX "ix_video_tags_video_id" ON "video_tags" USING btree ("video_id");--> statement-breakpoint
CREATE INDEX "ix_video_tags_tag_id" ON "video_tags" USING btree ("tag_id");--> statement-breakpoint
CREATE UNIQUE INDEX "uq_videos_source_url" ON "videos" USING btree ("source_url") WHERE "videos"."deleted_at" is null;--> statement-breakpoint
CREATE UNIQUE INDEX "uq_videos_source_sha256" ON "videos" USING btree ("source_sha256") WHERE "videos"."deleted_at" is null;--> statement-breakpoint
CREATE INDEX "idx_videos_source_url" ON "videos" USING btree ("source_url");--> statement-breakpoint
CREATE INDEX "idx_videos_source_sha256" ON "videos" USING btree ("source_sha256");--> statement-breakpoint
CREATE INDEX "idx_videos_created_at" ON "videos" USING btree ("created_at");--> statement-breakpoint
CREATE INDEX "ix_videos_status" ON "videos" USING btree ("status");--> statement-breakpoint
CREATE INDEX "ix_videos_category_id" ON "videos" USING btree ("category_id");--> statement-breakpoint
CREATE INDEX "ix_videos_channel_id" ON "videos" USING btree ("channel_id");--> statement-breakpoint
CREATE INDEX "ix_videos_persona_id" ON "videos" USING btree ("persona_id");--> statement-breakpoint
CREATE INDEX "ix_videos_published_at" ON "videos" USING btree ("published_at");--> statement-breakpoint
CREATE INDEX "ix_videos_deleted_at" ON "videos" USING btree ("deleted_at");--> statement-breakpoint
CREATE INDEX "idx_artifacts_video_id" ON "artifacts" USING btree ("video_id");--> statement-breakpoint
CREATE INDEX "idx_artifacts_run_id" ON "artifacts" USING btree ("run_id");--> statement-breakpoint
CREATE INDEX "idx_artifacts_task_id" ON "artifacts" USING btree ("task_id");--> statement-breakpoint
CREATE INDEX "idx_pipeline_runs_video_id" ON "pipeline_runs" USING btree ("video_id");--> statement-breakpoint
CREATE INDEX "idx_pipeline_runs_channel_id" ON "pipeline_runs" USING btree ("channel_id");--> statement-breakpoint
CREATE INDEX "idx_pipeline_runs_config_id" ON "pipeline_runs" USING btree ("generation_config_id");--> statement-breakpoint
CREATE INDEX "idx_pipeline_runs_status" ON "pipeline_runs" USING btree ("status");--> statement-breakpoint
CREATE INDEX "idx_pipeline_runs_started_at" ON "pipeline_runs" USING btree ("started_at");--> statement-breakpoint
CREATE UNIQUE INDEX "uq_pipeline_runs_unfinished" ON "pipeline_runs" USING btree ("video_id","template") WHERE "pipeline_runs"."status" in ('queued', 'running') and "pipeline_runs"."template" <> 'single';--> statement-breakpoint
CREATE INDEX "ix_quality_progress_task_id" ON "quality_progress" USING btree ("task_id");--> statement-breakpoint
CREATE INDEX "ix_task_dependencies_depends_on_id" ON "task_dependencies" USING btree ("depends_on_id");--> statement-breakpoint
CREATE INDEX "ix_tasks_video_id" ON "tasks" USING btree ("video_id");--> statement-breakpoint
CREATE INDEX "ix_tasks_worker_id" ON "tasks" USING btree ("worker_id") WHERE "tasks"."status" = 'running';--> statement-breakpoint
CREATE INDEX "ix_tasks_due" ON "tasks" USING btree ("stage","run_after") WHERE "tasks"."status" = 'queued' and "tasks"."dispatched_at" is null;--> statement-breakpoint
CREATE INDEX "ix_tasks_dispatched" ON "tasks" USING btree ("dispatched_at") WHERE "tasks"."status" = 'queued';--> statement-breakpoint
CREATE INDEX "ix_worker_api_keys_key_prefix" ON "worker_api_keys" USING btree ("key_prefix");--> statement-breakpoint
CREATE INDEX "ix_worker_api_keys_worker_id" ON "worker_api_keys" USING btree ("worker_id");--> statement-breakpoint
CREATE INDEX "ix_workers_status" ON "workers" USING btree ("status");--> statement-breakpoint
CREATE INDEX "ix_workers_last_heartbeat" ON "workers" USING btree ("last_heartbeat");--> statement-breakpoint
CREATE INDEX "idx_clips_video_id" ON "clips" USING btree ("video_id");--> statement-breakpoint
CREATE INDEX "idx_generation_configs_prompt_id" ON "generation_configs" USING btree ("prompt_id");--> statement-breakpoint
CREATE INDEX "idx_generation_configs_transcript_id" ON "generation_configs" USING btree ("transcript_id");--> statement-breakpoint
CREATE INDEX "idx_generation_configs_model" ON "generation_configs" USING btree ("model");--> statement-breakpoint
CREATE INDEX "idx_generation_configs_operation" ON "generation_configs" USING btree ("operation_type");--> statement-breakpoint
CREATE INDEX "idx_moments_video_id" ON "moments" USING btree ("video_id");--> statement-breakpoint
CREATE INDEX "idx_moments_is_refined" ON "moments" USING btree ("is_refined");--> statement-breakpoint
CREATE INDEX "idx_moments_parent_id" ON "moments" USING btree ("parent_id");--> statement-breakpoint
CREATE INDEX "idx_moments_generation_config_id" ON "moments" USING btree ("generation_config_id");--> statement-breakpoint
CREATE INDEX "idx_moments_score" ON "moments" USING btree ("score") WHERE "moments"."score" is not null;--> statement-breakpoint
CREATE INDEX "idx_moments_timestamps" ON "moments" USING btree ("start_time","end_time");--> statement-breakpoint
CREATE INDEX "idx_transcripts_full_text" ON "transcripts" USING gin (to_tsvector('english', "full_text"));--> statement-breakpoint
CREATE INDEX "idx_publish_channel" ON "publish_receipts" USING btree ("channel");--> statement-breakpoint
CREATE INDEX "idx_publish_receipts_video_id" ON "publish_receipts" USING btree ("video_id");--> statement-breakpoint
CREATE UNIQUE INDEX "uq_publish_receipts_live" ON "publish_receipts" USING btree ("video_id","channel") WHERE "publish_receipts"."status" in ('pending', 'uploading', 'published');--> statement-breakpoint
CREATE INDEX "idx_safety_reports_task_id" ON "safety_reports" USING btree ("task_id");--> statement-breakpoint
CREATE INDEX "idx_audio_tracks_video_job_id" ON "audio_tracks" USING btree ("video_job_id");--> statement-breakpoint
CREATE INDEX "idx_audio_tracks_artifact_id" ON "audio_tracks" USING btree ("artifact_id");--> statement-breakpoint
CREATE INDEX "idx_images_video_job_id" ON "images" USING btree ("video_job_id");--> statement-breakpoint
CREATE INDEX "idx_images_artifact_id" ON "images" USING btree ("artifact_id");--> statement-breakpoint
CREATE INDEX "idx_render_tasks_video_job_id" ON "render_tasks" USING btree ("video_job_id");--> statement-breakpoint
CREATE INDEX "idx_render_tasks_task_id" ON "render_tasks" USING btree ("task_id");--> statement-breakpoint
CREATE INDEX "idx_render_tasks_status" ON "render_tasks" USING btree ("status");--> statement-breakpoint
CREATE INDEX "idx_render_tasks_created_at" ON "render_tasks" USING btree ("created_at" DESC NULLS FIRST);--> statement-breakpoint
CREATE INDEX "idx_video_jobs_channel_id" ON "video_jobs" USING btree ("channel_id");--> statement-breakpoint
CREATE INDEX "idx_video_jobs_video_id" ON "video_jobs" USING btree ("video_id");--> statement-breakpoint
CREATE INDEX "idx_video_jobs_status" ON "video_jobs" USING btree ("status");--> statement-breakpoint
CREATE INDEX "idx_video_jobs_created_at" ON "video_jobs" USING btree ("created_at" DESC NULLS FIRST);--> statement-breakpoint
CREATE INDEX "idx_video_jobs_prompts" ON "video_jobs" USING gin ("prompts_json");