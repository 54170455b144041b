/** Requests that cost money, on a fleet whose workers lose their leases: what was answered is never asked again. */
import { defineStage, defineTemplate } from '@reelfleet/core';
import { openAi } from '@reelfleet/providers';
import { startOpenAi } from '@reelfleet/providers/testing';
import { until } from '@reelfleet/testkit';
import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { openFleet } from './support/fleet.ts';

const template = defineTemplate({
  name: 'asking',
  params: z.object({}),
  nodes: [{ key: 'ask', stage: 'ask', phase: 'asking', title: () => 'ask', input: () => ({}) }],
});

async function asking(settings: Parameters<typeof openFleet>[0]['settings'] = {}) {
  const server = await startOpenAi({ chat: () => 'forty-two' });
  onTestFinished(() => server.close());
  const client = openAi({ baseUrl: server.baseUrl, apiKey: 'sk-test' });
  const request = { model: 'm', messages: [{ role: 'user' as const, content: 'what is it?' }] };
  const stage = defineStage({
    name: 'ask',
    description: 'ask once',
    input: z.object({}),
    output: z.object({ said: z.string() }),
    policy: { backoffMs: 10, backoffMaxMs: 20, maxAttempts: 5 },
    async run({ calls, signal }) {
      const answer = await calls.once({ provider: 'openai', request }, async (callId) => {
        const response = await client.chat(request, callId);
        return {
          response,
          tokensIn: response.usage?.prompt_tokens ?? 0,
          tokensOut: response.usage?.completion_tokens ?? 0,
        };
      });
      signal.throwIfAborted();
      return { said: answer.choices[0]?.message.content ?? '' };
    },
  });
  const fleet = await openFleet({ stages: [stage], templates: [template], settings });
  onTestFinished(() => fleet.close());
  const said = async (run: string) =>
    (await fleet.db.query<{ output: unknown }>(`select output from tasks where run_id = '${run}'`))[0]?.output;
  const completed = (run: string) =>
    until(async () => ((await fleet.runStatus(run)) === 'completed' ? true : null), { what: 'the run to complete' });
  return { server, fleet, said, completed };
}

test('faults of a provider cost one answer: 429, 500 and a broken answer are asked again under one id', async () => {
  const { server, fleet, said, completed } = await asking();
  server.next({ kind: 'rate-limit', retryAfter: '1' }, { kind: 'error', status: 500 }, { kind: 'malformed' });
  await fleet.start();
  const { runs } = await fleet.enqueue('asking');
  await completed(runs[0] as string);
  expect(await said(runs[0] as string)).toEqual({ said: 'forty-two' });
  expect(new Set(server.requests.map(({ callId }) => callId)).size).toBe(1);
  expect(server.requests).toHaveLength(4);
  const [call] = await fleet.db.query(
    `select c.id, c.status, c.tokens_in > 0 as asked, c.tokens_out from provider_calls c join tasks t on t.id = c.task_id where t.run_id = '${runs[0]}'`,
  );
  expect(call).toEqual({ id: server.requests[0]?.callId, status: 'completed', asked: true, tokens_out: 3 });
  expect(JSON.stringify(await fleet.db.query('select * from provider_calls'))).not.toContain('sk-test');
  expect(fleet.logged.join('')).not.toContain('sk-test');
});

test('an answer that comes when the task has been lost is kept, and the next attempt sends nothing', async () => {
  const { server, fleet, said, completed } = await asking();
  const { promise, resolve: release } = Promise.withResolvers<void>();
  server.next({ kind: 'hold', until: promise });
  await fleet.start();
  const { runs } = await fleet.enqueue('asking');
  const run = runs[0] as string;
  await until(() => server.requests.length === 1 || null, { what: 'the request' });
  // As if this worker had been frozen past its lease, and nobody took its task yet.
  await fleet.operator.pauseStage('ask', 'test', null);
  await until(
    async () => {
      await fleet.db.query(
        `update tasks set claim_expires_at = now() - interval '1 second' where run_id = '${run}' and status = 'running'`,
      );
      return (await fleet.tasks(run))[0]?.status === 'queued' || null;
    },
    { what: 'the lease to expire' },
  );
  await until(() => fleet.logged.some((line) => line.includes('lease lost')) || null, { what: 'the lease to be lost' });
  release();
  await until(
    async () =>
      (await fleet.db.query<{ status: string }>('select status from provider_calls'))[0]?.status === 'completed'
        ? true
        : null,
    { what: 'the answer to be kept' },
  );
  expect((await fleet.tasks(run))[0]?.status).toBe('queued');
  await fleet.operator.resumeStage('ask');
  await completed(run);
  expect(await said(run)).toEqual({ said: 'forty-two' });
  expect([server.requests.length, server.answered]).toEqual([1, 1]);
});

test('a worker that is told to stop keeps the answer it waits for', async () => {
  const { server, fleet, said, completed } = await asking({ graceMs: 6_500 });
  const toldToStop = until(() => fleet.logged.some((line) => line.includes('giving running work back')) || null, {
    what: 'the worker to give its work back',
  });
  server.next({ kind: 'hold', until: toldToStop });
  const worker = await fleet.start();
  const { runs } = await fleet.enqueue('asking');
  await until(() => server.requests.length === 1 || null, { what: 'the request' });
  await worker.stop();
  await fleet.start();
  await completed(runs[0] as string);
  expect(await said(runs[0] as string)).toEqual({ said: 'forty-two' });
  expect(server.answered).toBe(1);
});
