/**
 * Cutting the work of a transcode into chunks: ranges of whole segments, about a minute each, counted in frames of the grid, so
 * that nothing is lost or doubled where they meet. For each one, which frames of the source it needs, where to begin reading, and
 * a checksum of the times of those frames, by which the chunk proves afterwards that it saw exactly them. Pure.
 */
import { createHash } from 'node:crypto';
import { type FrameList, type Grid, shownFrames } from './grid.ts';
import type { Rational } from './probe.ts';

const GOP_SECONDS = 2;
const GOPS_PER_SEGMENT = 3;
const CHUNK_SEGMENTS = 10;
/**
 * Seeks go to the key frame before the first wanted one. Where the container has an index of its key frames, a little after it,
 * since ffmpeg moves a seek 3/23 s ahead for pictures that are decoded earlier than they are shown (ffmpeg_demux.c), and the
 * group before would be decoded for nothing: ten seconds of film, often. Elsewhere, well before it.
 */
const SEEK_AFTER_SECONDS = 0.2;
const SEEK_BEFORE_SECONDS = 0.5;
const SEEK_WELL_BEFORE_SECONDS = 15;
/** Frames that a deinterlacer has to see on either side of those it answers. */
const NEIGHBOURS = 3;

export interface Chunk {
  /** From 0. */
  index: number;
  /** Its first slot of the grid, and how many it has. */
  startFrame: number;
  frames: number;
  firstSegment: number;
  segments: number;
  source: SourceRange;
}

/** What a seek in a file is worth: `exact` finds a key frame by an index, `near` one that is not far, `none` nothing. */
export type Seeking = 'exact' | 'near' | 'none';

/** What of the source a chunk is made of. Times are absolute, as the file has them, in seconds. */
export interface SourceRange {
  /** Frames that must come out of the decoder, and the SHA-256 of their times ({@link timesDigest}). */
  frames: number;
  digest: string;
  /** Half a frame before the first and before the one after the last; null at the ends of the file, which need no cut. */
  from: number | null;
  to: number | null;
  /** The same with a neighbourhood around it, for filters that look at neighbours. */
  widerFrom: number | null;
  widerTo: number | null;
  /** Where to begin reading, one try after the other: seeking is a promise of the demuxer that not all of them keep. Null: at the start. */
  seeks: (number | null)[];
}

/** Frames of a group of pictures: two seconds, to the nearest frame. */
export function gopFrames(rate: Rational): number {
  return Math.max(1, Math.round((GOP_SECONDS * rate.num) / rate.den));
}

/** Frames of a segment: three closed groups. */
export function segmentFrames(rate: Rational): number {
  return GOPS_PER_SEGMENT * gopFrames(rate);
}

/** How many frames each segment of a range has; the last segment of a stream has what is left. */
export function segmentsOf(frames: number, rate: Rational): number[] {
  const each = segmentFrames(rate);
  const whole = Math.floor(frames / each);
  const rest = frames - whole * each;
  return [...Array.from({ length: whole }, () => each), ...(rest > 0 ? [rest] : [])];
}

/** Ranges of whole segments that cover `frames` exactly once, as equal as whole segments allow. */
export function cutRanges(
  frames: number,
  rate: Rational,
  chunkSegments: number = CHUNK_SEGMENTS,
): Omit<Chunk, 'source'>[] {
  const each = segmentFrames(rate);
  const segments = Math.ceil(frames / each);
  const count = Math.max(1, Math.round(segments / chunkSegments));
  return Array.from({ length: count }, (_, index) => {
    const firstSegment = Math.floor((index * segments) / count);
    const endSegment = Math.floor(((index + 1) * segments) / count);
    const startFrame = firstSegment * each;
    return {
      index,
      startFrame,
      frames: Math.min(endSegment * each, frames) - startFrame,
      firstSegment,
      segments: endSegment - firstSegment,
    };
  });
}

/** All chunks of a source. Where seeking is worth nothing every chunk reads from the start. */
export function planChunks(
  list: FrameList,
  grid: Grid,
  options: { seeking: Seeking; chunkSegments?: number | undefined },
): Chunk[] {
  const shown = shownFrames(list, grid);
  return cutRanges(grid.frames, grid.rate, options.chunkSegments).map((range) => {
    const first = shown[range.startFrame] as number;
    const lastShown = shown[range.startFrame + range.frames - 1] as number;
    // The filter that repeats frames wants to see the one that ends the last one's time.
    const last = grid.kind === 'variable' ? Math.min(lastShown + 1, list.times.length - 1) : lastShown;
    return { ...range, source: sourceRange(list, first, last, options.seeking) };
  });
}

/** Where frames `first` to `last` of a source are, and how to tell that they were found. */
export function sourceRange(list: FrameList, first: number, last: number, seeking: Seeking): SourceRange {
  const { times, keys, timeBase } = list;
  const seconds = (ticks: number) => (ticks * timeBase.num) / timeBase.den;
  /** Between two frames, so that no rounding of either side can move the cut across a frame. */
  const before = (index: number) =>
    index <= 0 || index >= times.length ? null : seconds(((times[index - 1] as number) + (times[index] as number)) / 2);
  const wanted = times.slice(first, last + 1);
  const widerFirst = Math.max(0, first - NEIGHBOURS);
  // Neighbours are wanted of interlaced pictures only, and in those nobody seeks.
  const at = keys.findLastIndex((place) => place <= first);
  const start = seconds(times[keys[at] ?? 0] as number);
  const nextKey = keys[at + 1];
  const group = nextKey === undefined ? Infinity : seconds(times[nextKey] as number) - start;
  const ways = [
    ...(seeking === 'exact' ? [start + Math.min(SEEK_AFTER_SECONDS, group / 2)] : []),
    ...(seeking === 'none' ? [] : [start - SEEK_BEFORE_SECONDS, start - SEEK_WELL_BEFORE_SECONDS]),
  ];
  const seeks = ways.filter((time) => time > seconds(times[0] as number) + 1);
  return {
    frames: wanted.length,
    digest: timesDigest(wanted),
    from: before(first),
    to: before(last + 1),
    widerFrom: before(widerFirst),
    widerTo: before(last + 1 + NEIGHBOURS),
    seeks: [...seeks, null],
  };
}

/** SHA-256 of frame times in ticks, one a line. */
export function timesDigest(times: readonly number[]): string {
  const hash = createHash('sha256');
  for (const time of times) hash.update(`${time}\n`);
  return hash.digest('hex');
}
