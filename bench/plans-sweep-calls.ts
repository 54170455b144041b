/** The sweep's calls whose plans are shown, each with as much to do as a busy sweep finds, and what its plans should show. */
import { randomUUID } from 'node:crypto';
import { claimed, fenceOf, LEASE_MS, type PlannedCall, SOME, take } from './plans-call.ts';

export const sweepCalls: readonly PlannedCall[] = [
  {
    name: 'sweep_turn, chore_due',
    with: 'what every worker asks once a second, and the one with the turn besides',
    see: 'One row each.',
    prepare: async (on) => async () => {
      await on.sweep.turn(1_000, 3_600_000);
      await on.sweep.choreDue('bench', 86_400_000);
    },
  },
  {
    name: 'sweep_expire',
    with: '20 leases that are over',
    see: 'The running rows through the index that holds only those, so the backlog is not seen at all.',
    async prepare(on) {
      await claimed(on, 20, 1);
      await new Promise((done) => setTimeout(done, 5));
      return () => on.sweep.expire('bench', 1_000, 500);
    },
  },
  {
    name: 'sweep_due',
    with: `${SOME} rows that are due and have no ticket, behind a paused stage with a quarter of the backlog`,
    see: 'The index of undispatched rows is hopped through stage by stage: a paused stage costs one entry, however many rows it has.',
    async prepare(on) {
      const asks = take(on, SOME).map((ticket) => ({ ...fenceOf(ticket), refusal: 'worker busy' }));
      await on.ledger.claim(on.worker, LEASE_MS, asks);
      return () => on.sweep.due(2_000);
    },
  },
  {
    name: 'sweep_store',
    with: 'the number that the store holds',
    see: 'One row.',
    prepare: async (on) => () => on.sweep.store(on.store, 1),
  },
  {
    name: 'sweep_lost',
    with: `a store that lost everything, ${SOME} rows at a time`,
    see: 'The oldest dispatches first, by the index over them, and no more than the limit.',
    async prepare(on) {
      await on.sweep.store(on.store, null);
      return () => on.sweep.lost(on.store, SOME);
    },
  },
  {
    name: 'sweep_verify, sweep_cursor',
    with: `${SOME} tickets to look up, from where the cursor stands`,
    see: 'One range of the index over dispatches: the cursor and the limit bound it on both sides.',
    prepare: async (on) => async () => {
      const { cursor } = await on.sweep.toVerify(on.store, SOME, false);
      await on.sweep.verified(on.store, false, cursor);
    },
  },
  {
    name: 'redispatch',
    with: `${SOME} tickets that were looked up and are gone`,
    see: 'By the primary key.',
    async prepare(on) {
      const gone = take(on, SOME);
      return () => on.sweep.redispatch(gone);
    },
  },
  {
    name: 'sweep_workers',
    with: 'workers without a beat',
    see: 'The table of workers, which is as small as the fleet.',
    prepare: async (on) => () => on.sweep.workersOffline(3_600_000),
  },
  {
    name: 'sweep_retention',
    with: 'a day on which nothing is old enough',
    see: 'Once a day; ended runs, audit rows by their time, and workers.',
    prepare: async (on) => () => on.sweep.retention(90, 500),
  },
  {
    name: 'unnamed',
    with: `${SOME} stored objects`,
    see: 'Each object is looked for by its URI in the indices that name files.',
    async prepare(on) {
      const objects = Array.from({ length: SOME }, (_, n) => ({
        key: `runs/${randomUUID()}/noop/2/${n}.mp4`,
        uri: `file:///bench/${n}.mp4`,
      }));
      return () => on.sweep.unnamed(objects);
    },
  },
];
