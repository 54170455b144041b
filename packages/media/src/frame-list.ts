/**
 * Listing the frames of a video stream: when each is shown and from which ones decoding can begin. Packets tell that without
 * decoding, in a second or so for an hour of film. Where they do not (no times, two packets with one time, fields stored apart),
 * the stream is decoded once instead. Both ways answer in the order of showing.
 */
import { PermanentError, type RunOptions, type Tools } from '@reelfleet/core';
import { z } from 'zod';
import type { Seeking } from './chunks.ts';
import { isInterlaced } from './display.ts';
import type { FrameList } from './grid.ts';
import { fileArgument, untrustedInput, type VideoStream } from './probe.ts';

const ticks = z.number().int();
const packetsJson = z.object({
  packets: z
    .array(z.object({ pts: ticks.optional(), duration: ticks.optional(), flags: z.string().default('') }))
    .default([]),
});
const framesJson = z.object({
  frames: z
    .array(
      z.object({
        best_effort_timestamp: ticks.optional(),
        duration: ticks.optional(),
        pkt_duration: ticks.optional(),
        key_frame: z.number().default(0),
      }),
    )
    .default([]),
});

export interface ListedFrames extends FrameList {
  /** Packets read, those that are not shown included; null when the stream was decoded. */
  packets: number | null;
  /** How far a seek can be trusted to find what the list says. */
  seeking: Seeking;
}

/** By the container, of packets that have times of their own: which ones keep an index of key frames, and which none at all. */
function seekingIn(format: string): Seeking {
  if (/^(avi|mpeg)$/.test(format)) return 'none';
  return /^(mov|matroska)\b/.test(format) ? 'exact' : 'near';
}

/** List the frames of one video stream of a file that a user supplied, in `format` as ffprobe calls it. Reads all of it. */
export async function listFrames(
  tools: Tools,
  path: string,
  { format, video }: { format: string; video: VideoStream },
  run: Pick<RunOptions, 'signal' | 'timeoutMs'>,
): Promise<ListedFrames> {
  const ask = (entries: string) => tools.ffprobe(listArgs(path, video.index, entries), run);
  if (!isInterlaced(video.fieldOrder)) {
    const packets = packetsJson.parse(await ask('packet=pts,duration,flags')).packets;
    const listed = fromPackets(packets, video);
    if (listed) return { ...listed, seeking: seekingIn(format) };
  }
  const frames = framesJson.parse(await ask('frame=best_effort_timestamp,duration,pkt_duration,key_frame')).frames;
  return fromFrames(frames, video);
}

function listArgs(path: string, stream: number, entries: string): string[] {
  // A line for each packet instead of six: an hour of film has a hundred thousand of them.
  return [
    ...['-of', 'json=compact=1', ...untrustedInput, '-select_streams', String(stream), '-show_entries', entries],
    ...['-i', fileArgument(path)],
  ];
}

/** Null when packets alone do not tell: a time is missing, or two frames would be shown at once. */
export function fromPackets(
  packets: z.infer<typeof packetsJson>['packets'],
  video: Pick<VideoStream, 'timeBase'>,
): Omit<ListedFrames, 'seeking'> | null {
  // What an edit list hides is decoded and thrown away (flag D); what is marked corrupt (C) may not decode, and is waited for.
  const shown = packets.filter(({ flags }) => !flags.includes('D'));
  const listed: { time: number; key: boolean; duration: number }[] = [];
  for (const { pts, duration, flags } of shown) {
    if (pts === undefined) return null;
    listed.push({ time: pts, key: flags.includes('K'), duration: duration ?? 0 });
  }
  const list = inOrder(listed, video);
  if (list.times.some((time, index) => index > 0 && time === list.times[index - 1])) return null;
  return { ...list, packets: packets.length };
}

export function fromFrames(
  frames: z.infer<typeof framesJson>['frames'],
  video: Pick<VideoStream, 'timeBase'>,
): ListedFrames {
  const listed = frames.flatMap(({ best_effort_timestamp: time, duration, pkt_duration, key_frame }) =>
    time === undefined ? [] : [{ time, key: key_frame === 1, duration: duration ?? pkt_duration ?? 0 }],
  );
  if (listed.length !== frames.length || new Set(listed.map(({ time }) => time)).size !== listed.length)
    throw new PermanentError(
      'the frames of this video carry no usable times; remux it first (ffmpeg -fflags +genpts -i old -c copy new.mp4)',
      { code: 'no-times' },
    );
  return { ...inOrder(listed, video), packets: null, seeking: 'none' };
}

function inOrder(
  listed: { time: number; key: boolean; duration: number }[],
  { timeBase }: Pick<VideoStream, 'timeBase'>,
): FrameList {
  listed.sort((a, b) => a.time - b.time);
  // What comes before the first key frame cannot be decoded: a recording that began in the middle of a group.
  const begin = Math.max(
    0,
    listed.findIndex(({ key }) => key),
  );
  const shown = listed.slice(begin);
  const times = shown.map(({ time }) => time);
  const last = shown.at(-1);
  const step =
    times.length > 1
      ? Math.max(1, Math.round(((times.at(-1) as number) - (times[0] as number)) / (times.length - 1)))
      : 1;
  return {
    timeBase,
    times,
    keys: shown.flatMap(({ key }, index) => (key ? [index] : [])),
    end: last ? last.time + (last.duration || step) : 0,
  };
}
