/** What the routes of the API have in common: their type, the names in their paths, and how refusals are documented. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Operator } from '@reelfleet/catalog';
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { ServerContext } from '../context.ts';
import { Problem } from '../problem.ts';
import { problem } from './schemas.ts';

/** The server where schemas are zod's: what a handler is given and may answer follows from them. */
export type Api = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>;

/** One noun of the API: adds its routes. */
export type Noun = (api: Api, context: ServerContext) => void | Promise<void>;

/** A name in a path or a query: an id, an identifier, a word. */
export const name = z
  .string()
  .min(1, 'takes a name')
  .max(300, 'is longer than any name: at most 300 characters')
  .regex(/^[^\p{Cc}\p{Cs}]*$/u, 'holds a control character, which no name does');

const LIMITS = 'takes a whole number from 1 to 200';
/** In digits only: what JavaScript takes for a number besides (0x10, 1e2, nothing at all) is more often a slip. */
export const limit = z
  .preprocess(
    (given) => (typeof given === 'string' && /^\d{1,4}$/.test(given) ? Number(given) : given),
    z.number(LIMITS).int(LIMITS).min(1, LIMITS).max(200, LIMITS),
  )
  .optional()
  .describe('How many at most: 1 to 200, 50 by default');

const words: Record<number, string> = {
  400: 'The request is malformed; `errors` says where',
  404: 'What was named is not there',
  409: 'What was named is in no state that allows this',
  412: 'It is not the version that If-Match names',
  413: 'The body is too large',
  416: 'It has no such bytes; Content-Range says how many there are',
  422: 'What was asked for cannot be; the sentence says why',
};
export const refused = (description: string) => ({
  description,
  content: { 'application/problem+json': { schema: problem } },
});

/** The refusals a route has beside those that every route has. */
export function refusals<S extends number>(...statuses: S[]): Record<S, ReturnType<typeof refused>> {
  const documented = statuses.map((status) => [status, refused(words[status] ?? 'Refused')]);
  return Object.fromEntries(documented) as Record<S, ReturnType<typeof refused>>;
}

/**
 * The id of the run or task that a path names. The command line lets a task stand for its run and the other way round;
 * an address means one thing only.
 */
export async function idOf(operator: Operator, kind: 'run' | 'task', ref: string): Promise<string> {
  const found = await operator.find(ref);
  if (found.kind === kind) return found.id;
  throw new Problem(404, `"${ref}" is a ${found.kind}, not a ${kind}: ask for it at /api/${found.kind}s/${found.id}`);
}
