/**
 * Which frames a clip has. Times are seconds from the first frame of the picture, which is where players begin a stream. A clip
 * shows what the video shows from `start` to `end`: it begins with the frame that is on the screen at the wanted start and ends
 * where the frame that is on the screen just before the wanted end gives way to the next. The times answered are those of the
 * frames, so that the clip holds exactly the frames whose time lies in [start, end), never less than was wanted. Pure.
 */
import { PermanentError } from '@reelfleet/core';
import type { FrameList } from './grid.ts';

export interface WantedClip {
  /** The moment, in seconds. */
  start: number;
  end: number;
  /** What is to be shown before and after it, where there is as much. */
  paddingLeft: number;
  paddingRight: number;
}

export interface ClipRange {
  /** Places in the list of frames: the first one, and the one after the last. */
  first: number;
  end: number;
  /** When they are shown, in ticks; `endTicks` is the end of the last one's time. */
  startTicks: number;
  endTicks: number;
  /** The same in seconds from the first frame of the video. */
  startSeconds: number;
  endSeconds: number;
  /** As used: cut at the bounds of the video, and up to a frame longer than was wanted. */
  paddingLeft: number;
  paddingRight: number;
}

/** A time that was a frame's before it was written as a decimal number is still that frame's. */
const ROUNDING = 1e-6;

/** Throws a PermanentError for a moment that lies outside of the video. */
export function clipRange(list: FrameList, wanted: WantedClip): ClipRange {
  const { times, timeBase } = list;
  const origin = times[0] as number;
  const secondsAt = (ticks: number) => ((ticks - origin) * timeBase.num) / timeBase.den;
  const ticksAt = (place: number) => (place < times.length ? (times[place] as number) : list.end);
  const length = secondsAt(list.end);
  if (wanted.start >= length - ROUNDING) {
    throw new PermanentError(
      `the moment begins at ${seconds(wanted.start)}, but the picture of its video ends at ${seconds(length)}: there is nothing to cut`,
      { code: 'outside' },
    );
  }
  const from = wanted.start - wanted.paddingLeft + ROUNDING;
  const to = wanted.end + wanted.paddingRight - ROUNDING;
  const first = Math.max(
    0,
    times.findLastIndex((time) => secondsAt(time) <= from),
  );
  const after = times.findIndex((time, place) => place > first && secondsAt(time) >= to);
  const end = after < 0 ? times.length : after;
  const startSeconds = secondsAt(ticksAt(first));
  const endSeconds = secondsAt(ticksAt(end));
  return {
    ...{ first, end, startTicks: ticksAt(first), endTicks: ticksAt(end), startSeconds, endSeconds },
    // Sound may go on when the picture has ended: what is said there has no frame, and no padding.
    paddingLeft: Math.max(0, wanted.start - startSeconds),
    paddingRight: Math.max(0, endSeconds - wanted.end),
  };
}

const seconds = (value: number) => `${value.toFixed(2)} s`;
