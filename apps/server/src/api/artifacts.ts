/** Artifacts over HTTP: their facts, their bytes, and a link for readers that should not go through this server. */
import type { ArtifactDetails } from '@reelfleet/catalog';
import type { FastifyContextConfig, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { ServerContext } from '../context.ts';
import { type Api, type Noun, name, refusals, refused } from './route.ts';
import { artifactDetails } from './schemas.ts';
import { FOREVER, sendObject } from './send-object.ts';

const tags = ['artifacts'];
const params = z.strictObject({ artifact: name.describe('Id of an artifact') });
const LINK_MS = 15 * 60_000;

export const artifacts: Noun = (api, context) => {
  const { operator, storage } = context;

  api.get(
    '/api/artifacts/:artifact',
    {
      schema: {
        tags,
        operationId: 'showArtifact',
        summary: 'The facts of a stored file',
        params,
        response: { 200: artifactDetails, ...refusals(400, 404) },
      },
    },
    ({ params }) => operator.artifacts.show(params.artifact),
  );

  bytesOf(api, context, '/api/artifacts/:artifact/content', {
    tags,
    operationId: 'artifactContent',
    summary: 'The bytes of a stored file',
    params,
    cacheControl: FOREVER,
    find: ({ artifact }) => operator.artifacts.show(artifact),
  });

  api.get(
    '/api/artifacts/:artifact/link',
    {
      schema: {
        tags,
        operationId: 'artifactLink',
        summary: 'An address to read a stored file from',
        description: 'A signed one that expires where the store has such; otherwise the content on this server.',
        params,
        response: {
          200: z.object({ url: z.string(), expiresAt: z.iso.datetime().nullable() }),
          ...refusals(400, 404),
        },
      },
    },
    async ({ params }) => {
      const { id, uri, contentType, fileName } = await operator.artifacts.show(params.artifact);
      const expiresAt = new Date(Date.now() + LINK_MS).toISOString();
      const url = await storage.link(uri, { expiresInMs: LINK_MS, contentType, fileName });
      return url === null ? { url: `/api/artifacts/${id}/content`, expiresAt: null } : { url, expiresAt };
    },
  );
};

interface BytesRoute<P extends z.ZodType> {
  tags: string[];
  operationId: string;
  summary: string;
  params: P;
  cacheControl: string;
  config?: FastifyContextConfig;
  find(params: z.output<P>): Promise<ArtifactDetails>;
  /** Looks at who asks for what, before anything is sent: further headers, or a Problem. */
  admit?(request: FastifyRequest, artifact: ArtifactDetails): Readonly<Record<string, string>>;
}

/** A route that answers with stored bytes: GET with ranges, and HEAD, which opens no file. */
export function bytesOf<P extends z.ZodType>(
  api: Api,
  context: ServerContext,
  url: string,
  { tags, operationId, summary, params, cacheControl, config = {}, find, admit }: BytesRoute<P>,
): void {
  const querystring = z.strictObject({
    download: z.enum(['0', '1']).optional().describe('1: as an attachment, to be saved'),
  });
  const headers = z.looseObject({
    range: z.string().optional().describe('One range of bytes; of several, all is sent'),
  });
  const content = { content: { '*/*': { schema: z.any().describe('Bytes') } } };
  const schema = {
    tags,
    operationId,
    summary,
    params,
    querystring,
    headers,
    response: {
      200: { description: 'All of it', ...content },
      206: { description: 'The range that was asked for', ...content },
      304: z.undefined().describe('It is what If-None-Match names'),
      ...refusals(400, 404, 412, 416),
      503: refused('The store cannot be reached'),
    },
  };
  for (const method of ['GET', 'HEAD'] as const) {
    api.route({
      method,
      url,
      exposeHeadRoute: false,
      config,
      schema: { ...schema, ...(method === 'HEAD' ? { hide: true } : {}) },
      handler: async (request, reply) => {
        const artifact = await find(request.params as z.output<P>);
        const { download } = request.query as z.infer<typeof querystring>;
        const headers = admit?.(request, artifact) ?? {};
        const how = { cacheControl, download: download === '1', headers };
        return sendObject(context, request, reply as never, artifact, how);
      },
    });
  }
}
