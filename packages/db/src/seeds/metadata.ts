/** 000, "Database Schema — Video Metadata ERD". */
import { NAMES, SECONDS, type Seed, TWO_MEANINGS, WIDTH } from './shape.ts';

export const metadata: Seed = {
  document: '000 Video Metadata ERD',
  tables: {
    videos: {
      columns: {
        id: ['uuid primary key', 'same'],
        persona_id: ['uuid references personas', 'same'],
        title: ['text', { except: ['type'], because: WIDTH }],
        description: ['text', 'same'],
        video_url: ['text', 'same'],
        thumbnail_url: ['text', 'same'],
        duration_seconds: ['int', { except: ['type'], because: SECONDS }],
        status: [
          'text',
          { renamed: 'videos.review_status', because: TWO_MEANINGS },
          ['draft', 'pending_review', 'published', 'rejected'],
        ],
        confidence: ['float', 'same'],
        state_version: ['int not null default 1', 'same'],
        created_at: ['timestamptz default now()', 'same'],
        updated_at: ['timestamptz default now()', 'same'],
      },
    },
    assets: {
      to: 'artifacts',
      columns: {
        id: ['uuid primary key', 'same'],
        video_id: ['uuid references videos on delete cascade', 'same'],
        type: ['text', { renamed: 'artifacts.kind', because: NAMES }, ['image', 'audio', 'raw']],
        url: ['text', { renamed: 'artifacts.uri', because: NAMES }],
        checksum: ['text', { renamed: 'artifacts.sha256', because: NAMES }],
        created_at: ['timestamptz default now()', 'same'],
      },
    },
    personas: {
      columns: {
        id: ['uuid primary key', 'same'],
        name: ['text', 'same'],
        voice_profile: ['jsonb', 'same'],
        style_profile: ['jsonb', 'same'],
      },
    },
    tags: {
      columns: {
        id: ['uuid primary key', 'same'],
        name: ['text unique', { except: ['type'], because: WIDTH }],
      },
    },
    video_tags: {
      columns: {
        video_id: ['uuid references videos on delete cascade', 'same'],
        tag_id: ['uuid references tags', 'same'],
      },
      unique: [{ columns: ['video_id', 'tag_id'], primary: true }],
    },
    task_audit: {
      columns: {
        id: ['bigserial primary key', 'same'],
        task_id: ['uuid', 'same'],
        actor: ['text', 'same'],
        action: ['text', 'same'],
        state_before: ['jsonb', 'same'],
        state_after: ['jsonb', 'same'],
        state_version: ['int', 'same'],
        timestamp: ['timestamptz default now()', 'same'],
      },
    },
    publish_receipts: {
      columns: {
        id: ['uuid primary key', 'same'],
        video_id: ['uuid references videos', 'same'],
        channel: ['text', 'same'],
        external_id: ['text', 'same'],
        status: ['text', 'same'],
        details: ['jsonb', 'same'],
        created_at: ['timestamptz default now()', 'same'],
      },
    },
  },
};
