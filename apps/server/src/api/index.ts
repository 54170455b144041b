/** The REST API: one file for each noun. Answers are never kept by anybody on their way, but for stored bytes. */
import type { ServerPart } from '../context.ts';
import { artifacts } from './artifacts.ts';
import { files } from './files.ts';
import type { Api, Noun } from './route.ts';
import { runs } from './runs.ts';
import { stages } from './stages.ts';
import { tasks } from './tasks.ts';
import { videos } from './videos.ts';
import { workers } from './workers.ts';

const nouns: readonly Noun[] = [runs, tasks, workers, stages, artifacts, videos, files];

export const api: ServerPart = async (app, context) => {
  await app.register(async (scope) => {
    scope.addHook('onRequest', async (_request, reply) => {
      reply.header('cache-control', 'no-store');
    });
    for (const noun of nouns) noun(scope as unknown as Api, context);
  });
};
