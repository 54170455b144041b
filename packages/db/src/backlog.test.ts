/**
 * What one call of the ledger reads does not grow with what is queued: counted by Postgres itself, row by row, where its
 * planner guesses worst: on tables that have just been filled, never analyzed or analyzed when they were small.
 */
import { randomUUID } from 'node:crypto';
import { defineStage, defineTemplate, type EnqueueItem, instantiate, type Ticket } from '@reelfleet/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { Database, openLedger, openOperatorLedger, openSweepLedger } from './index.ts';
import { migratedDatabase, type TestDatabase } from './testing.ts';

const BACKLOG = 3_000;
/** Rows of `tasks` and entries of its indexes that a call over one task may read: some per statement, none per queued task. */
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

describe.each([
  ['never analyzed', false],
  ['analyzed when they were small', true],
])('on tables %s', (_when, analyzed) => {
  beforeAll(async () => {
    database = await migratedDatabase();
    // One connection, so that its counts are told in order.
    db = new Database(database.url, { name: 'test', max: 1 });
    backlog = (await enqueue(1_000)).tickets;
    if (analyzed) await db.query('analyze');
    for (let n = backlog.length; n < BACKLOG; n += 1_000) backlog.push(...(await enqueue(1_000)).tickets);
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
        `select (t.seq_tup_read + (select sum(i.idx_tup_read) from pg_stat_user_indexes i where i.relname = 'tasks'))::int as n
       from pg_stat_user_tables t where t.relname = 'tasks'`,
      );
      return row?.n ?? 0;
    };
    const before = await counted();
    await call();
    return (await counted()) - before;
  }

  test.each<[string, () => Promise<unknown>]>([
    ['enqueue', () => enqueue(1)],
    [
      'claim, checkpoint, beat and settle',
      async () => {
        const { id, version: asked } = backlog.pop() as Ticket;
        const ledger = openLedger(db, db);
        const [answer] = await ledger.claim(worker, 60_000, [{ id, version: asked, refusal: null }]);
        if (answer?.kind !== 'claimed') throw new Error(`the claim was answered ${answer?.kind}`);
        const { version } = answer.task;
        expect(await ledger.checkpoint(worker, [{ id, version, data: {}, units: 1, progress: 0, step: null }])).toEqual(
          [true],
        );
        const { tasks } = await ledger.beat(worker, 60_000, [{ id, version, progressPercent: 0, step: null }], {
          draining: false,
        });
        expect(tasks[id]).toBe('held');
        const [settled] = await ledger.settle(worker, [{ id, version, event: 'complete', output: {} }]);
        expect(settled?.status).toBe('completed');
      },
    ],
    [
      'cancel and retry',
      async () => {
        const target = { tasks: [(backlog.pop() as Ticket).id] };
        expect(await openOperatorLedger(db).cancel('test', target)).toEqual({ cancelled: 1, asked: 0 });
        expect((await openOperatorLedger(db).retry('test', target)).retried).toBe(1);
      },
    ],
    ['expire', () => openSweepLedger(db).expire('test', 60_000, 500)],
    ['due', () => openSweepLedger(db).due(500)],
  ])('%s', async (_name, call) => {
    await call(); // plans are made
    expect(await readOf(call)).toBeLessThan(MOST_READ);
  });
});
