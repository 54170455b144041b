/** Workers over HTTP: who is there, and who may claim. */
import { z } from 'zod';
import { coalesced } from './coalesce.ts';
import { type Noun, name, refusals } from './route.ts';
import { worker } from './schemas.ts';

const tags = ['workers'];
const controls = [
  ['enable', 'Let a worker claim again'],
  ['disable', 'No new claims; what runs goes on'],
  ['drain', 'Finish what runs, then exit'],
] as const;

export const workers: Noun = (api, { operator }) => {
  const read = coalesced();

  api.get(
    '/api/workers',
    {
      schema: {
        tags,
        operationId: 'listWorkers',
        summary: 'Workers and what they work on',
        response: { 200: z.object({ workers: z.array(worker) }) },
      },
    },
    () => read('', async () => ({ workers: await operator.workers() })),
  );

  for (const [action, summary] of controls) {
    api.post(
      `/api/workers/:name/${action}`,
      {
        schema: {
          tags,
          operationId: `${action}Worker`,
          summary,
          params: z.strictObject({ name: name.describe('Name of a worker; several may share it') }),
          response: {
            200: z.object({ changed: z.number().int().describe('How many workers of that name it changed') }),
            ...refusals(400, 404),
          },
        },
      },
      async ({ params }) => ({ changed: await operator.workerControl(params.name, action) }),
    );
  }
};
