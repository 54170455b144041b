/**
 * What the board knows, for all its queues and all who look: tickets from the queue's store, everything that is true
 * about them from Postgres. Bounded whatever the number of browsers: counts, pauses and workers are asked once for all
 * of them. It also takes failed tickets off whose task has moved on, so that the failed list does not lie.
 */
import { messageOf, UserError } from '@reelfleet/core';
import { listWorkers, pausedStages, spoken, type TicketTask, tasksOfTickets, type WorkerRecord } from '@reelfleet/db';
import type { SeenTicket, TicketState } from '@reelfleet/fleet';
import type { ServerContext } from '../context.ts';
import { type SharedAnswer, sharedAnswer } from './shared-answer.ts';
import { isStillFailed, namedTask, notToRetry } from './ticket.ts';

const FRESH_MS = 1_000;
/** Tickets looked at in one round of weeding, and how often a stage has one while somebody watches. */
const WEED_AT_ONCE = 100;
const WEED_EVERY_MS = 10_000;
/** Retries of one press of "retry all". */
const RETRY_AT_ONCE = 500;

export interface Seen {
  ticket: SeenTicket;
  task: TicketTask | undefined;
}

export interface Watch {
  counts: SharedAnswer<Map<string, Record<TicketState, number>>>;
  /** Stages that are paused, with who and why. */
  pauses: SharedAnswer<Map<string, { by: string | null; reason: string | null }>>;
  /** Workers that may take work, by the stage they serve. */
  workers: SharedAnswer<Map<string, WorkerRecord[]>>;
  list(stage: string, states: readonly TicketState[], from: number, to: number): Promise<Seen[]>;
  find(stage: string, id: string): Promise<Seen | null>;
  logs(stage: string, id: string): Promise<string[]>;
  pause(stage: string): Promise<void>;
  resume(stage: string): Promise<void>;
  /** An operator's retry of the ticket's task; the ticket leaves the failed list. Throws UserError and changes nothing when it may not be. */
  retry(stage: string, id: string): Promise<void>;
  /** The same for every failed ticket, up to a bound; what is refused stays as it is. */
  retryAll(stage: string): Promise<{ retried: number; refused: string[]; left: number }>;
}

type Parts = Pick<ServerContext, 'operator' | 'queue' | 'reads' | 'stages' | 'log'>;

export function openWatch({ operator, queue, reads, stages, log }: Parts): Watch {
  const weeded = new Map<string, { at: number; from: number }>();

  const counts = sharedAnswer(async () => {
    const all = new Map<string, Record<TicketState, number>>();
    // One after the other: the board is one reader among those who work, and never takes the whole pool.
    for (const stage of stages) all.set(stage, await queue.look(stage).counts());
    for (const [stage, { failed }] of all) if (failed > 0) weedSometimes(stage, failed);
    return all;
  }, FRESH_MS);

  const beside = async (tickets: readonly SeenTicket[]): Promise<Seen[]> => {
    const ids = tickets.flatMap((ticket) => namedTask(ticket)?.taskId ?? []);
    const tasks = await spoken(tasksOfTickets(reads, ids));
    return tickets.map((ticket) => ({ ticket, task: tasks.get(namedTask(ticket)?.taskId ?? '') }));
  };
  const outdated = ({ ticket, task }: Seen) => ticket.state === 'failed' && !isStillFailed(ticket, task);

  /** Takes tickets off that say nothing true any more. Nobody waits for it. */
  function weed(stage: string, seen: readonly Seen[]): void {
    const ids = seen.filter(outdated).map(({ ticket }) => ticket.id);
    if (ids.length === 0) return;
    queue
      .look(stage)
      .forgetFailed(ids)
      .then((gone) => gone > 0 && counts.forget())
      .catch((error) => log.debug({ stage, error: messageOf(error) }, 'outdated tickets stay for now'));
  }

  /** Goes through the failed tickets of a stage, a part at a time, also when nobody opens its list. */
  function weedSometimes(stage: string, failed: number): void {
    const last = weeded.get(stage) ?? { at: Number.NEGATIVE_INFINITY, from: 0 };
    if (performance.now() - last.at < WEED_EVERY_MS) return;
    const from = last.from < failed ? last.from : 0;
    weeded.set(stage, { at: performance.now(), from: from + WEED_AT_ONCE });
    queue
      .look(stage)
      .list(['failed'], from, from + WEED_AT_ONCE - 1)
      .then(async (tickets) => weed(stage, await beside(tickets)))
      .catch((error) => log.debug({ stage, error: messageOf(error) }, 'failed tickets not looked through'));
  }

  async function retryOne(stage: string, { ticket, task }: Seen): Promise<void> {
    const obstacle = notToRetry(ticket, task);
    if (obstacle !== null || !task) throw new UserError(obstacle ?? 'there is no such task', { kind: 'conflict' });
    const { retried } = await operator.retry(task.id);
    if (retried === 0)
      throw new UserError(`task ${task.key} is no longer failed: there is nothing to retry`, { kind: 'conflict' });
    // The retry stands in Postgres; a ticket that cannot be taken off now is taken off when it is next seen.
    await queue
      .look(stage)
      .forgetFailed([ticket.id])
      .catch((error) => log.debug({ stage, error: messageOf(error) }, 'retried ticket stays for now'));
    counts.forget();
  }

  const pauses = sharedAnswer(async () => {
    const rows = await spoken(pausedStages(reads));
    return new Map(rows.map((row) => [row.stage, { by: row.pausedBy, reason: row.reason }]));
  }, FRESH_MS);

  return {
    counts,
    pauses,
    workers: sharedAnswer(async () => {
      const working = (await spoken(listWorkers(reads))).filter((worker) => worker.status === 'active');
      return new Map(stages.map((stage) => [stage, working.filter((worker) => worker.stages.includes(stage))]));
    }, FRESH_MS),
    async list(stage, states, from, to) {
      const seen = await beside(await queue.look(stage).list(states, from, to));
      weed(stage, seen);
      return seen.filter((one) => !outdated(one));
    },
    async find(stage, id) {
      const ticket = await queue.look(stage).find(id);
      return ticket === null ? null : ((await beside([ticket]))[0] ?? null);
    },
    logs: (stage, id) => queue.look(stage).logs(id),
    async pause(stage) {
      await operator.pause(stage, 'paused in Bull Board');
      pauses.forget();
    },
    async resume(stage) {
      await operator.resume(stage);
      pauses.forget();
    },
    async retry(stage, id) {
      const [seen] = await beside([await queue.look(stage).find(id)].filter((ticket) => ticket !== null));
      if (!seen) throw new UserError('this ticket is gone: look at the list again', { kind: 'missing' });
      if (seen.ticket.state !== 'failed')
        throw new UserError(`this ticket is ${seen.ticket.state}: only failed ones are retried`, { kind: 'conflict' });
      await retryOne(stage, seen);
    },
    async retryAll(stage) {
      const tickets = await queue.look(stage).list(['failed'], 0, RETRY_AT_ONCE - 1);
      const seen = await beside(tickets);
      weed(stage, seen);
      const wanted = seen.filter((one) => !outdated(one));
      const refused: string[] = [];
      for (const one of wanted) {
        try {
          await retryOne(stage, one);
        } catch (error) {
          if (!(error instanceof UserError) || error.kind === 'unavailable') throw error;
          refused.push(error.message);
        }
      }
      const left = (await queue.look(stage).counts()).failed - refused.length;
      return { retried: wanted.length - refused.length, refused, left: Math.max(0, left) };
    },
  };
}
