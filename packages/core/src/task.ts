/**
 * The life of a task, as a pure function. The same machine stands in SQL as `reelfleet.next_state` and the functions
 * around it; property tests hold the two equal. Every event raises `stateVersion` by one; the worker's copy of that
 * number is its fence. Durations go in with an event, never times: the database's clock makes them times.
 */
import {
  AttemptAborted,
  messageOf,
  NotYetError,
  ParkError,
  PermanentError,
  RateLimitedError,
  RetryableError,
} from './errors.ts';

export const taskStatuses = [
  'blocked',
  'queued',
  'running',
  'waiting',
  'completed',
  'failed',
  'cancelled',
  'skipped',
] as const;
export type TaskStatus = (typeof taskStatuses)[number];

export const taskEvents = [
  'create',
  'unblock',
  'skip',
  'claim',
  'complete',
  'fail',
  'park',
  'retry',
  'release',
  'expire',
  'resolve',
  'cancel',
  'operator_retry',
] as const;
export type TaskEvent = (typeof taskEvents)[number];

/** What `decide` looks at. */
export interface TaskState {
  status: TaskStatus;
  stateVersion: number;
  attemptNumber: number;
  failures: number;
  maxAttempts: number;
  crashes: number;
  maxCrashes: number;
  pendingDeps: number;
  cancelRequested: boolean;
}

const ended: readonly TaskStatus[] = ['completed', 'failed', 'cancelled', 'skipped'];
export const isEnded = (status: TaskStatus): boolean => ended.includes(status);

/** The status an event leads to, or null when there is no such arrow. `wish` is the outcome an operator resolves to. */
export function nextStatus(task: TaskState, event: TaskEvent, wish?: 'completed' | 'failed'): TaskStatus | null {
  const { status } = task;
  const givenBack = (otherwise: TaskStatus): TaskStatus => (task.cancelRequested ? 'cancelled' : otherwise);
  switch (event) {
    case 'create':
      return null; // only an insert creates
    case 'unblock':
      return status === 'blocked' && task.pendingDeps === 0 ? 'queued' : null;
    case 'skip':
      return status === 'blocked' || status === 'queued' ? 'skipped' : null;
    case 'claim':
      return status === 'queued' ? 'running' : null;
    case 'complete':
      return status === 'running' ? 'completed' : null;
    case 'fail':
      return status === 'running' ? 'failed' : null;
    case 'park':
      return status === 'running' ? givenBack('waiting') : null;
    case 'retry':
      return status === 'running' ? givenBack(task.failures + 1 >= task.maxAttempts ? 'failed' : 'queued') : null;
    case 'release':
      return status === 'running' ? givenBack('queued') : null;
    case 'expire':
      return status === 'running' ? givenBack(task.crashes + 1 >= task.maxCrashes ? 'failed' : 'queued') : null;
    case 'resolve':
      return status === 'waiting' ? (wish ?? null) : null;
    case 'cancel':
      return isEnded(status) ? null : 'cancelled';
    case 'operator_retry':
      return status === 'failed' || status === 'cancelled' || status === 'skipped'
        ? task.pendingDeps > 0
          ? 'blocked'
          : 'queued'
        : null;
    default:
      return event satisfies never;
  }
}

/** The task after an event, or null when the event is refused and nothing changes. */
export function decide(task: TaskState, event: TaskEvent, wish?: 'completed' | 'failed'): TaskState | null {
  const status = nextStatus(task, event, wish);
  if (status === null) return null;
  const next: TaskState = { ...task, status, stateVersion: task.stateVersion + 1 };
  switch (event) {
    case 'claim':
      next.attemptNumber += 1;
      break;
    case 'retry':
    case 'fail':
      next.failures = Math.min(task.failures + 1, task.maxAttempts);
      break;
    case 'expire':
      next.crashes = Math.min(task.crashes + 1, task.maxCrashes);
      break;
    case 'operator_retry':
      next.failures = 0;
      next.crashes = 0;
      next.cancelRequested = false;
      break;
    default:
      break;
  }
  return next;
}

/** How an attempt ended, as the worker sends it to the ledger. Durations in milliseconds. */
export type Verdict =
  | { event: 'complete'; output: unknown }
  | { event: 'fail'; code: string; message: string }
  | { event: 'retry'; code: string; message: string }
  | { event: 'release'; delayMs: number; code: 'shutdown' | 'rate-limited' | 'not-yet'; message: string }
  | { event: 'park'; output: unknown; message: string }
  | { event: 'cancel' }
  | { event: 'none' };

/**
 * The one place where endings meet. `aborted` is the reason the attempt's signal fired, if it did: after that,
 * whatever the handler threw on its way out is only the noise of stopping.
 */
export function classify(
  error: unknown,
  attempt: { aborted: AttemptAborted | null; failures: number; maxAttempts: number },
): Exclude<Verdict, { event: 'complete' }> {
  const aborted = attempt.aborted ?? (error instanceof AttemptAborted ? error : null);
  const again = (code: string, message: string) =>
    attempt.failures + 1 >= attempt.maxAttempts
      ? ({ event: 'fail', code, message } as const)
      : ({ event: 'retry', code, message } as const);
  if (aborted) {
    switch (aborted.reason) {
      case 'lease-lost':
        return { event: 'none' };
      case 'cancelled':
        return { event: 'cancel' };
      case 'shutdown':
        return { event: 'release', delayMs: 0, code: 'shutdown', message: 'worker shut down' };
      case 'stalled':
        return again('stalled', aborted.message);
      default:
        return aborted.reason satisfies never;
    }
  }
  if (error instanceof PermanentError) return { event: 'fail', code: error.code, message: error.message };
  if (error instanceof RateLimitedError || error instanceof NotYetError)
    return {
      event: 'release',
      delayMs: Math.max(0, Math.ceil(error.retryAfterMs) || 0),
      code: error instanceof NotYetError ? 'not-yet' : 'rate-limited',
      message: error.message,
    };
  if (error instanceof ParkError) return { event: 'park', output: error.output, message: error.message };
  return again(error instanceof RetryableError ? error.code : 'error', messageOf(error));
}
