/** The operator's page at `/` and its files under `/assets/`: a fixed list in memory, so no address reaches a folder. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { contentSecurity } from '../access/content-security.ts';
import type { ServerPart } from '../context.ts';
import { type Asset, readPageAssets } from './assets.ts';

const FOR_EVER = 'private, max-age=31536000, immutable';
/** Kept, but never used without asking. */
const ASK = 'no-cache';

export const page: ServerPart = async (app) => {
  const { html, htmlOfSession, files, version, importMapSource } = await readPageAssets();

  await app.register(async (scope) => {
    // A stream reaches its video element through an address of the page itself (blob:), made by hls.js.
    contentSecurity(scope, { 'script-src': [importMapSource], 'media-src': ['blob:'] });
    scope.get('/', { schema: { hide: true } }, (request, reply) =>
      send(request, reply, request.admittedBy === 'session' ? htmlOfSession : html, ASK),
    );
  });

  app.get<{ Params: { version: string; '*': string } }>(
    '/assets/:version/*',
    { schema: { hide: true } },
    (request, reply) => {
      const asset = files.get(request.params['*']);
      if (!asset) return reply.callNotFound();
      // A page of another version, from a server that is just being replaced, gets what there is and does not keep it.
      return send(request, reply, asset, request.params.version === version ? FOR_EVER : ASK);
    },
  );
};

function send(request: FastifyRequest, reply: FastifyReply, asset: Asset, caching: string): FastifyReply {
  reply.header('cache-control', caching).header('etag', asset.etag);
  const known = request.headers['if-none-match']
    ?.split(',')
    .some((etag) => etag.trim().replace(/^W\//, '') === asset.etag);
  return known ? reply.code(304).send() : reply.type(asset.type).send(asset.body);
}
