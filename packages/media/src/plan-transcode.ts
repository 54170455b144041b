/**
 * The ffmpeg commands of a transcode, as data: a chunk (one decode of one range, all renditions in one process) and the sound
 * (one pass over the whole file, since sound encoded in parts clicks where they meet).
 *
 * A chunk counts frames and trusts nothing else. The cut is made at half a frame between two frames of the source, by their own
 * times (`-copyts`), the frames that came through are written down for comparison with the plan, and every rendition gets them
 * numbered from 0; the place in the stream is added when the file is written. A rendition is one fragmented file whose
 * fragments are its segments: cutting it is a matter of boxes (fragments.ts), not of another muxer.
 */
import type { Chunk, SourceRange } from './chunks.ts';
import { gopFrames, segmentFrames } from './chunks.ts';
import { isInterlaced } from './display.ts';
import type { Encoder } from './encoders.ts';
import { type Grid, SLOT_TICKS } from './grid.ts';
import type { Rung } from './ladder.ts';
import { ordinaryLight } from './light.ts';
import { decimal, type Plan } from './plan.ts';
import { fileArgument, type Rational, untrustedInput, type VideoStream } from './probe.ts';

/** What the filters have to know of the source's picture. */
export type Picture = Pick<VideoStream, 'index' | 'timeBase' | 'dynamicRange' | 'fieldOrder' | 'color'>;

export interface ChunkPlan {
  source: string;
  picture: Picture;
  grid: Grid;
  /** When the first frame of the source is shown, in ticks of the picture's time base: slot 0 of the grid. */
  origin: number;
  chunk: Chunk;
  rungs: readonly Rung[];
  encoder: Encoder;
  bits: 8 | 10;
  /** Which of the chunk's ways to begin reading. */
  seek: number | null;
  /** Where the times of the frames seen are written; a name in the working folder, free of `:` and quotes. */
  seenFile: string;
  output(rung: Rung): string;
}

/** Ticks of a second in the files of a stream: a whole number of them for each frame. */
export function timescale(rate: Rational): number {
  return rate.num >= 10_000 ? rate.num : rate.num * Math.ceil(10_000 / rate.num);
}

/**
 * Threads for decoding and filtering beside the encoders' own: twice the cores, since each waits for others now and then, but
 * no more than ffmpeg advises. They do not change what comes out.
 */
export const chunkThreads = (cores: number): number => Math.min(16, 2 * cores);

export function planChunk(plan: ChunkPlan): Plan {
  const { chunk, rungs, grid, encoder, seek } = plan;
  const seeking = seek === null ? [] : ['-seek_timestamp', '1', '-ss', decimal(seek), '-noaccurate_seek'];
  return {
    what: `chunk ${chunk.index + 1} (${chunk.frames} frames from ${chunk.startFrame}, ${rungs.length} renditions)`,
    args: [
      ...['-y', ...encoder.global, ...untrustedInput, '-copyts', ...seeking, '-i', fileArgument(plan.source)],
      ...['-filter_complex', chunkGraph(plan)],
      ...rungs.flatMap((rung, index) => renditionOutput(plan, rung, index, gopFrames(grid.rate))),
    ],
  };
}

function renditionOutput(
  { grid, chunk, encoder, output }: ChunkPlan,
  rung: Rung,
  index: number,
  gop: number,
): string[] {
  const { num, den } = grid.rate;
  return [
    ...['-map', `[out${index}]`, ...encoder.options(rung, gop)],
    // Frames already stand on the grid: this names the rate to the encoder, and neither repeats nor drops any.
    ...['-fps_mode', 'cfr', '-r', `${num}/${den}`, '-map_metadata', '-1', '-map_chapters', '-1'],
    ...fragmented(timescale(grid.rate), (segmentFrames(grid.rate) * den) / num),
    ...['-output_ts_offset', decimal((chunk.startFrame * den) / num), '-f', 'mp4', output(rung)],
  ];
}

/**
 * CMAF (ISO/IEC 23000-19): a header, then one fragment for each segment. Composition offsets may be negative, so the first frame
 * of a fragment is shown at the fragment's own time and no edit list is needed; `frag_discont` writes that time as it is, not
 * as if the file began the stream; `bitexact` leaves the version of ffmpeg out. So the headers of all chunks are the same bytes.
 */
function fragmented(timescale: number, segmentSeconds: number): string[] {
  return [
    ...['-fflags', '+bitexact', '-video_track_timescale', String(timescale), '-movflags'],
    '+cmaf+empty_moov+default_base_moof+frag_keyframe+frag_discont+negative_cts_offsets+skip_trailer+skip_sidx',
    // Fragments begin at the first key frame after this; groups are two seconds, so half a second less is safe from rounding.
    ...['-min_frag_duration', String(Math.round(Math.max(0, segmentSeconds * 0.92) * 1e6))],
  ];
}

function chunkGraph(plan: ChunkPlan): string {
  const { picture, rungs, encoder, bits } = plan;
  const outs = rungs.map((_, index) => `[p${index}]`).join('');
  const common = [
    ...cutFrames({ ...plan, range: plan.chunk.source }),
    ...onTheGrid(plan),
    ...ordinaryLight(picture, bits === 10 ? 'yuv420p10le' : 'yuv420p'),
  ];
  return [
    `[0:${picture.index}]${common.join(',')},split=${rungs.length}${outs}`,
    ...rungs.map(
      ({ width, height }, index) =>
        `[p${index}]scale=${width}:${height}:flags=bicubic,setsar=1,${encoder.format(bits)}[out${index}]`,
    ),
  ].join(';');
}

/** Filters that let exactly the frames of a range through, and leave a note of what they were. */
export function cutFrames({
  picture,
  range: source,
  seenFile,
}: {
  picture: Picture;
  range: SourceRange;
  seenFile: string;
}): string[] {
  const timeBase = `settb=expr=${picture.timeBase.num}/${picture.timeBase.den}`;
  const main = trim(source.from, source.to);
  const seen = ['metadata=mode=add:key=seen:value=1', `metadata=mode=print:file=${seenFile}`];
  if (!isInterlaced(picture.fieldOrder)) return [...main, timeBase, ...seen];
  // A frame for a frame; it looks at its neighbours, which the cut leaves it, and halves the time base, which is set right again.
  return [...trim(source.widerFrom, source.widerTo), 'bwdif=mode=send_frame:deint=all', timeBase, ...main, ...seen];
}

function trim(from: number | null, to: number | null): string[] {
  const bounds = [...(from === null ? [] : [`start=${decimal(from)}`]), ...(to === null ? [] : [`end=${decimal(to)}`])];
  return bounds.length > 0 ? [`trim=${bounds.join(':')}`] : [];
}

/** Frames numbered from 0 on the grid's time base. */
function onTheGrid({ grid, chunk, origin }: ChunkPlan): string[] {
  const { num, den } = grid.rate;
  if (grid.kind === 'constant') return [`settb=expr=${den}/${num}`, 'setpts=N'];
  return [
    `setpts=PTS-(${origin})`,
    `settb=expr=${den}/${num * SLOT_TICKS}`,
    `fps=fps=${num}/${den}:start_time=${decimal((chunk.startFrame * den) / num, 9)}:round=near`,
    // At the end of the file the last frame lasts to the end of its time.
    `tpad=stop=${chunk.frames}:stop_mode=clone`,
    `trim=end_frame=${chunk.frames}`,
    'setpts=N',
  ];
}

/** Filters that a picture of this kind needs and not every ffmpeg has. */
export function neededFilters({
  dynamicRange,
  fieldOrder,
}: Pick<VideoStream, 'dynamicRange' | 'fieldOrder'>): string[] {
  return [...(dynamicRange === 'sdr' ? [] : ['zscale', 'tonemap']), ...(isInterlaced(fieldOrder) ? ['bwdif'] : [])];
}
