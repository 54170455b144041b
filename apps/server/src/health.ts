/**
 * Whether this process lives (`/healthz`) and whether it can do its work (`/readyz`): the database at this schema, the
 * tickets' store, the files' store. Both are open to everybody, so they tell names and states, never an address, and a
 * thousand questions at once are one look.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '@reelfleet/core';
import { schemaVersion } from '@reelfleet/db';
import type { ServerContext, ServerPart } from './context.ts';
import { PROBLEM_TYPE } from './problem.ts';

const WITHIN_MS = 2_000;
/** How long one look is good for. */
const FRESH_MS = 1_000;

type Part = 'database' | 'queue' | 'storage';
export interface Readiness {
  ready: boolean;
  parts: Record<Part, string>;
}

export const health: ServerPart = async (app, context) => {
  app.get('/healthz', { config: { open: true } }, async () => ({ status: 'ok' }));

  let last: { at: number; look: Promise<Readiness> } | null = null;
  app.get('/readyz', { config: { open: true } }, async (_request, reply) => {
    const now = performance.now();
    if (last === null || now - last.at > FRESH_MS) last = { at: now, look: readiness(context) };
    const found = await last.look;
    if (found.ready) return { status: 'ready', parts: found.parts };
    const away = Object.entries(found.parts).filter(([, state]) => state !== 'ok');
    return reply
      .code(503)
      .header('retry-after', '5')
      .type(PROBLEM_TYPE)
      .send({
        type: 'about:blank',
        title: 'Service Unavailable',
        status: 503,
        detail: away.map(([part, state]) => `${part}: ${state}`).join('; '),
        instance: '/readyz',
        parts: found.parts,
      });
  });
};

async function readiness(context: ServerContext): Promise<Readiness> {
  const checks: [Part, Promise<string>][] = [
    ['database', databaseState(context)],
    ['queue', context.queue.epoch().then(() => 'ok')],
    // Nothing is kept there; what counts is that the store answers.
    ['storage', context.storage.stat(context.storage.uriOf('readyz')).then(() => 'ok')],
  ];
  const states = await Promise.all(checks.map(async ([part, check]) => [part, await stateOf(part, check, context)]));
  const parts = Object.fromEntries(states) as Record<Part, string>;
  return { ready: Object.values(parts).every((state) => state === 'ok'), parts };
}

async function databaseState({ db }: ServerContext): Promise<string> {
  const found = await db.call<string>('schema_version');
  return found === schemaVersion() ? 'ok' : `is at schema ${found}, this server needs ${schemaVersion()}`;
}

/** The reason why something does not answer may name its address: that is for the log. */
async function stateOf(part: Part, check: Promise<string>, { log }: ServerContext): Promise<string> {
  const late = new AbortController();
  const timeout = sleep(WITHIN_MS, 'does not answer', { signal: late.signal, ref: false });
  timeout.catch(() => {});
  try {
    return await Promise.race([check, timeout]);
  } catch (error) {
    log.debug({ part, error: messageOf(error) }, 'not ready');
    return 'cannot be reached';
  } finally {
    late.abort();
  }
}
