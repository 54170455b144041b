/** A web for tests: servers on this machine that break in every way, and what counts as the rest of the world there. */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, BlockList } from 'node:net';
import { onTestFinished } from 'vitest';
import { openWeb, type WebOptions } from './index.ts';

export type Handler = (request: IncomingMessage, response: ServerResponse, turn: number) => void;

export interface Site {
  /** Without a slash at the end. */
  origin: string;
  requests: { path: string; headers: IncomingMessage['headers'] }[];
}

/** A server that answers its n-th request (from 1) as the handler says; ends with the test. */
export async function site(handler: Handler, server: Server = createServer(), host = '127.0.0.1'): Promise<Site> {
  const requests: Site['requests'] = [];
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    requests.push({ path: request.url ?? '', headers: request.headers });
    handler(request, response, requests.length);
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { origin: `http://${host}:${(server.address() as AddressInfo).port}`, requests };
}

/** The list as it would be if 127.0.0.1 were somewhere out there; the rest of 127.0.0.0/8 is still this machine. */
export function elsewhere(): BlockList {
  const list = new BlockList();
  list.addRange('127.0.0.2', '127.255.255.255');
  for (const [network, prefix] of [
    ['10.0.0.0', 8],
    ['169.254.0.0', 16],
    ['192.168.0.0', 16],
  ] as const)
    list.addSubnet(network, prefix);
  list.addSubnet('::1', 128, 'ipv6');
  return list;
}

export const testWeb = (options: WebOptions = {}) =>
  openWeb({ refused: elsewhere(), waitMs: 5, stallMs: 5_000, ...options });

/** Bytes that no range of them is like another. */
export function film(sizeBytes: number, seed = 'film'): Buffer {
  const blocks = Array.from({ length: Math.ceil(sizeBytes / 32) }, (_, n) =>
    createHash('sha256').update(`${seed} ${n}`).digest(),
  );
  return Buffer.concat(blocks).subarray(0, sizeBytes);
}

/** Open and read to the end. */
export async function fetchAll(
  url: string,
  options: WebOptions = {},
  signal: AbortSignal = new AbortController().signal,
): Promise<Buffer> {
  const { body } = await testWeb(options).open(url, { signal });
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** What it was refused with. */
export const failureOf = (work: Promise<unknown>): Promise<Error & { code?: string; retryAfterMs?: number }> =>
  work.then(
    () => Promise.reject(new Error('it went well')),
    (error) => error,
  );
