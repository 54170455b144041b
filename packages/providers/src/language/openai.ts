/**
 * The language provider over any OpenAI-compatible chat endpoint. Answers are asked for by JSON schema and checked; one that
 * cannot be used is sent back once with what is wrong, a second one ends the task with a sentence. Every request goes through
 * the attempt's paid calls, so an answer that was received is never paid for again.
 */
import { type Generation, type LanguageProvider, type LanguageTo, PermanentError, type Spoken } from '@reelfleet/core';
import type { ChatAnswer, OpenAiClient } from '../openai/client.ts';
import { type AnswerKind, albumOf, foundMoments, refinementsOf, scoresOf, Wrong } from './answers.ts';
import { BUILTIN } from './builtin-moments.ts';
import { albumMessages, findMessages, type Message, refineMessages, scoreMessages } from './messages.ts';

/** What of a config goes with its messages; null is not sent. */
type Sampling = Pick<Generation, 'temperature' | 'topP' | 'topK'>;

interface Question<T> {
  messages: readonly Message[];
  model: string;
  sampling?: Sampling;
  kind: AnswerKind<T>;
}

/** The body of POST /chat/completions. `top_k` is no parameter of OpenAI's own, but of most servers that speak like it. */
export function chatBody<T>({ messages, model, sampling, kind }: Question<T>) {
  return {
    model,
    messages: messages.map(({ role, content }) => ({ role, content })),
    response_format: {
      type: 'json_schema' as const,
      json_schema: { name: kind.name, strict: true, schema: kind.schema },
    },
    ...(sampling && sampling.temperature !== null ? { temperature: sampling.temperature } : {}),
    ...(sampling && sampling.topP !== null ? { top_p: sampling.topP } : {}),
    ...(sampling && sampling.topK !== null ? { top_k: sampling.topK } : {}),
  };
}

/** `model` is what it asks where an order names none. */
export function openAiLanguage(client: OpenAiClient, model: string): LanguageProvider {
  async function send(body: ReturnType<typeof chatBody>, { calls, round = 0 }: LanguageTo): Promise<string> {
    const request = { host: client.host, path: '/chat/completions', ...(round > 0 ? { round } : {}), body };
    const answer = await calls.once<ChatAnswer>({ provider: 'openai', request }, async (callId) => {
      const response = await client.chat(body, callId);
      const { prompt_tokens: tokensIn, completion_tokens: tokensOut } = response.usage ?? {};
      return {
        response,
        ...(tokensIn === undefined ? {} : { tokensIn }),
        ...(tokensOut === undefined ? {} : { tokensOut }),
      };
    });
    const [choice] = answer.choices;
    const refusal = choice?.message.refusal;
    if (refusal || choice?.finish_reason === 'content_filter') {
      const said = refusal ? ` (${refusal.slice(0, 200)})` : '';
      throw new PermanentError(`model "${body.model}" of ${client.host} will not answer about this video${said}`, {
        code: 'provider-refused',
      });
    }
    return choice?.message.content ?? '';
  }

  /** Ask, and once more with what is wrong; then give up. */
  async function ask<T>(question: Question<T>, to: LanguageTo): Promise<T> {
    if (question.model === BUILTIN)
      throw new PermanentError(
        `this order asks for the built-in language provider, but this worker asks ${client.host}: set LANGUAGE_PROVIDER=builtin for its workers, or order with a model`,
        { code: 'other-model' },
      );
    const first = await send(chatBody(question), to);
    const wrong = whatIsWrong(first, question.kind);
    if (!('problem' in wrong)) return wrong.value;
    to.signal?.throwIfAborted();
    const again: Message[] = [
      ...question.messages,
      { role: 'assistant', content: first },
      {
        role: 'user',
        content: `This answer cannot be used: ${wrong.problem}. Answer again, whole, with nothing but JSON of the schema.`,
      },
    ];
    const second = whatIsWrong(await send(chatBody({ ...question, messages: again }), to), question.kind);
    if (!('problem' in second)) return second.value;
    throw new PermanentError(
      `model "${question.model}" of ${client.host} answered twice with what cannot be used (${second.problem}): retry the task, or choose another model`,
      { code: 'bad-answer' },
    );
  }

  return {
    name: 'openai',
    model,
    planAlbum: (order, to) => ask({ messages: albumMessages(order), model, kind: albumOf(order.tracks) }, to),
    async findMoments({ spoken, generation }, to) {
      const windows = findMessages(spoken, generation);
      const kind = foundMoments(lastSecond(spoken));
      const found = await inTurn(windows, to, (messages) =>
        ask({ messages, model: generation.model, sampling: generation, kind }, to),
      );
      return found.flat();
    },
    async scoreMoments({ spoken, moments, model }, to) {
      const batches = scoreMessages(spoken, moments);
      const scores = await inTurn(batches, to, ({ places, messages }) =>
        ask({ messages, model, kind: scoresOf(places.map((place) => place + 1)) }, to),
      );
      return scores.flat();
    },
    async refineMoments({ spoken, moments, generation }, to) {
      const batches = refineMessages(spoken, moments, generation);
      const refined = await inTurn(batches, to, ({ places, messages }) => {
        const kind = refinementsOf(
          places.map((place) => place + 1),
          lastSecond(spoken),
        );
        return ask({ messages, model: generation.model, sampling: generation, kind }, to);
      });
      return refined.flat();
    },
  };
}

const lastSecond = ({ segments, words }: Spoken) =>
  Math.max(0, ...[segments.at(-1)?.end, words.at(-1)?.end].map((end) => end ?? 0));

async function inTurn<I, O>(items: readonly I[], to: LanguageTo, work: (item: I) => Promise<O>): Promise<O[]> {
  const done: O[] = [];
  for (const item of items) {
    to.signal?.throwIfAborted();
    done.push(await work(item));
    to.report?.(done.length / items.length);
  }
  return done;
}

/** Some servers put their JSON into a fence all the same. */
const FENCE = /^\s*```(?:json)?\s*\n([\s\S]*?)\n\s*```\s*$/;

function whatIsWrong<T>(content: string, kind: AnswerKind<T>): { value: T } | { problem: string } {
  let answer: unknown;
  try {
    answer = JSON.parse(FENCE.exec(content)?.[1] ?? content);
  } catch {
    return { problem: content.trim() === '' ? 'it is empty' : 'it is not JSON, or breaks off' };
  }
  try {
    return { value: kind.read(answer) };
  } catch (error) {
    if (error instanceof Wrong) return { problem: error.message };
    throw error;
  }
}
