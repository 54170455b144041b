DROP INDEX "idx_pipeline_runs_status";--> statement-breakpoint
DROP INDEX "idx_pipeline_runs_started_at";--> statement-breakpoint
DROP INDEX "uq_pipeline_runs_unfinished";--> statement-breakpoint
DROP INDEX "ix_tasks_video_id";--> statement-breakpoint
-- One statement, so that the table is rewritten once; with the room that HOT updates need on each page.
ALTER TABLE "pipeline_runs" SET (fillfactor = 50);--> statement-breakpoint
ALTER TABLE "pipeline_runs" ADD COLUMN "unfinished_video_id" uuid GENERATED ALWAYS AS (case when status::text = any ('{queued,running}') and template <> 'single' then video_id end) STORED,
  ADD COLUMN "trouble" varchar(20) GENERATED ALWAYS AS (case when status::text = any ('{failed,partial,cancelled}') then status end) STORED;--> statement-breakpoint
CREATE INDEX "ix_pipeline_runs_trouble" ON "pipeline_runs" USING btree ("trouble","id") WHERE "pipeline_runs"."trouble" is not null;--> statement-breakpoint
CREATE UNIQUE INDEX "uq_pipeline_runs_unfinished" ON "pipeline_runs" USING btree ("unfinished_video_id","template") WHERE "pipeline_runs"."unfinished_video_id" is not null;--> statement-breakpoint
CREATE INDEX "ix_tasks_video_id" ON "tasks" USING btree ("video_id") WHERE "tasks"."video_id" is not null;--> statement-breakpoint
-- The row of a worker stays HOT, too: its beats write one column that an ordinary index would follow.
DROP INDEX "ix_workers_last_heartbeat";--> statement-breakpoint
CREATE INDEX "ix_workers_last_heartbeat" ON "workers" USING brin ("last_heartbeat");--> statement-breakpoint
ALTER TABLE "workers" SET (fillfactor = 50);--> statement-breakpoint
-- Follows runs once per statement from now on: packages/db/sql/12-follow-run.sql.
DROP TRIGGER "follow_run" ON "pipeline_runs";--> statement-breakpoint
DROP FUNCTION "reelfleet"."follow_run"();
