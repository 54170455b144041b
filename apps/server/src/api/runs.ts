/** Runs over HTTP: ordered one by one or in bulk, listed, shown, retried, cancelled. The rules of an order are the catalog's. */
import { isCursor, type Order, orderFields } from '@reelfleet/catalog';
import { runStatuses } from '@reelfleet/core';
import { z } from 'zod';
import { coalesced } from './coalesce.ts';
import { keyHeader, keyOf } from './idempotency.ts';
import { idOf, limit, type Noun, name, refusals } from './route.ts';
import { next, ordered, run, runDetails } from './schemas.ts';

const MOST_RUNS = 1_000;
const tags = ['runs'];

const order = z
  .discriminatedUnion(
    'template',
    [
      z.strictObject({ template: z.literal('album'), ...orderFields.album }),
      z.strictObject({ template: z.literal('single'), ...orderFields.stage }),
      z.strictObject({ template: z.literal('ingest'), ...orderFields.ingest }),
      z.strictObject({ template: z.literal('moments'), ...orderFields.moments }),
      z.strictObject({ template: z.literal('clips'), ...orderFields.clips }),
      z.strictObject({ template: z.literal('full'), ...orderFields.full }),
    ],
    { error: 'takes a JSON object with the "template" album, ingest, full, moments, clips or single' },
  )
  .meta({
    examples: [
      {
        template: 'album',
        channel: 'Royal Court',
        niche: 'Medieval castle ambience',
        moods: ['calm', 'elegant'],
        minutes: 60,
      },
      {
        template: 'album',
        channel: 'Royal Court',
        moods: ['calm'],
        preview: true,
        tracks: 4,
        seconds: 20,
        key: 'friday',
      },
    ],
  });

/** `template` is the word of the database and of the API; the operator's orders say which kind they are. */
function orderOf(given: z.infer<typeof order>): Order {
  if (given.template !== 'single') {
    const { template: kind, ...rest } = given;
    return { kind, ...rest } as Order;
  }
  const { template: _template, ...rest } = given;
  return { kind: 'stage', ...rest };
}

const params = z.strictObject({ run: name.describe('Id or identifier of a run') });
const query = z.strictObject({
  status: z.enum(runStatuses).optional(),
  template: name.optional(),
  channel: name.optional().describe('Id or name of a channel'),
  limit,
  cursor: z.string().max(500).refine(isCursor('runs'), 'is none that this list gave').optional(),
});
export const runs: Noun = (api, { operator }) => {
  const read = coalesced();

  api.get(
    '/api/runs',
    {
      schema: {
        tags,
        operationId: 'listRuns',
        summary: 'Runs, newest first',
        querystring: query,
        response: { 200: z.object({ runs: z.array(run), next }), ...refusals(400, 404) },
      },
    },
    ({ query }) => read(JSON.stringify(query), () => operator.runsPage(query)),
  );

  api.post(
    '/api/runs',
    {
      schema: {
        tags,
        operationId: 'enqueueRun',
        summary: 'Enqueue a run',
        description:
          'The same key again answers 200 with the first run, and so does a source (`url`) that is a video already. An input may name only files of our own store.',
        headers: z.looseObject({ 'idempotency-key': keyHeader }),
        body: order,
        response: {
          200: ordered.describe('This key, or this source, was ordered before'),
          201: ordered,
          ...refusals(400, 404, 409, 413, 422),
        },
      },
    },
    async ({ body, headers }, reply) => {
      const [one] = await operator.enqueue([{ ...orderOf(body), ...keyOf(headers['idempotency-key'], body.key) }], {
        localFiles: false,
      });
      if (!one) throw new Error('an order was not answered');
      if (one.runId !== null) reply.header('location', `/api/runs/${one.runId}`);
      return reply.code(one.created ? 201 : 200).send(one);
    },
  );

  api.post(
    '/api/runs/batch',
    {
      schema: {
        tags,
        operationId: 'enqueueRuns',
        summary: 'Enqueue many runs',
        description: 'Nothing is enqueued when any order is wrong. Each order may have a key of its own.',
        headers: z.looseObject({
          'idempotency-key': z.undefined('cannot stand for many runs: give each order a "key" of its own').optional(),
        }),
        body: z.strictObject({ runs: z.array(order).min(1).max(MOST_RUNS) }),
        response: {
          200: z.object({ runs: z.array(ordered) }).describe('All of them were ordered before'),
          201: z.object({ runs: z.array(ordered) }),
          ...refusals(400, 404, 409, 413, 422),
        },
      },
    },
    async ({ body }, reply) => {
      const runs = await operator.enqueue(body.runs.map(orderOf), { localFiles: false });
      return reply.code(runs.some(({ created }) => created) ? 201 : 200).send({ runs });
    },
  );

  api.get(
    '/api/runs/:run',
    {
      schema: {
        tags,
        operationId: 'showRun',
        summary: 'A run with its tasks and artifacts',
        params,
        response: { 200: runDetails, ...refusals(400, 404) },
      },
    },
    ({ params }) =>
      read(`/${params.run}`, async () => {
        const details = await operator.run(params.run);
        // A name that is not the run's own may be a task's, which stands for its run on the command line only.
        const { id, identifier } = details.run;
        if (![id, identifier].includes(params.run)) await idOf(operator, 'run', params.run);
        return details;
      }),
  );

  api.post(
    '/api/runs/:run/retry',
    {
      schema: {
        tags,
        operationId: 'retryRun',
        summary: 'Try again what failed, was cancelled or skipped',
        description: 'What completed is never done again.',
        params,
        response: { 200: z.object({ retried: z.number().int() }), ...refusals(400, 404, 409) },
      },
    },
    async ({ params }) => operator.retry(await idOf(operator, 'run', params.run)),
  );

  api.post(
    '/api/runs/:run/cancel',
    {
      schema: {
        tags,
        operationId: 'cancelRun',
        summary: 'Cancel what is not running, ask the rest to stop',
        params,
        response: {
          200: z.object({ cancelled: z.number().int(), asked: z.number().int() }),
          ...refusals(400, 404, 409),
        },
      },
    },
    async ({ params }) => operator.cancel(await idOf(operator, 'run', params.run)),
  );
};
