/**
 * A request has a time to arrive in, with its body; whoever takes longer is told so and hung up on. Node has such a limit
 * for all requests alike, but a film of an hour may take one: a route that takes files says so once it has begun to take
 * one, and looks after its sender itself.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { onClientError } from './client-error.ts';

const timers = new WeakMap<FastifyRequest, NodeJS.Timeout>();

export function arrivesWithin(app: FastifyInstance, requestMs: number): void {
  app.addHook('onRequest', async (request) => {
    const { raw } = request;
    const { 'content-length': length = '0', 'transfer-encoding': encoding } = raw.headers;
    if (length === '0' && encoding === undefined) return;
    const late = () => {
      if (raw.complete) return;
      const error = Object.assign(new Error('late'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' });
      onClientError(error as never, raw.socket);
    };
    const timer = setTimeout(late, requestMs).unref();
    timers.set(request, timer);
    raw.once('close', () => clearTimeout(timer));
  });
}

/** The body of this request may take as long as it takes: whoever reads it notices when nothing comes any more. */
export function takesItsTime(request: FastifyRequest): void {
  clearTimeout(timers.get(request));
}
