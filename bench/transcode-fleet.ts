/** Workers that make one stream of a stored source, each on the cores it is given; measured by the ledger's own clock. */

import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createLogger } from '@reelfleet/config';
import { instantiate } from '@reelfleet/core';
import { Database, openOperatorLedger } from '@reelfleet/db';
import { openQueue } from '@reelfleet/fleet';
import { type StreamPlan, stages, type TranscodeManifestOutput } from '@reelfleet/pipelines';
import { storageOf } from '@reelfleet/storage';
import { startProcess, until } from '@reelfleet/testkit';
import { v7 } from 'uuid';
import type { Side, Turns } from './support/turns.ts';
import { stream } from './transcode-template.ts';

export interface StreamOrder {
  readonly databaseUrl: string;
  readonly folder: string;
  readonly source: string;
  /** For each worker the cores it may use, as taskset takes them; null: all. */
  readonly workers: readonly (string | null)[];
  readonly chunkSegments?: number;
  /** Called when there is a plan: what is to have the machine in turns with the workers from then on. */
  readonly beside?: (plan: StreamPlan, workers: Side) => Turns;
}

export interface MadeStream {
  /** From the claim of the plan to the playlists, without the turns of others. */
  readonly seconds: number;
  readonly plan: StreamPlan;
  readonly manifest: TranscodeManifestOutput;
  /** Seconds of each task, by key, without the turns of others. */
  readonly tasks: Readonly<Record<string, number>>;
}

interface Seen {
  status: string;
  error: string | null;
  plan: StreamPlan | null;
}

const program = fileURLToPath(new URL('transcode-worker.ts', import.meta.url));
const LONGEST_MS = 3 * 3_600_000;

export async function makeStream(order: StreamOrder): Promise<MadeStream> {
  const { databaseUrl, folder } = order;
  const db = new Database(databaseUrl, { name: 'bench' });
  const storageUrl = `file://${folder}/storage`;
  const storage = storageOf({ STORAGE_URL: storageUrl } as never, { scratch: folder });
  const workers = order.workers.map((cores, index) => {
    const node = [...process.execArgv, program];
    return startProcess({
      ...(cores === null ? { args: node } : { command: 'taskset', args: ['-c', cores, process.execPath, ...node] }),
      name: `worker ${index + 1}`,
      cwd: folder,
      env: {
        DATABASE_URL: databaseUrl,
        REDIS_URL: undefined,
        STORAGE_URL: storageUrl,
        REELFLEET_SCRATCH: `${folder}/scratch-${index}`,
        REELFLEET_DATA: folder,
        REELFLEET_WORKER_NAME: `bench-${index + 1}`,
        REELFLEET_MIN_FREE_MB: '0',
        LOG_LEVEL: 'error',
      },
    });
  });
  const log = createLogger({ level: 'error', name: 'bench' });
  const queue = openQueue({ kind: 'postgres', url: databaseUrl }, { consumers: 0, log });
  const side = () => workers.map(({ pid }) => pid);
  let turns: Turns | undefined;
  try {
    await Promise.all(workers.map((worker) => worker.waitForLine(/^worker ready/, { timeoutMs: 60_000 })));
    const stored = await storage.put(`bench/${randomUUID()}.mp4`, createReadStream(order.source), {
      contentType: 'video/mp4',
    });
    const params = { source: { id: randomUUID(), kind: 'raw', ...stored }, chunkSegments: order.chunkSegments };
    const id = v7();
    const run = { id, identifier: id, idempotencyKey: null, template: stream.name, videoId: null, channelId: null };
    const { tickets } = await openOperatorLedger(db).enqueue(
      [
        {
          run: { ...run, generationConfigId: null, params, priority: 0, phase: 'transcoding' },
          ...instantiate(stream, params, { newId: v7, stages }),
          before: [],
          after: [],
        },
      ],
      'bench',
    );
    await queue.send(tickets);
    const reached = async (what: string, there: (run: Seen) => boolean, everyMs: number): Promise<Seen> => {
      const look = async () => {
        const [run] = await db.query<Seen>(
          `select r.status, r.error_message as error, t.output as plan
           from pipeline_runs r join tasks t on t.run_id = r.id and t.key = 'transcode' where r.id = '${id}'`,
        );
        return run && (run.status === 'failed' || there(run)) ? run : null;
      };
      const run = await until(look, { what, timeoutMs: LONGEST_MS, everyMs });
      if (run.status === 'failed') throw new Error(`the stream failed: ${run.error}`);
      return run;
    };
    if (order.beside) {
      const { plan } = await reached('the plan', (run) => run.plan !== null, 100);
      turns = order.beside(plan as StreamPlan, side);
    }
    await reached('the stream', (run) => run.status === 'completed', 1_000);
    await turns?.end();
    const rows = await db.query<{ key: string; began: number; ended: number; output: unknown }>(
      `select key, extract(epoch from started_at)::float8 as began, extract(epoch from completed_at)::float8 as ended, output
       from tasks where run_id = '${id}' and status = 'completed' order by key`,
    );
    const output = (key: string) => rows.find((row) => row.key === key)?.output;
    const own = (began: number, ended: number) =>
      turns ? turns.running(side, began * 1_000, ended * 1_000) / 1_000 : ended - began;
    return {
      seconds: own(Math.min(...rows.map(({ began }) => began)), Math.max(...rows.map(({ ended }) => ended))),
      plan: output('transcode') as StreamPlan,
      manifest: output('transcode/manifest') as TranscodeManifestOutput,
      tasks: Object.fromEntries(rows.map(({ key, began, ended }) => [key, own(began, ended)])),
    };
  } finally {
    await turns?.end();
    for (const worker of workers) worker.kill('SIGKILL', { group: true });
    await Promise.all(workers.map((worker) => worker.exited));
    await queue.close(2_000);
    await db.end();
  }
}
