/**
 * Looking at tickets, for whoever shows them to people: plain values, read under a deadline, with nothing to change but
 * one thing: a failed ticket that says nothing true any more can be forgotten. Adding, moving and removing live tickets
 * is for the ledger's statements alone, so there is no verb for it here. A store that does not answer is one sentence.
 */
import { messageOf, UserError } from '@reelfleet/core';
import type { Job, Queue } from 'bullmq';

/** Where a ticket of ours can be. All carry a priority, so `waiting` holds only those that somebody else put there. */
export type TicketState = 'active' | 'waiting' | 'prioritized' | 'completed' | 'failed';
export const ticketStates: readonly TicketState[] = ['active', 'waiting', 'prioritized', 'completed', 'failed'];

export interface SeenTicket {
  readonly id: string;
  readonly name: string;
  readonly state: TicketState | 'unknown';
  readonly data: unknown;
  /** The run's priority, not the queue's own number. */
  readonly priority: number;
  /** As the store keeps them. */
  readonly options: unknown;
  readonly progress: number;
  readonly addedAt: number;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  readonly failedReason: string | null;
  readonly returned: unknown;
}

/** The tickets of one stage. Every method throws UserError (unavailable) when the store does not answer. */
export interface StageTickets {
  counts(): Promise<Record<TicketState, number>>;
  /** Of each state those from `from` to `to`, both counted in: waiting ones in the order they will be taken, ended ones newest first. */
  list(states: readonly TicketState[], from: number, to: number): Promise<SeenTicket[]>;
  find(id: string): Promise<SeenTicket | null>;
  /** Its log lines, oldest first. */
  logs(id: string): Promise<string[]>;
  /** Takes those of these tickets out of the store that are failed there. Answers how many. */
  forgetFailed(ids: readonly string[]): Promise<number>;
}

/** What the store says about itself. */
export type StoreFacts =
  | { kind: 'redis' /** Redis' own INFO. */; info: string }
  | { kind: 'postgres'; version: string; port: number; uptimeSeconds: number; connected: number; blocked: number };

/** BullMQ's priorities rise with urgency the other way round, and a job without one beats all: so every ticket has one. */
export const bullPriority = (priority: number): number => HIGHEST - priority;
const HIGHEST = 32_768;

/** `ask` waits for a connection and bounds the answer; it is the queue's own. */
export function lookAt(queue: Queue, ask: <T>(work: () => Promise<T>) => Promise<T>): StageTickets {
  const asked = <T>(work: () => Promise<T>): Promise<T> =>
    ask(work).catch((error) => Promise.reject(unanswered(error)));
  return {
    counts: () => asked(() => queue.getJobCounts(...ticketStates) as Promise<Record<TicketState, number>>),
    async list(states, from, to) {
      const lists = await asked(() =>
        Promise.all(
          states.map(async (state) => {
            const ended = state === 'completed' || state === 'failed';
            const jobs = await queue.getJobs([state], from, to, !ended);
            return jobs.map((job) => seen(job, state));
          }),
        ),
      );
      return lists.flat();
    },
    async find(id) {
      const job = await asked(() => queue.getJob(id));
      if (!job) return null;
      const state = await asked(() => job.getState());
      return seen(job, ticketStates.find((known) => known === state) ?? 'unknown');
    },
    logs: async (id) => (await asked(() => queue.getJobLogs(id))).logs,
    async forgetFailed(ids) {
      const gone = await asked(() =>
        Promise.all(
          ids.map(async (id) => {
            const job = await queue.getJob(id);
            if (!job || !(await job.isFailed())) return 0;
            await job.remove();
            return 1;
          }),
        ),
      );
      return gone.reduce<number>((sum, one) => sum + one, 0);
    },
  };
}

/** The sentence for a store that did not answer. */
export function unanswered(error: unknown): UserError {
  return new UserError(
    `the store of the tickets does not answer (${messageOf(error)}): no work is lost by that; look again in a moment, or check REDIS_URL (without it, DATABASE_URL)`,
    { cause: error, kind: 'unavailable' },
  );
}

function seen(job: Job, state: SeenTicket['state']): SeenTicket {
  const priority = job.opts.priority ?? 0;
  return {
    id: job.id ?? '',
    name: job.name,
    state,
    data: job.data,
    priority: priority === 0 ? 0 : HIGHEST - priority,
    options: job.opts,
    progress: typeof job.progress === 'number' ? job.progress : 0,
    addedAt: job.timestamp,
    startedAt: job.processedOn ?? null,
    endedAt: job.finishedOn ?? null,
    failedReason: job.failedReason || null,
    returned: job.returnvalue,
  };
}
