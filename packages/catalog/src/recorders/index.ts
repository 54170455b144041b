/**
 * Recorders: what a completed task of an album writes into the library, as rows for the statement that completes it.
 * Pure. A task outside of an album (a `single` run of the stage `music`, say) writes nothing. A row that describes one
 * stored file carries that file's id, so that the same completion asks for the same rows whenever it is computed.
 */
import type { ClaimedTask, RowChange } from '@reelfleet/core';
import { image } from './image.ts';
import { music } from './music.ts';
import { plan } from './plan.ts';
import { render } from './render.ts';
import { thumbnail } from './thumbnail.ts';

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

/** By stage. `verify` has none: it only confirms what the others wrote. */
export const recorders: ReadonlyMap<string, Recorder> = new Map<string, Recorder>([
  ['plan', ofAlbum(plan)],
  ['music', ofAlbum(music)],
  ['image', ofAlbum(image)],
  ['render', ofAlbum(render)],
  ['thumbnail', ofAlbum(thumbnail)],
]);
