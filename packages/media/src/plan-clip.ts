/**
 * The ffmpeg commands of a clip, as data: pictures copied out of the source as they lie there, an edge or a whole clip encoded,
 * picture and sound joined in one file, and that file compared with the source. As in a transcode, a cut is made at half a frame
 * between two frames, by the source's own times, and the frames that came through are written down. Everything here reads what a
 * user supplied, so every input that is theirs has its whitelists.
 */
import type { SourceRange } from './chunks.ts';
import { displaySize } from './display.ts';
import { ordinaryLight } from './light.ts';
import { decimal, type Plan } from './plan.ts';
import { soundRate, soundSamples } from './plan-sound.ts';
import { cutFrames } from './plan-transcode.ts';
import { type AudioStream, fileArgument, untrustedInput, type VideoStream } from './probe.ts';

/** The frames of a cut: where they come from, which ones, and by which of its ways they are reached. */
export interface Cut {
  source: string;
  video: VideoStream;
  range: SourceRange;
  /** Where to begin reading, in seconds as the file has them; null: at its start. */
  seek: number | null;
  /** Where the times of the frames seen are written; a name in the working folder, free of `:` and quotes. */
  seenFile: string;
}

/** Both kinds of encoding look alike, so that an edge does not show beside a whole clip. */
const QUALITY = ['-preset', 'veryfast', '-crf', '18'];

const opened = (source: string, seek: number | null): string[] => [
  ...[...untrustedInput, '-copyts', ...(seek === null ? [] : ['-seek_timestamp', '1', '-ss', decimal(seek)])],
  ...['-noaccurate_seek', '-i', fileArgument(source)],
];

/**
 * `packets` packets of the picture from a key frame at or before `seek` on: their bytes one after another (h264 as a byte stream,
 * parameter sets before each IDR picture) to `streamFile`, and a line for each to `tableFile` ({@link copiedPackets}).
 */
export function planCopy(plan: {
  source: string;
  video: VideoStream;
  seek: number | null;
  packets: number;
  streamFile: string;
  tableFile: string;
}): Plan {
  const { source, video, seek, packets } = plan;
  const out = (format: string, file: string) => [
    ...['-map', `0:${video.index}`, '-c', 'copy', '-copytb', '1', '-bsf:v', 'h264_mp4toannexb'],
    ...['-frames:v', String(packets), '-f', format, fileArgument(file)],
  ];
  return {
    what: 'pictures to copy',
    args: ['-y', ...opened(source, seek), ...out('data', plan.streamFile), ...out('framecrc', plan.tableFile)],
  };
}

/** The table that {@link planCopy} wrote: a line `stream, dts, pts, duration, size, checksum` for each packet, in their order. */
export function copiedPackets(table: string): { time: number; size: number }[] {
  return table.split('\n').flatMap((line) => {
    if (!/^\d/.test(line)) return [];
    const [, , pts, , size] = line.split(',').map(Number);
    return [{ time: pts as number, size: size as number }];
  });
}

/**
 * An edge that stands beside copied pictures: the same profile, size and colours, a delimiter before every picture, none shown
 * before one that is decoded earlier (so the order of the pictures is that of the frames), and parameter sets whose `number` the
 * source does not use.
 */
export function planEdge(plan: Cut & { profile: string; number: number; output: string }): Plan {
  const { video, range, profile, number } = plan;
  const rate = video.fps ?? { num: 25, den: 1 };
  const filters = [
    ...cutFrames({ picture: video, range, seenFile: plan.seenFile }),
    // The file's own times are given to the pictures later; the encoder only has to know how fast they follow each other.
    `settb=expr=${rate.den}/${rate.num}`,
    'setpts=N',
  ];
  return {
    what: `an edge of ${range.frames} frames`,
    args: [
      ...['-y', ...opened(plan.source, plan.seek), '-filter_complex', `[0:${video.index}]${filters.join(',')}[out]`],
      ...['-map', '[out]', '-c:v', 'libx264', ...QUALITY, '-profile:v', profile, '-pix_fmt', video.pixelFormat],
      ...['-x264-params', `sps-id=${number}:aud=1:bframes=0`, '-fps_mode', 'cfr', '-r', `${rate.num}/${rate.den}`],
      ...['-f', 'h264', fileArgument(plan.output)],
    ],
  };
}

/** A whole clip encoded anew: upright, in square pixels and ordinary light; every frame keeps its time. */
export function planWholeClip(plan: Cut & { startTicks: number; output: string }): Plan {
  const { video, range } = plan;
  const { num, den } = video.timeBase;
  const size = scaled(video);
  const filters = [
    ...cutFrames({ picture: video, range, seenFile: plan.seenFile }),
    `setpts=PTS-(${plan.startTicks})`,
    ...(size ? [`scale=${size.width}:${size.height}:flags=bicubic`] : []),
    ...ordinaryLight(video, 'yuv420p'),
    'setsar=1',
    'format=yuv420p',
  ];
  return {
    what: `a clip of ${range.frames} frames`,
    args: [
      ...['-y', ...opened(plan.source, plan.seek), '-filter_complex', `[0:${video.index}]${filters.join(',')}[out]`],
      ...['-map', '[out]', '-c:v', 'libx264', ...QUALITY, '-profile:v', 'high'],
      ...['-fps_mode', 'passthrough', '-enc_time_base', `${num}:${den}`, '-video_track_timescale', String(den)],
      ...['-map_metadata', '-1', '-map_chapters', '-1', '-f', 'mp4', fileArgument(plan.output)],
    ],
  };
}

/** Width and height of a whole clip; null where it is the frames' own. */
function scaled(video: VideoStream): { width: number; height: number } | null {
  const { width, height } = clipSize(video);
  const lying = video.rotation % 180 !== 0;
  const [own, high] = lying ? [video.height, video.width] : [video.width, video.height];
  return width === own && height === high ? null : { width, height };
}

/** Width and height of a whole clip: as a viewer sees the source, in even numbers. */
export function clipSize(video: VideoStream): { width: number; height: number } {
  const { width, height } = displaySize(video);
  const even = (side: number) => Math.max(2, 2 * Math.round(side / 2));
  return { width: even(width), height: even(height) };
}

export interface ClipSound {
  source: string;
  track: Pick<AudioStream, 'index' | 'sampleRate'>;
  /** When the clip begins, in seconds as the file has them. */
  startSeconds: number;
  seek: number | null;
  /** Where the times of the sound that was decoded are written; a plain name in the working folder. */
  heardFile: string;
}

const CLIP_SOUND_KBITS = 160;

/** Picture copied and sound encoded in one pass, exactly as long as the picture: what is missing of it is silence. */
export function planClipFile(plan: {
  picture: string;
  seconds: number;
  sound: ClipSound | null;
  output: string;
}): Plan {
  const { picture, seconds, sound } = plan;
  return {
    what: 'picture and sound of the clip',
    args: [
      // What the file says of its pictures holds: ffmpeg would take some that only look like it for key frames, and browsers
      // that begin there show the next one.
      ...['-y', '-fflags', '+nofillin+noparse', '-protocol_whitelist', 'file', '-i', fileArgument(picture)],
      ...(sound ? [...opened(sound.source, sound.seek), '-filter_complex', soundGraph(sound, seconds)] : []),
      ...['-map', '0:v', '-c:v', 'copy'],
      ...(sound ? ['-map', '[sound]', '-c:a', 'aac', '-b:a', `${CLIP_SOUND_KBITS}k`] : []),
      ...[
        '-map_metadata',
        '-1',
        '-map_chapters',
        '-1',
        '-movflags',
        '+faststart',
        '-f',
        'mp4',
        fileArgument(plan.output),
      ],
    ],
  };
}

function soundGraph({ track, startSeconds, heardFile }: ClipSound, seconds: number): string {
  const rate = soundRate(track.sampleRate);
  const start = decimal(startSeconds, 9);
  const samples = soundSamples(seconds, rate);
  const filters = [
    // A note for every piece that came out of the decoder, before silence fills up what did not.
    `ametadata=mode=add:key=heard:value=1,ametadata=mode=print:file=${heardFile}`,
    `atrim=start=${start}`,
    `asetpts=PTS-round((${start})/TB)`,
    // Holes in the times of the source become silence; nothing is stretched.
    `aresample=${rate}:async=1:first_pts=0`,
    'aformat=sample_fmts=fltp:channel_layouts=stereo',
    `apad=whole_len=${samples},atrim=end_sample=${samples}`,
  ];
  return `[1:${track.index}]${filters.join(',')}[sound]`;
}

/** Frames that must be the source's to the bit, counted within the clip; of the others, how alike they are. */
export interface Comparison {
  cut: Cut;
  clip: string;
  /** The first copied frame and the one after the last; the same where nothing was copied. */
  copied: { first: number; end: number };
  /** Of the encoded frames one in so many is looked at; none where the picture was changed on purpose (`compare` false). */
  every: number;
  compare: boolean;
  sourceSums: string;
  clipSums: string;
  likenessFile: string;
}

/** Decode both once: checksums of all frames of each, and the likeness (SSIM) of the encoded ones. */
export function planComparison({ cut, clip, copied, every, compare, ...files }: Comparison): Plan {
  const { video, range } = cut;
  const numbered = 'settb=expr=1/25,setpts=N';
  const looked = `select='(lt(n,${copied.first})+gte(n,${copied.end}))*not(mod(n,${every}))'`;
  const source = `[0:${video.index}]${[...cutFrames({ picture: video, range, seenFile: cut.seenFile }), numbered].join(',')}`;
  const graph = compare
    ? [
        `${source},split[a][b];[1:v]${numbered},split[c][d]`,
        `[b]${looked}[e];[d]${looked}[f];[e][f]ssim=f=${files.likenessFile}[g]`,
      ].join(';')
    : `${source}[a];[1:v]${numbered}[c]`;
  // MD5 would take longer than decoding does; against chance, 128 bits of a quick hash do as well.
  const sums = (label: string, file: string) => [
    ...['-map', `[${label}]`, '-fps_mode', 'passthrough', '-f', 'framehash', '-hash', 'murmur3', fileArgument(file)],
  ];
  return {
    what: 'the clip and its source, frame by frame',
    args: [
      ...['-y', ...opened(cut.source, cut.seek), '-protocol_whitelist', 'file', '-i', fileArgument(clip)],
      ...['-filter_complex', graph, ...sums('a', files.sourceSums), ...sums('c', files.clipSums)],
      ...(compare ? ['-map', '[g]', '-fps_mode', 'passthrough', '-f', 'null', '-'] : []),
    ],
  };
}

/** The checksums that `framehash` or `framemd5` wrote, in the order of the frames. */
export function frameSums(text: string): string[] {
  return text.split('\n').flatMap((line) => (/^\d/.test(line) ? [line.split(',').at(-1)?.trim() ?? ''] : []));
}

/** The likeness of each pair that the filter `ssim` saw, 1 for the same. */
export function likenesses(text: string): number[] {
  return [...text.matchAll(/ All:([\d.]+)/g)].map(([, value]) => Number(value));
}
