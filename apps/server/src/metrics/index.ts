/**
 * `GET /metrics`: the whole fleet as Prometheus reads it. What workers counted is summed in the database, so it is the
 * same whichever server is asked and goes on over restarts of any process; what there is just now is read at the scrape
 * or, where that would grow with the tables, taken from a survey. Scrapes that come together share one answer. Who may
 * ask is decided by the part named access.
 */
import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { messageOf, type Storage } from '@reelfleet/core';
import {
  backlogCounts,
  causeOf,
  historyCounts,
  pausedStages,
  presentWorkers,
  schemaVersion,
  workerCounts,
} from '@reelfleet/db';
import { exposition, type Family } from '@reelfleet/fleet';
import { collectDefaultMetrics, Registry } from 'prom-client';
import type { ServerContext, ServerPart } from '../context.ts';
import { serverMetrics } from './definitions.ts';
import { buildInfo, single, stageFamilies, surveyFamilies, taskFamilies, workerFamilies } from './families.ts';
import { openSurvey } from './survey.ts';

/** A database that hangs must not make Prometheus believe that the server is gone. */
const DATABASE_PATIENCE_MS = 5_000;
const STORAGE_PATIENCE_MS = 500;

export const metrics: ServerPart = async (app, context) => {
  const ofProcess = new Registry();
  collectDefaultMetrics({ register: ofProcess, prefix: 'reelfleet_server_' });
  const collect = openCollector(context);
  let underWay: Promise<string> | null = null;
  app.get('/metrics', { schema: { hide: true } as object }, async (_request, reply) => {
    underWay ??= collect()
      .then((fleet) => Registry.merge([fleet, ofProcess]).metrics())
      .finally(() => {
        underWay = null;
      });
    const text = await underWay;
    return reply.type(ofProcess.contentType).send(text);
  });
};

/** Asks the database once per call, within bounds. */
function openCollector({ reads, stages, storage, version, log }: ServerContext): () => Promise<Registry> {
  const backlog = openSurvey({ name: 'backlog', count: () => backlogCounts(reads), restMs: 1_000, log });
  const history = openSurvey({ name: 'history', count: () => historyCounts(reads), restMs: 5_000, log });

  async function ofFleet(): Promise<{ families: Family[]; counts: Record<string, number> }> {
    const [counts, present, paused, open, all] = await Promise.all([
      workerCounts(reads),
      presentWorkers(reads),
      pausedStages(reads),
      backlog.read(),
      history.read(),
    ]);
    return {
      counts,
      families: [
        ...taskFamilies(stages, open?.value ?? null, all?.value ?? null),
        ...workerFamilies(stages, present),
        ...stageFamilies(
          stages,
          paused.map((row) => row.stage),
        ),
        ...surveyFamilies({ backlog: open, history: all }),
      ],
    };
  }

  return async () => {
    const own = [buildInfo(version, schemaVersion()), ...(await storageFamilies(storage))];
    try {
      const { families, counts } = await within(ofFleet(), DATABASE_PATIENCE_MS);
      return exposition([...own, single(serverMetrics.databaseUp, 1), ...families], {
        counts,
        known: { stage: stages },
      });
    } catch (error) {
      // Missing, not zero: a sum that falls to zero would read as a fleet that began anew.
      log.warn({ error: messageOf(causeOf(error)) }, 'metrics without the database');
      return exposition([...own, single(serverMetrics.databaseUp, 0)]);
    }
  };
}

async function storageFamilies(storage: Storage): Promise<Family[]> {
  if (storage.driver !== 'file') return [];
  try {
    const { bavail, bsize } = await within(spaceAt(dirname(fileURLToPath(storage.uriOf('runs')))), STORAGE_PATIENCE_MS);
    return [single(serverMetrics.storageFree, bavail * bsize)];
  } catch {
    // A mount that hangs or is gone.
    return [];
  }
}

/** The store's folder is made with its first file: until then it is the folder it will be made in. */
async function spaceAt(folder: string): Promise<{ bavail: number; bsize: number }> {
  try {
    return await statfs(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || dirname(folder) === folder) throw error;
    return spaceAt(dirname(folder));
  }
}

async function within<T>(work: Promise<T>, ms: number): Promise<T> {
  work.catch(() => {});
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
