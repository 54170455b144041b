import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PermanentError, RateLimitedError, RetryableError } from '@reelfleet/core';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { openAi } from './client.ts';
import { type Fault, type OpenAiScript, startOpenAi } from './testing.ts';

const KEY = 'sk-test-0123456789';
let folder: string;
let sound: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'openai-test-'));
  sound = join(folder, 'part.flac');
  await writeFile(sound, 'fLaC-like bytes');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function server(script: OpenAiScript, ...faults: (Fault | null)[]) {
  const started = await startOpenAi(script);
  onTestFinished(() => started.close());
  started.next(...faults);
  return { started, client: openAi({ baseUrl: started.baseUrl, apiKey: KEY, timeoutMs: 5_000 }) };
}
const chatOf = (content = 'hello') => ({ model: 'test-model', messages: [{ role: 'user' as const, content }] });
const failure = (work: Promise<unknown>): Promise<Error & { code?: string; retryAfterMs?: number }> =>
  work.then(
    () => expect.unreachable('it was answered'),
    (error) => error,
  );

test('a chat is asked with the key and the call id, and its tokens come back', async () => {
  const { started, client } = await server({ chat: () => 'good day' });
  const answer = await client.chat(chatOf(), 'call-1');
  expect(answer.choices[0]?.message.content).toBe('good day');
  expect(answer.usage).toEqual({ prompt_tokens: expect.any(Number), completion_tokens: 2 });
  expect(started.requests).toMatchObject([
    { path: '/v1/chat/completions', callId: 'call-1', authorization: `Bearer ${KEY}`, body: { model: 'test-model' } },
  ]);
});

test('sound is sent as a file with word and segment times asked for', async () => {
  const heard = {
    language: 'english',
    duration: 2,
    words: [{ word: 'hello', start: 0.5, end: 0.9 }],
    segments: [{ text: ' Hello.', start: 0.5, end: 0.9 }],
  };
  const { started, client } = await server({ hear: () => heard });
  expect(await client.transcribe({ path: sound, model: 'whisper-1', language: 'en' }, 'call-2')).toEqual({
    ...{ language: 'english', text: 'Hello.', words: heard.words, segments: heard.segments, usage: {} },
  });
  expect(started.requests[0]?.sound?.bytes.toString()).toBe('fLaC-like bytes');
  expect(started.requests[0]?.body).toEqual({
    ...{ model: 'whisper-1', response_format: 'verbose_json', language: 'en' },
    'timestamp_granularities[]': ['word', 'segment'],
  });
});

test.each<[string, Fault, new (...args: never[]) => Error, object]>([
  ['429 with Retry-After', { kind: 'rate-limit', retryAfter: '7' }, RateLimitedError, { retryAfterMs: 7_000 }],
  ['429 without', { kind: 'rate-limit' }, RateLimitedError, { retryAfterMs: 20_000 }],
  ['500', { kind: 'error', status: 500 }, RetryableError, { code: 'provider' }],
  ['503', { kind: 'error', status: 503 }, RetryableError, { code: 'provider' }],
  ['a dropped connection', { kind: 'drop' }, RetryableError, { code: 'provider' }],
  ['malformed JSON', { kind: 'malformed' }, RetryableError, { code: 'provider-answer' }],
  ['400', { kind: 'error', status: 400, message: 'too long' }, PermanentError, { code: 'provider-refused' }],
  ['401', { kind: 'error', status: 401 }, PermanentError, { code: 'provider-refused' }],
  ['404', { kind: 'error', status: 404 }, PermanentError, { code: 'provider-refused' }],
])('%s is an error of its kind, after one request', async (_name, fault, kind, shape) => {
  const { started, client } = await server({ chat: () => 'unheard' }, fault);
  const error = await failure(client.chat(chatOf(), 'call-3'));
  expect(error).toBeInstanceOf(kind);
  expect(error).toMatchObject(shape);
  expect(error.message).toMatch(/^[^\n]+$/);
  expect(started.requests).toHaveLength(1);
});

test('an answer that does not come in time is given up', async () => {
  const { started } = await server({ chat: () => 'late' }, { kind: 'hold', until: new Promise(() => {}) });
  const hasty = openAi({ baseUrl: started.baseUrl, apiKey: KEY, timeoutMs: 100 });
  expect(await failure(hasty.chat(chatOf(), 'call-4'))).toMatchObject({ code: 'provider-timeout' });
});

test('an answer of another shape is not taken for one', async () => {
  const { client } = await server({ hear: () => ({ language: 'english', duration: 1, words: [{}] as never }) });
  const error = await failure(client.transcribe({ path: sound, model: 'whisper-1' }, 'call-5'));
  expect(error).toMatchObject({ code: 'provider-answer' });
  expect(error.message).toContain('words');
});

test('nobody at the address is tried again', async () => {
  const { started, client } = await server({ chat: () => 'gone' });
  await started.close();
  const error = await failure(client.chat(chatOf(), 'call-6'));
  expect(error).toBeInstanceOf(RetryableError);
  expect(error.message).toContain('ECONNREFUSED');
});

test('a key that a server repeats is neither in messages nor in answers', async () => {
  const { client } = await server(
    { chat: () => `your key is ${KEY}` },
    { kind: 'error', status: 401, message: `Incorrect API key provided: ${KEY}` },
  );
  const error = await failure(client.chat(chatOf(), 'call-7'));
  expect(`${error.message} ${JSON.stringify(error)} ${String(error.cause)} ${error.stack}`).not.toContain(KEY);
  expect(error.message).toContain('OPENAI_API_KEY');
  expect(JSON.stringify(await client.chat(chatOf(), 'call-7'))).toContain('your key is ***');
});

test('a server of one’s own is asked without a key, and the environment’s is not used for it', async () => {
  process.env.OPENAI_API_KEY = KEY;
  onTestFinished(() => void delete process.env.OPENAI_API_KEY);
  const { started } = await server({ chat: () => 'free' });
  await openAi({ baseUrl: started.baseUrl }).chat(chatOf(), 'call-8');
  expect(started.requests[0]?.authorization).toBeUndefined();
});
