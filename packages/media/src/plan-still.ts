/**
 * A still as a piece of film: encoded once, here, and afterwards only copied.
 *
 * The segment is one closed GOP: one very good I-frame and then P-frames that skip every macroblock. Three things make that
 * both cheap and exact: the `loop` filter repeats one decoded picture instead of decoding the file for every frame; the
 * P-frames' quantizer lies so far above the I-frame's that nothing is ever refined, so each is about 70 bytes; and there are
 * no B-frames, so a copy may be cut after any frame. Every frame decodes to the same picture, which the check demands.
 */
import { MAX_PIXELS } from './display.ts';
import { decimal, type Plan, printed } from './plan.ts';
import { fileArgument } from './probe.ts';

/** Ten seconds at 30 fps: one keyframe per ten seconds of album, about what x264 would choose, and half a second to encode. */
export const SEGMENT_FRAMES = 300;

/**
 * I-frame quantizers to try, in order, until the segment is as like the still as {@link STILL_SSIM} asks. At 10 every still
 * tried was both more like its picture and smaller than x264 medium at crf 20 (0.9969 against 0.9952 to 0.9968 on the built-in
 * pictures); what falls short even so is heavy grain.
 */
export const stillQuantizers = [10, 6, 3] as const;
/**
 * Quantizer of the P-frames, the same for every still, because x264 writes it into the headers and packets can only follow
 * each other under equal headers. The I-frame's follows from the ratio: P - 6·log2(ipratio). x264 takes ratios up to 10, which
 * puts 3 within reach of 23.
 */
const P_QUANTIZER = 23;
/** What a segment should reach; x264 medium at crf 20 gives 0.992 on fine grain. */
export const STILL_SSIM = 0.992;
/** What no part of an album may fall below. */
export const MIN_SSIM = 0.98;

export interface StillFormat {
  width: number;
  height: number;
  fps: number;
}

/** Ticks of the time base per second and per frame: whole numbers for any whole frame rate. */
export const ticks = (fps: number) => ({ perSecond: fps * 512, perFrame: 512 });

/** A picture of any size made to cover the frame, in the colours of HD video. The checks compare through the same filter. */
export function stillFilter({ width, height }: { width: number; height: number }): string {
  return [
    `scale=${width}:${height}:force_original_aspect_ratio=increase:flags=lanczos:out_range=tv:out_color_matrix=bt709`,
    `crop=${width}:${height}`,
    'setsar=1',
    'format=yuv420p',
  ].join(',');
}

/** Encode the segment of one still. */
export function planStill(still: { image: string; output: string; quantizer: number } & StillFormat): Plan {
  const { fps } = still;
  const hold = `loop=loop=${SEGMENT_FRAMES - 1}:size=1:start=0,setpts=N/${fps}/TB`;
  return {
    what: 'segment of the still',
    args: [
      '-y',
      '-i',
      fileArgument(still.image),
      '-vf',
      `${stillFilter(still)},${hold}`,
      '-frames:v',
      String(SEGMENT_FRAMES),
      '-r',
      String(fps),
      // ultrafast: motion search and the rest of the slower presets have nothing to find in a still.
      '-c:v',
      'libx264',
      '-preset',
      'ultrafast',
      '-profile:v',
      'high',
      '-pix_fmt',
      'yuv420p',
      '-g',
      String(SEGMENT_FRAMES),
      '-keyint_min',
      String(SEGMENT_FRAMES),
      '-bf',
      '0',
      '-qp',
      String(P_QUANTIZER),
      '-x264-params',
      `ipratio=${decimal(2 ** ((P_QUANTIZER - still.quantizer) / 6), 4)}:scenecut=0:cabac=1:8x8dct=1:analyse=i4x4,i8x8:weightp=0`,
      '-color_range',
      'tv',
      '-colorspace',
      'bt709',
      '-color_primaries',
      'bt709',
      '-color_trc',
      'bt709',
      '-video_track_timescale',
      String(ticks(fps).perSecond),
      '-bitexact',
      '-an',
      fileArgument(still.output),
    ],
  };
}

/** Decode the whole segment: SSIM of its picture against the still goes to stdout, one checksum per frame to `frames`. */
export function planStillCheck(still: { image: string; segment: string; frames: string } & StillFormat): Plan {
  return {
    what: 'check of the still',
    args: [
      '-y',
      '-i',
      fileArgument(still.segment),
      '-i',
      fileArgument(still.image),
      '-filter_complex',
      `[0:v]split[all][head];[head]trim=end_frame=1[first];[1:v]${stillFilter(still)}[still];` +
        `[first][still]ssim,metadata=print:key=lavfi.ssim.All:file=-[seen]`,
      '-map',
      '[seen]',
      '-f',
      'null',
      '-',
      '-map',
      '[all]',
      '-f',
      'framecrc',
      fileArgument(still.frames),
    ],
  };
}

/** What {@link planStillCheck} found: likeness, number of frames, and how many different pictures there are among them. */
export function readStillCheck(stdout: string, framecrc: string): { ssim: number; frames: number; pictures: number } {
  const sums = framecrc
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(',').at(-1)?.trim());
  return { ssim: printed(stdout, 'lavfi.ssim.All')[0] ?? 0, frames: sums.length, pictures: new Set(sums).size };
}

/** Whoever made it may be a stranger: pictures only, which name no other file. */
const pictureInput: readonly string[] = [
  ...[
    '-protocol_whitelist',
    'file,pipe',
    '-format_whitelist',
    'image2,png_pipe,jpeg_pipe,webp_pipe,bmp_pipe,tiff_pipe',
  ],
  ...['-codec_whitelist', 'png,mjpeg,webp,bmp,tiff', '-max_pixels', String(MAX_PIXELS)],
];

/** A JPEG of a still, cut to cover the size. */
export function planThumbnail(thumbnail: { source: string; output: string; width: number; height: number }): Plan {
  const { width, height } = thumbnail;
  return {
    what: 'thumbnail',
    args: [
      '-y',
      ...pictureInput,
      '-i',
      fileArgument(thumbnail.source),
      '-vf',
      `scale=${width}:${height}:force_original_aspect_ratio=increase:flags=lanczos:out_range=pc,crop=${width}:${height},setsar=1,format=yuvj420p`,
      '-frames:v',
      '1',
      '-c:v',
      'mjpeg',
      '-q:v',
      decimal(3),
      '-f',
      'image2',
      '-update',
      '1',
      '-bitexact',
      fileArgument(thumbnail.output),
    ],
  };
}

/** Decode a picture whole, failing at the first thing that is not right: a header alone says nothing about the rest. */
export function planPictureCheck(picture: string): Plan {
  return {
    what: 'check of the picture',
    args: ['-xerror', '-err_detect', 'explode', '-i', fileArgument(picture), '-map', '0:v:0', '-f', 'null', '-'],
  };
}
