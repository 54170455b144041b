/** 001, "Database Schema (ERD overview)". */
import { FIRST_VERSION, NAMES, NO_INDEX, type Seed, TWO_MEANINGS, WIDTH } from './shape.ts';

export const tasks: Seed = {
  document: '001 Tasks ERD',
  tables: {
    personas: {
      columns: {
        persona_id: ['uuid primary key default uuid_generate_v4()', { renamed: 'personas.id', because: NAMES }],
        name: ['text not null', 'same'],
        tone_profile: ['jsonb', 'same'],
        created_at: ['timestamptz default now()', 'same'],
      },
    },
    videos: {
      columns: {
        video_id: ['uuid primary key default uuid_generate_v4()', { renamed: 'videos.id', because: NAMES }],
        persona_id: ['uuid references personas', 'same'],
        title: ['text', { except: ['type'], because: WIDTH }],
        state_version: ['integer default 0', { except: ['default'], because: FIRST_VERSION }],
        status: ['text', { renamed: 'videos.review_status', because: TWO_MEANINGS }],
        published_at: ['timestamptz null', 'same'],
        created_at: ['timestamptz default now()', 'same'],
      },
      indexes: { idx_videos_state_version: { on: ['state_version'], fate: { dropped: NO_INDEX } } },
    },
    tasks: {
      columns: {
        task_id: ['uuid primary key default uuid_generate_v4()', { renamed: 'tasks.id', because: NAMES }],
        video_id: ['uuid null references videos', 'same'],
        type: ['text', { renamed: 'tasks.stage', because: NAMES }],
        payload: ['jsonb', 'same'],
        state_version: ['integer default 0', { except: ['default'], because: FIRST_VERSION }],
        status: ['text', 'same'],
        created_at: ['timestamptz default now()', 'same'],
      },
      indexes: {
        idx_tasks_state_version: { on: ['state_version'], fate: { dropped: NO_INDEX } },
        idx_tasks_status: { on: ['status'], fate: { dropped: NO_INDEX } },
      },
    },
    artifacts: {
      columns: {
        artifact_id: ['uuid primary key default uuid_generate_v4()', { renamed: 'artifacts.id', because: NAMES }],
        video_id: ['uuid references videos', 'same'],
        s3_path: ['text', { renamed: 'artifacts.uri', because: NAMES }],
        kind: ['text', 'same', ['script', 'render', 'thumbnail', 'audio']],
        created_at: ['timestamptz default now()', 'same'],
      },
    },
    safety_reports: {
      columns: {
        report_id: ['uuid primary key default uuid_generate_v4()', { renamed: 'safety_reports.id', because: NAMES }],
        task_id: ['uuid references tasks', 'same'],
        score: ['float', 'same'],
        issues: ['jsonb', 'same'],
        requires_human_review: ['boolean default false', 'same'],
        created_at: ['timestamptz default now()', 'same'],
      },
    },
    publish_receipts: {
      columns: {
        publish_id: ['uuid primary key default uuid_generate_v4()', { renamed: 'publish_receipts.id', because: NAMES }],
        video_id: ['uuid references videos', 'same'],
        channel: ['text', 'same'],
        status: ['text', 'same'],
        remote_id: ['text', { renamed: 'publish_receipts.external_id', because: NAMES }],
        timestamp: ['timestamptz default now()', { renamed: 'publish_receipts.created_at', because: NAMES }],
      },
      indexes: { idx_publish_channel: { on: ['channel'] } },
    },
  },
};
