/**
 * Video encoders as data: what to say to each one so that all of them make the same kind of stream (closed groups of a fixed
 * number of frames, quality-led with a cap), and which one serves a codec. Pure.
 *
 * The software encoders say everything that decides their bytes, thread counts included, and nothing that depends on the machine:
 * a chunk encoded again on another worker comes out the same. Hardware ones are used when a worker announces them
 * (REELFLEET_ENCODERS, tried at its start); their arguments follow ffmpeg's documentation of each encoder.
 */
import type { Rung, VideoCodec } from './ladder.ts';

export interface Encoder {
  /** As ffmpeg calls it. */
  name: string;
  codec: VideoCodec;
  hardware: boolean;
  /** Options before the inputs: devices. */
  global: readonly string[];
  /** The end of a rendition's filter chain, in 8 or 10 bits. */
  format(bits: 8 | 10): string;
  /** Options of one rendition's output. */
  options(rung: Rung, gop: number): string[];
}

/** Enough to keep a small worker's cores busy beside the other renditions; a fixed number, since x264's bytes depend on it. */
const THREADS = 4;

/**
 * How full a player's buffer is taken to be when a range begins. The encoders' own 0.9 is right for the beginning of a stream, once;
 * a range goes on where another ended, and what is held back ends with a buffer that is half full. With more, the first
 * segment of every range would take more than the rung's cap, and that is what BANDWIDTH names.
 */
const BUFFER_FULL = 0.5;

const capped = ({ maxKbits, bufferKbit }: Rung): string[] => [
  ...['-maxrate', `${maxKbits}k`],
  ...['-bufsize', `${bufferKbit}k`],
];
/** Where the encoder has no option of its own for groups of exactly so many frames. */
const forcedKeys = (gop: number): string[] => ['-force_key_frames', `expr:not(mod(n,${gop}))`];
const planar = (bits: 8 | 10): string => (bits === 10 ? 'format=yuv420p10le' : 'format=yuv420p');
const semiplanar = (bits: 8 | 10): string => (bits === 10 ? 'format=p010le' : 'format=nv12');

const x264: Encoder = {
  name: 'libx264',
  codec: 'h264',
  hardware: false,
  global: [],
  // Ten bits of h264 play nearly nowhere.
  format: () => 'format=yuv420p',
  options: (rung, gop) => [
    ...['-c:v', 'libx264', '-preset', 'veryfast', '-profile:v', 'high', '-crf', '21', ...capped(rung)],
    ...['-g', String(gop), '-keyint_min', String(gop), '-sc_threshold', '0', '-flags:v', '+cgop+bitexact'],
    ...['-x264-params', `threads=${THREADS}:vbv-init=${BUFFER_FULL}`],
  ],
};

const x265: Encoder = {
  name: 'libx265',
  codec: 'hevc',
  hardware: false,
  global: [],
  format: planar,
  options: ({ maxKbits, bufferKbit }, gop) => [
    // Safari plays hevc in fMP4 only under the name hvc1 (Apple's HLS authoring specification, 1.10).
    ...['-c:v', 'libx265', '-tag:v', 'hvc1', '-preset', 'veryfast', '-crf', '24', '-flags:v', '+bitexact'],
    '-x265-params',
    [
      ...[`keyint=${gop}`, `min-keyint=${gop}`, 'scenecut=0', 'open-gop=0', 'repeat-headers=0', 'info=0'],
      // The number of frames in flight changes the bytes, and is chosen by the number of cores otherwise.
      ...['frame-threads=2', `vbv-maxrate=${maxKbits}`, `vbv-bufsize=${bufferKbit}`, `vbv-init=${BUFFER_FULL}`],
      'log-level=warning',
    ].join(':'),
  ],
};

const svtAv1: Encoder = {
  name: 'libsvtav1',
  codec: 'av1',
  hardware: false,
  global: [],
  format: planar,
  options: ({ maxKbits }, gop) => [
    ...['-c:v', 'libsvtav1', '-preset', '9', '-crf', '35', '-g', String(gop), '-flags:v', '+bitexact'],
    // irefresh-type 2: closed groups. mbr is the cap of its constant-quality mode; lp, its threads, does not change its bytes.
    ...['-svtav1-params', `keyint=${gop}:irefresh-type=2:scd=0:mbr=${maxKbits}`],
  ],
};

const nvenc = (codec: 'h264' | 'hevc' | 'av1'): Encoder => ({
  name: `${codec}_nvenc`,
  codec,
  hardware: true,
  global: [],
  format: semiplanar,
  options: (rung, gop) => [
    ...['-c:v', `${codec}_nvenc`, ...(codec === 'hevc' ? ['-tag:v', 'hvc1'] : [])],
    ...['-preset', 'p5', '-rc', 'vbr', '-cq', '24', '-b:v', '0', ...capped(rung)],
    ...['-g', String(gop), '-no-scenecut', '1', '-strict_gop', '1', '-forced-idr', '1', ...forcedKeys(gop)],
  ],
});

const vaapi = (codec: 'h264' | 'hevc'): Encoder => ({
  name: `${codec}_vaapi`,
  codec,
  hardware: true,
  global: ['-vaapi_device', '/dev/dri/renderD128'],
  format: (bits) => `${semiplanar(bits)},hwupload`,
  options: (rung, gop) => [
    ...['-c:v', `${codec}_vaapi`, ...(codec === 'hevc' ? ['-tag:v', 'hvc1'] : [])],
    // QVBR wants a rate as well as a quality; not every driver has it, which the trial at the worker's start finds out.
    ...['-rc_mode', 'QVBR', '-global_quality', '24', '-b:v', `${Math.round(rung.maxKbits * 0.7)}k`, ...capped(rung)],
    ...['-g', String(gop), '-idr_interval', '0', ...forcedKeys(gop)],
  ],
});

const qsv = (codec: 'h264' | 'hevc'): Encoder => ({
  name: `${codec}_qsv`,
  codec,
  hardware: true,
  global: ['-init_hw_device', 'qsv=qsv', '-filter_hw_device', 'qsv'],
  format: (bits) => `${semiplanar(bits)},hwupload=extra_hw_frames=64`,
  options: (rung, gop) => [
    ...['-c:v', `${codec}_qsv`, ...(codec === 'hevc' ? ['-tag:v', 'hvc1'] : [])],
    ...['-preset', 'medium', '-global_quality', '24', '-look_ahead', '0', ...capped(rung)],
    ...['-g', String(gop), '-idr_interval', codec === 'hevc' ? '1' : '0', '-forced_idr', '1', ...forcedKeys(gop)],
  ],
});

const videotoolbox = (codec: 'h264' | 'hevc'): Encoder => ({
  name: `${codec}_videotoolbox`,
  codec,
  hardware: true,
  global: [],
  format: semiplanar,
  options: (rung, gop) => [
    ...['-c:v', `${codec}_videotoolbox`, ...(codec === 'hevc' ? ['-tag:v', 'hvc1'] : [])],
    // Constant quality exists on Apple silicon only, so the rate leads here.
    ...['-b:v', `${Math.round(rung.maxKbits * 0.7)}k`, ...capped(rung), '-allow_sw', '0'],
    ...['-g', String(gop), ...forcedKeys(gop)],
  ],
});

const all: readonly Encoder[] = [
  ...[x264, x265, svtAv1],
  ...[nvenc('h264'), nvenc('hevc'), nvenc('av1'), vaapi('h264'), vaapi('hevc'), qsv('h264'), qsv('hevc')],
  ...[videotoolbox('h264'), videotoolbox('hevc')],
];

/** By ffmpeg's name. */
export const encoders: ReadonlyMap<string, Encoder> = new Map(all.map((encoder) => [encoder.name, encoder]));
/** What REELFLEET_ENCODERS may name. */
export const hardwareEncoders: readonly string[] = all.filter(({ hardware }) => hardware).map(({ name }) => name);

/** The encoder of a codec: the first announced one that makes it, otherwise the software one, which every ffmpeg here has. */
export function encoderFor(codec: VideoCodec, announced: readonly string[] = []): Encoder {
  const found = announced.map((name) => encoders.get(name)).find((encoder) => encoder?.codec === codec);
  return found ?? softwareEncoder(codec);
}

export function softwareEncoder(codec: VideoCodec): Encoder {
  return { h264: x264, hevc: x265, av1: svtAv1 }[codec];
}

/** Bits of a sample in the stream: ten where source and codec both have them, eight otherwise. */
export function bitsFor(codec: VideoCodec, sourceBits: number): 8 | 10 {
  return codec !== 'h264' && sourceBits > 8 ? 10 : 8;
}

/** One frame through an encoder, thrown away: whether this machine really has it. */
export function planEncoderTrial(encoder: Encoder): { what: string; args: string[] } {
  const rung: Rung = { quality: '360p', width: 640, height: 360, maxKbits: 1_000, bufferKbit: 2_000 };
  return {
    what: `trial of ${encoder.name}`,
    args: [
      ...encoder.global,
      ...['-f', 'lavfi', '-i', 'color=black:s=640x360:r=30', '-vf', encoder.format(8), '-frames:v', '1'],
      ...[...encoder.options(rung, 60), '-f', 'null', '-'],
    ],
  };
}
