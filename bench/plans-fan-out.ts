/** A run that fans out and joins, in the three moments at which its settles do most. */
import { type ClaimedTask, defineTemplate, type EnqueueItem, expand, type SettleItem } from '@reelfleet/core';
import { v7 } from 'uuid';
import { z } from 'zod';
import { type BackloggedLedger, noopStages, runOf } from './backlog-ledger.ts';

const CHILDREN = 20;
const nothing = z.object({});
const node = { stage: 'noop', phase: 'noop', title: () => 'noop', input: () => ({}) };
const children = Array.from({ length: CHILDREN }, (_, n) => ({ suffix: String(n + 1), title: 'part', payload: {} }));

const template = defineTemplate({
  name: 'fan-out',
  params: nothing,
  nodes: [
    { ...node, key: 'split' },
    { ...node, key: 'part', each: { of: 'split', items: () => children } },
    { ...node, key: 'join', needs: ['part/*'] },
  ],
});

/** An expander, and a join that waits for what it will make. */
export const fanOutRun = (): EnqueueItem => runOf(template);

/** The settle of the expander: its children, and the edges from the join to them. */
export function splitItem({ id, version }: ClaimedTask): SettleItem {
  const { tasks, edges, skip } = expand(template, 'split', {}, {}, { newId: v7, stages: noopStages });
  return { id, version, event: 'complete', output: {}, children: tasks, edges, skip };
}

type Ledgers = Pick<BackloggedLedger, 'ledger' | 'operator' | 'worker'>;

/** Enqueues such a run and claims its expander. */
export async function claimedExpander({ ledger, operator, worker }: Ledgers, leaseMs: number): Promise<ClaimedTask> {
  const { tickets } = await operator.enqueue([fanOutRun()], 'bench');
  const asks = tickets.map(({ id, version }) => ({ id, version, refusal: null }));
  const [answer] = await ledger.claim(worker, leaseMs, asks);
  if (answer?.kind !== 'claimed') throw new Error('the expander was not claimed');
  return answer.task;
}

/** Works such a run up to its last child: settling that one makes the join due. */
export async function lastOfTheParts(on: Ledgers, leaseMs: number): Promise<SettleItem> {
  const { ledger, worker } = on;
  const head = await claimedExpander(on, leaseMs);
  const tickets = (await ledger.settle(worker, [splitItem(head)])).flatMap((answer) => answer.tickets);
  const asks = tickets.map(({ id, version }) => ({ id, version, refusal: null }));
  const items = (await ledger.claim(worker, leaseMs, asks)).flatMap((answer): SettleItem[] =>
    answer.kind === 'claimed'
      ? [{ id: answer.task.id, version: answer.task.version, event: 'complete', output: {} }]
      : [],
  );
  if (items.length !== CHILDREN) throw new Error(`${items.length} of ${CHILDREN} children were claimed`);
  await ledger.settle(worker, items.slice(1));
  return items[0] as SettleItem;
}
