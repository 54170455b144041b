import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AttemptAborted, NotYetError, ParkError, PermanentError, RateLimitedError } from './errors.ts';
import { backoffMs } from './retry.ts';
import { classify, decide, isEnded, type TaskState, taskEvents } from './task.ts';

const fresh: TaskState = {
  status: 'queued',
  stateVersion: 1,
  attemptNumber: 0,
  failures: 0,
  maxAttempts: 3,
  crashes: 0,
  maxCrashes: 3,
  pendingDeps: 0,
  cancelRequested: false,
};

describe('decide', () => {
  test('over any sequence of events: versions rise by one, budgets hold, and an end is left only by an operator', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom(...taskEvents), fc.boolean())), (events) => {
        let task = fresh;
        for (const [event, cancel] of events) {
          if (task.status === 'running' && cancel) task = { ...task, cancelRequested: true };
          const next = decide(task, event, 'completed');
          if (next === null) continue;
          expect(next.stateVersion).toBe(task.stateVersion + 1);
          expect(next.failures).toBeLessThanOrEqual(next.maxAttempts);
          expect(next.crashes).toBeLessThanOrEqual(next.maxCrashes);
          if (isEnded(task.status)) expect(event).toBe('operator_retry');
          if (task.status === 'completed') throw new Error('completed work moved');
          task = next;
        }
      }),
    );
  });
  test('complete wins over a cancel request; giving back does not', () => {
    const running: TaskState = { ...fresh, status: 'running', cancelRequested: true };
    expect(decide(running, 'complete')?.status).toBe('completed');
    for (const event of ['retry', 'release', 'expire', 'park'] as const)
      expect(decide(running, event)?.status).toBe('cancelled');
  });
  test('twenty releases cost nothing; the third crash and the third failure end it', () => {
    let task: TaskState = fresh;
    for (let round = 0; round < 20; round += 1)
      task = decide(decide(task, 'claim') as TaskState, 'release') as TaskState;
    expect(task).toMatchObject({ status: 'queued', failures: 0, crashes: 0, attemptNumber: 20 });
    for (const event of ['retry', 'expire'] as const) {
      let other: TaskState = fresh;
      const seen: string[] = [];
      for (let round = 0; round < 3; round += 1) {
        other = decide(decide(other, 'claim') as TaskState, event) as TaskState;
        seen.push(other.status);
      }
      expect(seen).toEqual(['queued', 'queued', 'failed']);
    }
  });
});

describe('the classifier', () => {
  const attempt = { aborted: null, failures: 0, maxAttempts: 3 };
  const aborted = (reason: 'cancelled' | 'shutdown' | 'lease-lost' | 'stalled') => ({
    ...attempt,
    aborted: new AttemptAborted(reason),
  });
  test.each([
    ['an ordinary error', new Error('x'), attempt, 'retry'],
    ['the last ordinary error', new Error('x'), { ...attempt, failures: 2 }, 'fail'],
    ['something that is no error', 'text', attempt, 'retry'],
    ['a permanent error', new PermanentError('x'), attempt, 'fail'],
    [
      "a provider's delay, even at the last try",
      new RateLimitedError('x', { retryAfterMs: 5 }),
      { ...attempt, failures: 2 },
      'release',
    ],
    ['what is not so yet', new NotYetError('x', { retryAfterMs: 5 }), { ...attempt, failures: 2 }, 'release'],
    ['a park', new ParkError('x'), attempt, 'park'],
    ['whatever was thrown after a cancel', new PermanentError('killed'), aborted('cancelled'), 'cancel'],
    ['whatever was thrown after a shutdown', new Error('killed'), aborted('shutdown'), 'release'],
    ['whatever was thrown after the lease was lost', new Error('killed'), aborted('lease-lost'), 'none'],
    ['a stall', new Error('killed'), aborted('stalled'), 'retry'],
    ['the last stall', new Error('killed'), { ...aborted('stalled'), failures: 2 }, 'fail'],
  ])('answers %s', (_name, error, how, event) => {
    expect(classify(error, how).event).toBe(event);
  });
});

test('backoff doubles up to its ceiling and jitters over the whole of it', () => {
  const policy = { backoffMs: 1_000, backoffMaxMs: 10_000 };
  expect([1, 2, 3, 4, 5, 50].map((failures) => backoffMs(policy, failures, () => 0.999999))).toEqual([
    1_000, 2_000, 4_000, 8_000, 10_000, 10_000,
  ]);
  expect(backoffMs(policy, 5, () => 0)).toBe(0);
});
