/**
 * Speech by an OpenAI-compatible server: `/audio/transcriptions` with the times of words and segments. Every request is paid
 * for, so it goes through the ledger's account of such calls, told apart by the sound it is about.
 */
import type { SpeechProvider, Spoken } from '@reelfleet/core';
import type { OpenAiClient, VerboseTranscription } from '../openai/client.ts';
import { languageCode } from './language-code.ts';

/**
 * Five minutes of 16 kHz mono stay below the API's 25 MB even uncompressed, a server on ordinary processors answers them
 * before Node's fetch gives up (five minutes too), and they are what a lost connection can cost.
 */
const LONGEST_PART_SECONDS = 300;

export function openAiSpeech(client: OpenAiClient, model: string): SpeechProvider {
  return {
    name: 'openai',
    model,
    longestPartSeconds: LONGEST_PART_SECONDS,
    partFormat: 'flac',
    async transcribe({ path, sound, seconds, language }, { calls, report }): Promise<Spoken> {
      const request = {
        operation: 'transcription',
        host: client.host,
        model,
        sound,
        seconds,
        language: language ?? null,
      };
      const answer = await calls.once<VerboseTranscription>({ provider: 'openai', request }, async (callId) => {
        const response = await client.transcribe({ path, model, language }, callId);
        const { input_tokens: tokensIn, output_tokens: tokensOut } = response.usage ?? {};
        return {
          response,
          ...(tokensIn === undefined ? {} : { tokensIn }),
          ...(tokensOut === undefined ? {} : { tokensOut }),
        };
      });
      report?.(1);
      return spokenOf(answer, seconds, language);
    },
  };
}

/** Servers that leave out both kinds of times still tell what was said: it is one segment then. */
function spokenOf(answer: VerboseTranscription, seconds: number, wanted: string | undefined): Spoken {
  const words = answer.words ?? [];
  const segments = answer.segments ?? [];
  const untimed = words.length === 0 && segments.length === 0 && answer.text.trim() !== '';
  return {
    language: languageCode(answer.language) ?? wanted ?? '',
    words,
    segments: untimed ? [{ text: answer.text, start: 0, end: seconds }] : segments,
  };
}
