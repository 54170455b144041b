/**
 * Recorders: what a completed task of an album, or of a run that makes a video of a source, writes into the library, as rows
 * for the statement that completes it. Pure. A task outside of these (a `single` run of the stage `music`, say) writes
 * nothing. A row that describes one stored file carries that file's id, so that the same completion asks for the same rows
 * whenever it is computed.
 */
import type { ClaimedTask, RowChange } from '@reelfleet/core';
import { clip } from './clip.ts';
import { image } from './image.ts';
import { importSource } from './import.ts';
import * as life from './life.ts';
import { moments, refine, score } from './moments.ts';
import { music } from './music.ts';
import { plan } from './plan.ts';
import { probe } from './probe.ts';
import { render } from './render.ts';
import { thumbnail } from './thumbnail.ts';
import { transcodeChunk, transcodeManifest, transcodePlan } from './transcode.ts';
import { transcription } from './transcription.ts';

/** The rows an album's tasks write to. */
export interface AlbumRows {
  videoId: string;
  videoJobId: string;
  /** The order gave the title: the plan's is not needed. */
  titled: boolean;
}

export type Recorder = (output: never, task: ClaimedTask) => RowChange[];

const ofAlbum =
  <O>(record: (output: O, album: AlbumRows, task: ClaimedTask) => RowChange[]) =>
  (output: O, task: ClaimedTask): RowChange[] => {
    const { videoId, videoJobId, title } = task.params;
    if (typeof videoId !== 'string' || typeof videoJobId !== 'string') return [];
    return record(output, { videoId, videoJobId, titled: title !== undefined && title !== null }, task);
  };

/** For the stages that work on a video whatever made it: albums name theirs in the same place. */
const ofVideo =
  <O>(record: (output: O, videoId: string, task: ClaimedTask) => RowChange[]) =>
  (output: O, task: ClaimedTask): RowChange[] => {
    const { videoId } = task.params;
    return typeof videoId === 'string' ? record(output, videoId, task) : [];
  };

/** For runs that the ledger has sent for a deleted video. */
const ofDeleted =
  <O>(record: (output: O) => RowChange[]) =>
  (output: O, task: ClaimedTask): RowChange[] =>
    task.params.life === undefined ? [] : record(output);

/** By stage. `verify` has none: it only confirms what the others wrote. */
export const recorders: ReadonlyMap<string, Recorder> = new Map<string, Recorder>([
  ['plan', ofAlbum(plan)],
  ['music', ofAlbum(music)],
  ['image', ofAlbum(image)],
  ['render', ofAlbum(render)],
  ['thumbnail', ofVideo(thumbnail)],
  ['import', ofVideo(importSource)],
  ['probe', ofVideo(probe)],
  ['transcode', ofVideo(transcodePlan)],
  ['transcode-chunk', ofVideo(transcodeChunk)],
  ['transcode-manifest', ofVideo(transcodeManifest)],
  ['moments', ofVideo(moments)],
  ['refine', ofVideo(refine)],
  ['score', ofVideo(score)],
  ['clip', ofVideo(clip)],
  ['transcription', ofVideo(transcription)],
  ['archive', ofDeleted(life.archive)],
  ['restore', ofDeleted(life.restore)],
  ['purge', ofDeleted(life.purge)],
]);
