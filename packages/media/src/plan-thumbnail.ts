/**
 * The ffmpeg commands of a video's thumbnail, as data: one look over the whole film, which makes the sheets of small pictures and
 * the luma they are judged by; a closer look at a second of it; and the picture itself. Everything here reads what a user
 * supplied, so every input has its whitelists.
 */
import { displaySize, isInterlaced } from './display.ts';
import { ordinaryLight } from './light.ts';
import { decimal, type Plan } from './plan.ts';
import { fileArgument, untrustedInput, type VideoStream } from './probe.ts';
import { fitted, type SpriteLayout } from './sprites.ts';

/** What the filters have to know of the source's picture. */
export type Shown = Pick<
  VideoStream,
  'index' | 'width' | 'height' | 'sampleAspect' | 'rotation' | 'dynamicRange' | 'color' | 'fieldOrder'
>;

/** Frames of a closer look, a tenth of a second apart; the place looked at lies in their middle. */
export const CLOSE_FRAMES = 11;
const CLOSE_RATE = 10;
/** Its luma, in pixels: where a hand shook, a frame of this size tells. */
const CLOSE_BOX = { width: 640, height: 360 };

/**
 * All of a film in small: sheets to `sheets` (a pattern with `%03d`), the luma of each picture to `luma`, one after another. Of
 * `keyFramesOnly` nothing else is decoded, nor read where the container has an index: a film of two hours takes seconds.
 */
export function planSprites(plan: {
  source: string;
  picture: Shown;
  layout: SpriteLayout;
  keyFramesOnly: boolean;
  /** Where every frame that was decoded leaves a line; a name in the working folder, free of `:` and quotes. */
  seenFile: string;
  sheets: string;
  luma: string;
}): Plan {
  const { picture, layout, keyFramesOnly } = plan;
  const { everySeconds, count, columns, rows, sheets } = layout;
  const graph = [
    `[0:${picture.index}]metadata=mode=add:key=seen:value=1,metadata=mode=print:file=${plan.seenFile}`,
    `fps=fps=1/${everySeconds}:start_time=0:round=up`,
    // Each is the frame that is seen at its moment. Where the last key frame lies long before the end it stands for the rest.
    ...exactly(count),
    ...smaller(picture, layout, 'area'),
    'split[small][judged]',
  ].join(',');
  return {
    what: 'pictures for scrubbing',
    args: [
      ...['-y', ...untrustedInput, ...(keyFramesOnly ? ['-skip_frame', 'nokey', '-discard', 'nokey'] : [])],
      ...['-i', fileArgument(plan.source), '-filter_complex'],
      `${graph};[small]tile=${columns}x${rows}[sheet];[judged]format=gray[luma]`,
      ...['-map', '[sheet]', '-fps_mode', 'passthrough', '-frames:v', String(sheets), '-c:v', 'mjpeg', '-q:v', '4'],
      ...['-bitexact', '-f', 'image2', fileArgument(plan.sheets)],
      ...['-map', '[luma]', '-fps_mode', 'passthrough', '-frames:v', String(count), '-f', 'rawvideo'],
      fileArgument(plan.luma),
    ],
  };
}

/** How many frames {@link planSprites} decoded, from what they left. */
export const framesSeen = (text: string): number => text.split('\n').filter((line) => line.startsWith('frame:')).length;

/** Where a closer look at a place begins, and the moment of one of its frames. Seconds. */
export const closeStart = (atSeconds: number): number =>
  Math.max(0, atSeconds - Math.floor(CLOSE_FRAMES / 2) / CLOSE_RATE);
export const closeMoment = (atSeconds: number, frame: number): number => closeStart(atSeconds) + frame / CLOSE_RATE;

/** Size of the luma that {@link planCloseLook} writes. */
export const closeSize = (picture: Shown) => fitted(displaySize(picture), CLOSE_BOX);

/** The second around a place: the luma of {@link CLOSE_FRAMES} frames, one after another; nothing where the film has ended. */
export function planCloseLook(plan: { source: string; picture: Shown; atSeconds: number; luma: string }): Plan {
  const { picture, atSeconds } = plan;
  const graph = [
    `[0:${picture.index}]fps=fps=${CLOSE_RATE}:start_time=0:round=up`,
    ...exactly(CLOSE_FRAMES),
    ...smaller(picture, closeSize(picture), 'area'),
    'format=gray[luma]',
  ].join(',');
  return {
    what: `a closer look at ${decimal(atSeconds, 1)} s`,
    args: [
      ...['-y', ...untrustedInput, '-ss', decimal(closeStart(atSeconds)), '-t', decimal(CLOSE_FRAMES / CLOSE_RATE)],
      ...['-i', fileArgument(plan.source), '-filter_complex', graph, '-map', '[luma]', '-fps_mode', 'passthrough'],
      ...['-f', 'rawvideo', fileArgument(plan.luma)],
    ],
  };
}

/** The frame at a moment as a JPEG, upright and undistorted, as large as fits, in the middle of `width` × `height`. */
export function planVideoThumbnail(plan: {
  source: string;
  picture: Shown;
  atSeconds: number;
  output: string;
  width: number;
  height: number;
}): Plan {
  const { picture, atSeconds, width, height } = plan;
  const display = displaySize(picture);
  // A small picture is made larger here: the size of a thumbnail is fixed.
  const scale = Math.min(width / display.width, height / display.height);
  const size = { width: even(display.width * scale, width), height: even(display.height * scale, height) };
  const graph = [
    `[0:${picture.index}]${[
      ...(isInterlaced(picture.fieldOrder) ? ['bwdif=mode=send_frame:deint=all'] : []),
      ...smaller(picture, size, 'lanczos'),
      `pad=${width}:${height}:(ow-iw)/2:(oh-ih)/2:black`,
    ].join(',')}[out]`,
  ].join(';');
  return {
    what: 'thumbnail',
    args: [
      ...['-y', ...untrustedInput, '-ss', decimal(atSeconds), '-i', fileArgument(plan.source)],
      ...['-filter_complex', graph, '-map', '[out]', '-frames:v', '1', '-c:v', 'mjpeg', '-q:v', '3'],
      ...['-f', 'image2', '-update', '1', '-bitexact', fileArgument(plan.output)],
    ],
  };
}

/** Exactly so many frames, the last repeated; none when there is none to repeat. */
const exactly = (frames: number): string[] => [`tpad=stop=${frames}:stop_mode=clone`, `trim=end_frame=${frames}`];

/** At a size, with square pixels, in ordinary light and the colours of JPEG (BT.601, full range: JFIF). */
function smaller(picture: Shown, { width, height }: { width: number; height: number }, flags: string): string[] {
  const light = ordinaryLight(picture, 'yuv444p');
  const size = `scale=${width}:${height}:flags=${flags}+accurate_rnd`;
  const ofJpeg = 'out_range=pc:out_color_matrix=bt601';
  return light.length === 0
    ? [`${size}:${ofJpeg}`, 'setsar=1', 'format=yuvj420p']
    : [size, ...light, `scale=${ofJpeg}`, 'setsar=1', 'format=yuvj420p'];
}

const even = (side: number, most: number): number => Math.min(most, Math.max(2, 2 * Math.round(side / 2)));
