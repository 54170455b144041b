import type { AttemptAborted, BeatAnswer, BeatVerdict, Logger } from '@reelfleet/core';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { batcher } from './batch.ts';
import { keepLeases, type LeaseKeeper } from './lease.ts';
import { openMeter } from './meter.ts';
import { countsOf } from './report.ts';
import { openSlots, outnumbered } from './slots.ts';

const lines: string[] = [];
const log: Logger = {
  debug: () => {},
  info: () => {},
  warn: (...args: unknown[]) => void lines.push(String(args.at(-1))),
  error: () => {},
  child: () => log,
};

describe('the lease keeper', () => {
  let now = 0;
  let verdict: BeatVerdict | 'throw' = 'held';
  let asked: string[] = [];
  let keeper: LeaseKeeper;
  let meter = openMeter();
  beforeEach(() => {
    vi.useFakeTimers();
    now = 0;
    verdict = 'held';
    lines.length = 0;
    meter = openMeter();
    keeper = keepLeases({
      workerId: 'w',
      leaseMs: 6_000,
      heartbeatMs: 1_000,
      clock: { now: () => now, monotonic: () => now },
      ledger: {
        async beat(_worker, _lease, items): Promise<BeatAnswer> {
          asked = items.map((item) => item.id);
          if (verdict === 'throw') throw new Error('Postgres is away');
          return {
            tasks: Object.fromEntries(items.map((item) => [item.id, verdict as BeatVerdict])),
            worker: 'active',
            schema: '1',
          };
        },
      },
      log,
      meter,
      reporter: { next: async () => undefined, arrived: () => {} },
      draining: () => false,
      onAnswer: () => {},
      onRefused: () => {},
    });
  });
  afterEach(() => {
    void keeper.stop();
    vi.useRealTimers();
  });
  const pass = async (ms: number) => {
    for (let done = 0; done < ms; done += 50) {
      now += 50;
      await vi.advanceTimersByTimeAsync(50);
    }
  };
  const hold = (stalledAfterMs = 1e9) => keeper.hold({ id: 't', version: 2 }, now, stalledAfterMs, log, () => {});
  const reason = (signal: AbortSignal) => (signal.reason as AttemptAborted | undefined)?.reason;

  test('keeps a lease for as long as beats succeed', async () => {
    const lease = hold();
    await pass(60_000);
    expect(lease.aborted).toBeNull();
  });
  test('stops the work before the lease is over when Postgres stays away', async () => {
    const lease = hold();
    await pass(2_000);
    verdict = 'throw';
    await pass(4_900);
    expect(lease.aborted).toBeNull();
    await pass(400); // last good beat was sent at 2.0 s: 7.0 s is past its lease minus a sixth
    expect(reason(lease.signal)).toBe('lease-lost');
    expect(now).toBeLessThan(8_000);
  });
  test('a lease that is lost is not extended again when Postgres is back, though its attempt is still ending', async () => {
    hold();
    verdict = 'throw';
    await pass(6_000);
    expect(asked).toEqual([]);
    const other = keeper.hold({ id: 'u', version: 2 }, now, 1e9, log, () => {});
    verdict = 'held';
    await pass(6_000);
    expect(asked).toEqual(['u']);
    expect(other.aborted).toBeNull();
  });
  test('a fence that moved stops the work at the next beat, is counted and logged once', async () => {
    const lease = hold();
    verdict = 'lost';
    await pass(5_000);
    expect(reason(lease.signal)).toBe('lease-lost');
    expect(reason(lease.lost)).toBe('lease-lost');
    expect(await countsOf(meter)).toMatchObject({ reelfleet_leases_lost_total: 1 });
    expect(lines.filter((line) => line.startsWith('lease lost'))).toHaveLength(1);
  });
  test("a fence moved by the task's own settle is nobody's loss", async () => {
    const lease = hold();
    lease.settling();
    verdict = 'lost';
    await pass(3_000);
    expect(lease.aborted).toBeNull();
  });
  test('a cancel request reaches the work with the next beat, and settling may go on', async () => {
    const lease = hold();
    verdict = 'cancel';
    await pass(1_050);
    expect(reason(lease.signal)).toBe('cancelled');
    expect(lease.lost.aborted).toBe(false);
  });
  test('work in which nothing moves is stalled although beats succeed; motion puts it off', async () => {
    const lease = hold(3_000);
    await pass(2_500);
    lease.progress(0.1, 'encode');
    await pass(2_500);
    expect(lease.aborted).toBeNull();
    await pass(800);
    expect(lease.aborted?.reason).toBe('stalled');
    expect(lease.aborted?.message).toMatch(/at encode/);
  });
  test('progress never goes back and never shows 100 before the end', () => {
    const lease = hold();
    lease.progress(0.4);
    lease.progress(0.2);
    expect(lease.percent).toBe(40);
    lease.progress(1);
    expect(lease.percent).toBe(99);
  });
  test('a process that was frozen past its lease finds it lost before it does anything else', () => {
    const lease = hold();
    now += 60_000; // no timer had a chance to run
    expect(lease.aborted?.reason).toBe('lease-lost');
    expect(lease.signal.aborted).toBe(true);
  });
});

describe('the batcher', () => {
  test('sends a lone call at once and shares the next one among those that arrive meanwhile', async () => {
    const calls: number[][] = [];
    let release: () => void = () => {};
    const slow = batcher(
      async (items: number[]) => {
        calls.push(items);
        if (calls.length === 1) await new Promise<void>((resolve) => (release = resolve));
        return items.map((item) => item * 2);
      },
      { maxItems: 3, inFlight: 1, patienceMs: 10_000 },
    );
    const first = slow.add(1);
    await vi.waitFor(() => expect(calls).toHaveLength(1));
    const rest = [2, 3, 4, 5].map((item) => slow.add(item));
    release();
    expect(await Promise.all([first, ...rest])).toEqual([2, 4, 6, 8, 10]);
    expect(calls).toEqual([[1], [2, 3, 4], [5]]);
  });
  test('a call that takes longer than its patience holds nobody up, and no more than allowed are under way', async () => {
    const calls: { items: number[]; release(): void }[] = [];
    const stuck = batcher(
      async (items: number[]) => {
        await new Promise<void>((resolve) => calls.push({ items, release: resolve }));
        return items;
      },
      { maxItems: 10, inFlight: 2, patienceMs: 20 },
    );
    const answers = [stuck.add(1)];
    await vi.waitFor(() => expect(calls).toHaveLength(1));
    answers.push(stuck.add(2), stuck.add(3));
    await vi.waitFor(() => expect(calls).toHaveLength(2)); // although the first has not been answered
    answers.push(stuck.add(4));
    calls[1]?.release();
    expect(await Promise.all(answers.slice(1, 3))).toEqual([2, 3]);
    await vi.waitFor(() => expect(calls).toHaveLength(3));
    expect(calls.map(({ items }) => items)).toEqual([[1], [2, 3], [4]]);
    for (const { release } of calls) release();
    expect(await Promise.all(answers)).toEqual([1, 2, 3, 4]);
  });
  test('a full batch does not wait for the one before it', async () => {
    const calls: { items: number[]; release(): void }[] = [];
    const full = batcher(
      async (items: number[]) => {
        await new Promise<void>((resolve) => calls.push({ items, release: resolve }));
        return items;
      },
      { maxItems: 2, inFlight: 2, patienceMs: 600_000 },
    );
    const answers = [full.add(1)];
    await vi.waitFor(() => expect(calls).toHaveLength(1));
    answers.push(full.add(2), full.add(3), full.add(4));
    await vi.waitFor(() => expect(calls.map(({ items }) => items)).toEqual([[1], [2, 3]]));
    for (const { release } of calls) release();
    await vi.waitFor(() => expect(calls).toHaveLength(3));
    calls[2]?.release();
    expect(await Promise.all(answers)).toEqual([1, 2, 3, 4]);
  });
  test('an error reaches every caller of its batch and no other', async () => {
    const picky = batcher(
      async (items: number[]) => {
        if (items.includes(1)) throw new Error('no');
        return items;
      },
      { maxItems: 1, inFlight: 1, patienceMs: 10_000 },
    );
    const answers = await Promise.allSettled([picky.add(1), picky.add(2)]);
    expect(answers.map((answer) => answer.status)).toEqual(['rejected', 'fulfilled']);
  });
});

describe('slots', () => {
  test('are outnumbered only when the stages together may take more than there are', () => {
    expect(outnumbered(4, [{ concurrency: 4 }])).toBe(false);
    expect(outnumbered(4, [{ concurrency: 100 }])).toBe(false); // a consumer takes no more than there are slots
    expect(outnumbered(4, [{ concurrency: 2 }, { concurrency: 2 }])).toBe(false);
    expect(outnumbered(4, [{ concurrency: 4 }, { concurrency: 1 }])).toBe(true);
  });
  test('bound the whole and each stage, and a waiting ticket gets the slot that comes free', async () => {
    const slots = openSlots(
      2,
      (stage) => (stage === 'one' ? 1 : 2),
      () => {},
    );
    const first = await slots.take('one', 10);
    expect(await slots.take('one', 10)).toBeNull();
    const second = await slots.take('two', 10);
    expect(slots.full).toBe(true);
    const waiting = slots.take('one', 5_000);
    first?.();
    first?.();
    expect(await waiting).not.toBeNull();
    expect(slots.busy).toBe(2);
    second?.();
    expect(slots.busy).toBe(1);
  });
});
