/**
 * One worker process: registers, consumes, beats, sweeps, drains. It knows no stage by name and never sees SQL.
 * `stop` drains: no new claims, work may finish; near the end of the grace it is aborted with `shutdown` and given back
 * without blame, its checkpoint kept.
 */
import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { availableParallelism, hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type AnyStage,
  type BeatAnswer,
  type CallEnd,
  type ClaimedTask,
  type Ledger,
  messageOf,
  type SweepLedger,
} from '@reelfleet/core';
import { batcher } from './batch.ts';
import { openConsumer } from './consumer.ts';
import { keepLeases } from './lease.ts';
import { type Meter, openMeter } from './meter.ts';
import { meteredLedger } from './metered.ts';
import type { workerGauges } from './metrics.ts';
import type { TicketQueue } from './queue.ts';
import { openReporter } from './report.ts';
import { runTask, type TaskWorld } from './run-task.ts';
import { freeMegabytes, openScratch } from './scratch.ts';
import { sharedFiles } from './shared-files.ts';
import { type Purges, startSweeper } from './sweep.ts';

export interface WorkerSettings {
  name: string;
  stages: readonly string[] | 'all';
  /** At once in this process; by default one per core. Per stage: the stage's policy. */
  concurrency: { default?: number | undefined; byStage: Readonly<Record<string, number>> };
  leaseMs: number;
  heartbeatMs: number;
  sweepMs: number;
  graceMs: number;
  offlineMs: number;
  retentionDays: number;
  minFreeMb: number;
  scratchRoot: string;
  pauseAt: string | undefined;
}

export interface WorkerDeps extends Omit<TaskWorld, 'scratchRoot' | 'shared' | 'pauseAt' | 'random' | 'meter'> {
  ledger: Ledger;
  sweep: SweepLedger;
  queue: TicketQueue;
  settings: WorkerSettings;
  purges?: Purges | undefined;
  /** One of its own by default. */
  meter?: Meter;
  /** Says on stdout that a pause point was reached. */
  announce(line: string): void;
}

export interface RunningWorker {
  readonly id: string;
  /** Resolves with the reason when the worker ends by itself: drained by an operator, or the schema moved on. */
  readonly ended: Promise<'drained' | 'schema-changed'>;
  /** Milliseconds since a beat last succeeded, or since the start. */
  readonly silence: number;
  /** How it is just now. */
  gauges(): Record<keyof typeof workerGauges, number>;
  stop(): Promise<void>;
}

/** Before the grace ends, running work is told to stop, with this much left to checkpoint and be given back. */
const RELEASE_BEFORE_END_MS = 5_000;
/** Kept for the process to end in. */
const MARGIN_MS = 400;

/** Calls that are no longer waited for may be several: a settle can wait on a lock while others have nothing to wait for. */
const BATCHES = { maxItems: 100, inFlight: 3, patienceMs: 50 };

const MEGABYTE = 1_048_576;
/** Free space is looked at this often, not for every ticket. */
const FREE_SPACE_LOOK_MS = 1_000;

const concurrencyOf = (stage: AnyStage, settings: WorkerSettings): number =>
  settings.concurrency.byStage[stage.name] ??
  (stage.policy.concurrency === 'cpu' ? availableParallelism() : stage.policy.concurrency);

export async function startWorker(deps: WorkerDeps): Promise<RunningWorker> {
  const { queue, settings, log, meter = openMeter() } = deps;
  const ledger = meteredLedger(deps.ledger, meter);
  const id = randomUUID();
  const served = [...deps.stages.values()].filter(
    (stage) => settings.stages === 'all' || settings.stages.includes(stage.name),
  );
  const schema = await ledger.schemaVersion();
  const scratch = await openScratch(settings.scratchRoot, id);
  if (scratch.removed > 0) log.info({ folders: scratch.removed }, 'removed scratch of dead workers');
  const identity = {
    id,
    name: settings.name,
    type: 'remote' as const,
    capabilities: {
      stages: served.map((stage) => stage.name),
      ...(deps.tools.encoders?.length ? { encoders: deps.tools.encoders } : {}),
    },
    metadata: { pid: process.pid, node: process.version, host: hostname(), offlineMs: settings.offlineMs },
  };
  let status: BeatAnswer['worker'] = await ledger.hello(identity);
  let stopping = false;
  let tellEnd: (reason: 'drained' | 'schema-changed') => void = () => {};
  const ended = new Promise<'drained' | 'schema-changed'>((resolve) => {
    tellEnd = resolve;
  });

  const slots = settings.concurrency.default ?? availableParallelism();
  let looked = { at: Number.NEGATIVE_INFINITY, free: 0 };
  let looking: Promise<number> | null = null;
  const freeSpace = async (): Promise<number> => {
    if (deps.clock.monotonic() - looked.at <= FREE_SPACE_LOOK_MS) return looked.free;
    // One look for all the tickets that come at this moment.
    looking ??= freeMegabytes(scratch.path)
      // A folder that cannot be asked has no room either; the worker must not die of looking.
      .catch(() => 0)
      .then((free) => {
        looked = { at: deps.clock.monotonic(), free };
        looking = null;
        return free;
      });
    return looking;
  };
  await freeSpace();
  const gauges = () => {
    // Known from the last look; a worker that takes no tickets looks when it is asked.
    void freeSpace();
    return {
      slots,
      busy: leases.held,
      scratchFree: Math.round(looked.free * MEGABYTE),
      scratchRequired: settings.minFreeMb * MEGABYTE,
      memory: process.memoryUsage.rss(),
    };
  };
  const reporter = openReporter(meter, { monotonic: deps.clock.monotonic, gauges });

  const leases = keepLeases({
    workerId: id,
    leaseMs: settings.leaseMs,
    heartbeatMs: settings.heartbeatMs,
    clock: deps.clock,
    ledger,
    log,
    meter,
    reporter,
    draining: () => stopping,
    onAnswer(answer) {
      status = answer.worker;
      if (stopping) return;
      if (answer.schema !== schema) tellEnd('schema-changed');
      else if (answer.worker === 'draining') tellEnd('drained');
    },
    onRefused(error) {
      // Its row is gone (a restored database, say): introduce ourselves again.
      if ((error as { code?: string }).code !== 'P0002' && (error as { code?: string }).code !== '02000') return;
      reporter.beginAnew();
      ledger.hello(identity).catch((again) => log.warn({ error: messageOf(again) }, 'could not register again'));
    },
  });

  const claims = batcher(
    (asks: Parameters<Ledger['claim']>[2][number][]) => ledger.claim(id, settings.leaseMs, asks),
    BATCHES,
  );
  const checkpoints = batcher(
    (items: Parameters<Ledger['checkpoint']>[1][number][]) => ledger.checkpoint(id, items),
    BATCHES,
  );
  const settles = batcher(
    async (items: { item: Parameters<Ledger['settle']>[1][number]; lost: AbortSignal }[]) =>
      ledger.settle(
        id,
        items.map((entry) => entry.item),
        whenAll(items.map((entry) => entry.lost)),
      ),
    BATCHES,
  );

  /** The process is about to end. */
  const over = new AbortController();
  /** Answers that were paid for, on their way into the ledger; some outlive their attempt. */
  const keeping = new Set<Promise<void>>();
  const endCall = (end: CallEnd): Promise<void> => {
    const kept = ledger.endCall(end, over.signal).finally(() => keeping.delete(kept));
    keeping.add(kept);
    return kept;
  };

  const world: TaskWorld = {
    ...deps,
    meter,
    scratchRoot: scratch.path,
    shared: sharedFiles(deps.storage, join(scratch.path, 'shared')),
    random: Math.random,
    pauseAt: (point, task, signal) => pauseHere(settings.pauseAt, point, task, signal, deps.announce),
  };
  const consumer = openConsumer({
    queue,
    stages: served.map((stage) => ({ name: stage.name, concurrency: concurrencyOf(stage, settings) })),
    slots,
    log,
    meter,
    async refusal() {
      if (status === 'disabled' || status === 'draining') return `worker ${status}`;
      const free = await freeSpace();
      return free < settings.minFreeMb ? `only ${Math.floor(free)} MB free for scratch` : null;
    },
    work: (ask, mirror) =>
      runTask(
        ask,
        world,
        {
          claim: claims.add,
          checkpoint: (item) => checkpoints.add(item),
          settle: (item, lost) => settles.add({ item, lost }),
          videoAtWork: ledger.videoAtWork,
          beginCall: (call, signal) => ledger.beginCall(id, call, signal),
          endCall,
        },
        leases,
        mirror,
        (tickets) => queue.send(tickets),
      ),
  });
  const sweeper = startSweeper({
    actor: id,
    ledger: deps.sweep,
    queue,
    storage: deps.storage,
    log,
    meter,
    intervalMs: settings.sweepMs,
    leaseMs: settings.leaseMs,
    offlineMs: settings.offlineMs,
    retentionDays: settings.retentionDays,
    purges: deps.purges,
    stages: [...deps.stages.keys()],
  });
  consumer.start();
  log.info(
    { worker: id, name: settings.name, stages: identity.capabilities.stages, queue: queue.kind },
    'worker started',
  );

  let stopped: Promise<void> | null = null;
  async function drain(): Promise<void> {
    stopping = true;
    const end = deps.clock.monotonic() + settings.graceMs;
    const left = () => Math.max(300, end - deps.clock.monotonic() - MARGIN_MS);
    const within = (work: Promise<unknown>, ms: number) =>
      Promise.race([work.then(() => true), sleep(ms, false, { ref: false })]);
    log.info({ busy: consumer.busy }, 'draining');
    consumer.stop();
    void leases.beat();
    const idle = consumer.idle();
    if (!(await within(idle, Math.max(0, settings.graceMs - RELEASE_BEFORE_END_MS)))) {
      log.info({ busy: consumer.busy }, 'giving running work back');
      leases.abortAll('shutdown');
      await within(idle, left() * 0.7);
    }
    await within(Promise.allSettled(keeping), left() * 0.3);
    over.abort(new Error('the worker stops'));
    await within(sweeper.stop(), left() * 0.2);
    // A beat that lands after the leave-taking would bring the worker back to life.
    await within(leases.stop(), left() * 0.2);
    const bye = ledger
      .bye(id, await reporter.next(true).catch(() => undefined))
      .catch((error) => log.warn({ error: messageOf(error) }, 'could not take leave'));
    await within(bye, left() * 0.3);
    await queue.close(left());
    await rm(scratch.path, { recursive: true, force: true });
    log.info('worker stopped');
  }

  return {
    id,
    ended,
    get silence() {
      return leases.silence;
    },
    gauges,
    stop() {
      stopped ??= drain();
      return stopped;
    },
  };
}

/** Fires when the last of these signals has: a batch is waited for as long as one of its leases lives. */
function whenAll(signals: readonly AbortSignal[]): AbortSignal {
  const all = new AbortController();
  const check = () => {
    if (signals.every((signal) => signal.aborted)) all.abort(signals[0]?.reason);
  };
  for (const signal of signals) signal.addEventListener('abort', check, { once: true });
  check();
  return all.signal;
}

/** Tests stop a worker at a named point and kill it exactly there: `point` or `stage:point`. Does nothing unless set. */
async function pauseHere(
  at: string | undefined,
  point: string,
  task: ClaimedTask,
  signal: AbortSignal,
  announce: (line: string) => void,
): Promise<void> {
  if (at === undefined || (at !== point && at !== `${task.stage}:${point}`)) return;
  announce(`paused at ${point} task ${task.id} version ${task.version}`);
  await new Promise((_resolve, reject) => {
    const beat = setInterval(() => {}, 1_000);
    const stop = () => {
      clearInterval(beat);
      reject(signal.reason);
    };
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}
