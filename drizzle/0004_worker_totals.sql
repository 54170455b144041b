CREATE TABLE "worker_totals" (
	"key" text PRIMARY KEY NOT NULL,
	"total" numeric NOT NULL
);
--> statement-breakpoint
CREATE INDEX "ix_tasks_failed" ON "tasks" USING btree ("stage","id") WHERE "tasks"."status" = 'failed';