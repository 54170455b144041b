/**
 * `transcription`: what is said in a video, word by word, and captions of it. The sound is taken to 16 kHz mono, cut at pauses
 * into parts that the speech provider takes, and put together again. What was heard in a part is stored before the next one
 * begins, so a killed worker costs one part at most; parts in which nobody can be heard are not asked about. A video that has
 * a transcript keeps it: transcripts are written once.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  artifactRef,
  defineStage,
  MINUTE,
  PermanentError,
  type SpeechProvider,
  type Spoken,
  type StageContext,
} from '@reelfleet/core';
import { captionsVtt, NO_LANGUAGE, planSpeechPart, type SpeechPart, stitchSpoken } from '@reelfleet/media';
import { z } from 'zod';
import { runPlan } from '../run-plan.ts';
import { type SpeechSound, speechParts, speechSound } from '../speech-sound.ts';
import {
  parseTranscript,
  spokenSegment,
  spokenWord,
  type TranscriptRefs,
  transcriptFile,
  transcriptOf,
  transcriptRefs,
} from '../transcript-file.ts';

export const transcriptionInput = z.object({
  source: artifactRef,
  /** What people call it. */
  name: z.string(),
  /** What is spoken, where it is known; the provider's guess otherwise. */
  language: z
    .string()
    .regex(/^[a-z]{2,3}$/, 'is a language by its ISO 639 code, such as en')
    .optional(),
  /** The transcript that the video has already: the work is done then. */
  transcript: transcriptRefs.optional(),
});
type Context = StageContext<z.infer<typeof transcriptionInput>>;

export const transcriptionOutput = z.object({
  transcript: artifactRef,
  captions: artifactRef,
  language: z.string(),
  words: z.number().int().nonnegative(),
  segments: z.number().int().nonnegative(),
  service: z.string(),
  processingSeconds: z.number().nonnegative(),
  /** What it says, for its row; absent when the video had one. */
  said: transcriptFile.optional(),
});
export type TranscriptionOutput = z.infer<typeof transcriptionOutput>;

const part = z.object({ start: z.number(), end: z.number(), silent: z.boolean() });
const heardFile = z.object({
  language: z.string(),
  words: z.array(spokenWord),
  segments: z.array(spokenSegment),
});
const checkpointShape = z.object({
  /** Who hears: parts of several providers do not make one transcript. */
  service: z.string(),
  seconds: z.number(),
  parts: z.array(part),
  /** What was heard in the first of them, as stored files. */
  heard: z.array(artifactRef),
  workedSeconds: z.number(),
});
type Checkpoint = z.infer<typeof checkpointShape>;

/** A silent part has nothing to ask about. */
const NOTHING: Spoken = { language: NO_LANGUAGE, words: [], segments: [] };
const SERVICE_LENGTH = 50;

export const transcription = defineStage({
  name: 'transcription',
  description: 'Write down what is said, with the times of words, and make captions',
  input: transcriptionInput,
  output: transcriptionOutput,
  // A provider that is away for a minute or two is no reason to give up; parts that are done stay done.
  policy: { maxAttempts: 5, backoffMs: 2_000, stalledAfterMs: 15 * MINUTE },
  recordOnly: ['said'],
  async run(context): Promise<TranscriptionOutput> {
    const { input, providers, storage, progress, pausePoint } = context;
    if (input.transcript) return alreadyThere(context, input.transcript);
    const { speech } = providers;
    if ('missing' in speech) throw new PermanentError(speech.missing, { code: 'no-speech-provider' });
    progress(0, 'fetching');
    const source = await storage.borrow(input.source);
    const sound = await speechSound(context, source, input.name);
    await pausePoint('mid-work');
    const { state, spoken } = await hearAll(context, speech, sound);
    progress(0.97, 'storing');
    const said = transcriptOf(stitchSpoken(spoken), state.seconds, state.service);
    await pausePoint('before-upload');
    const transcript = await storage.put('transcript.json', Buffer.from(JSON.stringify(said)), {
      kind: 'transcript',
      contentType: 'application/json',
    });
    const captions = await storage.put('captions.vtt', Buffer.from(captionsVtt(said, state.seconds)), {
      kind: 'captions',
      contentType: 'text/vtt; charset=utf-8',
    });
    progress(1, 'stored');
    return {
      ...{ transcript, captions, language: said.language, service: said.service },
      ...{ words: said.words.length, segments: said.segments.length },
      processingSeconds: Math.round(state.workedSeconds * 1_000) / 1_000,
      said,
    };
  },
});

async function alreadyThere({ storage }: Context, refs: TranscriptRefs): Promise<TranscriptionOutput> {
  const { uri } = refs.transcript;
  const said = parseTranscript(await readFile(await storage.fetch(refs.transcript, 'transcript.json'), 'utf8'), uri);
  const { language, service, words, segments } = said;
  return { ...refs, language, service, words: words.length, segments: segments.length, processingSeconds: 0 };
}

/** What is heard in every part, in order; each is stored and in the checkpoint before the next is begun. */
async function hearAll(context: Context, speech: SpeechProvider, sound: SpeechSound) {
  const { storage, saveCheckpoint, progress, moved } = context;
  const began = performance.now();
  const service = `${speech.name}:${speech.model}`.slice(0, SERVICE_LENGTH);
  const saved = await resumed(context, service);
  // What a part is must not change once one has been paid for: it comes from the checkpoint before it comes from the sound.
  const state = saved?.state ?? {
    ...{ service, seconds: sound.seconds, heard: [], workedSeconds: 0 },
    parts: await speechParts(context, sound.seconds, speech.longestPartSeconds),
  };
  if (!saved) await saveCheckpoint(state, 0);
  const before = state.workedSeconds;
  const spoken = saved?.spoken ?? [];
  const share = (seconds: number) => 0.15 + 0.8 * (seconds / state.seconds);
  for (const [index, next] of state.parts.entries()) {
    if (index < spoken.length) continue;
    progress(share(next.start), `listening ${index + 1}/${state.parts.length}`);
    const heard = await hear(context, speech, sound, next, (fraction) => {
      moved();
      progress(share(next.start + (next.end - next.start) * fraction));
    });
    const file = await storage.put(
      `heard-${String(index + 1).padStart(4, '0')}.json`,
      Buffer.from(JSON.stringify(heard)),
      {
        kind: 'transcript',
        contentType: 'application/json',
      },
    );
    spoken.push(heard);
    state.heard = [...state.heard, file];
    state.workedSeconds = before + (performance.now() - began) / 1_000;
    await saveCheckpoint(state, state.heard.length);
  }
  return { state, spoken: state.parts.map((one, index) => ({ ...one, spoken: spoken[index] ?? NOTHING })) };
}

/** What an earlier attempt with the same provider has heard, as far as its files are there. */
async function resumed(
  { checkpoint, storage, log }: Context,
  service: string,
): Promise<{ state: Checkpoint; spoken: Spoken[] } | null> {
  const state = checkpointShape.safeParse(checkpoint).data;
  if (!state) return null;
  if (state.service !== service) {
    log.warn({ was: state.service, now: service }, 'another speech provider than before: transcribing anew');
    return null;
  }
  const spoken: Spoken[] = [];
  for (const ref of state.heard) {
    const text = await storage.fetch(ref).then(
      (path) => readFile(path, 'utf8'),
      () => null,
    );
    const heard = text === null ? undefined : heardFile.safeParse(JSON.parse(text)).data;
    if (!heard) break;
    spoken.push(heard);
  }
  return { state: { ...state, heard: state.heard.slice(0, spoken.length) }, spoken };
}

async function hear(
  context: Context,
  speech: SpeechProvider,
  sound: SpeechSound,
  next: SpeechPart,
  report: (fraction: number) => void,
): Promise<Spoken> {
  if (next.silent) return NOTHING;
  const { input, scratch, signal, calls } = context;
  const { start, end } = next;
  const path = join(scratch, `part.${speech.partFormat}`);
  await runPlan(context, planSpeechPart({ sound: sound.path, part: next, format: speech.partFormat, output: path }));
  const heard = await speech.transcribe(
    {
      ...{ path, scratch, seconds: end - start },
      // The same wherever and however often the sound is taken out: another ffmpeg may decode other bytes.
      sound: `${input.source.sha256}:${sound.track}:${start.toFixed(3)}-${end.toFixed(3)}`,
      ...(input.language ? { language: input.language } : {}),
    },
    { signal, calls, report },
  );
  // As it will be read back from its file: in order, and inside of its part.
  return stitchSpoken([{ start: 0, end: end - start, spoken: heard }]);
}
