/**
 * Speech by PocketSphinx, as Debian has it: no network, no key, no model to fetch. It knows American English and a dictionary
 * of 130,000 words, has no full stops, and is often wrong; but its words come with times, and it runs everywhere. Segments are
 * made where the speaker pauses.
 */
import { PermanentError, type RunProgram, type SpeechProvider, type Spoken, type SpokenWord } from '@reelfleet/core';

/** It takes a fifth of real time; two minutes are what a killed worker can cost, and loading the model costs one second. */
const LONGEST_PART_SECONDS = 120;
/** Between words: a speaker who pauses for longer has ended a sentence, or nearly. */
const SEGMENT_PAUSE = 0.45;
/** What nobody interrupts is interrupted here, at the next pause of any length. */
const SEGMENT_WORDS = 24;

const INSTALL = 'install it with "apt install pocketsphinx pocketsphinx-en-us"';

export function pocketsphinxSpeech({ binary }: { binary: string }, run: RunProgram): SpeechProvider {
  return {
    name: 'pocketsphinx',
    model: 'en-us',
    longestPartSeconds: LONGEST_PART_SECONDS,
    partFormat: 'wav',
    async transcribe({ path, seconds, language }, { signal, report }): Promise<Spoken> {
      if (language !== undefined && language !== 'en')
        throw new PermanentError(
          `pocketsphinx hears English only, and this is to be in "${language}": set SPEECH_PROVIDER to openai or whisper.cpp`,
          { code: 'language' },
        );
      const { stdout } = await run(
        // Its log is thousands of lines of its settings.
        { program: binary, args: ['-infile', path, '-time', 'yes', '-logfn', '/dev/null'], install: INSTALL },
        { ...(signal ? { signal } : {}), timeoutMs: Math.max(120, seconds * 10) * 1_000 },
      );
      report?.(1);
      return parsePocketsphinx(stdout);
    },
  };
}

/** A line of `-time yes`: word, start, end, confidence. Every utterance also has a line with its text, which is not needed. */
const TIMED = /^(\S+) (\d+\.\d+) (\d+\.\d+) (-?\d+\.\d+(?:e-?\d+)?)$/;

/** What `pocketsphinx_continuous -time yes` printed. */
export function parsePocketsphinx(printed: string): Spoken {
  const words: SpokenWord[] = [];
  const segments: SpokenWord[][] = [];
  let open: SpokenWord[] = [];
  const end = () => {
    if (open.length > 0) segments.push(open);
    open = [];
  };
  for (const line of printed.split('\n')) {
    const [, text, from, to] = TIMED.exec(line.trim()) ?? [];
    if (text === undefined) continue;
    // <s>, </s>, <sil>, [NOISE], ++UM++: marks, not words. An utterance ends in silence.
    if (/^(<.*>|\[.*\]|\+\+.*\+\+)$/.test(text)) {
      const pause = Number(to) - Number(from);
      if (text === '<s>' || text === '</s>' || pause >= (open.length >= SEGMENT_WORDS ? 0 : SEGMENT_PAUSE)) end();
      continue;
    }
    // `the(2)`: the second way to pronounce it.
    const word = { word: text.replace(/\(\d+\)$/, ''), start: Number(from), end: Number(to) };
    words.push(word);
    open.push(word);
  }
  end();
  return {
    language: words.length > 0 ? 'en' : '',
    words,
    segments: segments.map((group) => ({
      text: group.map(({ word }) => word).join(' '),
      start: (group[0] as SpokenWord).start,
      end: (group.at(-1) as SpokenWord).end,
    })),
  };
}
