/**
 * An album put together by copying: no frame and no sample is encoded here. Each still's segment is repeated to the length of
 * its track (`-stream_loop`, one short run per still, which opens the segment once; a concat list naming the segment four
 * hundred times took ten times as long, because every opening probes), and one run joins stills and tracks, counts the
 * timestamps anew and writes chapters, metadata and the index up front.
 */
import type { Plan } from './plan.ts';
import { ticks } from './plan-still.ts';
import { fileArgument } from './probe.ts';
import { PACKET_SAMPLES, SAMPLE_RATE, type Timeline } from './timeline.ts';

/** Repeat a segment to exactly `frames` frames. Possible at any frame because a segment has no B-frames. */
export function planRepeat(still: {
  orderIndex: number;
  segment: string;
  output: string;
  frames: number;
  segmentFrames: number;
  fps: number;
}): Plan {
  return {
    what: `still ${still.orderIndex}, ${still.frames} frames`,
    args: [
      '-y',
      '-stream_loop',
      String(Math.ceil(still.frames / still.segmentFrames) - 1),
      '-i',
      fileArgument(still.segment),
      '-map',
      '0:v:0',
      '-c',
      'copy',
      '-frames:v',
      String(still.frames),
      '-video_track_timescale',
      String(ticks(still.fps).perSecond),
      '-bitexact',
      fileArgument(still.output),
    ],
  };
}

/** A concat script of plain names in the folder where it is run. `options` are set on each file's demuxer. */
export function concatList(names: readonly string[], options: Readonly<Record<string, string>> = {}): string {
  const lines = ['ffconcat version 1.0'];
  for (const name of names) {
    if (!/^[\w-]+\.\w+$/.test(name)) throw new Error(`not a plain file name for a concat list: ${name}`);
    lines.push(`file ${name}`, ...Object.entries(options).map(([key, value]) => `option ${key} ${value}`));
  }
  return `${lines.join('\n')}\n`;
}

export interface AlbumTags {
  title: string;
  artist: string;
  description: string;
}

/** Metadata and chapters in ffmpeg's own text format: one chapter per track, at its measured start. */
export function ffmetadata(tags: AlbumTags, timeline: Timeline): string {
  const lines = [
    ';FFMETADATA1',
    `title=${escaped(tags.title)}`,
    `artist=${escaped(tags.artist)}`,
    `album=${escaped(tags.title)}`,
  ];
  if (tags.description) lines.push(`description=${escaped(tags.description)}`, `comment=${escaped(tags.description)}`);
  for (const entry of timeline.entries) {
    lines.push(
      '[CHAPTER]',
      `TIMEBASE=1/${SAMPLE_RATE}`,
      `START=${entry.startSample}`,
      `END=${entry.startSample + entry.samples}`,
    );
    lines.push(`title=${escaped(entry.title)}`);
  }
  return `${lines.join('\n')}\n`;
}

function escaped(text: string): string {
  return text.replace(/\0/g, '').replace(/[=;#\\\n]/g, (character) => `\\${character}`);
}

/** Join everything. Run it in the folder that holds the lists and what they name. */
export function planJoin(album: {
  videoList: string;
  audioList: string;
  metadata: string;
  output: string;
  fps: number;
}): Plan {
  const frame = ticks(album.fps);
  return {
    what: 'album',
    args: [
      '-y',
      // `-safe 1` refuses the per-file option of the sound list; the names are ours, and checked, in both.
      // auto_convert off: the segments share one set of H.264 headers (checked), so packets go through untouched.
      '-f',
      'concat',
      '-safe',
      '1',
      '-auto_convert',
      '0',
      '-i',
      album.videoList,
      '-f',
      'concat',
      '-safe',
      '0',
      '-auto_convert',
      '0',
      '-i',
      album.audioList,
      '-f',
      'ffmetadata',
      '-i',
      album.metadata,
      '-map',
      '0:v:0',
      '-map',
      '1:a:0',
      '-map_metadata',
      '2',
      '-map_chapters',
      '2',
      '-c',
      'copy',
      // Counted anew, so that no rounding of file lengths can shift a frame: frame N and packet N are where they belong.
      '-bsf:v',
      `setts=ts=N*${frame.perFrame}:duration=${frame.perFrame}`,
      '-bsf:a',
      `setts=ts=N*${PACKET_SAMPLES}:duration=${PACKET_SAMPLES}`,
      '-video_track_timescale',
      String(frame.perSecond),
      '-movflags',
      '+faststart',
      '-f',
      'mp4',
      fileArgument(album.output),
    ],
  };
}

/** List every packet of the first video and audio stream with its checksum, without decoding, to `output`. */
export function planPackets(media: { input: string; output: string }): Plan {
  return {
    what: 'packets',
    args: [
      '-y',
      '-ignore_editlist',
      '1',
      '-i',
      fileArgument(media.input),
      '-map',
      '0:v:0?',
      '-map',
      '0:a:0?',
      '-c',
      'copy',
      '-f',
      'framehash',
      '-hash',
      'md5',
      fileArgument(media.output),
    ],
  };
}

export interface PacketList {
  kind: 'video' | 'audio';
  /** Checksum of the codec's headers: equal means that packets may follow each other. */
  headers: string;
  packets: string[];
}

/** Read what {@link planPackets} wrote, one list per stream. */
export function readPackets(text: string): PacketList[] {
  const lists: PacketList[] = [];
  const at = (index: number) => {
    lists[index] ??= { kind: 'video', headers: '', packets: [] };
    return lists[index];
  };
  for (const line of text.split('\n')) {
    if (line.startsWith('#')) {
      const headers = /^#extradata (\d+),\s*\d+,\s*(\w+)/.exec(line);
      if (headers) at(Number(headers[1])).headers = headers[2] ?? '';
      const kind = /^#media_type (\d+): (video|audio)/.exec(line);
      if (kind) at(Number(kind[1])).kind = kind[2] as 'video' | 'audio';
    } else if (line) {
      const comma = line.indexOf(',');
      at(Number(line.slice(0, comma))).packets.push(line.slice(line.lastIndexOf(',') + 1).trim());
    }
  }
  return lists;
}
