export { findOnPath, installWithApt, mayInstall, missingSentence } from './apt.ts';
export { ensureFfmpeg, type Ffmpeg, findFfmpeg } from './ffmpeg.ts';
export { tiedToParent } from './lifeline.ts';
export { type EmbeddedPostgres, type EmbeddedPostgresOptions, freePort, startEmbeddedPostgres } from './postgres.ts';
export { isAlive } from './postmaster.ts';
