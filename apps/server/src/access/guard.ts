/**
 * The door: what every request passes before any part of the server sees it, in this order. Is it meant for this server
 * (its target, its Host)? Who is it (session, password)? Does it come from a page of ours? Routes whose `config.open` is
 * set are spared the second question and no other; unknown addresses are not, so that a stranger learns nothing. Routes
 * whose `config.anySite` is set ask the third question themselves, once they know what is asked for.
 */
import { sameSecret } from '@reelfleet/config';
import type { Logger } from '@reelfleet/core';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '../problem.ts';
import { credentialsOf } from './credentials.ts';
import { hostNameOf, isLocalName } from './hosts.ts';
import { sendLoginPage } from './login-page.ts';
import { refusalOf } from './origins.ts';
import { SESSION_COOKIE, type Sessions } from './session.ts';
import type { Caller, Throttle } from './throttle.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Answered without a password. */
    open?: true;
    /** Pages of other sites may ask too: the route itself decides whether to answer them ({@link refuseStrangers}). */
    anySite?: true;
  }
  interface FastifyRequest {
    /** How this request was let in; `nobody-asks` on a server without a password, null on an open route. */
    admittedBy: 'session' | 'basic' | 'bearer' | 'nobody-asks' | null;
  }
}

/** What the door looks up; null on a server without a password. */
export interface Keys {
  readonly password: string;
  readonly sessions: Sessions;
  readonly throttle: Throttle;
  readonly log: Logger;
}

export function guard(app: FastifyInstance, keys: Keys | null): void {
  app.decorateRequest('admittedBy', null);
  app.addHook('onRequest', async (request, reply) => {
    refuseStrayTarget(request);
    refuseUnclearHost(request);
    // With a password a rebound name gains nothing: no browser sends a session or a password along with it. So a proxy
    // on this machine may pass on the name it is asked for.
    if (keys === null) refuseStrangeName(request);
    const open = request.routeOptions.config.open === true;
    request.admittedBy = keys === null ? 'nobody-asks' : await admission(request, keys, open);
    if (request.admittedBy === null && !open) return askForPassword(request, reply);
    if (request.routeOptions.config.anySite !== true) refuseStrangers(request);
  });
}

/** A target is a path: the whole address, which proxies are sent, could name another host than the Host header. */
function refuseStrayTarget(request: FastifyRequest): void {
  if (!request.url.startsWith('/')) throw new Problem(400, 'the request target must be a path that begins with "/"');
}

/** HTTP/1.1 asks for exactly one Host. Of two, a proxy before us and we ourselves might each go by another. */
function refuseUnclearHost({ raw }: FastifyRequest): void {
  const hosts = raw.rawHeaders.filter((text, index) => index % 2 === 0 && text.toLowerCase() === 'host').length;
  if (hosts === 1 || (hosts === 0 && raw.httpVersion === '1.0')) return;
  throw new Problem(400, `a request names its Host once, this one ${hosts === 0 ? 'does not' : `${hosts} times`}`);
}

function refuseStrangeName(request: FastifyRequest): void {
  const name = hostNameOf(request.headers.host);
  if (name !== null && isLocalName(name)) return;
  throw new Problem(
    421,
    'without a password this server answers to localhost, 127.0.0.1 and [::1] only: ask for one of these, or set REELFLEET_PASSWORD',
  );
}

/** Throws 403 when a page of another site asks. */
export function refuseStrangers(request: FastifyRequest): void {
  const { headers } = request;
  const refusal = refusalOf({
    method: request.method,
    host: headers.host,
    forwardedHost: oneOf(headers['x-forwarded-host']),
    origin: headers.origin,
    site: oneOf(headers['sec-fetch-site']),
    mode: oneOf(headers['sec-fetch-mode']),
    byCookie: request.admittedBy === 'session',
  });
  if (refusal !== null) throw new Problem(403, refusal);
}

const oneOf = (header: string | string[] | undefined): string | undefined => [header].flat()[0];

/** How this request is let in, or null. Counts a wrong password; throws 429 when there were too many. */
async function admission(request: FastifyRequest, keys: Keys, open: boolean) {
  if (keys.sessions.accepts(request.cookies[SESSION_COOKIE], Date.now())) return 'session';
  // A probe that brings an old password along must not be told that the server is ill.
  if (open) return null;
  const given = credentialsOf(request.headers.authorization);
  if (given === null) return null;
  return (await isPassword(given.password, callerOf(request), keys)) ? given.kind : null;
}

/** From where a password comes: by its own connection, or by that of a proxy on this machine. */
export const callerOf = ({ ip, socket }: FastifyRequest): Caller => ({
  address: ip,
  connection: socket.remoteAddress ?? ip,
});

/** Whether this is the password, as far as the caller may still ask. Throws 429 when it may not. */
export async function isPassword(given: string, caller: Caller, { password, throttle, log }: Keys): Promise<boolean> {
  const wait = await throttle.waitSeconds(caller);
  if (wait > 0) {
    throw new Problem(429, `too many wrong passwords from this address: try again in ${inMinutes(wait)}`, {
      headers: { 'retry-after': String(wait) },
    });
  }
  if (sameSecret(given, password)) return true;
  await throttle.failed(caller);
  log.warn({ address: caller.address.slice(0, 100) }, 'wrong password');
  return false;
}

const inMinutes = (seconds: number): string => (seconds <= 60 ? 'a minute' : `${Math.ceil(seconds / 60)} minutes`);

/** People get a page to type it into, programs a problem. */
async function askForPassword(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const reads = request.method === 'GET' || request.method === 'HEAD';
  if (reads && (request.headers.accept ?? '').includes('text/html')) {
    return sendLoginPage(reply, { status: 401, next: request.url });
  }
  throw new Problem(401, 'this server asks for its password: log in at /login, or send it with HTTP Basic', {
    headers: { 'www-authenticate': challengeFor(request) },
  });
}

/** A browser answers `Basic` to a script of our page with a window of its own, so it is told of the session instead. */
function challengeFor({ headers, cookies }: FastifyRequest): string {
  const browser =
    headers['sec-fetch-mode'] !== undefined ||
    cookies[SESSION_COOKIE] !== undefined ||
    /^Mozilla\//.test(headers['user-agent'] ?? '');
  return browser ? 'Session realm="Reelfleet", login="/login"' : 'Basic realm="Reelfleet", charset="UTF-8"';
}
