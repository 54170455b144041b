/**
 * The two streams of run events, as text/event-stream: all runs, and one run. A client that comes back with the id of
 * the last event it has (`Last-Event-ID`, which browsers send by themselves) is sent what it has missed.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { name } from '../api/route.ts';
import type { ServerPart } from '../context.ts';
import { Problem } from '../problem.ts';
import type { Watcher } from './audience.ts';
import { openHub } from './hub.ts';
import { openStream } from './stream.ts';

export type { EndEvent, EventData, ProgressEvent, ResetEvent, TaskEvent } from './shapes.ts';

const MOST_WATCHERS = 500;
/** Refusals are one spell, told once in the log, until so many places are free again. */
const FREE_AGAIN = 25;

const stream = z.string().describe('Events, each with `event`, `data` (JSON) and mostly `id`');
const query = z.object({
  lastEventId: z
    .string()
    .optional()
    .describe('Where to begin, for a first connection; the header `Last-Event-ID` goes before it'),
});
const shared = {
  tags: ['runs'],
  querystring: query,
  response: { 200: { description: 'The stream', content: { 'text/event-stream': { schema: stream } } } },
} as const;

const ALL = `\`run\`: a run changed; its data is the run as in the list. At most once per run and second, newest state only.
When too many runs change to tell them all, the newest are told and \`reset\` comes every few seconds.
\`reset\`: read the list again; \`reason\` is \`behind\`, \`busy\` or \`rewound\`.
Load the list after the stream has opened, so that nothing falls between the two.`;

const ONE = `\`run\`: first of all, and when the run changed. \`task\`: one change of one task as the audit trail has it; the
fields that changed are those of the task's row, \`id\` of the event is that of the audit entry. \`progress\`: running tasks,
at most once a second, not sent again after a reconnect. \`end\`: the run has ended and every \`task\` has been sent; the stream
stays open, since an operator may retry the run. \`reset\`: more was missed than is sent again; load the run again.
Begin with \`?lastEventId=0\` for everything that happened to the run.`;

export const events: ServerPart = async (app, context) => {
  const hub = openHub({ db: context.reads, log: context.log });
  let full = false;
  app.addHook('preClose', async () => hub.close());

  function begin(runId: string | null, cursor: number | null, reply: FastifyReply): void {
    // The client may have gone while its run was looked up. Its 'close' has been and does not come again, so nobody would
    // ever free the place that it took.
    if (reply.raw.destroyed) {
      reply.hijack();
      return;
    }
    if (hub.watchers <= MOST_WATCHERS - FREE_AGAIN) full = false;
    if (hub.watchers >= MOST_WATCHERS) {
      if (!full) context.log.warn({ watchers: hub.watchers }, 'no more watchers are taken: others are refused');
      full = true;
      throw new Problem(503, `${MOST_WATCHERS} clients watch events already, which is the most: try again later`, {
        headers: { 'retry-after': '10' },
        told: true,
      });
    }
    const watcher: Watcher = {
      runId,
      cursor,
      stream: openStream(reply, (dropped) => {
        hub.unwatch(watcher);
        if (dropped) context.log.info({ run: runId }, 'a watcher did not read its events and was cut off');
      }),
    };
    hub.watch(watcher);
  }

  const routes = app.withTypeProvider<ZodTypeProvider>();
  routes.get(
    '/api/events',
    {
      exposeHeadRoute: false,
      schema: { ...shared, operationId: 'watchRuns', summary: 'Watch all runs', description: ALL },
    },
    async (request, reply) => {
      begin(null, cursorOf(request, request.query.lastEventId), reply);
      return reply;
    },
  );
  routes.get(
    '/api/runs/:run/events',
    {
      exposeHeadRoute: false,
      schema: {
        ...shared,
        operationId: 'watchRun',
        params: z.strictObject({ run: name.describe('Id or identifier of a run') }),
        summary: 'Watch one run',
        description: ONE,
      },
    },
    async (request, reply) => {
      const cursor = cursorOf(request, request.query.lastEventId);
      const found = await context.operator.find(request.params.run);
      if (found.kind !== 'run')
        throw new Problem(404, `${request.params.run} is a task: watch its run, /api/runs/${found.runId}/events`);
      begin(found.id, cursor, reply);
      return reply;
    },
  );
};

/** Where the client was, or null for one that begins. */
function cursorOf(request: FastifyRequest, asked: string | undefined): number | null {
  const header = request.headers['last-event-id'];
  const given = (typeof header === 'string' && header !== '' ? header : asked) ?? '';
  if (given === '') return null;
  if (!/^\d{1,15}$/.test(given))
    throw new Problem(
      400,
      `Last-Event-ID must be the id of an event of this stream, a whole number: leave it out to begin anew`,
    );
  return Number(given);
}
