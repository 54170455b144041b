/** The paid language provider against a server that answers like the real API, over real HTTP. */
import {
  type Generation,
  type PaidAnswer,
  type PaidCalls,
  PermanentError,
  RateLimitedError,
  RetryableError,
} from '@reelfleet/core';
import { atTestEnd } from '@reelfleet/testkit';
import { expect, test } from 'vitest';
import { openAi } from '../openai/client.ts';
import { type OpenAiScript, startOpenAi } from '../openai/testing.ts';
import { findMessages, WINDOW_CHARACTERS } from './messages.ts';
import { openAiLanguage } from './openai.ts';
import { spokenText, threeTopics } from './testing.ts';

const KEY = 'sk-secret-of-the-test';
const generation: Generation = {
  systemPrompt: 'You find moments.',
  userPrompt: 'Find those about food.',
  model: 'asked-model',
  temperature: 0.3,
  topP: 0.9,
  topK: null,
  minMomentLength: 20,
  maxMomentLength: 60,
  minMoments: 1,
  maxMoments: 4,
};
const spoken = spokenText(threeTopics);
const answer = { moments: [{ start: 74.7, end: 109.2, title: 'How bread is made', importance: 8 }] };

/** Calls that keep their answers as the ledger does, without its fence. */
function keptCalls() {
  const kept = new Map<string, PaidAnswer<string>>();
  const ids = new Map<string, string>();
  const calls: PaidCalls = {
    async once({ provider, request }, ask) {
      const key = JSON.stringify([provider, request]);
      const callId = ids.get(key) ?? `call-${ids.size + 1}`;
      ids.set(key, callId);
      const known = kept.get(key);
      if (known) return JSON.parse(known.response);
      const given = await ask(callId);
      kept.set(key, { ...given, response: JSON.stringify(given.response) });
      return given.response;
    },
  };
  return { calls, kept: () => [...kept.values()], asked: () => [...ids.keys()].join('\n') };
}

async function open(script: OpenAiScript) {
  const server = await startOpenAi(script);
  atTestEnd(() => server.close());
  const language = openAiLanguage(openAi({ apiKey: KEY, baseUrl: server.baseUrl }), 'default-model');
  return { server, language, ...keptCalls() };
}
type World = Awaited<ReturnType<typeof open>>;
const find = ({ language, calls }: World, round = 0) => language.findMoments({ spoken, generation }, { calls, round });

test('moments are asked for by a strict schema, with the messages of prompt, transcript and config and nothing else', async () => {
  const world = await open({ chat: () => answer });
  expect(await find(world)).toEqual(answer.moments);
  const { messages, response_format: format, ...rest } = world.server.requests[0]?.body ?? {};
  expect(messages).toEqual(findMessages(spoken, generation)[0]);
  expect(rest).toEqual({ model: 'asked-model', temperature: 0.3, top_p: 0.9 });
  expect(format).toMatchObject({
    type: 'json_schema',
    json_schema: {
      ...{ name: 'moments', strict: true },
      schema: { type: 'object', required: ['moments'], additionalProperties: false },
    },
  });
});

test('what was used of tokens is told, and the key is in nothing that is kept', async () => {
  const world = await open({ chat: () => answer });
  await find(world);
  const [call] = world.kept();
  expect(call?.tokensIn).toBeGreaterThan(300);
  expect(call?.tokensOut).toBe(Math.ceil(JSON.stringify(answer).length / 4));
  expect(world.server.requests[0]?.authorization).toBe(`Bearer ${KEY}`);
  expect(JSON.stringify(world.kept()) + world.asked()).not.toContain('secret');
});

test('patience that is asked for is a delay, trouble over there is tried again: neither is answered nor kept', async () => {
  const world = await open({ chat: () => answer });
  world.server.next({ kind: 'rate-limit', retryAfter: '7' }, { kind: 'error', status: 500 });
  const late = find(world);
  await expect(late).rejects.toThrow(RateLimitedError);
  await expect(late).rejects.toMatchObject({ retryAfterMs: 7_000 });
  await expect(find(world)).rejects.toThrow(RetryableError);
  expect([world.server.answered, world.kept().length]).toEqual([0, 0]);
  expect(await find(world)).toEqual(answer.moments);
  expect([world.server.answered, world.server.requests.length]).toEqual([1, 3]);
});

test('an answer whose connection drops is asked for again under the same id, one that arrived never is', async () => {
  const world = await open({ chat: () => answer, keepsAnswers: true });
  world.server.next({ kind: 'drop' });
  await expect(find(world)).rejects.toThrow(/^the connection to 127\.0\.0\.1:\d+ broke/);
  expect(await find(world)).toEqual(answer.moments);
  expect(await find(world)).toEqual(answer.moments);
  expect(world.server.requests.map(({ callId }) => callId)).toEqual(['call-1', 'call-1']);
  // A server that knows the key answers for nothing.
  expect(world.server.answered).toBe(1);
});

test('an answer that cannot be used is sent back once with what is wrong', async () => {
  const wrong = '{"moments": [{"start": 80, "end": 70, "title": "Bread", "importance": 8}]}';
  const said = [wrong, answer];
  const world = await open({ chat: () => said.shift() });
  expect(await find(world)).toEqual(answer.moments);
  const [first, second] = world.server.requests.map(({ body }) => body.messages as { content: string }[]);
  expect(second?.slice(0, 2)).toEqual(first);
  expect(second?.slice(2)).toEqual([
    { role: 'assistant', content: wrong },
    {
      role: 'user',
      content:
        'This answer cannot be used: moment 1 ends at 70, which is not after its start at 80. Answer again, whole, with nothing but JSON of the schema.',
    },
  ]);
});

test.each([
  ['I found three moments!', 'it is not JSON, or breaks off'],
  ['{"moments": [{"start": 1', 'it is not JSON, or breaks off'],
  ['', 'it is empty'],
  [{ moments: [{ start: '1', end: 2, title: 'T', importance: 1 }] }, 'moments.0.start: '],
  [{ moments: [{ start: 1, end: 900, title: 'T', importance: 1 }] }, 'but the transcript ends at 109.25'],
])('%j twice is a clear failure, and only another round asks again', async (bad, why) => {
  let good = false;
  const world = await open({ chat: () => (good ? answer : bad) });
  const failed = find(world);
  await expect(failed).rejects.toThrow(PermanentError);
  await expect(failed).rejects.toThrow(
    /^model "asked-model" of 127\.0\.0\.1:\d+ answered twice with what cannot be used \(.*\): retry the task, or choose another model$/,
  );
  await expect(failed).rejects.toThrow(why);
  good = true;
  await expect(find(world)).rejects.toThrow(PermanentError);
  expect(world.server.answered).toBe(2);
  expect(await find(world, 1)).toEqual(answer.moments);
});

test('JSON in a fence is JSON, and importance is held to its bounds', async () => {
  const world = await open({
    chat: () => `\`\`\`json\n${JSON.stringify({ moments: [{ ...answer.moments[0], importance: 11 }] })}\n\`\`\``,
  });
  expect(await find(world)).toEqual([{ ...answer.moments[0], importance: 10 }]);
});

test('each moment gets its whole score, and refinements find theirs by number', async () => {
  const world = await open({
    chat: ({ body }) =>
      JSON.stringify(body.response_format).includes('"scores"')
        ? { scores: [2, 1].map((moment) => ({ moment, score: moment + 6.4 })) }
        : { moments: [{ moment: 2, start: 40, end: 70, title: 'Honey' }] },
  });
  const moments = [
    { start: 0.5, end: 30, title: 'Volcanoes' },
    { start: 37.4, end: 73, title: 'Bees' },
  ];
  const { language, calls, server } = world;
  expect(await language.scoreMoments({ spoken, moments, model: 'asked-model' }, { calls })).toEqual([7, 8]);
  expect(await language.refineMoments({ spoken, moments, generation }, { calls })).toEqual([
    null,
    { start: 40, end: 70, title: 'Honey' },
  ]);
  const [scoring, refining] = server.requests.map(({ body }) => (body.messages as { content: string }[])[1]?.content);
  expect(scoring).toContain('Moment 2, from 37.40 to 73.00 seconds: Bees');
  expect(scoring).not.toContain('bread');
  expect(refining).toMatch(/^Find those about food\./);
});

test('an album is planned the same way: as many distinct pairs as asked, or repaired once', async () => {
  const pair = (at: number) => ({ title: `T${at}`, musicPrompt: `m${at}`, visualPrompt: `v${at}`, durationMinutes: 3 });
  const album = (count: number) => ({
    title: 'A',
    description: 'D',
    pairs: Array.from({ length: count }, (_, at) => pair(at)),
  });
  const said = [album(2), album(3)];
  const { language, calls, server } = await open({ chat: () => said.shift() });
  const order = { niche: 'Lo-Fi', moods: ['calm'], tracks: 3, totalMinutes: 9, seed: 1 };
  expect((await language.planAlbum(order, { calls })).pairs).toHaveLength(3);
  expect(server.requests[0]?.body.model).toBe('default-model');
  expect(JSON.stringify(server.requests[1]?.body.messages)).toContain('there are 2 pairs, not 3');
});

test('a transcript beyond the bound is asked about in windows that overlap, and every line is in one', async () => {
  const long = spokenText(Array.from({ length: 60 }, () => threeTopics).join('\n'));
  const windows = findMessages(long, generation);
  expect(windows.length).toBeGreaterThan(1);
  const lines = windows.map(
    (messages) => messages[1]?.content.split('\n').filter((line) => line.startsWith('[')) ?? [],
  );
  for (const window of lines) expect(window.join('\n').length).toBeLessThanOrEqual(WINDOW_CHARACTERS);
  expect(new Set(lines.flat()).size).toBe(long.segments.length);
  const startOf = (line: string | undefined) => Number(/^\[([\d.]+)-/.exec(line ?? '')?.[1]);
  const overlap = startOf(lines[0]?.at(-1)) - startOf(lines[1]?.[0]);
  expect(overlap).toBeGreaterThan(50);
  expect(overlap).toBeLessThan(61);
  const world = await open({
    chat: ({ body }) => {
      const at = startOf(
        (body.messages as { content: string }[])[1]?.content.split('\n').find((line) => line.startsWith('[')),
      );
      return { moments: [{ start: at, end: at + 30, title: `From ${at}`, importance: 5 }] };
    },
  });
  const found = await world.language.findMoments({ spoken: long, generation }, { calls: world.calls });
  expect(found.map(({ start }) => start)).toEqual(lines.map((window) => startOf(window[0])));
});

test('a refusal, a wrong key and an order for another provider end at once, each with a sentence', async () => {
  const world = await open({ chat: () => answer });
  world.server.next({ kind: 'error', status: 401, message: `Incorrect API key provided: ${KEY}` });
  await expect(find(world)).rejects.toThrow(/does not let this key in \(.*\*\*\*.*\): check OPENAI_API_KEY$/);
  const { language, calls } = world;
  await expect(
    language.findMoments({ spoken, generation: { ...generation, model: 'builtin' } }, { calls }),
  ).rejects.toThrow('this order asks for the built-in language provider');
  expect(world.server.answered).toBe(0);
});
