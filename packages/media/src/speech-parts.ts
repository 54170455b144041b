/**
 * How the sound of a video is taken apart for speech providers: where it pauses, and which parts follow from that. Parts cover
 * the sound once, are cut in pauses where there are any, and what is silent all through need not be listened to. Pure.
 */
import { decimal, type Plan } from './plan.ts';
import { fileArgument, untrustedInput } from './probe.ts';

/** What speech providers want: 16,000 samples a second, one channel, 16 bits. */
export const SPEECH_RATE = 16_000;

/** A stretch of time in seconds. */
export interface Span {
  start: number;
  end: number;
}

/** A piece of sound for one request; `silent`: nobody can be heard in it. */
export interface SpeechPart extends Span {
  silent: boolean;
}

/** Quieter than this for a quarter of a second is a breath between words or sentences: a place to cut. */
const PAUSE = { noise: '-40dB', seconds: 0.25 };
/** Quieter than this is nothing at all; speech recorded far too low is still well above. */
const SILENCE = { noise: '-70dB', seconds: 0.5 };

/** Names of the notes that {@link planSpeechSound} leaves in the working folder, for {@link spansOf}. */
export const PAUSES_FILE = 'pauses.txt';
export const SILENCES_FILE = 'silences.txt';

export interface SpeechSoundPlan {
  source: string;
  /** Index of the stream. */
  track: number;
  /** When the picture begins, by the file's own clock: the times of words count from there, as those of frames do. */
  startSeconds: number;
  /** How long it is to be; left out: as long as the track. */
  seconds?: number;
  output: string;
}

/** The sound of one track of a user's file as providers want it, and in one pass the notes where it pauses. */
export function planSpeechSound({ source, track, startSeconds, seconds, output }: SpeechSoundPlan): Plan {
  const samples = seconds === undefined ? null : Math.round(seconds * SPEECH_RATE);
  const noted = ({ noise, seconds: least }: typeof PAUSE, file: string) =>
    `silencedetect=noise=${noise}:duration=${least},ametadata=mode=print:file=${file}`;
  return {
    what: 'sound for speech',
    args: [
      // By itself ffmpeg lets the sound of some containers (mpegts) begin at 0, wherever it begins.
      ...['-y', ...untrustedInput, '-copyts', '-i', fileArgument(source), '-map', `0:${track}`, '-vn', '-sn', '-dn'],
      '-af',
      [
        `asetpts=PTS-round((${decimal(startSeconds, 9)})/TB)`,
        // What comes late or has holes is silence there, and what comes earlier is cut.
        `aresample=${SPEECH_RATE}:async=1:first_pts=0,aformat=sample_fmts=s16:channel_layouts=mono`,
        ...(samples === null ? [] : [`apad=whole_len=${samples},atrim=end_sample=${samples}`]),
        `${noted(PAUSE, PAUSES_FILE)},ametadata=mode=delete`,
        noted(SILENCE, SILENCES_FILE),
      ].join(','),
      ...['-c:a', 'pcm_s16le', '-map_metadata', '-1', '-fflags', '+bitexact', '-f', 'wav', output],
    ],
  };
}

/** One part of that sound as a file of its own: WAV, or FLAC, which says the same in about half the bytes. */
export function planSpeechPart(plan: { sound: string; part: Span; format: 'wav' | 'flac'; output: string }): Plan {
  const { sound, part, format, output } = plan;
  // Of samples that are as they are, ffmpeg seeks to the very one; hours before it need not be read for every part.
  const samples = Math.round(part.end * SPEECH_RATE) - Math.round(part.start * SPEECH_RATE);
  return {
    what: `sound from ${decimal(part.start, 3)} s`,
    args: [
      ...['-y', '-protocol_whitelist', 'file', '-ss', decimal(part.start, 3), '-i', fileArgument(sound)],
      ...['-af', `atrim=end_sample=${samples},asetpts=PTS-STARTPTS`],
      ...['-c:a', format === 'flac' ? 'flac' : 'pcm_s16le', '-map_metadata', '-1'],
      ...['-fflags', '+bitexact', '-flags:a', '+bitexact', '-f', format, output],
    ],
  };
}

/** The notes of silencedetect as spans; one that lasts to the end has no end there. */
export function spansOf(notes: string, seconds: number): Span[] {
  const spans: Span[] = [];
  let start: number | null = null;
  for (const [, edge, at] of notes.matchAll(/^lavfi\.silence_(start|end)=(-?[\d.]+)/gm)) {
    const time = Math.min(Math.max(Number(at), 0), seconds);
    if (edge === 'start') start = time;
    else if (start !== null) {
      if (time > start) spans.push({ start, end: time });
      start = null;
    }
  }
  if (start !== null && start < seconds) spans.push({ start, end: seconds });
  return spans;
}

/**
 * Parts of at most `longest` seconds that cover `seconds` once, in order. A part that must end before the sound does ends in
 * the longest pause of its second half (of its first half where that has none, and at full length where there is no pause at
 * all); the last one is never a mere scrap.
 */
export function planSpeechParts(
  seconds: number,
  sound: { pauses: readonly Span[]; silences: readonly Span[] },
  longest: number,
): SpeechPart[] {
  if (!(longest >= 1)) throw new Error(`parts of ${longest} s are too short to cut`);
  const parts: SpeechPart[] = [];
  let start = 0;
  while (seconds - start > longest) {
    // A quarter is left for the last part, or it could be too short to hold a word.
    const latest = Math.min(start + longest, seconds - longest / 4);
    const within = (from: number) => bestCut(sound.pauses, from, latest);
    const end = within(start + longest / 2) ?? within(start + longest / 8) ?? latest;
    parts.push(partOf({ start, end: milliseconds(end) }, sound.silences));
    start = milliseconds(end);
  }
  if (seconds > start) parts.push(partOf({ start, end: seconds }, sound.silences));
  return parts;
}

/** Downwards, so that a part does not outgrow its bound by rounding. */
const milliseconds = (time: number) => Math.floor(time * 1_000 + 1e-6) / 1_000;

/** The middle of what lies between `from` and `to` of the longest pause that does. */
function bestCut(pauses: readonly Span[], from: number, to: number): number | undefined {
  let best: { at: number; length: number } | undefined;
  for (const pause of pauses) {
    const start = Math.max(pause.start, from);
    const end = Math.min(pause.end, to);
    const length = end - start;
    if (length > 0 && length >= (best?.length ?? 0)) best = { at: (start + end) / 2, length };
  }
  return best?.at;
}

/** Samples do not end where milliseconds do. */
const TOLERANCE = 0.05;

function partOf(span: Span, silences: readonly Span[]): SpeechPart {
  const silent = silences.some((one) => one.start <= span.start + TOLERANCE && one.end >= span.end - TOLERANCE);
  return { ...span, silent };
}
