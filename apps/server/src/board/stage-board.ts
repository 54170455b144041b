/**
 * One stage's queue as Bull Board meets it: its reads answered by the watch, its few writes those of an operator. What
 * is not an operator's verb has no body here, so that no later route of Bull Board can reach BullMQ past us. It stands
 * on Bull Board's base and not on its BullMQ adapter: that one would load a second BullMQ, and ask it far too much.
 */
import { BaseAdapter } from '@bull-board/api/dist/queueAdapters/base.js';
import type { JobCounts, JobStatus, QueueJob, QueueWorker, RedisStats, Status } from '@bull-board/api/typings/app';
import { UserError } from '@reelfleet/core';
import { type StoreFacts, type TicketState, ticketStates } from '@reelfleet/fleet';
import { refusalOf } from './refusals.ts';
import { runLink, shownTicket } from './ticket.ts';
import type { Seen, Watch } from './watch.ts';

export interface StageBoardOptions {
  stage: string;
  description: string;
  watch: Watch;
  facts(): Promise<StoreFacts>;
}

/** A method that no route may reach. */
function refuse(action: string): Promise<never> {
  return Promise.reject(
    new UserError(
      refusalOf('put', `/api/queues/:queueName/${action}`) ?? 'Reelfleet does not do this from the board.',
      {
        kind: 'conflict',
      },
    ),
  );
}

export class StageBoard extends BaseAdapter {
  readonly #stage: string;
  readonly #watch: Watch;
  readonly #facts: () => Promise<StoreFacts>;
  #paused: string | null = null;

  constructor({ stage, description, watch, facts }: StageBoardOptions) {
    super('bullmq', {
      description,
      allowRetries: true,
      allowCompletedRetries: false,
      externalJobUrl: runLink as never,
    });
    this.#stage = stage;
    this.#watch = watch;
    this.#facts = facts;
  }

  getName(): string {
    return this.#stage;
  }
  getStatuses(): Status[] {
    return ['latest', ...this.getJobStatuses()] as Status[];
  }
  getJobStatuses(): JobStatus[] {
    return [...ticketStates] as JobStatus[];
  }
  /** The stage's own words, and who paused it why. */
  override getDescription(): string {
    return this.#paused === null ? this.description : `${this.#paused} · ${this.description}`;
  }

  async getJobCounts(): Promise<JobCounts> {
    const counts = (await this.#watch.counts()).get(this.#stage);
    return { ...counts, delayed: 0, 'waiting-children': 0 } as JobCounts;
  }
  async getJobs(statuses: JobStatus[], start = 0, end = 9): Promise<QueueJob[]> {
    const states = ticketStates.filter((state) => (statuses as string[]).includes(state));
    const seen = await this.#watch.list(this.#stage, states as TicketState[], start, end);
    return seen.map((one) => this.#job(one));
  }
  async getJob(id: string): Promise<QueueJob | null> {
    const seen = await this.#watch.find(this.#stage, id);
    return seen && this.#job(seen);
  }
  getJobLogs(id: string): Promise<string[]> {
    return this.#watch.logs(this.#stage, id);
  }
  async isPaused(): Promise<boolean> {
    const pause = (await this.#watch.pauses()).get(this.#stage);
    this.#paused = pause ? `paused by ${pause.by ?? 'somebody'}${pause.reason ? `: ${pause.reason}` : ''}` : null;
    return pause !== undefined;
  }
  pause(): Promise<void> {
    return this.#watch.pause(this.#stage);
  }
  resume(): Promise<void> {
    return this.#watch.resume(this.#stage);
  }
  override async getWorkers(): Promise<QueueWorker[]> {
    const workers = (await this.#watch.workers()).get(this.#stage) ?? [];
    return workers.map(({ id, name, status, registeredAt }) => ({
      id,
      name,
      addr: status,
      age: Math.max(0, Math.round((Date.now() - registeredAt.getTime()) / 1_000)),
    }));
  }

  async getRedisInfo(): Promise<string | null> {
    const facts = await this.#facts();
    return facts.kind === 'redis' ? facts.info : null;
  }
  override async getDatastoreStats(): Promise<RedisStats | null> {
    const facts = await this.#facts();
    if (facts.kind === 'redis') return null;
    const { version, port, uptimeSeconds: uptime, connected, blocked } = facts;
    return { backend: 'postgres', version, port, uptime, clients: { connected, blocked } };
  }

  // The queues are used without these: nothing to ask.
  async getGlobalConcurrency(): Promise<null> {
    return null;
  }
  async getJobSchedulers(): Promise<never[]> {
    return [];
  }
  async getJobSchedulersCount(): Promise<number> {
    return 0;
  }
  getMetrics(): Promise<never> {
    return Promise.reject(new Error('this queue keeps no metrics of its own: /metrics has those of the fleet'));
  }
  /** For Bull Board's walk over a job's parents and children, which tickets do not have. */
  getQueueName(): string {
    return this.#stage;
  }
  getQueueQualifiedName(): string {
    return `bull:${this.#stage}`;
  }
  async getFlowProducer(): Promise<null> {
    return null;
  }

  clean = () => refuse('clean');
  addJob = () => refuse('add');
  empty = () => refuse('empty');
  obliterate = () => refuse('obliterate');
  promoteAll = () => refuse('promote');
  setGlobalConcurrency = () => refuse('concurrency');
  removeJobScheduler = () => refuse('job-schedulers/:schedulerId');
  updateJobScheduler = () => refuse('job-schedulers/:schedulerId');
  runJobSchedulerNow = () => refuse('job-schedulers/:schedulerId');

  #job({ ticket, task }: Seen): QueueJob {
    const shown = shownTicket(ticket, task);
    return {
      id: ticket.id,
      opts: {},
      toJSON: () => shown,
      getState: async () => ticket.state,
      retry: () => this.#watch.retry(this.#stage, ticket.id),
      promote: () => refuse('promote'),
      remove: () => refuse('clean'),
      updateData: () => refuse('update-data'),
    } as QueueJob;
  }
}
