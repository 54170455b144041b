/**
 * The sound of a video on its way to a speech provider: which track, as what samples, and which parts follow from its pauses.
 * Everything here is temporary; nothing of it is stored.
 */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { PermanentError, type StageContext } from '@reelfleet/core';
import {
  type AudioStream,
  PAUSES_FILE,
  planSpeechParts,
  planSpeechSound,
  SILENCES_FILE,
  SPEECH_RATE,
  type SpeechPart,
  spansOf,
} from '@reelfleet/media';
import { runPlan } from './run-plan.ts';
import { probeSource } from './stream-parts.ts';

type Context = Pick<StageContext<unknown>, 'tools' | 'signal' | 'scratch' | 'progress' | 'moved' | 'note' | 'log'>;

/** 16 kHz mono, in the scratch folder. */
export interface SpeechSound {
  path: string;
  /** Which track of the source it is. */
  track: number;
  seconds: number;
}

/** A WAV file of one plain format: its header has this size. */
const WAV_HEADER = 44;
const BYTES_PER_SECOND = SPEECH_RATE * 2;
/** How much of the task this is. */
const SHARE = { from: 0.02, to: 0.15 };

/** Take the sound out of a user's file. A file without any is refused with a sentence. */
export async function speechSound(context: Context, source: string, name: string): Promise<SpeechSound> {
  const seen = await probeSource(context, source, name, { countPackets: false });
  const track = chosenTrack(seen.audio);
  if (!track)
    throw new PermanentError(
      `${name} has no sound, so there is nothing to transcribe; order it without transcription`,
      {
        code: 'no-sound',
      },
    );
  const from = seen.startSeconds ?? 0;
  const startSeconds = seen.video[0]?.startSeconds ?? from;
  const whole = seen.durationSeconds ?? track.durationSeconds;
  const seconds = whole === null ? undefined : Math.max(0.001, whole - (startSeconds - from));
  const path = join(context.scratch, 'speech.wav');
  await runPlan(
    context,
    planSpeechSound({ source, track: track.index, startSeconds, output: path, ...(seconds ? { seconds } : {}) }),
    { ...SHARE, seconds: seconds ?? 3_600, step: 'taking the sound' },
    { timeoutMs: 6 * 3_600_000 },
  );
  const { size } = await stat(path);
  if (size <= WAV_HEADER)
    throw new PermanentError(`the sound of ${name} cannot be decoded; give a whole file`, { code: 'unreadable-media' });
  return { path, track: track.index, seconds: (size - WAV_HEADER) / BYTES_PER_SECOND };
}

/** What a player plays when nobody chooses. */
const chosenTrack = (tracks: readonly AudioStream[]): AudioStream | undefined =>
  tracks.find(({ isDefault }) => isDefault) ?? tracks[0];

/** The parts of that sound, by the notes that taking it left. */
export async function speechParts({ scratch }: Context, seconds: number, longest: number): Promise<SpeechPart[]> {
  const spans = async (file: string) => spansOf(await readFile(join(scratch, file), 'utf8'), seconds);
  return planSpeechParts(seconds, { pauses: await spans(PAUSES_FILE), silences: await spans(SILENCES_FILE) }, longest);
}
