/**
 * One GET over HTTP(S), up to its headers: connects to nobody the list refuses, follows redirects a bounded number of
 * times (each hop is judged like the first), and says in one sentence what an answer means that is not the file.
 * The body is the caller's. No connection is kept for the next request: it was judged for this one.
 */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { type BlockList, connect, isIP, type LookupFunction, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { redactUrl, version } from '@reelfleet/config';
import { messageOf, PermanentError, RateLimitedError, RetryableError } from '@reelfleet/core';

export interface Reach {
  refused: BlockList;
  /** How names become addresses; the system's way by default. */
  lookup?: LookupFunction | undefined;
  /** Until the headers are there, in milliseconds. */
  answerMs: number;
}

export interface Answer {
  /** Where the redirects led. */
  url: URL;
  message: IncomingMessage;
}

const MOST_REDIRECTS = 5;
const LONGEST_PATIENCE_MS = 60 * 60_000;
const ORDINARY_PATIENCE_MS = 30_000;

/** An address as people and logs may see it: without passwords, tokens and what follows a `#`. */
export const shownUrl = (url: URL | string): string => redactUrl(String(url).replace(/#.*$/s, ''));

/**
 * Ask for `url`. Answers with a status of 200, 206 or 416; whatever else it is becomes the error to throw: a
 * {@link PermanentError} when asking again cannot help, a {@link RateLimitedError} when the server says when to come back,
 * a {@link RetryableError} otherwise.
 */
export async function ask(
  url: URL,
  headers: Record<string, string>,
  reach: Reach,
  signal: AbortSignal,
): Promise<Answer> {
  let at = url;
  for (let hops = 0; ; hops += 1) {
    checkAddress(at, hops > 0);
    const message = await send(at, headers, reach, signal);
    const next = redirectOf(message, at);
    if (next === null) {
      try {
        checkStatus(message, at);
      } catch (error) {
        message.destroy();
        throw error;
      }
      return { url: at, message };
    }
    // Its body is of no interest.
    message.destroy();
    if (hops === MOST_REDIRECTS)
      throw permanent(
        `${shownUrl(url)} leads on and on: ${MOST_REDIRECTS} redirects are followed, give the last address`,
      );
    at = next;
  }
}

function checkAddress(url: URL, redirected: boolean): void {
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw permanent(
      `${shownUrl(url)} ${redirected ? 'is where a redirect leads, and it ' : ''}is no http or https address: give one, or upload the file`,
    );
  if (url.username !== '' || url.password !== '')
    throw permanent(
      `${shownUrl(url)} holds a user name or a password: give a link that needs none, or upload the file`,
    );
}

function send(url: URL, headers: Record<string, string>, reach: Reach, signal: AbortSignal): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const open = url.protocol === 'https:' ? httpsRequest : httpRequest;
  const asked = open(url, {
    headers: {
      accept: '*/*',
      // A range of something compressed on the way is a range of nothing.
      'accept-encoding': 'identity',
      'user-agent': `reelfleet/${version()}`,
      ...headers,
    },
    signal,
    // Without an agent, so without a connection that was opened for another name.
    createConnection: () => openSocket(url, reach),
  });
  const late = setTimeout(
    () => asked.destroy(broken(`${url.host} did not answer within ${reach.answerMs / 1_000} s`)),
    reach.answerMs,
  );
  asked.on('response', resolve);
  asked.on('error', (error) => reject(signal.aborted ? signal.reason : inWords(error, url)));
  asked.on('close', () => clearTimeout(late));
  asked.end();
  // Headers are in time; the body has a watch of its own.
  return promise.finally(() => clearTimeout(late));
}

/** The list is the socket's own: it is asked about every address that is tried, whatever a name meant a moment before. */
function openSocket(url: URL, { refused, lookup }: Reach): Socket {
  const secure = url.protocol === 'https:';
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const socket = connect({
    host,
    port: Number(url.port || (secure ? 443 : 80)),
    blockList: refused,
    ...(lookup ? { lookup } : {}),
  });
  if (!secure) return socket;
  const wrapped = connectTls({ socket, host, ...(isIP(host) === 0 ? { servername: host } : {}) });
  // Refused before there was anything to secure: the wrapping would say that it was hung up on.
  socket.on('error', (error) => wrapped.destroy(error));
  return wrapped;
}

/** Where an answer sends on to, or null when it is none of those. */
function redirectOf({ statusCode = 0, headers }: IncomingMessage, from: URL): URL | null {
  if (![301, 302, 303, 307, 308].includes(statusCode)) return null;
  const next = headers.location === undefined ? null : URL.parse(headers.location, from.href);
  if (next) return next;
  throw permanent(
    `${shownUrl(from)} is a redirect to nowhere (status ${statusCode}): give the address of the file itself`,
  );
}

function checkStatus({ statusCode = 0, headers }: IncomingMessage, url: URL): void {
  if ([200, 206, 416].includes(statusCode)) return;
  const what = `${shownUrl(url)} answered with status ${statusCode}`;
  const patience = retryAfterMs(headers['retry-after']);
  if (statusCode === 429 || (statusCode === 503 && patience !== null))
    throw new RateLimitedError(what, { retryAfterMs: patience ?? ORDINARY_PATIENCE_MS });
  if (statusCode >= 500 || statusCode === 408 || statusCode === 425)
    throw new RetryableError(`${what}: its server is in trouble`, { code: 'web-server' });
  switch (statusCode) {
    case 401:
    case 403:
    case 407:
      throw permanent(`${what}: it is not open to everybody; give a link that needs no login, or upload the file`);
    case 404:
    case 410:
      throw permanent(`${what}: there is nothing there${statusCode === 410 ? ' any more' : ''}; check the address`);
    default:
      throw permanent(`${what}, which is no file: give the address of the file itself`);
  }
}

/** RFC 9110, 10.2.3: seconds, or a date. */
export function retryAfterMs(header: string | undefined, now = Date.now()): number | null {
  if (header === undefined) return null;
  const ms = /^\d+$/.test(header.trim()) ? Number(header) * 1_000 : Date.parse(header) - now;
  return Number.isNaN(ms) ? null : Math.min(Math.max(ms, 1_000), LONGEST_PATIENCE_MS);
}

const PERMANENT: Record<string, string> = {
  ENOTFOUND: 'there is no such host; check the address',
  ERR_IP_BLOCKED:
    'its host has an address of a private or reserved network, which workers do not open for anybody; upload the file, or set REELFLEET_ALLOW_PRIVATE_URLS=yes on the workers where the network is your own',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another host',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is signed by nobody this machine trusts',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is signed by nobody this machine trusts',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is signed by nobody this machine trusts',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate is signed by nobody this machine trusts',
};

/** What the connection said, in one sentence. */
export function inWords(error: unknown, url: URL): Error {
  if (error instanceof PermanentError || error instanceof RetryableError) return error;
  // Of several addresses that were tried, one that is refused tells what kind of host it is.
  const each = error instanceof AggregateError ? error.errors : [error];
  const codes = each.map((one) => String((one as { code?: unknown })?.code ?? ''));
  const known = codes.find((code) => code in PERMANENT);
  const what = `cannot open ${shownUrl(url)}`;
  if (known !== undefined) return permanent(`${what}: ${PERMANENT[known]}`, error);
  if (codes.some((code) => code.startsWith('HPE_') || code === 'EPROTO'))
    return permanent(`${what}: what answers there is no ${url.protocol.slice(0, -1)} server; check the address`, error);
  return broken(`${what}: ${codes[0] === 'ECONNREFUSED' ? 'nobody answers there' : messageOf(each[0])}`, error);
}

export const permanent = (sentence: string, cause?: unknown): PermanentError =>
  new PermanentError(sentence, { code: 'bad-address', cause });
export const broken = (sentence: string, cause?: unknown): RetryableError =>
  new RetryableError(sentence, { code: 'web', cause });
