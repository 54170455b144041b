/**
 * What went wrong with a request to an OpenAI-compatible server, in the words that the engine understands: patience that
 * was asked for costs nothing, trouble over there is tried again, a request that is wrong is not. One sentence each,
 * and the key in none of them.
 */
import { messageOf, PermanentError, RateLimitedError, RetryableError } from '@reelfleet/core';
import { retryAfterMs } from '../web/request.ts';

/** The library is loaded by whoever asks first: 35 MB that most workers never need. */
export type Library = typeof import('openai');

/** Where requests go, and what must not be repeated of them. */
export interface Asked {
  /** As people know it: `api.openai.com`. */
  host: string;
  model: string;
  hide(text: string): string;
  timeoutMs: number;
}

/** Asked to wait without being told how long: a quota per minute is the usual one. */
const ORDINARY_PATIENCE_MS = 20_000;
/** A server may explain itself at length. */
const SAID_LENGTH = 300;

/** An error as the library throws it, as one of ours; ours stay what they are. */
export function inOurWords(error: unknown, asked: Asked, library: Library): Error {
  const { APIConnectionError, APIConnectionTimeoutError, APIError } = library;
  if (error instanceof PermanentError || error instanceof RetryableError || error instanceof RateLimitedError)
    return error;
  const { host, model } = asked;
  const said = asked.hide(messageOf(error)).slice(0, SAID_LENGTH);
  // The library's error has the answer's headers and body: what was said is enough.
  const cause = new Error(said);
  if (error instanceof APIConnectionTimeoutError)
    return new RetryableError(`${host} did not answer within ${Math.round(asked.timeoutMs / 1_000)} s`, {
      code: 'provider-timeout',
      cause,
    });
  if (error instanceof APIConnectionError || !(error instanceof APIError)) {
    const why = causes(error).map((one) => asked.hide(messageOf(one)));
    if (error instanceof SyntaxError) return badAnswer(asked, 'its JSON breaks off or is none', cause);
    return new RetryableError(`the connection to ${host} broke: ${why.at(-1) ?? said}`, { code: 'provider', cause });
  }
  const patience = retryAfterMs(error.headers?.get('retry-after') ?? undefined);
  const status = error.status ?? 0;
  if (status === 429 || (status === 503 && patience !== null))
    return new RateLimitedError(`${host} asks for patience: ${said}`, {
      retryAfterMs: patience ?? ORDINARY_PATIENCE_MS,
      cause,
    });
  if (status >= 500 || status === 408 || status === 409 || status === 425)
    return new RetryableError(`${host} is in trouble: ${said}`, { code: 'provider', cause });
  const permanent = (sentence: string) => new PermanentError(sentence, { code: 'provider-refused', cause });
  switch (status) {
    case 401:
    case 403:
      return permanent(`${host} does not let this key in (${said}): check OPENAI_API_KEY`);
    case 404:
      return permanent(`${host} knows no model "${model}" (${said}): check OPENAI_BASE_URL and the model's name`);
    default:
      return permanent(`${host} refused the request (${said})`);
  }
}

/** An answer that is not what the API promises: it may be another one the next time. */
export function badAnswer({ host, hide }: Asked, problem: string, cause?: unknown): RetryableError {
  return new RetryableError(`${host} answered, but not as its API promises: ${hide(problem)}`, {
    code: 'provider-answer',
    cause,
  });
}

function causes(error: unknown): unknown[] {
  const chain: unknown[] = [];
  for (let at = error; at instanceof Error && chain.length < 5; at = at.cause) chain.push(at);
  return chain;
}
