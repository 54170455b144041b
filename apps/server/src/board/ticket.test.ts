import type { TicketTask } from '@reelfleet/db';
import type { SeenTicket } from '@reelfleet/fleet';
import { describe, expect, it } from 'vitest';
import { isStillFailed, notToRetry, runLink, shownTicket } from './ticket.ts';

const taskId = 'f2a5b0a2-6a0e-4b63-9c77-7f2f4d1f0b11';
const ticket = (over: Partial<SeenTicket> = {}): SeenTicket => ({
  id: `${taskId}-4-1`,
  name: 'music 7/20 · Royal Court Ambience',
  state: 'failed',
  data: { taskId, stateVersion: 4 },
  priority: 5,
  options: { attempts: 1 },
  progress: 30,
  addedAt: 1,
  startedAt: 2,
  endedAt: 3,
  failedReason: 'no music',
  returned: null,
  ...over,
});
const task = (over: Partial<TicketTask> = {}): TicketTask => ({
  id: taskId,
  runId: '1b1f7a52-5a84-4f0c-9a5e-0d7a0c3f7d10',
  key: 'music/07',
  status: 'failed',
  stateVersion: 6,
  attemptNumber: 2,
  currentStep: 'second verse',
  workerName: 'studio-1',
  ...over,
});

describe('a failed ticket', () => {
  it('tells the truth while its task is failed by that very attempt', () => {
    expect(isStillFailed(ticket(), task())).toBe(true);
    expect(notToRetry(ticket(), task())).toBeNull();
  });

  it.each<[string, TicketTask | undefined, RegExp]>([
    [
      'was retried and runs',
      task({ status: 'running', stateVersion: 8 }),
      /task music\/07 is running, no longer failed/,
    ],
    ['was retried and failed again', task({ stateVersion: 9 }), /retried since and failed again/],
    ['was deleted', undefined, /gone/],
  ])('is outdated when its task %s', (_what, now, sentence) => {
    expect(isStillFailed(ticket(), now)).toBe(false);
    expect(notToRetry(ticket(), now)).toMatch(sentence);
  });

  it('that names no task is not retried', () => {
    expect(notToRetry(ticket({ data: { hello: 1 } }), undefined)).toMatch(/no ticket of Reelfleet/);
  });
});

describe('a ticket on the board', () => {
  it('carries its readable name, its task and run, and the error of the task as its own', () => {
    const shown = shownTicket(ticket(), task());
    expect(shown).toMatchObject({
      name: 'music 7/20 · Royal Court Ambience',
      failedReason: 'no music',
      stacktrace: ['no music'],
      priority: 5,
      data: { taskId, stateVersion: 4, run: task().runId, key: 'music/07', status: 'failed', attempt: 2 },
    });
    expect(runLink(shown)).toEqual({ displayText: 'run', href: `/#/runs/${task().runId}` });
  });

  it('says at which step its task is and who works on it', () => {
    const shown = shownTicket(
      ticket({ state: 'active', endedAt: null, failedReason: null }),
      task({ status: 'running' }),
    );
    expect(shown).toMatchObject({ processedBy: 'studio-1', data: { status: 'running: second verse' }, stacktrace: [] });
  });

  it('without a task says so and links nowhere', () => {
    const shown = shownTicket(ticket({ data: 'forged' }), undefined);
    expect(shown.data).toEqual({ said: 'forged', status: 'no such task any more' });
    expect(runLink(shown)).toBeUndefined();
  });
});
