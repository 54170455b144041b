/**
 * How a clip is put together with as little encoding as possible: a middle whose pictures are copied as they lie in the source,
 * and the edges before and after it, which are encoded anew. Pure.
 *
 * A copied middle begins with an IDR picture, which needs nothing before it. It may end anywhere where the pictures taken in the
 * order of decoding are also all pictures up to some moment in the order of showing: whatever they refer to is among them. That
 * is so at the end of every closed group, and between any two runs of B-frames, so that the second edge is a few frames at most.
 * Open groups within it are copied like everything else; one cannot begin there, since its first pictures refer to those before.
 */

import type { ClipRange } from './clip-range.ts';
import { isInterlaced } from './display.ts';
import type { ListedFrames } from './frame-list.ts';
import type { VideoStream } from './probe.ts';

/** A picture of the source as it lies in the file, in the order of decoding. */
export interface CopiedPicture {
  /** When it is shown, in ticks of the source. */
  time: number;
  idr: boolean;
}

export interface Splice {
  /** Places in the list of frames, `[first, end)` each; an edge may be empty. */
  head: { first: number; end: number };
  middle: { first: number; end: number };
  tail: { first: number; end: number };
  /** The middle's pictures, in the order of decoding: places among those that were offered. */
  pictures: { first: number; end: number };
}

/** With fewer frames than this to copy, a splice is more work than it saves. */
const WORTH = 24;

/**
 * Whether pictures of this video can stand beside encoded ones in one file, by what its stream says: plain 8-bit h264 in whole
 * frames, upright, in ordinary light, whose packets tell their times.
 */
export function canCopy(video: VideoStream, list: Pick<ListedFrames, 'packets' | 'seeking'>): boolean {
  return (
    video.codec === 'h264' &&
    ['yuv420p', 'yuvj420p'].includes(video.pixelFormat) &&
    video.dynamicRange === 'sdr' &&
    video.rotation === 0 &&
    !isInterlaced(video.fieldOrder) &&
    video.width % 2 === 0 &&
    video.height % 2 === 0 &&
    list.packets !== null &&
    list.seeking !== 'none'
  );
}

/** The splice that copies most, or null when there is too little to copy. `pictures` are consecutive ones of the source. */
export function planSplice(
  times: readonly number[],
  range: Pick<ClipRange, 'first' | 'end'>,
  pictures: readonly CopiedPicture[],
): Splice | null {
  const placeOf = new Map(times.slice(range.first, range.end).map((time, offset) => [time, range.first + offset]));
  const begin = pictures.findIndex(({ time, idr }) => idr && placeOf.has(time));
  if (begin < 0) return null;
  const first = placeOf.get((pictures[begin] as CopiedPicture).time) as number;
  let best: { pictures: number; end: number } | null = null;
  let latest = first;
  for (let next = begin; next < pictures.length; next += 1) {
    const place = placeOf.get((pictures[next] as CopiedPicture).time);
    // After the clip's end, or a picture that the list does not show: the middle ends before it.
    if (place === undefined || place < first) break;
    latest = Math.max(latest, place);
    const taken = next + 1 - begin;
    if (latest - first + 1 === taken) best = { pictures: next + 1, end: latest + 1 };
  }
  if (!best || best.end - first < WORTH) return null;
  return {
    head: { first: range.first, end: first },
    middle: { first, end: best.end },
    tail: { first: best.end, end: range.end },
    pictures: { first: begin, end: best.pictures },
  };
}
