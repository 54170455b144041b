/**
 * For tests of streams: films whose every frame shows its own number, the stages of a transcode run one after the other as a
 * fleet would, and a reader that tells which numbers a finished stream shows.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Tools } from '@reelfleet/core';
import { transcode } from './stages/transcode.ts';
import { transcodeAudio } from './stages/transcode-audio.ts';
import { transcodeChunk } from './stages/transcode-chunk.ts';
import { type TranscodeManifestOutput, transcodeManifest } from './stages/transcode-manifest.ts';
import type { ChunkOutput, SoundOutput, StreamPlan } from './stream-parts.ts';
import { refOf, runStage, type StageWorld } from './testing.ts';

/** Grey steps far enough apart to survive any encoder; two of them make a number up to 255. */
const STEP = 12;
const DARKEST = 20;
export const COUNT = 256;

/** A lavfi source: left half the frame's number modulo 16, right half its sixteens. */
export function counter(size: string, rate: string, frames: number): string {
  const grey = (digit: string) => `${DARKEST}+${STEP}*${digit}`;
  const luma = `if(lt(X\\,W/2)\\,${grey('mod(N\\,16)')}\\,${grey('mod(floor(N/16)\\,16)')})`;
  return `color=black:s=${size}:r=${rate},geq=lum=${luma}:cb=128:cr=128,trim=end_frame=${frames}`;
}

/** Which numbers the frames of a file or a playlist show, modulo {@link COUNT}, in order. */
export async function countedFrames(tools: Tools, file: string, folder: string, map = '0:v:0'): Promise<number[]> {
  const raw = join(folder, 'numbers.raw');
  await tools.ffmpeg([
    ...['-y', ...(file.endsWith('.m3u8') ? ['-allowed_extensions', 'ALL'] : [])],
    ...['-i', file, '-map', map, '-fps_mode', 'passthrough'],
    // In two steps: the area filter of swscale cannot shrink by hundreds at once.
    ...[
      '-vf',
      'extractplanes=y,setparams=range=full,scale=128:72:flags=neighbor,scale=2:1:flags=area',
      '-f',
      'rawvideo',
      raw,
    ],
  ]);
  const bytes = await readFile(raw);
  const digit = (at: number) => Math.round(((bytes[at] as number) - DARKEST) / STEP);
  return Array.from({ length: bytes.length / 2 }, (_, index) => digit(index * 2) + 16 * digit(index * 2 + 1));
}

export interface MadeStream {
  plan: StreamPlan;
  chunks: ChunkOutput[];
  sound: SoundOutput | null;
  stream: TranscodeManifestOutput;
  /** Of the master playlist. */
  path: string;
  /** Of a media playlist, by its place among the renditions. */
  playlist(index: number): string;
}

/** All stages of a transcode, one after the other. */
export async function makeStream(
  world: StageWorld,
  file: string,
  wish: { name?: string; qualities?: number[]; codec?: string; chunkSegments?: number } = {},
): Promise<MadeStream> {
  const plan = await runStage(transcode, { source: await refOf(file, 'raw'), name: 'the film', ...wish }, world);
  const chunks: ChunkOutput[] = [];
  for (const chunk of plan.chunks) chunks.push(await runStage(transcodeChunk, { ...plan, chunk }, world));
  const sound = plan.sound.length > 0 ? await runStage(transcodeAudio, { ...plan, tracks: plan.sound }, world) : null;
  const stream = await runStage(transcodeManifest, { plan, chunks, sound }, world);
  return {
    ...{ plan, chunks, sound, stream },
    path: fileURLToPath(stream.master.uri),
    playlist: (index) =>
      fileURLToPath((stream.renditions[index] as MadeStream['stream']['renditions'][number]).playlist.uri),
  };
}
