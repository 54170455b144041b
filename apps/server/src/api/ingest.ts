/**
 * Bringing in a video over HTTP: the file itself as the body, which flows into the store as it comes, or JSON with the
 * address of one. What the order says besides stands in the query, or in the JSON.
 */
import type { IncomingMessage } from 'node:http';
import { type Ingested, type Operator, orderFields } from '@reelfleet/catalog';
import { UserError } from '@reelfleet/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { ServerContext } from '../context.ts';
import { takesItsTime } from '../late-body.ts';
import { Problem } from '../problem.ts';
import { keyHeader, keyOf } from './idempotency.ts';
import { checkAnnounced, incoming } from './incoming.ts';
import { type Api, type Noun, refusals, refused } from './route.ts';
import { ingested, video } from './schemas.ts';

const MEDIA = /^(video|audio)\/[a-z0-9][a-z0-9.+-]{0,60}$/;
const BODY = 'takes the file itself ("content-type: application/octet-stream", or video/…), or JSON with its "url"';

const {
  url: _url,
  tags: _tags,
  qualities: _qualities,
  transcribe: _,
  priority: _priority,
  ...words
} = orderFields.ingest;
const list = z.string().transform((text) => text.split(',').map((part) => part.trim()));
/** As an address can say it: lists with commas, numbers in digits. */
const query = z.strictObject({
  ...words,
  tags: list.optional().describe('Tags, separated by commas; those that are new are made'),
  qualities: z
    .string()
    .regex(/^\d{1,5}p?(,\d{1,5}p?)*$/i, 'takes heights separated by commas, as in 1080,720')
    .transform((text) => text.split(',').map((part) => Number.parseInt(part, 10)))
    .optional()
    .describe('Heights of its stream, separated by commas'),
  transcribe: z
    .enum(['true', 'false'], 'takes true or false')
    .transform((text) => text === 'true')
    .optional()
    .describe('false: what is said in it is not written down'),
  priority: z
    .string()
    .regex(/^-?\d{1,5}$/, 'takes a whole number from -32768 to 32767')
    .transform(Number)
    .optional()
    .describe('Higher goes first'),
});
type Query = z.infer<typeof query>;

const order = z
  .strictObject({ ...orderFields.ingest, url: z.string().describe('http(s) address to download it from') })
  .meta({ examples: [{ url: 'https://example.org/talk.mp4', title: 'A talk', tags: ['talks'] }] });
const file = z.any().meta({ type: 'string', format: 'binary', description: 'The bytes of the file' });

const answer = z.object({
  ...ingested.shape,
  video: video.nullable().describe('The video; null where the key was that of a run whose video is not there any more'),
});

export const ingest: Noun = async (api, context) => {
  // For this address only: everywhere else a body is JSON.
  await api.register(async (scope) => {
    for (const type of ['application/octet-stream', MEDIA])
      scope.addContentTypeParser(type, (_request, payload, done) => done(null, payload));
    route(scope as unknown as Api, context);
  });
};

function route(api: Api, context: ServerContext): void {
  const { operator } = context;
  api.post(
    '/api/videos',
    {
      schema: {
        tags: ['videos'],
        operationId: 'ingestVideo',
        summary: 'Bring in a video: a file, or the address of one',
        description:
          'The file is the body; it is stored as it comes and accepted when it is whole. The same bytes, the same address or the same key again answer 200 with the video there is; a source whose video was deleted, 409.',
        headers: z.looseObject({ 'idempotency-key': keyHeader }),
        querystring: query,
        // Each kind of body by itself; the provider's types know of one kind only.
        body: {
          content: {
            'application/octet-stream': { schema: file },
            'video/*': { schema: file },
            'application/json': { schema: order },
          },
        } as unknown as z.ZodUnknown,
        response: {
          200: answer.describe('It was there already'),
          201: answer,
          ...refusals(400, 404, 409, 413, 422),
          408: refused('The file stopped arriving'),
        },
      },
    },
    async (request, reply) => {
      const { body } = request;
      const made = isFile(body, request)
        ? await takeFile(context, request, reply, request.query)
        : await takeAddress(operator, request.query, body, request.headers['idempotency-key']);
      if (made.runId !== null) reply.header('location', `/api/runs/${made.runId}`);
      const { runId, created } = made;
      return reply.code(created ? 201 : 200).send({ runId, created, video: await videoOf(operator, made) });
    },
  );
}

/** A body that was not parsed is the request itself, still to be read. */
function isFile(body: unknown, { raw }: FastifyRequest): boolean {
  if (body === raw) return true;
  if (body === undefined || body === null) throw new Problem(400, `body: ${BODY}`);
  return false;
}

async function takeAddress(
  operator: Operator,
  given: Query,
  body: unknown,
  key: string | undefined,
): Promise<Ingested> {
  const strange = Object.keys(given)[0];
  if (strange !== undefined)
    throw new Problem(400, `query.${strange}: goes with a file; beside an address it belongs into the JSON`);
  const asked = body as z.infer<typeof order>;
  const [made] = await operator.enqueue([{ kind: 'ingest', ...asked, ...keyOf(key, asked.key) }]);
  if (!made) throw new Error('an order was not answered');
  return made;
}

async function takeFile(
  { operator, imports }: ServerContext,
  request: FastifyRequest,
  reply: FastifyReply,
  { fileName, ...given }: Query,
): Promise<Ingested> {
  const raw: IncomingMessage = request.raw;
  // Whatever goes wrong, the rest of the body is not waited for.
  reply.header('connection', 'close');
  checkAnnounced(raw, imports);
  if (fileName === undefined)
    throw new Problem(400, 'query.fileName: is missing: name the file, as in ?fileName=talk.mp4');
  const type = (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  const key = keyOf(request.headers['idempotency-key'] as string | undefined, given.key);
  takesItsTime(request);
  const made = await operator.upload(
    {
      open: () => incoming(raw, imports),
      fileName,
      contentType: MEDIA.test(type) ? type : 'application/octet-stream',
    },
    { ...given, ...key },
  );
  reply.removeHeader('connection');
  return made;
}

async function videoOf(operator: Operator, { video }: Ingested) {
  if (video === null) return null;
  try {
    return (await operator.videos.show(video)).video;
  } catch (error) {
    if (error instanceof UserError && error.kind === 'missing') return null;
    throw error;
  }
}
