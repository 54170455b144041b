export * from './ffmpeg.ts';
export * from './plan.ts';
export * from './plan-album.ts';
export * from './plan-still.ts';
export * from './plan-track.ts';
export * from './probe.ts';
export * from './timeline.ts';
export * from './verify-album.ts';
