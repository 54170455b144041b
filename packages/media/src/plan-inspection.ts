/**
 * A look at what an encoder makes, as one ffmpeg command over all renditions: every frame is listed as it lies in its file, and
 * decoded, all of them or the key frames. Nothing is looked at with eyes: frames are counted. Pure.
 */
import type { Plan } from './plan.ts';

export interface Inspecting {
  /** What ffmpeg reads: a file, or bytes that are given to it. */
  source: string;
  decode: 'keys' | 'all';
}

/** What a look found in one rendition. */
export interface Found {
  /** Its frames in the order in which they are shown; times in ticks of the file, the first frame's taken as it comes. */
  frames: { time: number; key: boolean }[];
  /** How many of those that were tried could be decoded. */
  decoded: number;
}

/** Cropping copies nothing, where scaling would read the whole picture. */
const CORNER = 'crop=w=min(16\\,iw):h=min(16\\,ih):x=0:y=0';

/** It fails at the first frame that cannot be decoded, and writes to `notes` what {@link readInspection} reads. */
export function planInspection(what: string, renditions: readonly Inspecting[], notes: string): Plan {
  const each = (args: (rendition: Inspecting, index: number) => string[]) => renditions.flatMap(args);
  return {
    what: `looking at ${what}`,
    args: [
      ...['-y', '-xerror'],
      ...each(({ source, decode }) => [
        // With the usual eight packets between reader and decoder both wait more than they work.
        ...['-thread_queue_size', '512', '-err_detect', 'explode'],
        // Without the deblocking filter the picture is worse and as whole, and a sixth of the work is saved.
        ...['-skip_loop_filter', 'all'],
        ...(decode === 'keys' ? ['-skip_frame', 'nokey'] : []),
        ...['-i', source],
      ]),
      // Each rendition twice: as it lies there, then decoded, of which a corner is kept so that its checksum costs nothing.
      ...each((_, index) => ['-map', `${index}:v`, `-c:v:${index}`, 'copy']),
      ...each((_, index) => ['-map', `${index}:v`, `-filter:v:${renditions.length + index}`, CORNER]),
      ...['-fps_mode', 'passthrough', '-f', 'framecrc', notes],
    ],
  };
}

/** Flags of a packet as framecrc prints them (libavcodec/packet.h); it leaves out those of an ordinary key frame. */
const KEY = 1;

/** What the command wrote about so many renditions, line by line. */
export async function readInspection(lines: AsyncIterable<string>, renditions: number): Promise<Found[]> {
  const found = Array.from({ length: renditions }, (): Found => ({ frames: [], decoded: 0 }));
  for await (const line of lines) {
    if (!/^\d/.test(line)) continue;
    const [stream = '', , time = ''] = line.split(',');
    const index = Number(stream);
    const flags = /F=0x([0-9A-F]+)/i.exec(line)?.[1];
    const key = flags === undefined || (Number.parseInt(flags, 16) & KEY) !== 0;
    if (index < renditions) found[index]?.frames.push({ time: Number(time), key });
    else (found[index - renditions] as Found).decoded += 1;
  }
  for (const { frames } of found) frames.sort((a, b) => a.time - b.time);
  return found;
}
