/**
 * BullMQ as the carrier of tickets, on either of its backends: Redis when a URL is given, Postgres otherwise. One queue
 * per stage. Everything here may fail or be lost without harm: Postgres knows what is due, the sweep re-issues tickets.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type DispatchedTicket, type Logger, messageOf, type Ticket } from '@reelfleet/core';
import {
  type BackendFactory,
  createPostgresBackend,
  type Job,
  type JobsOptions,
  type Processor,
  Queue,
  runMigrations,
  Worker,
} from 'bullmq';
import { Redis, type RedisOptions } from 'ioredis';
import pg from 'pg';
import { z } from 'zod';
import { bullPriority, lookAt, type StageTickets, type StoreFacts, unanswered } from './look.ts';
import type { Meter } from './meter.ts';
import { type KeptTickets, keepPerFinish, removeOldTickets } from './old-tickets.ts';

/** What a ticket says; anything else in a queue is not ours and is dropped. */
export const ticketData = z.object({ taskId: z.uuid(), stateVersion: z.number().int().positive() });

/** Where the tickets lie. `redis` is a URL; `postgres` a database URL whose schema `bullmq` is migrated. */
export type QueueStore = { kind: 'redis'; url: string } | { kind: 'postgres'; url: string };

export interface TicketQueue {
  readonly kind: QueueStore['kind'];
  /** Add tickets; never throws and never waits long: what is not added, the sweep adds later. */
  send(tickets: readonly Ticket[]): Promise<void>;
  /** Which of these tickets no queue holds any more (waiting, prioritized, delayed or active count as held). Throws when it cannot tell. */
  missing(tickets: readonly DispatchedTicket[]): Promise<DispatchedTicket[]>;
  /** Remove the oldest of the finished tickets of these stages. Returns how many. Throws when the store does not answer. */
  tidy(stages: readonly string[], limits?: KeptTickets): Promise<number>;
  /** The rising number kept beside the tickets, by which a lost or rewound store is found. Throws when it cannot tell. */
  epoch(): Promise<number | null>;
  writeEpoch(value: number): Promise<void>;
  /** Consume a stage's tickets. */
  consume(stage: string, concurrency: number, processor: Processor): Worker;
  /** A stage's tickets, to look at. Opens nothing of its own: the connections are those that send. */
  look(stage: string): StageTickets;
  /** What the store says about itself. Throws UserError (unavailable) when it does not answer. */
  facts(): Promise<StoreFacts>;
  /** Let go of everything; resolves within `withinMs`, whatever the store does. */
  close(withinMs: number): Promise<void>;
}

const jobId = (ticket: Pick<Ticket, 'id' | 'version' | 'dispatches'>): string =>
  `${ticket.id}-${ticket.version}-${ticket.dispatches}`;

interface TicketToAdd {
  name: string;
  data: z.infer<typeof ticketData>;
  opts: JobsOptions;
}
const jobOf = (ticket: Ticket): TicketToAdd => ({
  name: ticket.title || ticket.stage,
  data: { taskId: ticket.id, stateVersion: ticket.version },
  opts: { jobId: jobId(ticket), priority: bullPriority(ticket.priority), attempts: 1 },
});
/** One alone goes without what a bulk needs: on Postgres that is two temporary tables, three times the time of the rest. */
const add = (queue: Queue, jobs: TicketToAdd[]): Promise<unknown> => {
  const [only] = jobs;
  return only && jobs.length === 1 ? queue.add(only.name, only.data, only.opts) : queue.addBulk(jobs);
};

const SEND_DEADLINE_MS = 2_000;
const RECONNECT_MS = 1_000;
/** BullMQ's own wait for a ticket ends after five seconds; a Redis that says nothing for longer is not there any more. */
const SILENCE_MS = 8_000;
const LOOK_UP = 200;
const EPOCH_KEY = 'reelfleet:epoch';
/** Durable, unlike the tickets: a number that a crash takes back would have all of them issued again. */
const WRITE_EPOCH = `with durable as (select set_config('synchronous_commit', 'on', true))
  insert into bullmq.reelfleet_epoch (value) select $1 from durable
  on conflict (one) do update set value = excluded.value`;
const HIGH_ENOUGH = 1_000_000;
const FACTS = `select split_part(current_setting('server_version'), ' ', 1) as version, current_setting('port')::int as port,
  extract(epoch from now() - pg_postmaster_start_time())::int as "uptimeSeconds",
  (select count(*) from pg_stat_activity)::int as connected,
  (select count(*) from pg_stat_activity where wait_event_type = 'Lock')::int as blocked`;

/** BullMQ's own tables for the Postgres backend, in schema `bullmq`; safe to call again and side by side. */
export async function migrateQueue(databaseUrl: string): Promise<void> {
  const client = new pg.Client({
    connectionString: databaseUrl,
    options: '-c search_path=bullmq',
    connectionTimeoutMillis: 5_000,
  });
  client.on('error', () => {});
  await client.connect();
  try {
    await client.query("select pg_advisory_lock(hashtext('reelfleet:queue'))");
    await client.query('create schema if not exists bullmq');
    await runMigrations(client as never, 'bullmq');
    await client.query(
      'create table if not exists bullmq.reelfleet_epoch (one boolean primary key default true check (one), value bigint not null)',
    );
  } finally {
    await client.end();
  }
}

/**
 * BullMQ's own connections do not wait for the disk at a commit (the ledger's do): a ticket is not the truth, and what a
 * crash of Postgres swallows of the last fraction of a second is found again. A lost ticket is issued anew by the sweep, a
 * ticket that comes back is stale.
 */
function bullPool(url: string, max: number, onError: (error: Error) => void): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max,
    options: '-c search_path=bullmq -c synchronous_commit=off',
    keepAlive: true,
    connectionTimeoutMillis: 5_000,
    application_name: 'reelfleet-tickets',
  });
  // One killed backend must not end the process: both the pool and each of its clients emit.
  // Every queue and consumer of the process listens to this one pool.
  pool.setMaxListeners(0);
  pool.on('error', onError);
  pool.on('connect', (client) => client.on('error', onError));
  return pool;
}

/** Open the queues. `consumers`: how many stages this process will consume, which sizes the Postgres pool. */
export function openQueue(store: QueueStore, options: { consumers: number; log: Logger; meter?: Meter }): TicketQueue {
  const { log } = options;
  const queues = new Map<string, Queue>();
  const workers: Worker[] = [];
  const quiet = (where: string) => (error: Error) => log.debug({ where, error: error.message }, 'queue store trouble');

  // A connection that died on the other side only (a router forgot it) is silent for ever, and TCP says so after a quarter
  // of an hour: whoever waits for an answer on it must notice by himself.
  const redisOptions: RedisOptions = {
    connectTimeout: 3_000,
    socketTimeout: SILENCE_MS,
    retryStrategy: (times) => Math.min(times * 100, RECONNECT_MS),
  };
  const producer =
    store.kind === 'redis'
      ? new Redis(store.url, {
          ...redisOptions,
          enableOfflineQueue: false,
          maxRetriesPerRequest: 1,
          commandTimeout: SEND_DEADLINE_MS,
          socketTimeout: SEND_DEADLINE_MS,
        })
      : null;
  producer?.on('error', quiet('redis'));
  // Each BullMQ Worker keeps a LISTEN client out of this pool; the rest serves queries.
  const pool = store.kind === 'postgres' ? bullPool(store.url, options.consumers + 6, quiet('postgres')) : null;
  const backend = (store.kind === 'postgres' ? createPostgresBackend : undefined) as BackendFactory | undefined;

  function queueOf(stage: string): Queue {
    const known = queues.get(stage);
    if (known) return known;
    const queue = new Queue(
      stage,
      { connection: (producer ?? pool) as never, skipVersionCheck: true } as never,
      backend as never,
    );
    queue.on('error', quiet(stage));
    queues.set(stage, queue);
    return queue;
  }

  const within = async <T>(work: Promise<T>): Promise<T> => {
    work.catch(() => {});
    const late = new AbortController();
    const timeout = sleep(SEND_DEADLINE_MS, undefined, { signal: late.signal, ref: false }).then(() => {
      throw new Error(`queue store did not answer within ${SEND_DEADLINE_MS} ms`);
    });
    timeout.catch(() => {});
    try {
      return await Promise.race([work, timeout]);
    } finally {
      late.abort();
    }
  };
  // With the offline queue off, a command before the first connection would fail at once.
  let waiting: Promise<void> | null = null;
  const ready = async (): Promise<void> => {
    if (!producer || producer.status === 'ready') return;
    // One listener for all who wait, however long it takes.
    waiting ??= new Promise((resolve) => {
      producer.once('ready', () => {
        waiting = null;
        resolve();
      });
    });
    await within(waiting);
  };

  const ask = async <T>(work: () => Promise<T>): Promise<T> => {
    await ready();
    return await within(work());
  };

  return {
    kind: store.kind,
    async send(tickets) {
      if (tickets.length === 0) return;
      const byStage = Map.groupBy(tickets, (ticket) => ticket.stage);
      await Promise.all(
        [...byStage].map(async ([stage, part]) => {
          try {
            await ready();
            await within(add(queueOf(stage), part.map(jobOf)));
          } catch (error) {
            options.meter?.ticketsUnsent.inc(part.length);
            log.debug({ stage, tickets: part.length, error: messageOf(error) }, 'tickets left to the sweep');
          }
        }),
      );
    },
    async missing(tickets) {
      await ready();
      const states: string[] = [];
      // In parts, each with the deadline of its own: a bulk enqueue stamps thousands of tickets with one moment.
      for (let from = 0; from < tickets.length; from += LOOK_UP)
        states.push(
          ...(await within(
            Promise.all(
              tickets.slice(from, from + LOOK_UP).map((ticket) => queueOf(ticket.stage).getJobState(jobId(ticket))),
            ),
          )),
        );
      return tickets.filter(
        (_ticket, index) => !['waiting', 'prioritized', 'delayed', 'active'].includes(states[index] ?? ''),
      );
    },
    async tidy(stages, limits) {
      let removed = 0;
      for (const stage of stages) removed += await removeOldTickets(queueOf(stage), ask, limits);
      return removed;
    },
    async epoch() {
      if (producer) {
        await ready();
        const value = await within(producer.get(EPOCH_KEY));
        return value === null ? null : Number(value);
      }
      const found = await within(
        (pool as pg.Pool).query<{ value: string }>('select value from bullmq.reelfleet_epoch'),
      );
      return found.rows[0] ? Number(found.rows[0].value) : null;
    },
    async writeEpoch(value) {
      if (producer) await within(producer.set(EPOCH_KEY, value));
      else await within((pool as pg.Pool).query(WRITE_EPOCH, [value]));
    },
    consume(stage, concurrency, processor) {
      const connection =
        store.kind === 'redis' ? { ...redisOptions, ...urlOptions(store.url), maxRetriesPerRequest: null } : pool;
      const worker = new Worker(
        stage,
        processor,
        {
          connection: connection as never,
          concurrency,
          autorun: false,
          // Postgres decides about lost work; the queue's own verdict only ever re-delivers, and a re-delivered ticket is stale.
          maxStalledCount: HIGH_ENOUGH,
          runRetryDelay: RECONNECT_MS,
          ...keepPerFinish[store.kind],
        },
        backend as never,
      );
      worker.on('error', quiet(`${stage} worker`));
      worker.on('failed', () => {});
      workers.push(worker);
      return worker;
    },
    look: (stage) => lookAt(queueOf(stage), ask),
    async facts() {
      try {
        if (producer) return { kind: 'redis', info: await ask(() => producer.info()) };
        const { rows } = await ask(() =>
          (pool as pg.Pool).query<Omit<StoreFacts & { kind: 'postgres' }, 'kind'>>(FACTS),
        );
        return { kind: 'postgres', ...(rows[0] as (typeof rows)[number]) };
      } catch (error) {
        throw unanswered(error);
      }
    },
    async close(withinMs) {
      const bounded = (work: Promise<unknown>, ms: number) =>
        Promise.race([work.then(() => true), sleep(ms, false, { ref: false })]);
      // close() waits for a Redis that is away; close(true) does not.
      const reachable = producer === null || producer.status === 'ready';
      const gently = () => bounded(Promise.allSettled(workers.map((worker) => worker.close())), withinMs / 2);
      if (!reachable || !(await gently()))
        await bounded(Promise.allSettled(workers.map((worker) => worker.close(true))), withinMs / 4);
      await bounded(Promise.allSettled([...queues.values()].map((queue) => queue.close())), withinMs / 8);
      producer?.disconnect();
      await bounded(
        Promise.resolve(pool?.end()).catch(() => {}),
        withinMs / 8,
      );
    },
  };
}

/** ioredis options from a redis(s) URL, for the connections BullMQ opens itself. */
function urlOptions(url: string): RedisOptions {
  const parsed = new URL(url);
  const db = Number(parsed.pathname.slice(1) || 0);
  return {
    host: parsed.hostname,
    port: Number(parsed.port || 6379),
    ...(parsed.username ? { username: decodeURIComponent(parsed.username) } : {}),
    ...(parsed.password ? { password: decodeURIComponent(parsed.password) } : {}),
    ...(db ? { db } : {}),
    ...(parsed.protocol === 'rediss:' ? { tls: {} } : {}),
  };
}

export type TicketJob = Job;
