/**
 * The calls of workers and operators whose plans are shown: with as much work as a busy worker gives them, and one sentence on
 * what their plans should show. A call runs twice, and the second one is shown: by then its plans are made.
 */
import { randomUUID } from 'node:crypto';
import type { SettleItem } from '@reelfleet/core';
import { ints, json, text, uuid, uuids } from '@reelfleet/db';
import { noopRun } from './backlog-ledger.ts';
import { claimed, type Explained, fenceOf, LEASE_MS, type PlannedCall, SOME, take } from './plans-call.ts';
import { claimedExpander, fanOutRun, lastOfTheParts, splitItem } from './plans-fan-out.ts';

const settleAll = (on: Explained, items: readonly SettleItem[]) => on.ledger.settle(on.worker, items);

export const ledgerCalls: readonly PlannedCall[] = [
  {
    name: 'enqueue',
    with: `${SOME} runs of one task`,
    see: 'The batch is one JSON document: its functions are read several times over, the tables only through the keys of the new rows.',
    async prepare(on) {
      const runs = Array.from({ length: SOME }, () => noopRun());
      return () => on.operator.enqueue(runs, 'bench');
    },
  },
  {
    name: 'enqueue, a pipeline with dependencies',
    with: '20 runs, each an expander, and a join that waits for what it will make',
    see: 'Edges find both their ends by run and key: no row of another run is read.',
    async prepare(on) {
      const runs = Array.from({ length: 20 }, fanOutRun);
      return () => on.operator.enqueue(runs, 'bench');
    },
  },
  {
    name: 'claim',
    with: `${SOME} tickets, each good`,
    see: 'Every ticket reaches its task by the primary key, and its run too, which the first claim of a run locks and writes.',
    async prepare(on) {
      const asks = take(on, SOME).map((ticket) => ({ ...fenceOf(ticket), refusal: null }));
      return () => on.ledger.claim(on.worker, LEASE_MS, asks);
    },
  },
  {
    name: 'claim, refused',
    with: `${SOME} tickets that a worker with a full disk gives back`,
    see: 'The same way in; the refused rows are marked undispatched, and nothing else is written.',
    async prepare(on) {
      const asks = take(on, SOME).map((ticket) => ({ ...fenceOf(ticket), refusal: 'disk full' }));
      return () => on.ledger.claim(on.worker, LEASE_MS, asks);
    },
  },
  {
    name: 'beat',
    with: `${SOME} running tasks`,
    see: 'One row of `workers`, and each task by its key, skipping those that somebody else has locked.',
    async prepare(on) {
      const tasks = await claimed(on, SOME);
      const items = tasks.map((task) => ({ ...task, progressPercent: 50, step: 'half' }));
      return () => on.ledger.beat(on.worker, LEASE_MS, items, { draining: false });
    },
  },
  {
    name: 'checkpoint',
    with: `${SOME} running tasks`,
    see: 'As the beat, with the checkpoint written.',
    async prepare(on) {
      const tasks = await claimed(on, SOME);
      const items = tasks.map((task) => ({ ...task, data: { at: 1 }, units: 1, progress: 50, step: 'half' }));
      return () => on.ledger.checkpoint(on.worker, items);
    },
  },
  {
    name: 'settle, complete',
    with: `${SOME} attempts that succeeded, each the only task of its run`,
    see: 'Locks runs, then tasks, each by its key; the roll-up reads the tasks of these runs and of no other.',
    async prepare(on) {
      const items = (await claimed(on, SOME)).map((task): SettleItem => ({ ...task, event: 'complete', output: {} }));
      return () => settleAll(on, items);
    },
  },
  {
    name: 'settle, retry',
    with: `${SOME} attempts that threw`,
    see: 'The same, and the rows are queued again: the partial indices of queued rows get their entries back.',
    async prepare(on) {
      const items = (await claimed(on, SOME)).map(
        (task): SettleItem => ({ ...task, event: 'retry', code: 'error', message: 'it threw', delayMs: 60_000 }),
      );
      return () => settleAll(on, items);
    },
  },
  {
    name: 'settle, fan-out',
    with: 'one expander that makes 20 children, for which a join then waits',
    see: 'Children and edges are inserted by run and key, so that a replay inserts nothing twice.',
    async prepare(on) {
      const item = splitItem(await claimedExpander(on, LEASE_MS));
      return () => settleAll(on, [item]);
    },
  },
  {
    name: 'settle, join',
    with: 'the last of 20 children, whose dependant becomes due',
    see: 'Dependants come from the edges of what has ended and are recounted from their own edges.',
    async prepare(on) {
      const last = await lastOfTheParts(on, LEASE_MS);
      return () => settleAll(on, [last]);
    },
  },
  {
    name: 'happened',
    with: `${SOME} fences whose settle got no answer`,
    see: 'The audit trail by task and version: one row each.',
    async prepare(on) {
      const items = (await claimed(on, SOME)).map((task): SettleItem => ({ ...task, event: 'complete', output: {} }));
      await settleAll(on, items);
      const fences = items.map(({ id, version, event }) => ({ id, version, event }));
      return () => on.db.call('happened', text(on.worker), json(fences));
    },
  },
  {
    name: 'claimed_by',
    with: `${SOME} tickets whose claim got no answer`,
    see: 'By the primary key; what each task needs of others comes from its own edges.',
    async prepare(on) {
      const tasks = await claimed(on, SOME);
      const asked = [uuids(tasks.map(({ id }) => id)), ints(tasks.map(({ version }) => version - 1))];
      return () => on.db.call('claimed_by', uuid(on.worker), ...asked);
    },
  },
  {
    name: 'operator_cancel',
    with: 'five runs',
    see: 'The tasks of these runs, by run.',
    async prepare(on) {
      const runs = Array.from({ length: 5 }, fanOutRun);
      await on.operator.enqueue(runs, 'bench');
      return () => on.operator.cancel('bench', { runs: runs.map(({ run }) => run.id) });
    },
  },
  {
    name: 'operator_retry',
    with: 'five runs that were cancelled',
    see: 'The tasks of these runs, and the edges between them.',
    async prepare(on) {
      const runs = Array.from({ length: 5 }, fanOutRun);
      const target = { runs: runs.map(({ run }) => run.id) };
      await on.operator.enqueue(runs, 'bench');
      await on.operator.cancel('bench', target);
      return () => on.operator.retry('bench', target);
    },
  },
  {
    name: 'worker_hello, worker_bye',
    with: 'a worker that comes and goes',
    see: 'One row of `workers`; no task is read unless the worker held one.',
    async prepare(on) {
      const id = randomUUID();
      return async () => {
        await on.ledger.hello({ id, name: id, type: 'local', capabilities: {}, metadata: {} });
        await on.ledger.bye(id, { seq: 1, counters: { attempts: 1 }, gauges: {} });
      };
    },
  },
];
