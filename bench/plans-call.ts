/** What a call to be explained is, and the tickets and claims that most of them begin with. */
import type { Database } from '@reelfleet/db';
import type { BackloggedLedger } from './backlog-ledger.ts';

export const SOME = 100;
export const LEASE_MS = 30_000;

/** Whose ledgers speak through the session that explains. */
export type Explained = Pick<BackloggedLedger, 'ledger' | 'sweep' | 'operator' | 'worker' | 'tickets' | 'store'> & {
  readonly db: Database;
};

export interface PlannedCall {
  readonly name: string;
  readonly with: string;
  readonly see: string;
  /** Makes what the call needs, and answers the call itself. */
  prepare(on: Explained): Promise<() => Promise<unknown>>;
}

export const fenceOf = ({ id, version }: { id: string; version: number }) => ({ id, version });

export function take(on: Explained, count: number) {
  const tickets = on.tickets.splice(0, count);
  if (tickets.length < count)
    throw new Error(`only ${tickets.length} of ${count} tickets are left: more --tasks are needed`);
  return tickets;
}

export async function claimed(on: Explained, count: number, leaseMs = LEASE_MS) {
  const asks = take(on, count).map((ticket) => ({ ...fenceOf(ticket), refusal: null }));
  const answers = await on.ledger.claim(on.worker, leaseMs, asks);
  return answers.map((answer) => {
    if (answer.kind !== 'claimed') throw new Error(`a ticket of the backlog was answered ${answer.kind}`);
    return fenceOf(answer.task);
  });
}
