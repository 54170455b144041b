/**
 * A track, ready to be joined: from the provider's WAV to AAC at the album's settings, loudness-normalised by EBU R128, beside
 * a lossless original.
 *
 * Joins are copies, so everything that makes them seamless is settled here. AAC decodes each block of 1024 samples from two
 * packets, so packets of two tracks meet without a click only when the block between them is silent on both sides. The
 * encoder's own first block (its "priming") is exactly that; it is kept and counted as part of the track, and the track is cut
 * to a whole number of blocks, with near-silence at its edges removed. What a join adds is then one block: 23 ms.
 *
 * Two passes, as R128 asks: the first measures (and stores the original), the second applies one constant gain; a limiter
 * takes only the peaks that the gain would push over the ceiling, so the music's own dynamics stay.
 */
import { decimal, type Plan, printed } from './plan.ts';
import { fileArgument } from './probe.ts';
import { PACKET_SAMPLES, SAMPLE_RATE } from './timeline.ts';

/** Integrated loudness: where the large streaming sites play music, so they turn an album neither down nor up. */
export const TARGET_LUFS = -14;
/** Sample peaks stay below; AAC adds up to about 1 dB to them. */
const CEILING_DB = -1.5;
/** A quiet sketch is raised, but noise is not made into music. */
const MAX_GAIN_DB = 20;
/** Nothing below this is music. */
const SILENT_LUFS = -60;
/** After gain, what lies below this at the very start and end of a track is cut off. */
const EDGE_DB = -66;
const FADE_IN_SECONDS = 0.005;
const FADE_OUT_SECONDS = 0.02;

const toFormat = `aresample=${SAMPLE_RATE},aformat=channel_layouts=stereo`;
const stats = 'astats=metadata=1:reset=0:measure_perchannel=none:measure_overall=Peak_level+Number_of_samples';
const measure = `ebur128=metadata=1,${stats}`;
const print = (...keys: string[]) => keys.map((key) => `ametadata=print:key=${key}:file=-`).join(',');

const LOUDNESS = 'lavfi.r128.I';
const PEAK = 'lavfi.astats.Overall.Peak_level';
const SAMPLES = 'lavfi.astats.Overall.Number_of_samples';

export interface TrackMeasure {
  integratedLufs: number;
  peakDb: number;
  samples: number;
}

/** First pass: loudness, peak and length of the WAV to stdout, the lossless original to `original`, the PCM's MD5 to `digest`. */
export function planMeasure(track: { wav: string; original: string; digest: string }): Plan {
  return {
    what: 'first pass over the track',
    args: [
      '-y',
      '-i',
      fileArgument(track.wav),
      '-map',
      '0:a:0',
      '-c:a',
      'flac',
      '-bitexact',
      fileArgument(track.original),
      '-map',
      '0:a:0',
      '-c:a',
      'pcm_s16le',
      '-f',
      'md5',
      fileArgument(track.digest),
      '-map',
      '0:a:0',
      '-af',
      `${toFormat},${measure},${print(LOUDNESS, PEAK, SAMPLES)}`,
      '-f',
      'null',
      '-',
    ],
  };
}

/** The PCM's MD5 of a stored original, to stdout, to be equal to the one of the first pass. */
export function planDigest(original: string): Plan {
  return {
    what: 'check of the original',
    args: ['-i', fileArgument(original), '-map', '0:a:0', '-c:a', 'pcm_s16le', '-f', 'md5', '-'],
  };
}

/** What a measuring pass printed, or null when it printed no numbers: an empty or silent file. */
export function readMeasure(stdout: string): TrackMeasure | null {
  const integratedLufs = printed(stdout, LOUDNESS).at(-1);
  const peakDb = printed(stdout, PEAK).at(-1);
  const samples = printed(stdout, SAMPLES).at(-1);
  if (integratedLufs === undefined || peakDb === undefined || !samples) return null;
  return { integratedLufs, peakDb, samples };
}

/** One constant gain to the target, and whether peaks then need the limiter. Null: the track is as good as silent. */
export function decideGain(measured: TrackMeasure): { gainDb: number; limit: boolean } | null {
  // `!(>)` also catches NaN, which R128 answers for digital silence.
  if (!(measured.integratedLufs > SILENT_LUFS) || !Number.isFinite(measured.peakDb)) return null;
  const gainDb = Math.min(TARGET_LUFS - measured.integratedLufs, MAX_GAIN_DB);
  return { gainDb, limit: measured.peakDb + gainDb > CEILING_DB };
}

/** Where the music starts and stops: silences to stdout, for {@link readEdges}. */
export function planEdges(track: { wav: string; gainDb: number }): Plan {
  return {
    what: 'edges of the track',
    args: [
      '-i',
      fileArgument(track.wav),
      '-map',
      '0:a:0',
      '-af',
      `${toFormat},silencedetect=noise=${decimal(EDGE_DB - track.gainDb)}dB:duration=0.02,${print('lavfi.silence_start', 'lavfi.silence_end')}`,
      '-f',
      'null',
      '-',
    ],
  };
}

export interface Silence {
  startSeconds: number;
  /** Infinity when it lasts to the end. */
  endSeconds: number;
}

/** The silences that `silencedetect` printed. */
export function readSilences(stdout: string): Silence[] {
  const starts = printed(stdout, 'lavfi.silence_start');
  const ends = printed(stdout, 'lavfi.silence_end');
  return starts.map((startSeconds, index) => ({ startSeconds, endSeconds: ends[index] ?? Number.POSITIVE_INFINITY }));
}

/** The part of the track to encode: between its silent edges, a whole number of packets long. */
export function decideCut(silences: readonly Silence[], samples: number): { startSample: number; samples: number } {
  const first = silences[0];
  const last = silences.at(-1);
  const startSeconds = first && first.startSeconds <= 0.001 ? Math.min(first.endSeconds, samples / SAMPLE_RATE) : 0;
  const startSample = Math.round(startSeconds * SAMPLE_RATE);
  const endSample =
    last && last.endSeconds === Number.POSITIVE_INFINITY ? Math.round(last.startSeconds * SAMPLE_RATE) : samples;
  const packets = Math.floor((Math.min(endSample, samples) - startSample) / PACKET_SAMPLES);
  return { startSample, samples: Math.max(0, packets) * PACKET_SAMPLES };
}

/** Second pass: cut, gain, limiter where needed, edges softened, AAC. */
export function planEncode(track: {
  wav: string;
  output: string;
  gainDb: number;
  limit: boolean;
  startSample: number;
  samples: number;
}): Plan {
  const seconds = track.samples / SAMPLE_RATE;
  const filters = [
    toFormat,
    `atrim=start_sample=${track.startSample}:end_sample=${track.startSample + track.samples}`,
    'asetpts=N/SR/TB',
    `volume=${decimal(track.gainDb)}dB`,
    // level=false: or it raises everything to the ceiling afterwards; latency: or it delays the track by its look-ahead.
    ...(track.limit
      ? [`alimiter=limit=${decimal(10 ** (CEILING_DB / 20))}:level=false:latency=true:attack=5:release=80`]
      : []),
    `afade=t=in:d=${FADE_IN_SECONDS}`,
    `afade=t=out:st=${decimal(Math.max(0, seconds - FADE_OUT_SECONDS))}:d=${FADE_OUT_SECONDS}`,
    // The last word on the length, whatever a filter above did to it.
    `apad=whole_len=${track.samples},atrim=end_sample=${track.samples}`,
  ];
  return {
    what: 'second pass over the track',
    args: [
      '-y',
      '-i',
      fileArgument(track.wav),
      '-map',
      '0:a:0',
      '-af',
      filters.join(','),
      // The `fast` coder: ffmpeg's manual calls it better than `twoloop` from about 128 kbit/s on, and it takes half the time.
      '-c:a',
      'aac',
      '-aac_coder',
      'fast',
      '-b:a',
      '192k',
      '-ar',
      String(SAMPLE_RATE),
      '-ac',
      '2',
      '-bitexact',
      '-movflags',
      '+faststart',
      fileArgument(track.output),
    ],
  };
}

/** Decode the encoded track whole, priming included: length, loudness and peak to stdout, for {@link readMeasure}. */
export function planTrackCheck(encoded: string): Plan {
  return {
    what: 'check of the track',
    args: [
      // The edit list hides the priming block from players of this one file; in an album it is part of the track.
      '-ignore_editlist',
      '1',
      '-i',
      fileArgument(encoded),
      '-map',
      '0:a:0',
      '-af',
      `${measure},${print(LOUDNESS, PEAK, SAMPLES)}`,
      '-f',
      'null',
      '-',
    ],
  };
}
