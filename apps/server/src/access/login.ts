/** Logging in and out, by form for people and by JSON for programs. There is nothing to log in to without a password. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '../problem.ts';
import { callerOf, isPassword, type Keys } from './guard.ts';
import { isHttps } from './headers.ts';
import { safeNext, sendLoginPage } from './login-page.ts';
import { SESSION_COOKIE, SESSION_SECONDS } from './session.ts';

/** Far above any password and address, far below anything worth sending. */
const BODY_LIMIT = 10_000;
const cookieOf = (request: FastifyRequest) => ({
  path: '/',
  httpOnly: true,
  sameSite: 'strict' as const,
  secure: isHttps(request),
});

export async function login(app: FastifyInstance, keys: Keys): Promise<void> {
  // The only place where a form may be sent instead of JSON.
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string', bodyLimit: BODY_LIMIT },
    (_request, body, done) => done(null, Object.fromEntries(new URLSearchParams(String(body)))),
  );

  app.get('/login', { config: { open: true } }, async (request, reply) => {
    const { next } = request.query as { next?: unknown };
    if (request.admittedBy === 'session') return reply.redirect(safeNext(String(next ?? '/')), 303);
    return sendLoginPage(reply, { status: 200, next: typeof next === 'string' ? next : '/' });
  });

  app.post('/login', { config: { open: true }, bodyLimit: BODY_LIMIT }, async (request, reply) => {
    const form = isForm(request);
    const { password, next } = (request.body ?? {}) as { password?: unknown; next?: unknown };
    const target = safeNext(typeof next === 'string' ? next : '/');
    if (typeof password !== 'string' || password === '') {
      if (form) return sendLoginPage(reply, { status: 401, next: target, message: 'Type the password.' });
      throw new Problem(400, 'body.password: takes the password as text');
    }
    try {
      if (!(await isPassword(password, callerOf(request), keys))) throw new Problem(401, 'this is not the password');
    } catch (error) {
      if (!form || !(error instanceof Problem)) throw error;
      reply.headers(error.headers);
      return sendLoginPage(reply, {
        status: error.status === 429 ? 429 : 401,
        next: target,
        message: `${error.message.charAt(0).toUpperCase()}${error.message.slice(1)}.`,
      });
    }
    reply.setCookie(SESSION_COOKIE, keys.sessions.issue(Date.now()), {
      ...cookieOf(request),
      maxAge: SESSION_SECONDS,
    });
    return done(reply, form, target);
  });

  app.post('/logout', { bodyLimit: BODY_LIMIT }, async (request, reply) => {
    reply.clearCookie(SESSION_COOKIE, cookieOf(request));
    return done(reply, isForm(request), '/login');
  });
}

const isForm = (request: FastifyRequest): boolean =>
  /^application\/x-www-form-urlencoded\b/i.test(request.headers['content-type'] ?? '');

function done(reply: FastifyReply, form: boolean, target: string): FastifyReply {
  reply.header('cache-control', 'no-store');
  return form ? reply.redirect(target, 303) : reply.code(204).send();
}
