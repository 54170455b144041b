/**
 * What one call of the ledger reads does not grow with what is queued: counted by Postgres itself, row by row, on tables
 * that have just been filled and were never analyzed, where its planner guesses worst.
 */
import { randomUUID } from 'node:crypto';
import {
  defineStage,
  defineTemplate,
  type EnqueueItem,
  instantiate,
  type SettleItem,
  type Ticket,
} from '@reelfleet/core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { Database, openLedger, openOperatorLedger, openSweepLedger } from './index.ts';
import { migratedDatabase, type TestDatabase } from './testing.ts';

const BACKLOG = 3_000;
/** Rows of tasks and runs, and entries of their indexes, that a call over one task may read: some per statement, none per queued task. */
const MOST_READ = 100;

const nothing = z.object({});
const stage = defineStage({
  name: 'noop',
  description: 'Nothing',
  input: nothing,
  output: nothing,
  run: async () => ({}),
});
const template = defineTemplate({
  name: 'noop',
  params: nothing,
  nodes: [{ key: 'noop', stage: 'noop', phase: 'noop', title: () => 'noop', input: () => ({}) }],
});

let database: TestDatabase;
let db: Database;
const worker = randomUUID();
let backlog: Ticket[];

function item(): EnqueueItem {
  const { tasks, edges } = instantiate(template, {}, { newId: randomUUID, stages: new Map([['noop', stage]]) });
  const id = randomUUID();
  const run = { id, identifier: id, idempotencyKey: null, template: 'noop', videoId: null, channelId: null };
  return {
    run: { ...run, generationConfigId: null, params: {}, priority: 0, phase: 'noop' },
    tasks,
    edges,
    before: [],
    after: [],
  };
}
const enqueue = (count: number) => openOperatorLedger(db).enqueue(Array.from({ length: count }, item), 'test');

beforeAll(async () => {
  database = await migratedDatabase();
  // One connection, so that its counts are told in order.
  db = new Database(database.url, { name: 'test', max: 1 });
  backlog = [];
  for (let n = 0; n < BACKLOG; n += 1_000) backlog.push(...(await enqueue(1_000)).tickets);
  await openLedger(db, db).hello({ id: worker, name: 'w', type: 'local', capabilities: {}, metadata: {} });
});
afterAll(async () => {
  await db.end();
  await database.drop();
});

async function readOf(call: () => Promise<unknown>): Promise<number> {
  const counted = async () => {
    await db.query('select pg_stat_force_next_flush()');
    const [row] = await db.query<{ n: number }>(
      `select (sum(t.seq_tup_read) + (select sum(i.idx_tup_read) from pg_stat_user_indexes i where i.relname in ('tasks', 'pipeline_runs')))::int as n
       from pg_stat_user_tables t where t.relname in ('tasks', 'pipeline_runs')`,
    );
    return row?.n ?? 0;
  };
  const before = await counted();
  await call();
  return (await counted()) - before;
}

async function attempt(item: Pick<SettleItem, 'event' | 'code' | 'message'>): Promise<string | null | undefined> {
  const { id, version } = backlog.pop() as Ticket;
  const ledger = openLedger(db, db);
  const [answer] = await ledger.claim(worker, 60_000, [{ id, version, refusal: null }]);
  if (answer?.kind !== 'claimed') throw new Error(`the claim was answered ${answer?.kind}`);
  const [settled] = await ledger.settle(worker, [{ id, version: answer.task.version, output: {}, ...item }]);
  return settled?.status;
}

test.each<[string, () => Promise<unknown>]>([
  ['enqueue', () => enqueue(1)],
  ['claim and settle', async () => expect(await attempt({ event: 'complete' })).toBe('completed')],
  ['expire', () => openSweepLedger(db).expire('test', 60_000, 500)],
  ['due', () => openSweepLedger(db).due(500)],
])('%s', async (_name, call) => {
  await call(); // plans are made
  expect(await readOf(call)).toBeLessThan(MOST_READ);
});

test('a task that fails does not read the others that have failed', async () => {
  const failed = (await enqueue(MOST_READ)).tickets;
  const ledger = openLedger(db, db);
  await ledger.claim(
    worker,
    60_000,
    failed.map(({ id, version }) => ({ id, version, refusal: null })),
  );
  await ledger.settle(
    worker,
    failed.map(({ id, version }) => ({ id, version: version + 1, event: 'fail', code: 'x', message: 'no' })),
  );
  const fail = async () => expect(await attempt({ event: 'fail', code: 'x', message: 'no' })).toBe('failed');
  await fail();
  expect(await readOf(fail)).toBeLessThan(MOST_READ);
});

test('the row of a run that is claimed and completed changes in place, without a word to its indexes', async () => {
  const updates = async () => {
    await db.query('select pg_stat_force_next_flush()');
    const [row] = await db.query<{ all: number; hot: number }>(
      `select n_tup_upd::int as all, n_tup_hot_upd::int as hot from pg_stat_user_tables where relname = 'pipeline_runs'`,
    );
    return row as { all: number; hot: number };
  };
  backlog.push(...(await enqueue(10)).tickets);
  const before = await updates();
  for (let n = 0; n < 10; n++) await attempt({ event: 'complete' });
  const after = await updates();
  expect(after.all - before.all).toBe(20);
  expect(after.hot - before.hot).toBe(20);
});

test('no plan of the ledger is compiled: that would cost a hundred times the call', async () => {
  const [row] = await db.query<{ names: string[] }>(
    `select array_agg(proname::text) as names from pg_proc
     where pronamespace = 'reelfleet'::regnamespace and 'enable_seqscan=off' = any(proconfig) and not 'jit=off' = any(proconfig)`,
  );
  expect(row?.names ?? []).toEqual([]);
});
