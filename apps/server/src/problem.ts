/**
 * How the server says no: one JSON document (RFC 9457) for whatever is not well, with one sentence in `detail` that says
 * what is wrong and what to do. Bad input is told precisely, what is away for a moment asks to come back later, and a bug
 * answers with a sentence that tells nothing: its stack is in the log.
 */
import { STATUS_CODES } from 'node:http';
import { UserError, type UserErrorKind } from '@reelfleet/core';
import { causeOf, inWords } from '@reelfleet/db';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import type { ServerPart } from './context.ts';
import { methodsAt, writeDownRoutes } from './methods.ts';

/** One place of a request that is wrong: `body.limit`, `query.status`, … */
export interface FieldError {
  path: string;
  message: string;
}

/** Throw it from a route to answer with exactly this. */
export class Problem extends Error {
  override name = 'Problem';
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly errors: readonly FieldError[] | undefined;
  /** Whoever threw it has told the log; true for what would be told too often. */
  readonly told: boolean;
  constructor(
    status: number,
    detail: string,
    options: { headers?: Record<string, string>; errors?: FieldError[]; cause?: unknown; told?: true } = {},
  ) {
    super(detail, { cause: options.cause });
    this.status = status;
    this.headers = options.headers ?? {};
    this.errors = options.errors;
    this.told = options.told ?? false;
  }
}

export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8';
const RETRY_AFTER_SECONDS = '5';
const BUG = 'something went wrong in the server; its log says what';
const STATUS_OF: Record<UserErrorKind, number> = { invalid: 422, missing: 404, conflict: 409, unavailable: 503 };
/** Where a validated part of a request lies, in the words of people. */
const PLACES: Record<string, string> = { querystring: 'query', params: 'path', headers: 'headers', body: 'body' };

/** Whatever was thrown, as a problem. Pure. A status of 500 is a bug: log it. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const spoken = inWords(causeOf(error));
  if (spoken instanceof UserError) {
    const headers = spoken.kind === 'unavailable' ? { 'retry-after': RETRY_AFTER_SECONDS } : {};
    return new Problem(STATUS_OF[spoken.kind], spoken.message, { headers, cause: error });
  }
  if (hasZodFastifySchemaValidationErrors(error)) {
    const place = PLACES[(error as { validationContext?: string }).validationContext ?? ''] ?? 'request';
    const errors = error.validation.map(({ instancePath, message }) => ({
      path: [place, ...instancePath.split('/').filter((part) => part !== '')].join('.'),
      message: message ?? 'is wrong',
    }));
    const [first] = errors;
    return new Problem(400, `${first?.path}: ${first?.message}`, { errors, cause: error });
  }
  const { statusCode, code, message } = (error ?? {}) as Partial<FastifyError>;
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return new Problem(statusCode, sentenceOf(statusCode, code ?? '', message ?? ''), { cause: error });
  }
  return new Problem(500, BUG, { cause: error });
}

/** What a refusal of the framework means for whoever asked. */
function sentenceOf(status: number, code: string, message: string): string {
  switch (status) {
    case 413:
      return 'the body is too large';
    case 414:
      return 'a part of the address is too long';
    case 415:
      return 'the body must be JSON, with "content-type: application/json"';
    default:
      // The JSON parser's own words quote the body, which is fine to give back to its sender; others may tell of files.
      if (code.startsWith('FST_ERR_') || message.includes('JSON')) return message;
      return (STATUS_CODES[status] ?? 'refused').toLowerCase();
  }
}

/** Answer with a problem. */
export function sendProblem(request: FastifyRequest, reply: FastifyReply, problem: Problem): FastifyReply {
  return reply
    .code(problem.status)
    .headers(problem.headers)
    .header('cache-control', 'no-store')
    .type(PROBLEM_TYPE)
    .serializer((document: object) => JSON.stringify(document))
    .send(documentOf(problem, pathOf(request)));
}

/** The document itself. Pure. */
export function documentOf({ status, message, errors }: Problem, instance?: string) {
  return {
    type: 'about:blank',
    title: STATUS_CODES[status] ?? 'Error',
    status,
    detail: message,
    ...(instance === undefined ? {} : { instance }),
    ...(errors === undefined ? {} : { errors }),
  };
}

/** The path that was asked for, without what may follow it. */
export function pathOf(request: FastifyRequest): string {
  return request.url.replace(/[?#].*$/s, '').slice(0, 500);
}

/** All errors and unknown paths of the server. */
export const problems: ServerPart = async (app, { log }) => {
  writeDownRoutes(app);
  app.setErrorHandler((error, request, reply) => {
    const problem = problemOf(error);
    const what = { method: request.method, path: pathOf(request) };
    if (problem.status === 500) log.error({ ...what, error }, 'request failed');
    else if (problem.status === 503 && !problem.told)
      log.warn({ ...what, reason: problem.message }, 'request not served');
    return sendProblem(request, reply, problem);
  });
  app.setNotFoundHandler((request, reply) => {
    const allowed = methodsAt(pathOf(request), app.declaredRoutes);
    const problem =
      allowed.length > 0 && !allowed.includes(request.method)
        ? new Problem(405, `${request.method} is not for this address; it takes ${allowed.join(', ')}`, {
            headers: { allow: allowed.join(', ') },
          })
        : new Problem(404, 'there is nothing at this address; /docs lists what there is');
    return sendProblem(request, reply, problem);
  });
};
