/**
 * From tickets to tasks: consumes the queues of the stages this worker serves, keeps to its slots, and answers each
 * ticket's own record so that whoever watches the queues sees the truth.
 */
import { type Logger, messageOf } from '@reelfleet/core';
import { UnrecoverableError, type Worker } from 'bullmq';
import type { Meter } from './meter.ts';
import { type TicketJob, type TicketQueue, ticketData } from './queue.ts';
import type { TicketMirror, TicketOutcome } from './run-task.ts';
import { openSlots, outnumbered } from './slots.ts';

/** A ticket that slipped in while the slots were full waits this long before it is refused. */
const SLOT_WAIT_MS = 1_000;
const LOOK_AGAIN_MS = 1_000;

export interface Consumer {
  start(): void;
  /** Take no new tickets; those being worked go on. */
  stop(): void;
  readonly busy: number;
  /** Resolves when nothing is being worked any more. */
  idle(): Promise<void>;
}

export interface ConsumerOptions {
  queue: TicketQueue;
  stages: readonly { name: string; concurrency: number }[];
  slots: number;
  log: Logger;
  meter: Meter;
  /** Why no ticket may be taken just now (no disk), or null. */
  refusal(): Promise<string | null>;
  work(ask: { id: string; version: number; refusal: string | null }, mirror: TicketMirror): Promise<TicketOutcome>;
}

export function openConsumer(options: ConsumerOptions): Consumer {
  const { queue, log } = options;
  const limits = new Map(options.stages.map((stage) => [stage.name, stage.concurrency]));
  const consumers: Worker[] = [];
  let stopped = true;
  /** Set while this worker may take nothing (disabled, no disk): it would only empty the queue for the others. */
  let barred: NodeJS.Timeout | null = null;
  let waiters: (() => void)[] = [];
  let working = 0;

  const slots = openSlots(options.slots, (stage) => limits.get(stage) ?? 1, adjust);

  // A pause is not free: it breaks BullMQ's chain of finishing one ticket and fetching the next in one command, and each
  // resume looks for stalled tickets. Consumers that cannot take more than the slots hold are left alone.
  const crowded = outnumbered(options.slots, options.stages);

  /** Full slots pause this process's consumers, so that tickets wait in the queue for a process that has room. */
  function adjust(): void {
    const pause = stopped || (crowded && slots.full) || barred !== null;
    for (const consumer of consumers) {
      if (pause && !consumer.isPaused()) consumer.pause(true).catch(() => {});
      else if (!pause && consumer.isPaused()) void consumer.resume();
    }
  }

  function bar(): void {
    if (barred) return;
    barred = setInterval(() => {
      void options.refusal().then((reason) => {
        if (reason !== null && !stopped) return;
        if (barred) clearInterval(barred);
        barred = null;
        adjust();
      });
    }, LOOK_AGAIN_MS);
    adjust();
  }

  async function process(stage: string, job: TicketJob): Promise<string> {
    const ticket = ticketData.safeParse(job.data);
    if (!ticket.success) {
      options.meter.ticketsDropped.inc({ reason: 'malformed' });
      return 'not a ticket';
    }
    working += 1;
    const release = await slots.take(stage, SLOT_WAIT_MS);
    try {
      const unable = await options.refusal();
      if (unable !== null) bar();
      const refusal = stopped ? 'worker draining' : release ? unable : 'worker busy';
      // One after the other: on Postgres a line's number is the highest plus one, and two at once would lose one of them.
      let logged: Promise<unknown> = Promise.resolve();
      const mirror: TicketMirror = {
        progress: (percent) => void job.updateProgress(percent).catch(() => {}),
        log: (line) => {
          logged = logged.then(() => job.log(line)).catch(() => {});
        },
      };
      const outcome = await options.work(
        { id: ticket.data.taskId, version: ticket.data.stateVersion, refusal },
        mirror,
      );
      if (outcome.kind === 'dead') throw new UnrecoverableError(outcome.message);
      return outcome.kind;
    } catch (error) {
      if (!(error instanceof UnrecoverableError))
        log.warn({ stage, error: messageOf(error) }, 'ticket could not be worked');
      throw error;
    } finally {
      release?.();
      working -= 1;
      if (working === 0) {
        for (const wake of waiters) wake();
        waiters = [];
      }
    }
  }

  return {
    start() {
      stopped = false;
      for (const stage of options.stages) {
        const consumer = queue.consume(stage.name, Math.min(stage.concurrency, options.slots), (job) =>
          process(stage.name, job),
        );
        consumers.push(consumer);
        consumer.run().catch((error) => log.debug({ stage: stage.name, error: messageOf(error) }, 'consumer ended'));
      }
    },
    stop() {
      stopped = true;
      if (barred) clearInterval(barred);
      barred = null;
      adjust();
    },
    get busy() {
      return working;
    },
    idle: () => (working === 0 ? Promise.resolve() : new Promise((resolve) => waiters.push(resolve))),
  };
}
