/** Orders about a video that is here, over HTTP: its moments, clips of them, or everything. The rules are the catalog's. */
import { type Order, orderFields } from '@reelfleet/catalog';
import { z } from 'zod';
import { keyHeader, keyOf } from './idempotency.ts';
import { type Noun, name, refusals } from './route.ts';
import { ordered } from './schemas.ts';

const params = z.strictObject({ video: name.describe('Id or identifier of a video') });

const { video: _m, ...moments } = orderFields.moments;
const { video: _c, ...clips } = orderFields.clips;
// Of a video that is here: what it is called and filed under is there already.
const {
  video: _f,
  url: _url,
  fileName: _fileName,
  title: _title,
  identifier: _identifier,
  category: _category,
  tags: _tags,
  ...full
} = orderFields.full;

const orders = [
  {
    kind: 'moments',
    fields: moments,
    operationId: 'enqueueMoments',
    summary: 'Find the moments of a video',
    description: 'It must have a transcript: 409 says how to get one. They are scored, and a clip is cut of each.',
    example: { prompt: 'Where somebody explains how it works', maxMoments: 5 },
  },
  {
    kind: 'clips',
    fields: clips,
    operationId: 'enqueueClips',
    summary: 'Cut clips of the moments of a video',
    description:
      'All that have none by default. What has its clip already is answered with it; when nothing is left to cut, `runId` is null (200), unless `replace` says to cut anew.',
    example: { moments: ['0658152d253996fe'], paddingLeft: 2 },
  },
  {
    kind: 'full',
    fields: full,
    operationId: 'enqueueFull',
    summary: 'Everything of a video: its stream, its transcript, its moments and clips',
    description: 'A transcript that there is is taken as it is. For a source that is not here yet: POST /api/runs.',
    example: { refine: 'From the question to the answer' },
  },
] as const;

export const saidOrders: Noun = (api, { operator }) => {
  for (const { kind, fields, operationId, summary, description, example } of orders) {
    api.post(
      `/api/videos/:video/${kind}`,
      {
        schema: {
          tags: ['moments'],
          operationId,
          summary,
          description,
          params,
          headers: z.looseObject({ 'idempotency-key': keyHeader }),
          body: z
            .strictObject(fields)
            .nullish()
            .meta({ examples: [example] }),
          response: {
            200: ordered.describe('This key ordered it before, or there was nothing to do'),
            201: ordered,
            ...refusals(400, 404, 409, 422),
          },
        },
      },
      async ({ params, body, headers }, reply) => {
        const { key, ...rest } = (body ?? {}) as { key?: string };
        const order = { kind, ...rest, video: params.video, ...keyOf(headers['idempotency-key'], key) } as Order;
        const [made] = await operator.enqueue([order], { localFiles: false });
        if (!made) throw new Error('an order was not answered');
        if (made.runId !== null) reply.header('location', `/api/runs/${made.runId}`);
        return reply.code(made.created ? 201 : 200).send(made);
      },
    );
  }
};
