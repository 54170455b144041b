/**
 * Transcripts as the stages after `transcription` read them, and the rule for asking about them anew. A stage of moments keeps
 * in its checkpoint either what it has made, rows with their ids, or how often it gave up: an operator who retries it then gets
 * a new answer and not the kept one.
 */
import { readFile } from 'node:fs/promises';
import { type ArtifactRef, type LanguageTo, PermanentError, type Spoken, type StageContext } from '@reelfleet/core';
import { z } from 'zod';
import { parseTranscript } from './transcript-file.ts';

/** What is said in a video. Throws PermanentError where nothing is, for then there are no moments either. */
export async function readSpoken(
  { storage }: Pick<StageContext<unknown>, 'storage'>,
  transcript: ArtifactRef,
  title: string,
): Promise<Spoken> {
  const text = await readFile(await storage.fetch(transcript, 'transcript.json'), 'utf8');
  const { language, words, segments } = parseTranscript(text, transcript.uri);
  if (words.length === 0)
    throw new PermanentError(`nothing is said in "${title}", so it has no moments to find`, { code: 'nothing-said' });
  return { language, words, segments };
}

const kept = z.union([z.object({ done: z.unknown() }), z.object({ round: z.number().int().positive() })]);

/**
 * Ask a language provider for what `output` is, once: what `work` makes is saved before it is answered, so that a retry answers
 * the same. Its permanent failure is counted, so that a retry by an operator asks anew.
 */
export async function askOnce<T>(
  context: StageContext<unknown>,
  output: z.ZodType<T>,
  work: (to: LanguageTo) => Promise<T>,
): Promise<T> {
  const { checkpoint, saveCheckpoint, calls, signal, moved, progress, pausePoint } = context;
  const before = kept.safeParse(checkpoint);
  if (before.success && 'done' in before.data) {
    const done = output.safeParse(before.data.done);
    if (done.success) return done.data;
  }
  const round = before.success && 'round' in before.data ? before.data.round : 0;
  const report = (fraction: number) => {
    moved();
    progress(0.1 + 0.8 * fraction);
  };
  try {
    const made = await work({ calls, signal, report, round });
    await pausePoint('mid-work');
    await saveCheckpoint({ done: made }, 1);
    return made;
  } catch (error) {
    if (error instanceof PermanentError && !signal.aborted) await saveCheckpoint({ round: round + 1 }, 0);
    throw error;
  }
}
