/**
 * Speech by whisper.cpp: its command-line program (`whisper-cli`, formerly `main`) with a model in ggml format, on this
 * machine. It writes a JSON file with the tokens of every segment (`--output-json-full`), from which words are put together.
 */
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import {
  messageOf,
  RetryableError,
  type RunProgram,
  type SpeechProvider,
  type Spoken,
  type SpokenWord,
} from '@reelfleet/core';
import { z } from 'zod';

export interface WhisperOptions {
  binary: string;
  model: string;
  threads: number;
}

/** It works in windows of half a minute; ten minutes are what a killed worker can cost. */
const LONGEST_PART_SECONDS = 600;
/** A model that is too large for its machine works at a tenth of real time. */
const TIME_LIMIT = 20;

/** Milliseconds, from the beginning of the sound. */
const offsets = z.object({ from: z.number(), to: z.number() });
const whisperJson = z.object({
  result: z.object({ language: z.string() }),
  transcription: z.array(
    z.object({
      offsets,
      text: z.string(),
      tokens: z.array(z.object({ text: z.string(), offsets: offsets.optional() })).default([]),
    }),
  ),
});

export function whisperSpeech({ binary, model, threads }: WhisperOptions, run: RunProgram): SpeechProvider {
  return {
    name: 'whisper.cpp',
    model: basename(model),
    longestPartSeconds: LONGEST_PART_SECONDS,
    partFormat: 'wav',
    async transcribe({ path, seconds, scratch, language }, { signal, report }): Promise<Spoken> {
      const base = join(scratch, 'whisper');
      await run(
        {
          program: binary,
          args: [
            ...['--model', model, '--file', path, '--language', language ?? 'auto', '--threads', String(threads)],
            ...['--output-json-full', '--output-file', base, '--no-prints', '--print-progress'],
          ],
          install:
            'WHISPER_BINARY names no program of this machine; build whisper.cpp and give the path of whisper-cli',
          onLine(line) {
            const percent = /progress\s*=\s*(\d+)\s*%/.exec(line)?.[1];
            if (percent !== undefined) report?.(Math.min(1, Number(percent) / 100));
          },
        },
        { ...(signal ? { signal } : {}), timeoutMs: Math.max(120, seconds * TIME_LIMIT) * 1_000 },
      );
      // A token can end within a character; what is no UTF-8 becomes a replacement character, not an error.
      return parseWhisper(await readFile(`${base}.json`, 'utf8').catch(() => ''));
    },
  };
}

/** What whisper.cpp wrote. Throws when it is not what it promises. */
export function parseWhisper(text: string): Spoken {
  let json: z.infer<typeof whisperJson>;
  try {
    json = whisperJson.parse(JSON.parse(text));
  } catch (cause) {
    throw new RetryableError(
      `whisper.cpp wrote no transcript that can be read (${messageOf(cause).slice(0, 200)}); use a version that has --output-json-full`,
      { code: 'bad-transcript', cause },
    );
  }
  const heard = json.transcription.filter((segment) => !isNoise(segment.text));
  return {
    language: json.result.language,
    segments: heard.map((segment) => ({ text: segment.text, ...inSeconds(segment.offsets) })),
    words: heard.flatMap(wordsOf),
  };
}

/** What it says of sound that is no speech: `[BLANK_AUDIO]`, `(wind blowing)`, `♪`. */
const isNoise = (text: string) => /^\s*(\[[^\]]*\]|\([^)]*\)|[♪♫\s]+)?\s*$/u.test(text);

const inSeconds = ({ from, to }: z.infer<typeof offsets>) => ({ start: from / 1_000, end: to / 1_000 });

/**
 * A token that begins with a blank begins a word. The letters are taken from the segment's text, since a token of a language
 * with long characters may have half a one; where the two do not agree, words come without times of their own, and are left
 * to be shared out over the segment.
 */
function wordsOf(segment: z.infer<typeof whisperJson>['transcription'][number]): SpokenWord[] {
  const groups: { start: number; end: number }[] = [];
  for (const token of segment.tokens) {
    // Marks like [_BEG_] and [_TT_150] are no text.
    if (!token.offsets || /^\[_.*\]$/.test(token.text)) continue;
    const { start, end } = inSeconds(token.offsets);
    const open = groups.at(-1);
    if (open && !token.text.startsWith(' ')) open.end = Math.max(open.end, end);
    else groups.push({ start, end });
  }
  const texts = segment.text.trim().split(/\s+/u);
  if (texts.length === groups.length)
    return texts.map((word, index) => ({ word, ...(groups[index] as { start: number; end: number }) }));
  const { start, end } = inSeconds(segment.offsets);
  const share = (index: number) => start + ((end - start) * index) / texts.length;
  return texts.map((word, index) => ({ word, start: share(index), end: share(index + 1) }));
}
