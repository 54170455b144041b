/**
 * The ladder of a stream: which renditions a source of this size gets, how large each one is, and how many bits it may take.
 * Pure. A rung is named by the shorter side of the upright picture (`720p` of a portrait film is 720 wide), and no rendition
 * is larger than its source: what the source is too small for is named in `skipped`, so that nobody looks for it.
 */
import { PermanentError } from '@reelfleet/core';
import type { Rational } from './probe.ts';

/** Shorter sides, tallest first (seed 004). */
export const RUNGS = [2160, 1440, 1080, 720, 480, 360] as const;

export const videoCodecs = ['h264', 'hevc', 'av1'] as const;
export type VideoCodec = (typeof videoCodecs)[number];

export interface Rung {
  /** `720p`; for a source smaller than every rung, its own height (`240p`). */
  quality: string;
  /** Both even, as 4:2:0 sampling needs. */
  width: number;
  height: number;
  /**
   * Most that any stretch may take, in kbit/s, with `bufferKbit` of room (the decoder's buffer). Quality leads (`crf`): a still
   * takes a tenth of this, and only what moves more than the rung can show is held back, so that BANDWIDTH is a promise.
   */
  maxKbits: number;
  bufferKbit: number;
}

export interface Ladder {
  rungs: Rung[];
  /** Rungs above the source, tallest first: `2160p`. */
  skipped: string[];
}

/** kbit/s of h264 at up to 30 frames a second: about what Apple's HLS authoring specification asks for at each size. */
const H264_KBITS: Readonly<Record<number, number>> = {
  2160: 17_000,
  1440: 10_000,
  1080: 6_000,
  720: 3_200,
  480: 1_600,
  360: 900,
};
/** What the newer codecs need for the same picture. */
const SHARE: Readonly<Record<VideoCodec, number>> = { h264: 1, hevc: 0.65, av1: 0.55 };

/**
 * The ladder of a source whose upright, square-pixel size is `width` × `height`. `wanted` keeps only those rungs; where that
 * leaves none the order asked for the impossible and a PermanentError says so.
 */
export function planLadder(
  source: { width: number; height: number },
  options: { codec: VideoCodec; rate: Rational; wanted?: readonly number[] | undefined },
): Ladder {
  const shorter = Math.min(source.width, source.height);
  const fitting = RUNGS.filter((rung) => rung <= shorter);
  // Below all rungs its own height is the only rendition there can be.
  const sides: number[] = fitting.length > 0 ? fitting : [evenBelow(shorter)];
  const skipped = RUNGS.filter((rung) => !fitting.includes(rung));
  const { wanted } = options;
  const chosen = wanted ? sides.filter((side) => wanted.includes(side)) : sides;
  if (chosen.length === 0) {
    const asked = wanted?.map((side) => `${side}p`).join(', ');
    const can = sides.map((side) => `${side}p`).join(', ');
    throw new PermanentError(
      `none of the qualities asked for (${asked}) can be made of a source of ${source.width}×${source.height}; it has enough for ${can}`,
      { code: 'no-quality' },
    );
  }
  return {
    rungs: chosen.map((side) => rungOf(source, side, options)),
    skipped: skipped.filter((side) => !wanted || wanted.includes(side)).map((side) => `${side}p`),
  };
}

function rungOf(
  source: { width: number; height: number },
  side: number,
  { codec, rate }: { codec: VideoCodec; rate: Rational },
): Rung {
  const shorter = Math.min(source.width, source.height);
  const longer = even((Math.max(source.width, source.height) * side) / shorter);
  const portrait = source.height > source.width;
  const [width, height] = portrait ? [side, longer] : [longer, side];
  const quick = rate.num / rate.den > 31 ? 1.5 : 1;
  // What a rung takes is meant for 16:9; a wide or a small picture takes by its number of pixels.
  const pixels = (width * height) / (side * side * (16 / 9));
  const maxKbits = Math.max(100, Math.round((kbitsAt(side) * SHARE[codec] * quick * pixels) / 50) * 50);
  return { quality: `${side}p`, width, height, maxKbits, bufferKbit: maxKbits * 2 };
}

/** Between and below the rungs by area, from the next rung up. */
function kbitsAt(side: number): number {
  const above = [...RUNGS].reverse().find((rung) => rung >= side) ?? RUNGS[0];
  return (H264_KBITS[above] as number) * (side / above) ** 2;
}

const even = (value: number): number => Math.max(2, Math.round(value / 2) * 2);
const evenBelow = (value: number): number => Math.max(2, Math.floor(value / 2) * 2);
