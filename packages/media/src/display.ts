/**
 * What a viewer sees of a video stream, worked out from what its file says: the upright picture with square pixels, whether its
 * light is high dynamic range, how many bits a sample has. Pure; every rule names the fields of {@link VideoStream} it reads.
 */
import type { Rational, VideoStream } from './probe.ts';

/** 8K UHD with a little room; a larger picture is a decompression bomb here. */
export const MAX_PIXELS = 7680 * 4608;

/** Width and height in square pixels, upright: after the sample aspect ratio, then the rotation. Not yet rounded to even. */
export function displaySize(video: Pick<VideoStream, 'width' | 'height' | 'sampleAspect' | 'rotation'>): {
  width: number;
  height: number;
} {
  const { width, height, sampleAspect, rotation } = video;
  // The side that is too short is stretched, so that no line of the picture is thrown away.
  const aspect = sampleAspect.num / sampleAspect.den;
  const wide = Math.round(aspect >= 1 ? width * aspect : width);
  const high = Math.round(aspect >= 1 ? height : height / aspect);
  return rotation % 180 === 0 ? { width: wide, height: high } : { width: high, height: wide };
}

/** How light is coded: `pq` (SMPTE ST 2084) and `hlg` (ARIB STD-B67) are high dynamic range (ITU-R BT.2100), the rest is not. */
export function dynamicRange(transfer: string | null): 'sdr' | 'pq' | 'hlg' {
  if (transfer === 'smpte2084') return 'pq';
  if (transfer === 'arib-std-b67') return 'hlg';
  return 'sdr';
}

/** Bits of one sample, read from ffmpeg's name of the pixel format: `yuv420p10le` has 10, `yuv420p` 8. */
export function bitDepth(pixelFormat: string): number {
  if (/^(rgb|bgr)(48|64)|^(rgba|bgra)64/.test(pixelFormat)) return 16;
  return Number(/(9|10|12|14|16)(?:le|be)$/.exec(pixelFormat)?.[1] ?? 8);
}

/** Degrees clockwise that make the picture upright, a multiple of 90, from ffprobe's counter-clockwise angle of the matrix. */
export function uprightBy(counterClockwise: number): 0 | 90 | 180 | 270 {
  const quarter = Math.round(-counterClockwise / 90) % 4;
  return ([0, 90, 180, 270] as const)[(quarter + 4) % 4] ?? 0;
}

/** Whether frames hold two fields, by ffprobe's `field_order`; what is unknown counts as progressive. */
export function isInterlaced(fieldOrder: string | null): boolean {
  return fieldOrder !== null && ['tt', 'bb', 'tb', 'bt'].includes(fieldOrder);
}

/**
 * Whether the two rates that a container and a demuxer worked out disagree, as they do where frames do not come at equal times.
 * A guess for people: the plan of a transcode reads the time of every frame.
 */
export function looksVariable(average: Rational | null, base: Rational | null, fieldOrder: string | null): boolean {
  if (!average || !base) return false;
  const times = (base.num * average.den) / (base.den * average.num);
  // The base rate of interlaced film counts fields.
  if (isInterlaced(fieldOrder) && Math.abs(times - 2) < 0.01) return false;
  return Math.abs(times - 1) > 0.005;
}
