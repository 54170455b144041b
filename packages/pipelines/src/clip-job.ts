/** What the makers and the judge of a clip agree on: which frames of which file, and what was made of them. */
import type { StageContext } from '@reelfleet/core';
import type { AudioStream, ClipRange, ListedFrames, VideoStream } from '@reelfleet/media';

export type ClipContext = Pick<
  StageContext<unknown>,
  'tools' | 'signal' | 'scratch' | 'progress' | 'moved' | 'note' | 'log'
>;

export interface ClipJob {
  /** The local copy of the source. */
  source: string;
  /** What people call it. */
  name: string;
  video: VideoStream;
  /** The track that is heard: the default one, or the first; null where there is none. */
  audio: AudioStream | null;
  list: ListedFrames;
  range: ClipRange;
}

/** The picture of a clip, not yet with its sound. */
export interface ClipPicture {
  path: string;
  /** Its frames that were copied, counted within the clip; the same numbers where all were encoded. */
  copied: { first: number; end: number };
  width: number;
  height: number;
}

export const framesOf = ({ range }: Pick<ClipJob, 'range'>): number => range.end - range.first;

/** A time of the source in seconds, by its own clock. */
export const secondsOf = ({ list }: Pick<ClipJob, 'list'>, ticks: number): number =>
  (ticks * list.timeBase.num) / list.timeBase.den;
