/**
 * How what was sent is read, before any schema sees it: an empty body is none, and a parameter that stands twice in the
 * query is told so, where a schema could only say that it met a list.
 */
import type { FastifyInstance } from 'fastify';
import { Problem } from './problem.ts';

export function readsInput(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    // Programs name the type of the body they might have sent. Where one is needed its schema says so.
    if (body.length === 0) done(null, undefined);
    else parse(request, body as string, done);
  });
  app.addHook('preValidation', async (request) => {
    // Of a route without a schema nobody knows whether it takes a list.
    if (request.routeOptions.schema?.querystring === undefined) return;
    const errors = Object.entries(request.query as Record<string, unknown>).flatMap(([name, given]) =>
      Array.isArray(given)
        ? [{ path: `query.${name}`, message: `was given ${times(given.length)}: send it once` }]
        : [],
    );
    const [first] = errors;
    if (first !== undefined) throw new Problem(400, `${first.path}: ${first.message}`, { errors });
  });
}

const times = (count: number): string => (count === 2 ? 'twice' : `${count} times`);
