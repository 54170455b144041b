/** The transcript of a video as a file: everything that is known of what is said in it, for the stages after and for export. */
import { artifactRef, PermanentError, type Spoken, type SpokenSegment, type SpokenWord } from '@reelfleet/core';
import { fullTextOf } from '@reelfleet/media';
import { z } from 'zod';

const time = z.number().nonnegative();

export const spokenWord: z.ZodType<SpokenWord> = z.object({ word: z.string().min(1), start: time, end: time });
export const spokenSegment: z.ZodType<SpokenSegment> = z.object({ text: z.string().min(1), start: time, end: time });

export const transcriptFile = z.object({
  /** ISO 639; `und` where nobody speaks. */
  language: z.string().min(1).max(10),
  durationSeconds: time,
  fullText: z.string(),
  words: z.array(spokenWord),
  segments: z.array(spokenSegment),
  /** Who heard it: provider and model. */
  service: z.string().min(1).max(50),
});
export type TranscriptFile = z.infer<typeof transcriptFile>;

/** The stored files of a transcript, as orders name them for a video that has one. */
export const transcriptRefs = z.object({ transcript: artifactRef, captions: artifactRef });
export type TranscriptRefs = z.infer<typeof transcriptRefs>;

export function transcriptOf(spoken: Spoken, durationSeconds: number, service: string): TranscriptFile {
  const { language, words, segments } = spoken;
  return { language, durationSeconds, fullText: fullTextOf(spoken), words, segments, service };
}

/** What a stored transcript says. Throws PermanentError for another file. */
export function parseTranscript(text: string, uri: string): TranscriptFile {
  try {
    return transcriptFile.parse(JSON.parse(text));
  } catch (cause) {
    throw new PermanentError(`${uri} is no transcript that this version reads; transcribe the video anew`, {
      code: 'bad-transcript',
      cause,
    });
  }
}
