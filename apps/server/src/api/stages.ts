/** Stages over HTTP: their backlog, and whether new claims of them are paused. */
import { z } from 'zod';
import { coalesced } from './coalesce.ts';
import { type Noun, name, refusals } from './route.ts';
import { stage } from './schemas.ts';

const tags = ['stages'];
const params = z.strictObject({ stage: name });

export const stages: Noun = (api, { operator }) => {
  const read = coalesced();

  api.get(
    '/api/stages',
    {
      schema: {
        tags,
        operationId: 'listStages',
        summary: 'Stages with their backlog and pauses',
        response: { 200: z.object({ stages: z.array(stage) }) },
      },
    },
    () => read('', async () => ({ stages: await operator.stages() })),
  );

  api.post(
    '/api/stages/:stage/pause',
    {
      schema: {
        tags,
        operationId: 'pauseStage',
        summary: 'No new claims of a stage; what runs goes on',
        params,
        body: z.strictObject({ reason: z.string().nullish() }).nullish(),
        response: { 200: z.object({ paused: z.literal(true) }), ...refusals(400, 404, 422) },
      },
    },
    async ({ params, body }) => {
      await operator.pause(params.stage, body?.reason ?? null);
      return { paused: true as const };
    },
  );

  api.post(
    '/api/stages/:stage/resume',
    {
      schema: {
        tags,
        operationId: 'resumeStage',
        summary: 'Allow claims of a stage again',
        params,
        response: {
          200: z.object({ resumed: z.boolean().describe('False: it was not paused') }),
          ...refusals(400, 404),
        },
      },
    },
    async ({ params }) => ({ resumed: await operator.resume(params.stage) }),
  );
};
