export { type AlbumFiles, albumFiles } from './album-files.ts';
export { type FittedMoment, fitMoments, type MomentBounds } from './moment-bounds.ts';
export { type ConfigDefaults, configDefaults, defaultPrompts } from './moments-prompts.ts';
export {
  type GenerationConfig,
  generationConfig,
  type MomentRef,
  type MomentsOutput,
  momentRef,
  momentsOutput,
  type RefineOutput,
  refineOutput,
  type ScoreOutput,
  scoreOutput,
} from './moments-shapes.ts';
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
export { type ClipOutput, clip, clipInput, clipOutput, type MadeClip, madeClip } from './stages/clip.ts';
export { type ImageOutput, image, imageInput, imageOutput } from './stages/image.ts';
export { type ImportOutput, importInput, importOutput, importStage, mediaType, webAddress } from './stages/import.ts';
export { moments, momentsInput } from './stages/moments.ts';
export { type MusicOutput, music, musicInput, musicOutput } from './stages/music.ts';
export { type PlanOutput, plan, planInput, planOutput, promptsJson } from './stages/plan.ts';
export { type ProbeOutput, probe, probeInput, probeOutput } from './stages/probe.ts';
export { purge } from './stages/purge.ts';
export { refine, refineInput } from './stages/refine.ts';
export { type RenderOutput, render, renderOutput } from './stages/render.ts';
export { restore } from './stages/restore.ts';
export { score, scoreInput } from './stages/score.ts';
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
export {
  type TranscriptionOutput,
  transcription,
  transcriptionInput,
  transcriptionOutput,
} from './stages/transcription.ts';
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
export { type ClipWish, clipNodes, type MomentToCut } from './templates/clip-nodes.ts';
export { type ClipsParams, clips, clipsParams } from './templates/clips.ts';
export { type FullParams, full, fullParams } from './templates/full.ts';
export { type IngestParams, ingest, ingestParams, orderableCodecs, orderableQualities } from './templates/ingest.ts';
export { type Life, type LifeParams, lifeParams, lives } from './templates/life.ts';
export { type MomentsParams, momentsParams, momentsTemplate } from './templates/moments.ts';
export { type MomentsOrder, momentsOrder } from './templates/moments-nodes.ts';
export { narrowed, type SingleParams, singleParams, singleTemplate } from './templates/single.ts';
export { type TranscodeWish, transcodeNodes } from './templates/transcode-nodes.ts';
export { type TranscriptFile, type TranscriptRefs, transcriptFile, transcriptRefs } from './transcript-file.ts';
