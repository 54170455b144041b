/**
 * Bull Board at /queues, for tickets on either store: what it shows is true, what its buttons do is what `reelfleet
 * retry`, `pause` and `resume` do, and all else is refused. It inherits the server's access rules like every part.
 */
import { createBullBoard } from '@bull-board/api';
import { stages } from '@reelfleet/pipelines';
import { contentSecurity } from '../access/content-security.ts';
import type { ServerPart } from '../context.ts';
import { BullServer, boardErrors, refuseStrangeNames } from './bull-server.ts';
import { fitAnswer, INLINE_STYLE, STYLE_PATH, style } from './page.ts';
import { StageBoard } from './stage-board.ts';
import { openWatch } from './watch.ts';

const PREFIX = '/queues';
const POLL_SECONDS = 5;
const storeNames = { redis: 'Redis', postgres: 'Postgres' } as const;

export const board: ServerPart = async (app, context) => {
  const watch = openWatch(context);
  const bull = new BullServer(watch);
  bull.setBasePath(PREFIX);
  createBullBoard({
    queues: context.stages.map(
      (stage) =>
        new StageBoard({
          stage,
          description: stages.get(stage)?.description ?? '',
          watch,
          facts: () => context.queue.facts(),
        }),
    ),
    serverAdapter: bull,
    options: {
      uiConfig: {
        boardTitle: 'Reelfleet',
        miscLinks: [
          { text: 'Runs', url: '/' },
          { text: 'API', url: '/docs' },
        ],
        hideDocsLink: true,
        // In the order of the work, as the registry has them.
        sortQueues: false,
        showMetrics: false,
        pollingInterval: { forceInterval: POLL_SECONDS, showSetting: false },
        environment: { label: `tickets on ${storeNames[context.queue.kind]}`, color: '#3d4a5c', textColor: '#ffffff' },
      },
    },
  });
  bull.setErrorHandler(boardErrors(context.log) as never);
  await app.register(
    async (scope) => {
      // Its page names its folder in <base>.
      contentSecurity(scope, { 'base-uri': ["'self'"], 'style-src': [INLINE_STYLE] });
      scope.addHook('preValidation', async ({ params, query }) => {
        refuseStrangeNames(params as object);
        refuseStrangeNames(query as object);
      });
      scope.addHook('onSend', async (_request, reply, payload) => fitAnswer(reply.getHeader('content-type'), payload));
      scope.get(STYLE_PATH, { schema: { hide: true } as never }, (_request, reply) =>
        reply.type('text/css; charset=utf-8').send(style),
      );
      await scope.register(bull.registerPlugin() as never, { prefix: '' });
    },
    { prefix: PREFIX },
  );
};
