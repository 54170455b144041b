/**
 * Requests that cost money, on behalf of one attempt. The ledger knows each before it is sent (fenced: a worker that lost
 * the task sends nothing) and has its answer before anybody uses it, so the next attempt of a task finds what the last one
 * paid for. A request that was sent is not called back when its attempt ends: its answer is paid, and is kept when it
 * comes, for as long as this process lives. Only an answer that came while the process died is asked for again, under
 * the same call id.
 */
import { createHash } from 'node:crypto';
import {
  type CallBegun,
  type CallEnd,
  type CallItem,
  type Logger,
  messageOf,
  type PaidAnswer,
  type PaidCalls,
} from '@reelfleet/core';
import type { Lease } from './lease.ts';

/** Where calls are written down. */
export interface CallLedger {
  beginCall(call: CallItem, signal: AbortSignal): Promise<CallBegun>;
  /** Goes on trying until the answer is durable or the process ends. */
  endCall(end: CallEnd): Promise<void>;
}

export interface CallWorld {
  ledger: CallLedger;
  lease: Pick<Lease, 'signal' | 'lost' | 'abort' | 'moved'>;
  log: Logger;
  newId(): string;
  pausePoint(point: string): Promise<void>;
}

/** The paid calls of the attempt that holds `task`. They reject with the signal's reason when the attempt ends meanwhile. */
export function paidCalls(task: { id: string; version: number }, world: CallWorld): PaidCalls {
  const { ledger, lease, log } = world;

  async function askAndKeep<T>(callId: string, ask: (callId: string) => Promise<PaidAnswer<T>>): Promise<T> {
    const { response, tokensIn = null, tokensOut = null, costUsd = null } = await ask(callId);
    // As it will be read the next time, so that a retry cannot come to another result.
    const kept = throughJson(response);
    await world.pausePoint('call-answered');
    await ledger.endCall({ callId, response: kept, tokensIn, tokensOut, costUsd });
    return kept;
  }

  return {
    async once<T>(
      { provider, request }: { provider: string; request: unknown },
      ask: (callId: string) => Promise<PaidAnswer<T>>,
    ): Promise<T> {
      lease.signal.throwIfAborted();
      const begun = await ledger.beginCall(
        { ...task, callId: world.newId(), provider, request, requestHash: requestHash(provider, request) },
        lease.signal,
      );
      if (!begun) lease.abort('lease-lost');
      lease.signal.throwIfAborted();
      const { callId, kept } = begun as NonNullable<CallBegun>;
      const said = { provider, call: callId };
      if (kept) {
        log.info(said, 'paid call: its kept answer is used');
        return kept.response as T;
      }
      await world.pausePoint('call-begun');
      const answered = askAndKeep(callId, ask);
      // When the attempt ends first, nobody else waits for how this ends.
      answered.then(
        () => lease.lost.aborted && log.info(said, 'paid call: answered after its task was lost, and kept'),
        (error) =>
          lease.lost.aborted && log.warn({ ...said, error: messageOf(error) }, 'paid call: no answer was kept'),
      );
      // Told to stop, an attempt has a moment left, and what it waits for is paid; the task is still its own.
      const response = await unlessAborted(answered, lease.lost);
      lease.signal.throwIfAborted();
      lease.moved();
      await world.pausePoint('call-kept');
      return response;
    },
  };
}

/** SHA-256 of what is asked of whom, whatever the order of the properties. */
export function requestHash(provider: string, request: unknown): string {
  return createHash('sha256')
    .update(JSON.stringify([provider, sorted(throughJson(request))]))
    .digest('hex');
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  );
}

const throughJson = <T>(value: T): T => JSON.parse(JSON.stringify(value ?? null));

async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const stop = () => reject(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
