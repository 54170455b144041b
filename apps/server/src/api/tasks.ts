/** Tasks over HTTP: a task with its audit trail, the lines it left, what it waits for, and the dead letters. */
import { isCursor } from '@reelfleet/catalog';
import { z } from 'zod';
import { coalesced } from './coalesce.ts';
import { idOf, limit, type Noun, name, refusals } from './route.ts';
import { audit, deadLetter, next, run, task } from './schemas.ts';

const tags = ['tasks'];
const params = z.strictObject({ task: name.describe('Id of a task') });

export const tasks: Noun = (api, { operator }) => {
  const read = coalesced();

  api.get(
    '/api/tasks',
    {
      schema: {
        tags,
        operationId: 'listDeadLetters',
        summary: 'Failed tasks',
        description: 'By stage, the newest of each first. Other tasks are listed with their run.',
        querystring: z.strictObject({
          status: z.literal('failed', 'lists the dead letters only: send status=failed'),
          stage: name.optional(),
          limit,
          cursor: z.string().max(500).refine(isCursor('tasks'), 'is none that this list gave').optional(),
        }),
        response: { 200: z.object({ tasks: z.array(deadLetter), next }), ...refusals(400, 404) },
      },
    },
    ({ query }) => read(JSON.stringify(query), () => operator.deadLetters(query)),
  );

  api.get(
    '/api/tasks/:task',
    {
      schema: {
        tags,
        operationId: 'showTask',
        summary: 'A task with its audit trail and its run',
        params,
        response: { 200: z.object({ task, audit: z.array(audit), run }), ...refusals(400, 404) },
      },
    },
    async ({ params }) => operator.task(await idOf(operator, 'task', params.task)),
  );

  api.get(
    '/api/tasks/:task/logs',
    {
      schema: {
        tags,
        operationId: 'taskLogs',
        summary: 'The last lines that the programs of its newest failed attempt wrote',
        params,
        response: { 200: z.object({ lines: z.array(z.string()) }), ...refusals(400, 404) },
      },
    },
    async ({ params }) => {
      const { errorTail } = await operator.task(await idOf(operator, 'task', params.task));
      return { lines: errorTail?.split('\n') ?? [] };
    },
  );

  api.get(
    '/api/tasks/:task/why',
    {
      schema: {
        tags,
        operationId: 'taskWhy',
        summary: 'What it waits for, as sentences; the first is the answer',
        params,
        response: { 200: z.object({ reasons: z.array(z.string()) }), ...refusals(400, 404) },
      },
    },
    async ({ params }) => ({ reasons: await operator.why(await idOf(operator, 'task', params.task)) }),
  );

  api.post(
    '/api/tasks/:task/retry',
    {
      schema: {
        tags,
        operationId: 'retryTask',
        summary: 'Try a failed, cancelled or skipped task again',
        params,
        response: { 200: z.object({ retried: z.number().int() }), ...refusals(400, 404, 409) },
      },
    },
    async ({ params }) => operator.retry(await idOf(operator, 'task', params.task)),
  );

  api.post(
    '/api/tasks/:task/cancel',
    {
      schema: {
        tags,
        operationId: 'cancelTask',
        summary: 'Cancel a task, or ask its worker to stop',
        params,
        response: {
          200: z.object({ cancelled: z.number().int(), asked: z.number().int() }),
          ...refusals(400, 404, 409),
        },
      },
    },
    async ({ params }) => operator.cancel(await idOf(operator, 'task', params.task)),
  );
};
