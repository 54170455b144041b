import type { CallBegun, CallEnd, CallItem } from '@reelfleet/core';
import { AttemptAborted } from '@reelfleet/core';
import { describe, expect, test } from 'vitest';
import { paidCalls, requestHash } from './paid-calls.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };

/** One attempt's calls, over a ledger that keeps rows in memory and can be told that the fence has moved. */
function attempt(rows = new Map<string, { callId: string; kept: { response: unknown } | null }>(), held = true) {
  const [signal, lost] = [new AbortController(), new AbortController()];
  const steps: string[] = [];
  let ids = 0;
  const calls = paidCalls(
    { id: 'task', version: 2 },
    {
      ledger: {
        async beginCall({ requestHash: hash, callId }: CallItem): Promise<CallBegun> {
          steps.push('begin');
          if (!held) return null;
          const row = rows.get(hash) ?? { callId, kept: null };
          rows.set(hash, row);
          return row;
        },
        async endCall({ callId, response }: CallEnd) {
          steps.push('keep');
          for (const row of rows.values()) if (row.callId === callId) row.kept ??= { response };
        },
      },
      lease: {
        signal: signal.signal,
        lost: lost.signal,
        moved() {},
        abort(reason) {
          lost.abort(new AttemptAborted(reason));
          signal.abort(new AttemptAborted(reason));
        },
      },
      log: silent,
      newId: () => `call-${++ids}`,
      pausePoint: async (point) => void steps.push(point),
    },
  );
  return { calls, steps, rows, signal, lost };
}
const call = { provider: 'openai', request: { model: 'm', sound: 'x' } };

describe('a paid call', () => {
  test('is begun, asked, and kept before its answer is used', async () => {
    const { calls, steps } = attempt();
    const answer = await calls.once(call, async (callId) => {
      steps.push(`ask ${callId}`);
      return { response: { at: new Date(0), nothing: undefined } };
    });
    expect(steps).toEqual(['begin', 'call-begun', 'ask call-1', 'call-answered', 'keep', 'call-kept']);
    // As it will be read back.
    expect(answer).toEqual({ at: '1970-01-01T00:00:00.000Z' });
  });

  test('that was answered before is not asked again', async () => {
    const { rows } = attempt();
    const first = attempt(rows);
    await first.calls.once(call, async () => ({ response: 'paid' }));
    const second = attempt(rows);
    expect(await second.calls.once(call, () => expect.unreachable('it was asked again'))).toBe('paid');
  });

  test('is not sent by who has lost the task', async () => {
    const { calls, lost } = attempt(new Map(), false);
    await expect(calls.once(call, () => expect.unreachable('a ghost asked'))).rejects.toThrow(AttemptAborted);
    expect(lost.signal.aborted).toBe(true);
  });

  test('that was not answered leaves nothing but its id for the next try', async () => {
    const { calls, rows } = attempt();
    await expect(calls.once(call, () => Promise.reject(new Error('500')))).rejects.toThrow('500');
    const ids: string[] = [];
    await attempt(rows).calls.once(call, async (callId) => {
      ids.push(callId);
      return { response: 1 };
    });
    expect(ids).toEqual(['call-1']);
  });

  test('whose task is lost meanwhile ends at once for its stage, and its answer is kept when it comes', async () => {
    const { calls, rows, lost } = attempt();
    const { promise, resolve } = Promise.withResolvers<{ response: string }>();
    const asked = calls.once(call, () => promise);
    const { promise: begun, resolve: sent } = Promise.withResolvers<void>();
    setImmediate(sent);
    await begun;
    lost.abort(new AttemptAborted('lease-lost'));
    await expect(asked).rejects.toThrow(AttemptAborted);
    resolve({ response: 'late' });
    await new Promise((after) => setImmediate(after));
    expect([...rows.values()]).toEqual([{ callId: 'call-1', kept: { response: 'late' } }]);
  });

  test('is the same whatever the order of what it says, and another for anything else', () => {
    const hash = requestHash('openai', { a: 1, b: { c: [1, 2], d: null } });
    expect(requestHash('openai', { b: { d: null, c: [1, 2] }, a: 1, e: undefined })).toBe(hash);
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
    for (const other of [
      { a: 1, b: { c: [2, 1], d: null } },
      { a: '1', b: { c: [1, 2], d: null } },
    ])
      expect(requestHash('openai', other)).not.toBe(hash);
    expect(requestHash('other', { a: 1, b: { c: [1, 2], d: null } })).not.toBe(hash);
  });
});
