/**
 * What must be true of an album before anyone may call it done. The plans look; `judgeAlbum` decides, purely, from what they
 * saw and what was promised, and answers with every broken promise as a sentence.
 */
import { decimal, type Plan, printed } from './plan.ts';
import type { PacketList } from './plan-album.ts';
import { MIN_SSIM, stillFilter } from './plan-still.ts';
import type { Silence } from './plan-track.ts';
import { fileArgument, type MediaProbe } from './probe.ts';
import { PACKET_SAMPLES, SAMPLE_RATE, type Timeline } from './timeline.ts';

/** Below this the sound is taken for silence; lower than where tracks are cut, so a soft beginning is not. */
const SILENCE_DB = -72;
/** The longest silence allowed across a join. */
export const MAX_JOIN_SILENCE_SECONDS = 0.05;
/** Frames looked at on each side of a join. */
const LOOK_FRAMES = 2;

/**
 * Decode all sound of a file, failing at the first packet that does not decode; silences over 50 ms go to stdout. Its length
 * need not be counted here: its packets are compared one by one with those of the tracks, whose decoded length is known.
 */
export function planListen(file: string): Plan {
  const print = ['lavfi.silence_start', 'lavfi.silence_end']
    .map((key) => `ametadata=print:key=${key}:file=-`)
    .join(',');
  return {
    what: 'sound of the album',
    args: [
      '-xerror',
      '-err_detect',
      'explode',
      '-i',
      fileArgument(file),
      '-map',
      '0:a:0',
      '-af',
      `silencedetect=noise=${SILENCE_DB}dB:duration=${MAX_JOIN_SILENCE_SECONDS},${print}`,
      '-f',
      'null',
      '-',
    ],
  };
}

/** One boundary of the picture: the start of the album, a join, or its end. `before` and `after` are paths of stills. */
export interface Boundary {
  frame: number;
  before: string | null;
  after: string | null;
}

/** The boundaries of an album whose stills lie at `stills`, in the timeline's order. */
export function boundaries(timeline: Timeline, stills: readonly string[]): Boundary[] {
  const list = timeline.entries.map((entry, index) => ({
    frame: entry.startFrame,
    before: stills[index - 1] ?? null,
    after: stills[index] ?? null,
  }));
  return [...list, { frame: timeline.totalFrames, before: stills.at(-1) ?? null, after: null }];
}

/** Decode the frames around one boundary; their likeness to the stills on either side goes to stdout, one number per frame. */
export function planLook(look: { file: string; boundary: Boundary; width: number; height: number; fps: number }): Plan {
  const { boundary, fps } = look;
  const back = boundary.before === null ? 0 : Math.min(LOOK_FRAMES, boundary.frame);
  const seek = (boundary.frame - back - 0.5) / fps;
  const sides = [
    { still: boundary.before, trim: `trim=end_frame=${back}` },
    { still: boundary.after, trim: `trim=start_frame=${back}:end_frame=${back + LOOK_FRAMES}` },
  ].filter((side): side is { still: string; trim: string } => side.still !== null);
  const labels = sides.map((_, index) => `[v${index}]`).join('');
  const graph = [
    `[0:v]trim=end_frame=${back + LOOK_FRAMES},split=${sides.length}${labels}`,
    ...sides.map(
      (side, index) =>
        // Each side counts from zero, so that the one frame of the still is there from the first.
        `[v${index}]${side.trim},setpts=N/${fps}/TB[f${index}];[${index + 1}:v]${stillFilter(look)},setpts=0[s${index}];` +
        `[f${index}][s${index}]ssim,metadata=print:key=lavfi.ssim.All:file=-[o${index}]`,
    ),
  ];
  return {
    what: `picture at frame ${boundary.frame}`,
    args: [
      ...(seek > 0 ? ['-ss', decimal(seek)] : []),
      '-i',
      fileArgument(look.file),
      ...sides.flatMap((side) => ['-i', fileArgument(side.still)]),
      '-filter_complex',
      graph.join(';'),
      ...sides.flatMap((_, index) => ['-map', `[o${index}]`, '-f', 'null', '-']),
    ],
  };
}

/** How many frames {@link planLook} compares at a boundary. */
export function lookFrames(boundary: Boundary): number {
  return (boundary.before === null ? 0 : LOOK_FRAMES) + (boundary.after === null ? 0 : LOOK_FRAMES);
}

/** The likenesses that {@link planLook} printed. */
export const readLook = (stdout: string): number[] => printed(stdout, 'lavfi.ssim.All');

export interface AlbumPromise {
  timeline: Timeline;
  width: number;
  height: number;
  /** The length that was asked for. */
  orderedSeconds: number;
  preview: boolean;
}

export interface AlbumFindings {
  probe: MediaProbe;
  /** The album's packets, and those of each segment and track it was made of, in order. */
  video: PacketList;
  audio: PacketList;
  segments: readonly PacketList[];
  tracks: readonly PacketList[];
  silences: readonly Silence[];
  /** Per boundary, the likeness of each frame looked at. */
  looks: readonly { boundary: Boundary; ssim: readonly number[] }[];
}

/** Every promise the album breaks, as sentences; none means that it is good. */
export function judgeAlbum(promised: AlbumPromise, found: AlbumFindings): string[] {
  return [
    ...judgeStreams(promised, found.probe),
    ...judgeLength(promised, found),
    ...judgeChapters(promised.timeline, found.probe),
    ...judgePackets(promised.timeline, found),
    ...judgeSilence(promised.timeline, found.silences),
    ...judgePicture(promised.timeline, found.looks),
  ];
}

function judgeStreams({ width, height, timeline }: AlbumPromise, { video, audio }: MediaProbe): string[] {
  const problems: string[] = [];
  const [picture] = video;
  const [sound] = audio;
  if (!picture || video.length > 1) problems.push(`it has ${video.length} video streams instead of one`);
  if (!sound || audio.length > 1) problems.push(`it has ${audio.length} audio streams instead of one`);
  if (picture) {
    const fps = picture.fps ? picture.fps.num / picture.fps.den : 0;
    const is = `${picture.codec} ${picture.pixelFormat} ${picture.width}×${picture.height} at ${decimal(fps, 3)} fps`;
    const should = `h264 yuv420p ${width}×${height} at ${timeline.fps} fps`;
    if (is !== should) problems.push(`its video is ${is} instead of ${should}`);
  }
  if (sound && (sound.codec !== 'aac' || sound.channels !== 2 || sound.sampleRate !== SAMPLE_RATE)) {
    problems.push(
      `its audio is ${sound.codec}, ${sound.channels} channels, ${sound.sampleRate} Hz instead of aac, 2, ${SAMPLE_RATE}`,
    );
  }
  return problems;
}

function judgeLength({ timeline, orderedSeconds, preview }: AlbumPromise, { probe }: AlbumFindings): string[] {
  const problems: string[] = [];
  const frame = 1 / timeline.fps;
  const tolerance = frame * timeline.entries.length;
  const lengths = {
    file: probe.durationSeconds,
    video: probe.video[0]?.durationSeconds,
    audio: probe.audio[0]?.durationSeconds,
  };
  for (const [name, length] of Object.entries(lengths)) {
    if (Math.abs((length ?? 0) - timeline.durationSeconds) > tolerance) {
      problems.push(
        `its ${name} lasts ${decimal(length ?? 0, 3)} s while its tracks sum up to ${decimal(timeline.durationSeconds, 3)} s`,
      );
    }
  }
  const minutes = timeline.durationSeconds / 60;
  // Five per cent; a short preview may be off by a second per track, which is how exactly a provider can be asked.
  if (
    Math.abs(timeline.durationSeconds - orderedSeconds) >
    Math.max(orderedSeconds * 0.05, preview ? timeline.entries.length : 0)
  ) {
    problems.push(
      `it lasts ${decimal(minutes, 2)} minutes while ${decimal(orderedSeconds / 60, 2)} were ordered (5 % are allowed)`,
    );
  }
  if (!preview && (minutes < 60 || minutes > 90))
    problems.push(`it lasts ${decimal(minutes, 2)} minutes; an album lasts 60 to 90`);
  return problems;
}

function judgeChapters({ entries }: Timeline, { chapters }: MediaProbe): string[] {
  if (chapters.length !== entries.length) return [`it has ${chapters.length} chapters instead of ${entries.length}`];
  return entries.flatMap((entry, index) => {
    const chapter = chapters[index];
    // Chapter times in mp4 are whole milliseconds.
    if (chapter?.title === entry.title && Math.abs(chapter.startSeconds - entry.startSeconds) < 0.002) return [];
    return [
      `chapter ${index + 1} is "${chapter?.title}" at ${chapter?.startSeconds} s instead of "${entry.title}" at ${decimal(entry.startSeconds, 3)} s`,
    ];
  });
}

/** Every packet must be, byte for byte, the one of the segment or track that belongs there: those were decoded when made. */
function judgePackets(timeline: Timeline, { video, audio, segments, tracks }: AlbumFindings): string[] {
  const problems: string[] = [];
  if (video.packets.length !== timeline.totalFrames) {
    problems.push(`it has ${video.packets.length} frames instead of ${timeline.totalFrames}`);
  }
  if (audio.packets.length * PACKET_SAMPLES !== timeline.totalSamples) {
    problems.push(`it has ${audio.packets.length} audio packets instead of ${timeline.totalSamples / PACKET_SAMPLES}`);
  }
  timeline.entries.forEach((entry, index) => {
    const segment = segments[index]?.packets ?? [];
    const track = tracks[index]?.packets ?? [];
    const frame = firstDifference(
      entry.frames,
      (at) => video.packets[entry.startFrame + at] === segment[at % segment.length],
    );
    if (frame >= 0) problems.push(`frame ${entry.startFrame + frame} is not the one of still ${entry.orderIndex}`);
    const firstPacket = entry.startSample / PACKET_SAMPLES;
    const packet = firstDifference(
      entry.samples / PACKET_SAMPLES,
      (at) => audio.packets[firstPacket + at] === track[at],
    );
    if (packet >= 0) problems.push(`audio packet ${firstPacket + packet} is not the one of track ${entry.orderIndex}`);
  });
  return problems;
}

function firstDifference(count: number, same: (at: number) => boolean): number {
  for (let at = 0; at < count; at += 1) if (!same(at)) return at;
  return -1;
}

function judgeSilence({ entries }: Timeline, silences: readonly Silence[]): string[] {
  return entries.slice(1).flatMap((entry) => {
    const join = entry.startSeconds;
    const gap = silences.find((silence) => silence.startSeconds <= join + 0.1 && silence.endSeconds >= join - 0.1);
    if (!gap) return [];
    const length = Math.round((gap.endSeconds - gap.startSeconds) * 1_000);
    return [`there are ${length} ms of silence at the start of track ${entry.orderIndex} (50 ms are allowed)`];
  });
}

function judgePicture({ entries }: Timeline, looks: AlbumFindings['looks']): string[] {
  return looks.flatMap(({ boundary, ssim }) => {
    const where = entries.find((entry) => entry.startFrame === boundary.frame);
    const name = where ? `the start of track ${where.orderIndex}` : 'the end';
    if (ssim.length !== lookFrames(boundary))
      return [`only ${ssim.length} of ${lookFrames(boundary)} frames decode at ${name}`];
    const worst = Math.min(...ssim);
    return worst >= MIN_SSIM
      ? []
      : [`the picture at ${name} differs from its still (SSIM ${decimal(worst, 4)}, at least ${MIN_SSIM})`];
  });
}
