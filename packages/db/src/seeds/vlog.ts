/** 004, "VLog Database Schema". Its cascade table is written into the columns it speaks of. */
import {
  HOT_WORKERS,
  IDS,
  JSON_TEXT,
  NAMES,
  NO_INDEX,
  NO_VIDEO,
  NOT_PROBED,
  ONE_LEDGER,
  type Seed,
  STRICTER,
} from './shape.ts';

const created = 'timestamptz default now()';

export const vlog: Seed = {
  document: '004 VLog',
  tables: {
    categories: {
      columns: {
        id: ['serial primary key', 'same'],
        name: ['varchar(100) not null', 'same'],
        slug: ['varchar(100) unique not null', 'same'],
        description: ["text default ''", 'same'],
        created_at: [created, 'same'],
      },
    },
    videos: {
      columns: {
        id: ['serial primary key', 'same'],
        title: ['varchar(255) not null', 'same'],
        slug: ['varchar(255) unique not null', { renamed: 'videos.identifier', because: NAMES }],
        description: ["text default ''", 'same'],
        category_id: ['integer references categories on delete set null', 'same'],
        duration: ['float default 0', { renamed: 'videos.duration_seconds', except: ['default'], because: NOT_PROBED }],
        source_width: ['integer default 0', { except: ['default'], because: NOT_PROBED }],
        source_height: ['integer default 0', { except: ['default'], because: NOT_PROBED }],
        status: ["varchar(20) default 'pending'", 'same', ['pending', 'processing', 'ready', 'failed']],
        error_message: ['text null', 'same'],
        created_at: [created, 'same'],
        published_at: ['timestamptz null', 'same'],
        deleted_at: ['timestamptz null', 'same'],
      },
      indexes: {
        ix_videos_status: { on: ['status'] },
        ix_videos_category_id: { on: ['category_id'] },
        ix_videos_created_at: { on: ['created_at'], fate: { renamed: 'idx_videos_created_at' } },
        ix_videos_published_at: { on: ['published_at'] },
        ix_videos_deleted_at: { on: ['deleted_at'] },
      },
    },
    video_qualities: {
      columns: {
        id: ['serial primary key', 'same'],
        video_id: ['integer references videos on delete cascade', 'same'],
        quality: ['varchar(10)', 'same'],
        width: ['integer', 'same'],
        height: ['integer', 'same'],
        bitrate: ['integer', 'same'],
      },
    },
    viewers: {
      columns: {
        id: ['serial primary key', 'same'],
        session_id: ['varchar(64) unique not null', 'same'],
        first_seen: [created, 'same'],
        last_seen: [created, 'same'],
      },
    },
    playback_sessions: {
      columns: {
        id: ['serial primary key', 'same'],
        video_id: ['integer references videos on delete cascade', 'same'],
        viewer_id: ['integer references viewers on delete set null', 'same'],
        session_token: ['varchar(64) unique not null', 'same'],
        started_at: [created, 'same'],
        ended_at: ['timestamptz null', 'same'],
        duration_watched: ['float default 0', 'same'],
        max_position: ['float default 0', 'same'],
        quality_used: ['varchar(10) null', 'same'],
        completed: ['boolean default false', 'same'],
      },
      indexes: {
        ix_playback_sessions_video_id: { on: ['video_id'] },
        ix_playback_sessions_viewer_id: { on: ['viewer_id'] },
        ix_playback_sessions_started_at: { on: ['started_at'] },
      },
    },
    transcoding_jobs: {
      to: 'tasks',
      columns: {
        id: ['serial primary key', 'same'],
        video_id: [
          'integer unique references videos on delete cascade',
          { except: ['unique'], because: 'Decided: `transcoding_jobs.video_id` unique (004)' },
        ],
        worker_id: ['varchar(36) null references workers on delete set null', { except: ['type'], because: IDS }],
        current_step: ['varchar(50) null', 'same'],
        progress_percent: ['integer default 0', 'same'],
        started_at: ['timestamp null', 'same'],
        last_checkpoint: ['timestamp null', 'same'],
        completed_at: ['timestamp null', 'same'],
        claimed_at: ['timestamp null', 'same'],
        claim_expires_at: ['timestamp null', 'same'],
        attempt_number: [
          'integer default 1',
          { except: ['default'], because: 'Decided: `attempt_number` starts at 1 (004)' },
        ],
        max_attempts: ['integer default 3', 'same'],
        last_error: ['text null', 'same'],
        processed_by_worker_id: ['varchar(36) null', 'same'],
        processed_by_worker_name: ['varchar(100) null', 'same'],
      },
      checks: [{ expression: 'progress_percent between 0 and 100' }],
      indexes: {
        ix_transcoding_jobs_video_id: {
          on: ['video_id'],
          whereNow: 'video_id IS NOT NULL',
          fate: { renamed: 'ix_tasks_video_id', because: NO_VIDEO },
        },
        ix_transcoding_jobs_claim_expires: { on: ['claim_expires_at'], fate: { dropped: NO_INDEX } },
      },
    },
    quality_progress: {
      columns: {
        id: ['serial primary key', 'same'],
        job_id: [
          'integer references transcoding_jobs on delete cascade',
          { renamed: 'quality_progress.task_id', because: NAMES },
        ],
        quality: ['varchar(10) not null', 'same'],
        status: [
          "varchar(20) not null default 'pending'",
          'same',
          ['pending', 'in_progress', 'completed', 'failed', 'skipped'],
        ],
        segments_total: ['integer null', 'same'],
        segments_completed: ['integer default 0', 'same'],
        progress_percent: ['integer default 0', 'same'],
        started_at: ['timestamptz null', 'same'],
        completed_at: ['timestamptz null', 'same'],
        error_message: ['text null', 'same'],
      },
      unique: [{ columns: ['task_id', 'quality'] }],
      checks: [{ expression: 'progress_percent between 0 and 100' }],
      indexes: {
        ix_quality_progress_job_id: { on: ['task_id'], fate: { renamed: 'ix_quality_progress_task_id' } },
      },
    },
    transcriptions: {
      to: 'transcripts',
      columns: {
        id: ['serial primary key', 'same'],
        video_id: ['integer unique references videos on delete cascade', 'same'],
        status: [
          "varchar(20) not null default 'pending'",
          { renamed: 'tasks.status', except: ['default'], because: ONE_LEDGER },
        ],
        language: ["varchar(10) default 'en'", 'same'],
        started_at: ['timestamptz null', { renamed: 'tasks.started_at', because: ONE_LEDGER }],
        completed_at: ['timestamptz null', { renamed: 'tasks.completed_at', because: ONE_LEDGER }],
        duration_seconds: ['float null', { renamed: 'transcripts.processing_time_seconds', because: NAMES }],
        transcript_text: ['text null', { renamed: 'transcripts.full_text', except: ['null'], because: STRICTER }],
        vtt_path: ['varchar(255) null', 'same'],
        word_count: ['integer null', { renamed: 'transcripts.number_of_words', because: NAMES }],
        error_message: ['text null', { renamed: 'tasks.last_error', because: ONE_LEDGER }],
      },
    },
    workers: {
      columns: {
        id: ['serial primary key', 'same'],
        worker_id: ['varchar(36) unique not null', 'same'],
        worker_name: ['varchar(100) null', 'same'],
        worker_type: ["varchar(20) default 'remote'", 'same', ['local', 'remote']],
        status: ["varchar(20) default 'active'", 'same', ['active', 'offline', 'disabled']],
        registered_at: ['timestamp not null', 'same'],
        last_heartbeat: ['timestamp null', 'same'],
        current_job_id: [
          'integer null references transcoding_jobs on delete set null',
          { dropped: "Decided: a worker's current job (004)" },
        ],
        capabilities: ['text null', { except: ['type'], because: JSON_TEXT }],
        metadata: ['text null', { except: ['type'], because: JSON_TEXT }],
      },
      indexes: {
        ix_workers_worker_id: { on: ['worker_id'] },
        ix_workers_status: { on: ['status'] },
        ix_workers_last_heartbeat: {
          on: ['last_heartbeat'],
          usingNow: 'brin',
          fate: { renamed: 'ix_workers_last_heartbeat', because: HOT_WORKERS },
        },
      },
    },
    worker_api_keys: {
      columns: {
        id: ['serial primary key', 'same'],
        worker_id: ['integer references workers on delete cascade', 'same'],
        key_hash: ['varchar(64) not null', 'same'],
        key_prefix: ['varchar(8) not null', 'same'],
        created_at: ['timestamp not null', 'same'],
        expires_at: ['timestamp null', 'same'],
        revoked_at: ['timestamp null', 'same'],
        last_used_at: ['timestamp null', 'same'],
      },
      indexes: {
        ix_worker_api_keys_key_prefix: { on: ['key_prefix'] },
        ix_worker_api_keys_worker_id: { on: ['worker_id'] },
      },
    },
    tags: {
      columns: {
        id: ['serial primary key', 'same'],
        name: ['varchar(50) unique not null', 'same'],
        slug: ['varchar(50) unique not null', 'same'],
        created_at: [created, 'same'],
      },
      indexes: { ix_tags_slug: { on: ['slug'] } },
    },
    video_tags: {
      columns: {
        video_id: ['integer references videos on delete cascade', 'same'],
        tag_id: ['integer references tags on delete cascade', 'same'],
      },
      unique: [{ columns: ['video_id', 'tag_id'], primary: true }],
      indexes: {
        ix_video_tags_video_id: { on: ['video_id'] },
        ix_video_tags_tag_id: { on: ['tag_id'] },
      },
    },
  },
};
