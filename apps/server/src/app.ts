/** The server as a value: every part, in order, on one Fastify instance that listens to nothing yet. */
import type { FastifyInstance } from 'fastify';
import fastify from 'fastify';
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod';
import { access } from './access/index.ts';
import { docs } from './api/docs.ts';
import { api } from './api/index.ts';
import { board } from './board/index.ts';
import { onClientError, onUnreadableAddress } from './client-error.ts';
import { closesWithin } from './closing.ts';
import type { ServerContext, ServerPart } from './context.ts';
import { events } from './events/index.ts';
import { health } from './health.ts';
import { arrivesWithin } from './late-body.ts';
import { metrics } from './metrics/index.ts';
import { page } from './page/index.ts';
import { pathOf, problems } from './problem.ts';
import { readsInput } from './reading.ts';

/** In this order: whoever may not enter is stopped before any other part sees the request. */
const parts: readonly ServerPart[] = [problems, access, docs, health, metrics, api, events, board, page];

/** How patient the server is with its clients, in milliseconds. */
export interface Patience {
  /** For the headers of a request, from the start of the connection. */
  readonly headersMs: number;
  /** For a whole request with its body, of a megabyte at most; files that are sent have limits of their own. */
  readonly requestMs: number;
  /** For answers under way when it stops. */
  readonly closeMs: number;
}
const PATIENCE: Patience = { headersMs: 10_000, requestMs: 30_000, closeMs: 500 };

export async function buildApp(context: ServerContext, patience: Partial<Patience> = {}): Promise<FastifyInstance> {
  const { headersMs, requestMs, closeMs } = { ...PATIENCE, ...patience };
  const app = fastify({
    bodyLimit: 1_000_000,
    // Of all requests alike; late-body.ts tells them apart.
    requestTimeout: 0,
    // Node looks for late requests only every 30 s by itself.
    http: {
      headersTimeout: headersMs,
      connectionsCheckingInterval: Math.min(1_000, headersMs),
      // The door says it, as a problem.
      requireHostHeader: false,
    },
    // The address of a client is what a proxy on this machine says; another machine may say what it likes.
    trustProxy: 'loopback',
    // closing.ts says it as a problem.
    return503OnClosing: false,
    // Keys of files are parts of addresses.
    routerOptions: { maxParamLength: 1_100 },
    frameworkErrors: onUnreadableAddress,
    clientErrorHandler: onClientError,
  });
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(encodedOnce);
  // JSON is the only form of body, but where files are taken: what a form of another site can send without asking is not.
  app.removeContentTypeParser('text/plain');
  arrivesWithin(app, requestMs);
  readsInput(app);
  closesWithin(app, closeMs);
  app.addHook('onResponse', async (request, reply) => {
    const { method, ip: address } = request;
    const fields = { method, path: pathOf(request), status: reply.statusCode, address };
    context.log.debug({ ...fields, durationMs: Math.round(reply.elapsedTime) }, 'request');
  });
  for (const part of parts) await part(app, context);
  return app;
}

/** An answer that many share (api/coalesce.ts) is checked against its schema and encoded once. */
const encodedOnce: typeof serializerCompiler = (route) => {
  const encode = serializerCompiler(route);
  const known = new WeakMap<object, string>();
  return (answer: unknown) => {
    if (typeof answer !== 'object' || answer === null) return encode(answer);
    const text = known.get(answer) ?? encode(answer);
    known.set(answer, text);
    return text;
  };
};
