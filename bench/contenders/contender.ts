/**
 * What two queues have in common, so that one program can measure them all: somebody who enqueues no-op jobs and somebody
 * who works them, each in a process of its own (host.ts). A module of `contenders/` or `peers/` exports `contender`;
 * those in `peers/` need packages of bench/package.json.
 */

/** Where a contender lives: a fresh database, an empty Redis (null: it uses none). */
export interface Place {
  readonly databaseUrl: string;
  readonly redisUrl: string | null;
  /** Jobs worked at once by the one consuming process. */
  readonly concurrency: number;
  /** The contender's own knob: which of its ways of working is measured. */
  readonly variant: string;
}

export interface Producer {
  /** Enqueue this many jobs, as fast as the contender takes them in bulk. */
  enqueue(count: number): Promise<void>;
  /** Enqueue one job that carries `key`; answers with `now()` at the moment its durable write was known. */
  one(key: number): Promise<number>;
  close(): Promise<void>;
}

export interface Hooks {
  /** First thing in a handler: `key` as enqueued. */
  started(key: number): void;
  /** So many jobs are over. */
  finished(count: number): void;
}

export interface Consumer {
  /** Resolves when all that `finished` told of is written: for those that tell of it before. */
  settled?(): Promise<void>;
  close(): Promise<void>;
}

export interface Contender {
  /** Tables, queues. */
  prepare(place: Place): Promise<void>;
  produce(place: Place): Promise<Producer>;
  /** Resolves when it waits for jobs or has begun with them. */
  consume(place: Place, hooks: Hooks): Promise<Consumer>;
}

/** Jobs per bulk insert, for everybody. */
export const BULK = 1_000;

export const bulks = (count: number, size = BULK): number[] =>
  Array.from({ length: Math.ceil(count / size) }, (_, at) => Math.min(size, count - at * size));

/** Milliseconds of the machine's monotonic clock: the same in every process, which performance.now() is not. */
export const now = (): number => Number(process.hrtime.bigint()) / 1e6;

/** The store of a variant such as "redis" or "postgres, runs of 100". */
export const storeOf = (place: Place): 'redis' | 'postgres' => (place.redisUrl === null ? 'postgres' : 'redis');
