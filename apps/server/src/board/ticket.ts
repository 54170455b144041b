/**
 * One ticket as Bull Board shows it: what lies in the queue, beside what Postgres knows of its task. Pure.
 */
import type { QueueJobJson } from '@bull-board/api/typings/app';
import type { TicketTask } from '@reelfleet/db';
import { type SeenTicket, ticketData } from '@reelfleet/fleet';

/** The task a ticket names, and at which version; null when it is none of ours. */
export function namedTask(ticket: SeenTicket): { taskId: string; stateVersion: number } | null {
  return ticketData.safeParse(ticket.data).data ?? null;
}

/**
 * Does a failed ticket still tell the truth? It was good for one claim, and that attempt ended its task: the claim and
 * the end each raised the version by one. A task at any other version, or gone, has moved on without its ticket:
 * somebody retried it elsewhere, or retention removed its run.
 */
export function isStillFailed(ticket: SeenTicket, task: TicketTask | undefined): boolean {
  const named = namedTask(ticket);
  return named !== null && task?.status === 'failed' && task.stateVersion === named.stateVersion + 2;
}

/** Why a failed ticket cannot be retried although it is there, or null when it can. */
export function notToRetry(ticket: SeenTicket, task: TicketTask | undefined): string | null {
  if (namedTask(ticket) === null) return 'this is no ticket of Reelfleet: there is no task behind it to retry';
  if (task === undefined) return 'the task of this ticket is gone: its run was deleted, or retention removed it';
  if (isStillFailed(ticket, task)) return null;
  if (task.status === 'failed')
    return `task ${task.key} was retried since and failed again: retry its newer ticket, or the task with \`reelfleet retry ${task.id}\``;
  return `task ${task.key} is ${task.status}, no longer failed: it was retried elsewhere, there is nothing to retry here`;
}

/** In the form Bull Board knows. */
export function shownTicket(ticket: SeenTicket, task: TicketTask | undefined): QueueJobJson {
  return {
    id: ticket.id,
    name: ticket.name,
    data: {
      ...(typeof ticket.data === 'object' ? ticket.data : { said: ticket.data }),
      ...(task
        ? {
            run: task.runId,
            key: task.key,
            status: `${task.status}${task.status === 'running' && task.currentStep ? `: ${task.currentStep}` : ''}`,
            attempt: task.attemptNumber,
          }
        : { status: 'no such task any more' }),
    },
    opts: ticket.options,
    progress: ticket.progress,
    attemptsMade: ticket.endedAt === null ? 0 : 1,
    timestamp: ticket.addedAt,
    processedOn: ticket.startedAt,
    processedBy: ticket.state === 'active' ? (task?.workerName ?? null) : null,
    finishedOn: ticket.endedAt,
    failedReason: ticket.failedReason ?? '',
    // The task's own error. The stack of the ticket's failure would only lead into the engine.
    stacktrace: ticket.failedReason === null ? [] : [ticket.failedReason],
    returnvalue: ticket.returned,
    priority: ticket.priority,
  };
}

/** Where the page shows a ticket's run. */
export function runLink(job: QueueJobJson): { displayText: string; href: string } | undefined {
  const run = (job.data as { run?: unknown }).run;
  return typeof run === 'string' ? { displayText: 'run', href: `/#/runs/${run}` } : undefined;
}
