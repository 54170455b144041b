/** 002, "Database Schema Design" of the AI Background Channel Studio, its future enhancements included. */
import { SECONDS, type Seed } from './shape.ts';

const created = 'timestamptz default current_timestamp not null';

export const studio: Seed = {
  document: '002 AI Background Channel Studio',
  enums: {
    video_job_status: [
      'planned',
      'generating_music',
      'generating_image',
      'rendering',
      'ready_for_export',
      'completed',
      'failed',
    ],
    music_provider: ['dummy', 'mubert', 'beatoven'],
    visual_provider: ['dummy', 'leonardo', 'gemini'],
    render_status: ['pending', 'in_progress', 'completed', 'failed'],
  },
  tables: {
    channels: {
      columns: {
        id: ['uuid primary key default gen_random_uuid()', 'same'],
        name: ['varchar(255) not null', 'same'],
        youtube_channel_id: ['varchar(100) null unique', 'same'],
        brand_niche: ['varchar(255) not null', 'same'],
        is_active: ['boolean default true not null', 'same'],
        created_at: [created, 'same'],
        updated_at: [created, 'same'],
        youtube_refresh_token: ['text', { dropped: 'Decided: `youtube_refresh_token` in the database (002 future)' }],
      },
      indexes: {
        idx_channels_is_active: { on: ['is_active'] },
        idx_channels_created_at: { on: ['created_at'], desc: true },
      },
    },
    video_jobs: {
      columns: {
        id: ['uuid primary key default gen_random_uuid()', 'same'],
        channel_id: ['uuid not null references channels on delete cascade', 'same'],
        status: ["video_job_status default 'planned' not null", 'same'],
        niche_label: ['varchar(255) not null', 'same'],
        mood_keywords: ['text not null', 'same'],
        target_duration_minutes: ['integer not null', 'same'],
        prompts_json: ['jsonb', 'same'],
        local_video_path: ['text', 'same'],
        output_directory: ['text not null', 'same'],
        error_message: ['text', 'same'],
        created_at: [created, 'same'],
        updated_at: [created, 'same'],
        upload_strategy: ['varchar(50)', 'same'],
        scheduled_time: ['timestamptz', 'same'],
        youtube_video_id: ['varchar(100)', 'same'],
      },
      checks: [
        {
          expression: 'target_duration_minutes between 60 and 90',
          now: 'preview or (target_duration_minutes between 60 and 90 and track_count = 20)',
          fate: { except: ['check'], because: 'Decided: 60–90 minutes, 20 tracks always (002)' },
        },
      ],
      indexes: {
        idx_video_jobs_channel_id: { on: ['channel_id'] },
        idx_video_jobs_status: { on: ['status'] },
        idx_video_jobs_created_at: { on: ['created_at'], desc: true },
        idx_video_jobs_prompts: { on: ['prompts_json'], using: 'gin' },
      },
    },
    audio_tracks: {
      columns: {
        id: ['uuid primary key default gen_random_uuid()', 'same'],
        video_job_id: ['uuid not null references video_jobs on delete cascade', 'same'],
        provider: ['music_provider not null', 'same'],
        provider_track_id: ['varchar(255)', 'same'],
        order_index: ['integer not null', 'same'],
        duration_seconds: ['numeric(6,2) not null', { except: ['type'], because: SECONDS }],
        local_file_path: ['text not null', 'same'],
        license_document_url: ['text', 'same'],
        prompt_text: ['text not null', 'same'],
        created_at: [created, 'same'],
      },
      unique: [{ columns: ['video_job_id', 'order_index'] }],
      checks: [{ expression: 'order_index between 1 and 20' }, { expression: 'duration_seconds > 0' }],
      indexes: {
        idx_audio_tracks_video_job_id: { on: ['video_job_id'] },
        idx_audio_tracks_order: { on: ['video_job_id', 'order_index'] },
      },
    },
    images: {
      columns: {
        id: ['uuid primary key default gen_random_uuid()', 'same'],
        video_job_id: ['uuid null references video_jobs on delete cascade', 'same'],
        provider: ['visual_provider not null', 'same'],
        provider_image_id: ['varchar(255)', 'same'],
        order_index: ['integer', 'same'],
        local_file_path: ['text not null', 'same'],
        prompt_text: ['text not null', 'same'],
        created_at: [created, 'same'],
      },
      unique: [{ columns: ['video_job_id', 'order_index'] }],
      checks: [{ expression: 'order_index between 1 and 20' }],
      indexes: {
        idx_images_video_job_id: { on: ['video_job_id'] },
        idx_images_order: { on: ['video_job_id', 'order_index'] },
      },
    },
    render_tasks: {
      columns: {
        id: ['uuid primary key default gen_random_uuid()', 'same'],
        video_job_id: ['uuid not null references video_jobs on delete cascade', 'same'],
        ffmpeg_command: ['text not null', 'same'],
        local_video_path: ['text', 'same'],
        resolution: ["varchar(20) default '1920x1080' not null", 'same'],
        duration_seconds: ['numeric(10,2)', { except: ['type'], because: SECONDS }],
        status: ["render_status default 'pending' not null", 'same'],
        error_message: ['text', 'same'],
        created_at: [created, 'same'],
        completed_at: ['timestamptz', 'same'],
      },
      indexes: {
        idx_render_tasks_video_job_id: { on: ['video_job_id'] },
        idx_render_tasks_status: { on: ['status'] },
        idx_render_tasks_created_at: { on: ['created_at'], desc: true },
      },
    },
    video_analytics: {
      columns: {
        id: ['uuid primary key default gen_random_uuid()', 'same'],
        video_job_id: ['uuid not null references video_jobs', 'same'],
        youtube_video_id: ['varchar(100) not null', 'same'],
        views: ['integer default 0', 'same'],
        watch_time_hours: ['numeric(10,2)', 'same'],
        revenue_usd: ['numeric(10,2)', 'same'],
        snapshot_date: ['date not null', 'same'],
        created_at: ['timestamptz default current_timestamp', 'same'],
      },
    },
  },
};
