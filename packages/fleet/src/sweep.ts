/**
 * The sweep: finds what crashes swallowed. One worker at a time has the turn for the whole fleet; every step is one
 * bounded statement and safe side by side all the same. A step that fails is done by the next sweep.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type EnqueueItem, type Logger, messageOf, type Storage, type SweepLedger } from '@reelfleet/core';
import type { Meter } from './meter.ts';
import type { SweepStep } from './metrics.ts';
import type { TicketQueue } from './queue.ts';

export interface SweepOptions {
  actor: string;
  ledger: SweepLedger;
  queue: TicketQueue;
  storage: Storage;
  log: Logger;
  meter: Meter;
  intervalMs: number;
  leaseMs: number;
  offlineMs: number;
  retentionDays: number;
  /** What removes deleted videos once their time is over; without it they stay. */
  purges?: Purges | undefined;
  /** All stages whose tickets there may be, served here or not. */
  stages: readonly string[];
}

const BATCH = 500;
const DAY_MS = 86_400_000;
/** Between two steps of the slow rotation over all tickets. */
const ROTATE_MS = 10_000;
/** Videos whose purge is sent in one statement. */
const PURGES = 50;
/** Between two removals of old finished tickets. */
const TIDY_MS = 15_000;

/** How long deleted videos stay, and the runs that remove them: as many as are asked for, each for a video that the ledger fills in. */
export interface Purges {
  days: number;
  runs(count: number): EnqueueItem[];
}

export interface Sweeper {
  /** One sweep now, whoever has the turn. Returns what it did, for tests and logs. */
  once(): Promise<SweepWork>;
  stop(): Promise<void>;
}

export interface SweepWork {
  expired: number;
  dispatched: number;
  storeLost: boolean;
  offline: number;
}

export function startSweeper(options: SweepOptions): Sweeper {
  const { ledger, queue, log, meter } = options;
  const stopping = new AbortController();
  let rotatedAt = 0;
  let tidiedAt = 0;
  let tidying: Promise<unknown> | null = null;
  let cleaning: Promise<void> | null = null;

  async function cleanUp(): Promise<void> {
    while (!stopping.signal.aborted) {
      const rows = await ledger.retention(options.retentionDays, BATCH);
      meter.removed.inc({ kind: 'rows' }, rows);
      if (rows === 0) break;
    }
    const removed = await collectGarbage(options.storage, ledger, { olderThanMs: DAY_MS, signal: stopping.signal });
    meter.removed.inc({ kind: 'objects' }, removed.removed);
    log.info({ ...removed }, 'daily clean-up done');
  }

  async function step<T>(name: SweepStep, work: () => Promise<T>, otherwise: T): Promise<T> {
    if (stopping.signal.aborted) return otherwise;
    try {
      return await work();
    } catch (error) {
      meter.sweepFailures.inc({ step: name });
      log.debug({ step: name, error: messageOf(error) }, 'sweep step left to the next sweep');
      return otherwise;
    }
  }

  async function once(): Promise<SweepWork> {
    const work: SweepWork = { expired: 0, dispatched: 0, storeLost: false, offline: 0 };
    const startedAt = performance.now();
    const send = async (
      from: 'due' | 'expire' | 'lost' | 'verify' | 'rotate' | 'purge',
      tickets: Parameters<TicketQueue['send']>[0],
    ) => {
      work.dispatched += tickets.length;
      meter.sweepTickets.inc({ step: from }, tickets.length);
      await queue.send(tickets);
      return tickets.length;
    };
    await step(
      'expire',
      async () => {
        const { expired, tickets } = await ledger.expire(options.actor, options.leaseMs, BATCH);
        work.expired = expired;
        meter.leasesExpired.inc(expired);
        await send('expire', tickets);
      },
      undefined,
    );
    await step('due', async () => send('due', await ledger.due(BATCH * 4)), 0);
    await step(
      'store',
      async () => {
        const { lost, next } = await ledger.store(queue.kind, await queue.epoch());
        work.storeLost = lost;
        if (lost && next > 1) {
          meter.storesLost.inc();
          log.warn({ store: queue.kind }, 'the queue lost its tickets or was rewound: they are issued anew');
        }
        await queue.writeEpoch(next);
      },
      undefined,
    );
    await step('lost', async () => send('lost', await ledger.lost(queue.kind, BATCH * 4)), 0);
    const verify = async (rotate: boolean) => {
      const { rows, cursor } = await ledger.toVerify(queue.kind, BATCH, rotate);
      if (rows.length > 0) {
        const missing = await queue.missing(rows);
        if (missing.length > 0) await send(rotate ? 'rotate' : 'verify', await ledger.redispatch(missing));
      }
      if (cursor !== null || rotate) await ledger.verified(queue.kind, rotate, cursor);
    };
    await step('verify', () => verify(false), undefined);
    if (Date.now() - rotatedAt > ROTATE_MS) {
      rotatedAt = Date.now();
      await step('rotate', () => verify(true), undefined);
    }
    work.offline = await step('workers', () => ledger.workersOffline(options.offlineMs), 0);
    meter.workersLost.inc(work.offline);
    const { purges } = options;
    if (purges && (await step('purge', () => ledger.choreDue('purge', DAY_MS), false)))
      await step(
        'purge',
        async () => {
          while ((await send('purge', await ledger.purge(options.actor, purges.days, purges.runs(PURGES)))) > 0);
        },
        undefined,
      );
    // Beside the sweeps, not in their way.
    if (!tidying && Date.now() - tidiedAt > TIDY_MS) {
      tidiedAt = Date.now();
      tidying = step('tidy', () => queue.tidy(options.stages), 0).finally(() => {
        tidying = null;
      });
    }
    // Likewise: listing a whole store takes its time.
    if (!cleaning && (await step('daily', () => ledger.choreDue('retention', DAY_MS), false))) {
      cleaning = step('clean-up', cleanUp, undefined).finally(() => {
        cleaning = null;
      });
    }
    meter.sweepDuration.observe((performance.now() - startedAt) / 1_000);
    if (work.expired + work.dispatched > 0) log.debug({ ...work }, 'swept');
    return work;
  }

  const loop = (async () => {
    while (!stopping.signal.aborted) {
      const mine = await step('turn', () => ledger.turn(options.intervalMs, options.leaseMs), false);
      if (mine && !stopping.signal.aborted) await once();
      const pause = options.intervalMs * (0.9 + Math.random() * 0.2);
      await sleep(pause, undefined, { signal: stopping.signal }).catch(() => {});
    }
  })();

  return {
    once,
    async stop() {
      stopping.abort();
      await loop;
      await Promise.all([cleaning, tidying]);
    },
  };
}

/** Remove stored objects that nothing names and no unfinished work may still need (`reelfleet gc`). */
export async function collectGarbage(
  storage: Storage,
  ledger: Pick<SweepLedger, 'unnamed'>,
  options: { olderThanMs: number; signal?: AbortSignal; dryRun?: boolean },
): Promise<{ looked: number; removed: number; bytes: number }> {
  const result = { looked: 0, removed: 0, bytes: 0 };
  const limit = Date.now() - options.olderThanMs;
  let batch: { key: string; uri: string; sizeBytes: number }[] = [];
  const flush = async () => {
    const gone = new Set(await ledger.unnamed(batch));
    for (const object of batch) {
      if (!gone.has(object.key)) continue;
      options.signal?.throwIfAborted();
      if (!options.dryRun) await storage.delete(object.uri);
      result.removed += 1;
      result.bytes += object.sizeBytes;
    }
    batch = [];
  };
  for await (const object of storage.list('runs/')) {
    options.signal?.throwIfAborted();
    result.looked += 1;
    if (object.modifiedAt.getTime() > limit) continue;
    batch.push(object);
    if (batch.length >= BATCH) await flush();
  }
  if (batch.length > 0) await flush();
  return result;
}
