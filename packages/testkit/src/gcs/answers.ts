/** What an operation works with, and how it answers: as the service does, as far as clients look. */
import type { KeyObject } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Pace } from './bodies.ts';
import type { FaultKind, Faults } from './faults.ts';
import type { Bucket, StoredFacts } from './objects.ts';
import type { Route } from './routes.ts';
import type { Session } from './sessions.ts';

export interface Surroundings {
  bucketName: string;
  bucket: Bucket;
  sessions: Map<string, Session>;
  folder: string;
  faults: Faults;
  granule: number;
  pageSize: number;
  rewriteStep: number;
  signerKey: KeyObject | null;
  url: string;
}

export interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
  route: Route;
  fault: FaultKind | null;
}

const SLOW_BYTES_PER_SECOND = 1000;

export function refuse(
  response: ServerResponse,
  status: number,
  message: string,
  headers: Record<string, string> = {},
): void {
  const error = { code: status, message, errors: [{ message, domain: 'global', reason: `status${status}` }] };
  answer(response, status, { error }, headers);
}

export function answer(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  const json = Buffer.from(JSON.stringify(body));
  response.writeHead(status, {
    'Content-Type': 'application/json; charset=UTF-8',
    'Content-Length': json.length,
    ...headers,
  });
  response.end(json);
}

/** Answers, unless the reply is to be lost. */
export function conclude({ response, fault }: Exchange, reply: () => void): void {
  if (fault === 'lost-reply') response.socket?.resetAndDestroy();
  else reply();
}

export function noObject(around: Surroundings, { response, route }: Exchange): void {
  refuse(response, 404, `No such object: ${around.bucketName}/${route.name}`);
}

export function shown(around: Surroundings, facts: StoredFacts) {
  const { path, offset, size, ...rest } = facts;
  return { kind: 'storage#object', bucket: around.bucketName, ...rest, size: String(size), updated: facts.timeCreated };
}

export function paceOf(around: Surroundings, fault: FaultKind | null): Pace | null {
  if (fault !== 'slow') return null;
  return {
    bytesPerSecond: SLOW_BYTES_PER_SECOND,
    until: performance.now() + (around.faults.plan.slowForMs ?? 1000),
  };
}
