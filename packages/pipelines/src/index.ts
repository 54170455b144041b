export { type AlbumFiles, albumFiles } from './album-files.ts';
export {
  allStageNames,
  notAlone,
  runOf,
  type StageName,
  stageNamed,
  stages,
  templates,
  validated,
} from './registry.ts';
export { type ArchiveOutput, archive } from './stages/archive.ts';
export { type ImageOutput, image, imageInput, imageOutput } from './stages/image.ts';
export { type ImportOutput, importInput, importOutput, importStage, mediaType, webAddress } from './stages/import.ts';
export { type MusicOutput, music, musicInput, musicOutput } from './stages/music.ts';
export { type PlanOutput, plan, planInput, planOutput, promptsJson } from './stages/plan.ts';
export { type ProbeOutput, probe, probeInput, probeOutput } from './stages/probe.ts';
export { purge } from './stages/purge.ts';
export { type RenderOutput, render, renderOutput } from './stages/render.ts';
export { restore } from './stages/restore.ts';
export { type ThumbnailOutput, thumbnail, thumbnailInput, thumbnailOutput } from './stages/thumbnail.ts';
export { type TranscodeOutput, transcode, transcodeInput, transcodeOutput } from './stages/transcode.ts';
export { transcodeAudio, transcodeAudioInput } from './stages/transcode-audio.ts';
export { transcodeChunk } from './stages/transcode-chunk.ts';
export {
  type TranscodeManifestOutput,
  transcodeManifest,
  transcodeManifestInput,
  transcodeManifestOutput,
} from './stages/transcode-manifest.ts';
export { type VerifyOutput, verify, verifyInput, verifyOutput } from './stages/verify.ts';
export { archiveOf, type Moved } from './stages/video-files.ts';
export {
  type ChunkInput,
  type ChunkOutput,
  chunkInput,
  chunkOutput,
  type SoundOutput,
  type StreamPlan,
  soundOutput,
  streamPlan,
} from './stream-parts.ts';
export { type AlbumOrder, type AlbumParams, album, albumOrder, albumParams, targetSeconds } from './templates/album.ts';
export { type IngestParams, ingest, ingestParams, orderableCodecs, orderableQualities } from './templates/ingest.ts';
export { type Life, type LifeParams, lifeParams, lives } from './templates/life.ts';
export { narrowed, type SingleParams, singleParams, singleTemplate } from './templates/single.ts';
export { type TranscodeWish, transcodeNodes } from './templates/transcode-nodes.ts';
