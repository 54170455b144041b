/**
 * A ledger with a backlog, as the benchmarks of the ledger's functions want it: a database of its own, filled through the
 * product's own enqueue with runs of one task each, and the adapters through which workers and sweeps call. A quarter of
 * the backlog belongs to a paused stage, so that it is queued and has no tickets; of the rest the oldest tickets are kept,
 * in the order in which a queue would hand them out.
 */
import { randomUUID } from 'node:crypto';
import {
  defineStage,
  defineTemplate,
  type EnqueueItem,
  instantiate,
  type Ledger,
  type OperatorLedger,
  type PipelineTemplate,
  type SweepLedger,
  type Ticket,
} from '@reelfleet/core';
import { Database, openLedger, openOperatorLedger, openSweepLedger } from '@reelfleet/db';
import type { TestDatabase } from '@reelfleet/testkit';
import { v7 } from 'uuid';
import { z } from 'zod';
import type { World } from './support/world.ts';

/** Runs per enqueue while filling: as many as share one moment of dispatch, as many as a call of the rounds enqueues. */
const FILL_BATCH = 100;
const FILLERS = 3;
const STORE = 'bench';

const nothing = z.object({});
export const noopStages = new Map(
  ['noop', 'resting'].map((name) => [
    name,
    defineStage({
      name,
      description: 'Nothing',
      input: nothing,
      output: nothing,
      policy: { maxCrashes: 1_000, maxAttempts: 1_000 },
      run: async () => ({}),
    }),
  ]),
);
const template = (stage: string) =>
  defineTemplate({
    name: 'noop',
    params: nothing,
    nodes: [{ key: 'noop', stage, phase: 'noop', title: () => 'noop', input: () => ({}) }],
  });
const templates = { noop: template('noop'), resting: template('resting') };

/** One run of one task. */
export const noopRun = (stage: 'noop' | 'resting' = 'noop'): EnqueueItem => runOf(templates[stage]);

/** A run of a template whose stages do nothing. */
export function runOf(template: PipelineTemplate): EnqueueItem {
  const { tasks, edges } = instantiate(template, {}, { newId: v7, stages: noopStages });
  const id = v7();
  const run = { id, identifier: id, idempotencyKey: null, template: template.name, videoId: null, channelId: null };
  return {
    run: { ...run, generationConfigId: null, params: {}, priority: 0, phase: 'noop' },
    tasks,
    edges,
    before: [],
    after: [],
  };
}

export interface BackloggedLedger {
  readonly queued: number;
  readonly database: TestDatabase;
  /** One connection, so that what it touches can be counted in order. */
  readonly db: Database;
  readonly worker: string;
  readonly ledger: Ledger;
  readonly sweep: SweepLedger;
  readonly operator: OperatorLedger;
  readonly store: string;
  /** Oldest first. */
  readonly tickets: Pick<Ticket, 'id' | 'version' | 'dispatches' | 'stage'>[];
  readonly fillSeconds: number;
  close(): Promise<void>;
}

/** Opens a database and queues that many tasks in it; keeps the `kept` oldest tickets. */
export async function openBacklog(world: World, queued: number, kept: number): Promise<BackloggedLedger> {
  const database = await world.database('reelfleet');
  // Commits do not wait for the disk, whose jitter would hide the differences looked for.
  const url = new URL(database.url);
  url.searchParams.set('synchronous_commit', 'off');
  // Room for the vacuum after the filling.
  const db = new Database(url.href, { name: 'bench', max: 1, statementTimeoutMs: 300_000, deadlineMs: 310_000 });
  const worker = randomUUID();
  const ledger = openLedger(db, db);
  const sweep = openSweepLedger(db);
  const operator = openOperatorLedger(db);
  await ledger.hello({ id: worker, name: 'bench', type: 'local', capabilities: {}, metadata: {} });
  await operator.pauseStage('resting', 'bench', 'part of the benchmark');
  // The store is met before anything is queued: what is dispatched later is not lost with it.
  await sweep.store(STORE, null);
  const began = performance.now();
  const tickets = await fill(url.href, queued, kept);
  await settleDown(db);
  return {
    queued,
    database,
    db,
    worker,
    ledger,
    sweep,
    operator,
    store: STORE,
    tickets,
    fillSeconds: (performance.now() - began) / 1000,
    async close() {
      await db.end();
      await database.drop();
    },
  };
}

async function fill(url: string, queued: number, kept: number): Promise<BackloggedLedger['tickets']> {
  const db = new Database(url, { name: 'bench-fill', max: FILLERS });
  const operator = openOperatorLedger(db);
  const tickets: BackloggedLedger['tickets'] = [];
  let next = 0;
  const filler = async () => {
    while (next < queued) {
      const from = next;
      next += FILL_BATCH;
      const stage = (from / FILL_BATCH) % 4 === 3 ? 'resting' : 'noop';
      const runs = Array.from({ length: Math.min(FILL_BATCH, queued - from) }, () => noopRun(stage));
      const answer = await operator.enqueue(runs, 'bench');
      if (tickets.length < kept) tickets.push(...answer.tickets);
    }
  };
  try {
    await Promise.all(Array.from({ length: FILLERS }, filler));
  } finally {
    await db.end();
  }
  return tickets;
}

/** As a database that has had this backlog for a while: statistics known, nothing left to write, sweeps in series. */
export async function settleDown(db: Database): Promise<void> {
  for (const table of ['tasks', 'pipeline_runs', 'task_audit']) await db.query(`vacuum analyze ${table}`);
  await db.query('checkpoint');
  await db.query(`update sweep_turn set since = now() - interval '1 hour', last_at = now(), next_at = now()`);
}
