/** The REST API: one file for each noun. Answers are never kept by anybody on their way, but for stored bytes. */
import type { ServerPart } from '../context.ts';
import { artifacts } from './artifacts.ts';
import { files } from './files.ts';
import { filing } from './filing.ts';
import { ingest } from './ingest.ts';
import { playback } from './playback.ts';
import type { Api, Noun } from './route.ts';
import { runs } from './runs.ts';
import { said } from './said.ts';
import { saidOrders } from './said-orders.ts';
import { stages } from './stages.ts';
import { streams } from './streams.ts';
import { tasks } from './tasks.ts';
import { videoLife } from './video-life.ts';
import { videos } from './videos.ts';
import { workers } from './workers.ts';

const nouns: readonly Noun[] = [
  runs,
  tasks,
  workers,
  stages,
  artifacts,
  videos,
  ingest,
  said,
  saidOrders,
  videoLife,
  filing,
  streams,
  files,
  playback,
];

export const api: ServerPart = async (app, context) => {
  await app.register(async (scope) => {
    scope.addHook('onRequest', async (_request, reply) => {
      reply.header('cache-control', 'no-store');
    });
    for (const noun of nouns) await noun(scope as unknown as Api, context);
  });
};
