/**
 * The ffmpeg command that makes the sound of a stream: one pass over the whole file for all of its tracks, since sound encoded
 * in parts clicks where they meet. Every track becomes AAC in stereo, begins with the first frame of the picture and is as long
 * as it: what comes earlier is cut, what is missing (a late start, a hole, an early end) is silence. Pure.
 */
import { decimal, type Plan } from './plan.ts';
import { type AudioStream, fileArgument, untrustedInput } from './probe.ts';

export const SOUND_KBITS = 128;
export const SOUND_CODECS = 'mp4a.40.2';
/** Samples of an AAC frame. */
export const AAC_FRAME = 1_024;
const SEGMENT_SECONDS = 6;

export interface SoundPlan {
  source: string;
  tracks: readonly Pick<AudioStream, 'index' | 'sampleRate'>[];
  /** When the picture begins, by the file's own clock. */
  startSeconds: number;
  /** How long the picture lasts. */
  seconds: number;
  /** Where the seconds that were decoded are written down; plain names in the working folder. */
  seenFile(at: number): string;
  output(at: number): string;
}

/** 44.1 kHz stays what it is, everything else becomes 48 kHz. */
export const soundRate = (sourceRate: number): 44_100 | 48_000 => (sourceRate === 44_100 ? 44_100 : 48_000);

/** Samples of a track of the stream. */
export function soundSamples(seconds: number, rate: number): number {
  return Math.round(seconds * rate);
}

export function planSound(plan: SoundPlan): Plan {
  const { source, tracks } = plan;
  return {
    what: `sound (${tracks.length === 1 ? 'one track' : `${tracks.length} tracks`})`,
    args: [
      ...['-y', ...untrustedInput, '-copyts', '-i', fileArgument(source)],
      ...['-filter_complex', tracks.map((track, at) => trackGraph(plan, track, at)).join(';')],
      ...tracks.flatMap((_, at) => [
        ...['-map', `[a${at}]`, '-c:a', 'aac', '-b:a', `${SOUND_KBITS}k`, '-flags:a', '+bitexact'],
        ...['-map_metadata', '-1', '-map_chapters', '-1', '-fflags', '+bitexact'],
        // The encoder runs in for a frame of silence, which players leave out because the edit list says so.
        ...['-use_editlist', '1', '-movflags', '+cmaf+delay_moov+default_base_moof+skip_trailer+skip_sidx'],
        ...['-frag_duration', String(SEGMENT_SECONDS * 1e6), '-f', 'mp4', plan.output(at)],
      ]),
    ],
  };
}

function trackGraph(plan: SoundPlan, { index, sampleRate }: SoundPlan['tracks'][number], at: number): string {
  const rate = soundRate(sampleRate);
  const start = decimal(plan.startSeconds, 9);
  const samples = soundSamples(plan.seconds, rate);
  const filters = [
    `atrim=start=${start}`,
    `asetpts=PTS-round((${start})/TB)`,
    // Holes in the times of the source become silence; nothing is stretched.
    `aresample=${rate}:async=1:first_pts=0`,
    'aformat=sample_fmts=fltp:channel_layouts=stereo',
    // A note for every second that came out of the decoder, before silence fills up what did not.
    `asetnsamples=n=${rate}:p=0,ametadata=mode=add:key=seen:value=1,ametadata=mode=print:file=${plan.seenFile(at)}`,
    `apad=whole_len=${samples},atrim=end_sample=${samples}`,
  ];
  return `[0:${index}]${filters.join(',')}[a${at}]`;
}
