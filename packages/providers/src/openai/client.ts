/**
 * The client of OpenAI-compatible servers that speech and language share: two requests, each sent once. Trying again is the
 * engine's business, since it knows what was paid for (core's PaidCalls); a call carries its id as Idempotency-Key. What
 * comes back has been checked, and nothing that comes back has the key in it.
 */
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { OpenAI } from 'openai';
import type { ChatCompletionCreateParamsNonStreaming } from 'openai/resources/chat/completions';
import { z } from 'zod';
import { type Asked, badAnswer, inOurWords, type Library } from './errors.ts';

export interface OpenAiOptions {
  /** None for a server of one's own that asks for none. */
  apiKey?: string | undefined;
  /** `https://host/v1`; OpenAI's own by default. */
  baseUrl?: string | undefined;
  /** How long one request may take. Default: just under the five minutes after which Node's fetch gives up. */
  timeoutMs?: number;
}

export const OPENAI_URL = 'https://api.openai.com/v1';
const PATIENCE_MS = 290_000;

const tokens = z.number().int().nonnegative();

/** POST /chat/completions, what is read of its answer. */
export const chatAnswer = z.object({
  model: z.string().optional(),
  choices: z
    .array(
      z.object({
        message: z.object({ content: z.string().nullish(), refusal: z.string().nullish() }),
        finish_reason: z.string().nullish(),
      }),
    )
    .min(1),
  usage: z.object({ prompt_tokens: tokens.optional(), completion_tokens: tokens.optional() }).nullish(),
});
export type ChatAnswer = z.infer<typeof chatAnswer>;

/** POST /audio/transcriptions with `verbose_json`, what is read of its answer. Times are seconds. */
export const verboseTranscription = z.object({
  language: z.string().nullish(),
  text: z.string(),
  words: z.array(z.object({ word: z.string(), start: z.number(), end: z.number() })).nullish(),
  segments: z.array(z.object({ text: z.string(), start: z.number(), end: z.number() })).nullish(),
  usage: z.object({ input_tokens: tokens.optional(), output_tokens: tokens.optional() }).nullish(),
});
export type VerboseTranscription = z.infer<typeof verboseTranscription>;

export interface OpenAiClient {
  /** As people know the server. */
  readonly host: string;
  chat(request: ChatCompletionCreateParamsNonStreaming, callId: string): Promise<ChatAnswer>;
  /** `path`: a FLAC, WAV or MP3 file below the API's limit of 25 MB. */
  transcribe(
    request: { path: string; model: string; language?: string | undefined },
    callId: string,
  ): Promise<VerboseTranscription>;
}

/** Open the client; nothing is sent yet. Its requests throw PermanentError, RetryableError or RateLimitedError. */
export function openAi({ apiKey, baseUrl = OPENAI_URL, timeoutMs = PATIENCE_MS }: OpenAiOptions): OpenAiClient {
  const { host } = new URL(baseUrl);
  const hide = (text: string) => (apiKey ? text.replaceAll(apiKey, '***') : text);
  let opened: OpenAI | undefined;
  const connect = ({ OpenAI }: Library): OpenAI => {
    opened ??= new OpenAI({
      // The library must have one; a server that asks for none gets none.
      apiKey: apiKey ?? 'none',
      ...(apiKey ? {} : { defaultHeaders: { Authorization: null } }),
      baseURL: baseUrl,
      timeout: timeoutMs,
      maxRetries: 0,
      logLevel: 'off',
      // Otherwise read from the environment, past the settings.
      organization: null,
      project: null,
      adminAPIKey: null,
      webhookSecret: null,
    });
    return opened;
  };

  async function asked<T>(
    model: string,
    schema: z.ZodType<T>,
    send: (client: OpenAI) => PromiseLike<unknown>,
  ): Promise<T> {
    const to: Asked = { host, model, hide, timeoutMs };
    const library = await import('openai');
    let answer: unknown;
    try {
      answer = await send(connect(library));
    } catch (error) {
      throw inOurWords(error, to, library);
    }
    const parsed = schema.safeParse(answer);
    if (parsed.success) return apiKey ? (JSON.parse(hide(JSON.stringify(parsed.data))) as T) : parsed.data;
    const [first] = parsed.error.issues;
    throw badAnswer(to, `${first?.path.join('.') || 'the answer'}: ${first?.message ?? 'unknown'}`, parsed.error);
  }

  const once = (callId: string) => ({ headers: { 'Idempotency-Key': callId } });
  return {
    host,
    chat: (request, callId) =>
      asked(request.model, chatAnswer, (client) => client.chat.completions.create(request, once(callId))),
    async transcribe({ path, model, language }, callId) {
      // Read whole: the request goes on when the attempt, and its scratch folder, have ended.
      const file = new File([await readFile(path)], basename(path));
      return asked(model, verboseTranscription, (client) =>
        client.audio.transcriptions.create(
          {
            ...{ file, model, response_format: 'verbose_json', timestamp_granularities: ['word', 'segment'] },
            ...(language ? { language } : {}),
          },
          once(callId),
        ),
      );
    },
  };
}
