/**
 * Whether this process lives (`/healthz`) and whether it can do its work (`/readyz`): the database at this schema, the
 * tickets' store, the files' store. Both are open to everybody, so they tell names and states, never an address, and a
 * thousand questions at once are one look. The log is told when that changes, with the reasons, and once at the start.
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
interface State {
  state: string;
  /** What was met, in the words of whoever met it: may name an address, so it is for the log. */
  reason?: string;
}
interface Readiness {
  ready: boolean;
  parts: Record<Part, string>;
  /** One for each part that is not well. */
  reasons: string[];
}

export const health: ServerPart = async (app, context) => {
  app.get('/healthz', { config: { open: true } }, async () => ({ status: 'ok' }));

  let last: { at: number; look: Promise<Readiness> } | null = null;
  let wasReady = true;
  let closing = false;
  app.addHook('preClose', async () => {
    closing = true;
  });
  function look(): Promise<Readiness> {
    const now = performance.now();
    if (last === null || now - last.at > FRESH_MS) last = { at: now, look: readiness(context).then(tell) };
    return last.look;
  }
  function tell(found: Readiness): Readiness {
    const { ready, reasons } = found;
    // What closes loses its clients: that is no news.
    if (ready !== wasReady && !closing) {
      if (ready) context.log.info('ready again');
      else context.log.warn({ reasons }, 'not ready');
      wasReady = ready;
    }
    return found;
  }
  // Nobody may ever ask; who started it should know.
  app.addHook('onListen', async () => void look());

  app.get('/readyz', { config: { open: true } }, async (_request, reply) => {
    const found = await look();
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
  const states = await Promise.all(checks.map(async ([part, check]) => ({ part, ...(await stateOf(check)) })));
  const parts = Object.fromEntries(states.map(({ part, state }) => [part, state])) as Record<Part, string>;
  const unwell = states.filter(({ state }) => state !== 'ok');
  const reasons = unwell.map(
    ({ part, state, reason }) => `${part}: ${state}${reason === undefined ? '' : ` (${reason})`}`,
  );
  return { ready: unwell.length === 0, parts, reasons };
}

async function databaseState({ db }: ServerContext): Promise<string> {
  const found = await db.call<string>('schema_version');
  return found === schemaVersion() ? 'ok' : `is at schema ${found}, this server needs ${schemaVersion()}`;
}

async function stateOf(check: Promise<string>): Promise<State> {
  const late = new AbortController();
  const timeout = sleep(WITHIN_MS, 'does not answer', { signal: late.signal, ref: false });
  timeout.catch(() => {});
  try {
    return { state: await Promise.race([check, timeout]) };
  } catch (error) {
    return { state: 'cannot be reached', reason: messageOf(error) };
  } finally {
    late.abort();
  }
}
