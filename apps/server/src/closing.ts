/**
 * The end of a server in use: new requests are told to come back, answers under way may finish, and what is still open
 * at the end of the grace is cut. Streams without an end (events) have to end themselves in a `preClose` hook.
 */
import type { FastifyInstance } from 'fastify';
import { Problem } from './problem.ts';

const LOOK_EVERY_MS = 50;

export function closesWithin(app: FastifyInstance, graceMs: number): void {
  let closing = false;
  let watch: NodeJS.Timeout | undefined;
  app.addHook('onRequest', async () => {
    if (closing) throw new Problem(503, 'this server is stopping: ask again', { headers: { 'retry-after': '2' } });
  });
  app.addHook('onSend', async (_request, reply) => {
    if (closing) reply.header('connection', 'close');
  });
  app.addHook('preClose', async () => {
    closing = true;
    const end = performance.now() + graceMs;
    // A connection whose answer has just ended is idle, and would otherwise be kept for its next request.
    watch = setInterval(() => {
      if (performance.now() < end) app.server.closeIdleConnections();
      else app.server.closeAllConnections();
    }, LOOK_EVERY_MS);
  });
  app.addHook('onClose', async () => clearInterval(watch));
}
