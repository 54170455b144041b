/** The headers that every answer carries, so that a browser does no more with it than it must. */
import helmet from '@fastify/helmet';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { markRoot, policy, strictSources } from './content-security.ts';

const HALF_A_YEAR = 182 * 24 * 3600;

export async function headers(app: FastifyInstance): Promise<void> {
  markRoot(app);
  await app.register(helmet, {
    contentSecurityPolicy: policy(strictSources),
    // Nothing to other sites. Not `no-referrer`: with that a browser also hides the origin of our own forms from us.
    referrerPolicy: { policy: 'same-origin' },
    frameguard: { action: 'deny' },
    // Below: only where it is true.
    strictTransportSecurity: false,
  });
  app.addHook('onRequest', async (request, reply) => {
    if (isHttps(request)) reply.header('strict-transport-security', `max-age=${HALF_A_YEAR}`);
  });
  app.addHook('onSend', async (_request, reply) => {
    // What the fleet does is nobody's cache's business, unless a route knows better.
    if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'no-store');
  });
}

/**
 * Whether the browser speaks https with whoever is in front of us. Anybody may claim it: all that follows is that their
 * own browser keeps their own cookie to https.
 */
export function isHttps(request: FastifyRequest): boolean {
  const claimed = [request.headers['x-forwarded-proto']].flat()[0]?.split(',')[0]?.trim().toLowerCase();
  return claimed === 'https' || 'encrypted' in request.raw.socket;
}
