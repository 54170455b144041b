/**
 * What the events say, and how they stand on the wire. Pure. The fields of `task` are those of a TaskRow, so that a
 * client keeps a task up to date by laying the event over it; only what the change has changed is in it. Of a long
 * `lastError` the beginning is there.
 */
import type { RunRow, TaskRow } from '@reelfleet/catalog';
import { isEnded, type TaskStatus } from '@reelfleet/core';
import type { AuditedChange, RunningTask } from '@reelfleet/db';

/** One audited change of a task. */
export type TaskEvent = Partial<Omit<TaskRow, 'needs'>> &
  Pick<TaskRow, 'id' | 'key' | 'stage' | 'title' | 'status' | 'stateVersion'> & {
    runId: string;
    /** The event of the state machine: `claim`, `complete`, `retry`, … */
    action: string;
    actor: string;
    /** The worker's name, when the actor is one. */
    actorName: string | null;
    from: TaskStatus | null;
    at: string;
  };

/** Where running tasks of a run are; lossy, so without an id. */
export interface ProgressEvent {
  runId: string;
  tasks: { id: string; progressPercent: number; currentStep: string | null }[];
}

/**
 * Read everything again by REST, then go on with the events that follow. `behind`: more was missed than is sent again;
 * `busy`: more runs change than are told one by one; `rewound`: the database is an earlier state of itself.
 */
export interface ResetEvent {
  reason: 'behind' | 'busy' | 'rewound';
}

/** Follows the `run` and the `task`s with which a run ended. The stream stays open: an operator may retry the run. */
export interface EndEvent {
  runId: string;
  status: RunRow['status'];
}

export interface EventData {
  run: RunRow;
  task: TaskEvent;
  progress: ProgressEvent;
  reset: ResetEvent;
  end: EndEvent;
}

/** One event as text/event-stream. Without an id the client's cursor stays where it is. */
export function frame<Name extends keyof EventData>(
  event: Name,
  data: EventData[Name],
  id?: number | undefined,
): string {
  return `event: ${event}\n${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`;
}

/** Moves the client's cursor and is no event. */
export const cursorFrame = (id: number): string => `id: ${id}\n\n`;

export const isEndedRun = (status: RunRow['status']): boolean => status !== 'queued' && status !== 'running';

export function taskEvent(runId: string, change: AuditedChange): TaskEvent {
  const { before, after, action } = change;
  const at = new Date(change.at).toISOString();
  const event: TaskEvent = {
    runId,
    id: change.taskId,
    key: change.key,
    stage: change.stage,
    title: change.title,
    status: after.status,
    stateVersion: change.stateVersion,
    action,
    actor: change.actor,
    actorName: change.actorName,
    from: before?.status ?? null,
    at,
  };
  if (after.attemptNumber !== before?.attemptNumber) event.attemptNumber = after.attemptNumber;
  if (after.failures !== before?.failures) event.failures = after.failures;
  if (after.crashes !== before?.crashes) event.crashes = after.crashes;
  if (after.runAfter !== before?.runAfter)
    event.runAfter = after.runAfter === null ? null : new Date(after.runAfter).toISOString();
  if (after.errorCode !== before?.errorCode) event.errorCode = after.errorCode;
  // The sentence; the lines below it are the task's log.
  if (after.error !== before?.error) event.lastError = after.error?.split('\n', 1)[0] ?? null;
  // What packages/db/sql writes along with these events, and the trail need not repeat.
  if (action === 'claim') {
    event.progressPercent = 0;
    event.currentStep = null;
    event.workerName = change.actorName;
    if (after.attemptNumber === 1) event.startedAt = at;
  } else if (before?.worker) {
    event.workerName = after.status === 'completed' || after.status === 'failed' ? change.actorName : null;
    event.claimExpiresAt = null;
  }
  if (after.status === 'completed') event.progressPercent = 100;
  if (after.status === 'queued') event.progressPercent = 0;
  if (isEnded(after.status)) event.completedAt = at;
  else if (action === 'operator_retry') event.completedAt = null;
  return event;
}

export function progressEvent(runId: string, tasks: readonly RunningTask[]): ProgressEvent {
  return {
    runId,
    tasks: tasks.map(({ id, progressPercent, currentStep }) => ({ id, progressPercent, currentStep })),
  };
}
