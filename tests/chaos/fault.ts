/**
 * What a fault is, and what it finds: a yard with a working fleet in it. Faults do their harm, heal it, and throw a
 * `BrokenPromise` when the fleet did not do what it promises; what holds after every fault is the judge's (judge.ts).
 */
import type { OperatorLedger } from '@reelfleet/core';
import type { Database } from '@reelfleet/db';
import type { TicketQueue } from '@reelfleet/fleet';
import type { GcsServer, TcpProxy, TestProcess, TestRedis } from '@reelfleet/testkit';

/** One of the list in `faults/index.ts`. The numbers are those that people give to `--only`. */
export interface Fault {
  readonly number: number;
  /** What goes wrong, in a few words: `kill -9 at a pause point`. */
  readonly name: string;
  /** What the fleet promises then, in one sentence. */
  readonly promise: string;
  /** How long one run of it takes at most, healing included; the schedule is made of these. */
  readonly takesMs: number;
  /** It needs the fleet for itself: fault 27 does not mix it with others. */
  readonly alone?: boolean;
  /** What this machine lacks for it (`libfaketime`, root), or null. A fault that cannot run is shown as such, never as passed. */
  missing?(): string | null | Promise<string | null>;
  /** Do the harm, wait for facts, heal. Throws BrokenPromise. `signal` ends it early (Ctrl-C): heal and return. */
  run(yard: Yard, chance: Chance, signal: AbortSignal): Promise<Outcome>;
}

/** What was done and seen, for the table: `{ kills: 3, points: 'after-claim, mid-work' }`. */
export type Outcome = Readonly<Record<string, number | string>>;

/** The fleet did not do what it promises. The message says what was expected and what was seen. */
export class BrokenPromise extends Error {
  override name = 'BrokenPromise';
}

/** Chance from the seed: the same for the same seed, turn and fault, whatever the fleet does meanwhile. */
export interface Chance {
  /** From `low` to `high`, both included. */
  integer(low: number, high: number): number;
  pick<T>(from: readonly T[]): T;
  /** `count` different ones. */
  some<T>(from: readonly T[], count: number): T[];
}

/** A worker process of the load, with wires of its own to Postgres and to Redis. */
export interface YardWorker {
  /** `w1`…; unique over the whole run of the suite, a replacement gets a new one. */
  readonly name: string;
  readonly process: TestProcess;
  readonly postgres: TcpProxy;
  readonly redis: TcpProxy;
  /** Its row in `workers`. */
  id(): Promise<string>;
  /** The tasks it holds just now. */
  holds(): Promise<HeldTask[]>;
}
export interface HeldTask {
  readonly id: string;
  readonly runId: string;
  readonly key: string;
  readonly version: number;
  readonly checkpointUnits: number;
}

export interface WorkerWishes {
  /** Settings of this worker alone. */
  readonly env?: Readonly<Record<string, string>>;
  /** Put before `node` (`['faketime', '-f', '+10m']`, `['prlimit', '--as=…']`); its pid is the process's own (they exec). */
  readonly prefix?: readonly string[];
}

export interface Yard {
  readonly folder: string;
  /** Lease 3 s, beat 0.5 s, and the rest of what every worker is given. */
  readonly settings: Readonly<Record<string, string>>;
  readonly leaseMs: number;

  /** Straight to Postgres, on wires nobody cuts. It reconnects by itself. */
  readonly db: Database;
  readonly operator: OperatorLedger;
  /** The queue's door, straight to Redis as well: to put tickets in by hand, say. */
  readonly tickets: TicketQueue;
  readonly postgres: YardPostgres;
  readonly redis: TestRedis;
  /** Where the files are: the `gs:` driver's other end. Its faults are switched here. */
  readonly bucket: GcsServer;

  /** The six, in order. A fault that ends one puts another in its place before it returns. */
  readonly workers: readonly YardWorker[];
  /** End one (SIGTERM, or SIGKILL when it does not react), and have another in its place. */
  replace(worker: YardWorker, wishes?: WorkerWishes): Promise<YardWorker>;
  /** One more beside the six; the fault ends it with `dismiss`. */
  extra(wishes?: WorkerWishes): Promise<YardWorker>;
  dismiss(worker: YardWorker): Promise<void>;
  /** Runs a command of ours (`reelfleet …`) with the yard's settings. */
  cli(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }>;

  /** Runs of the fault's own, beside the load; they are judged like all others. */
  enqueue(template: string, params: Record<string, unknown>, count?: number): Promise<string[]>;
  /** Wait until these runs have ended, and answer with their status. */
  ended(runs: readonly string[], timeoutMs?: number): Promise<Map<string, string>>;
  /** Tasks completed since the suite began. */
  completed(): Promise<number>;
  /** Wait until the fleet has completed `tasks` more: it works. Throws BrokenPromise at the time-out. */
  works(tasks: number, timeoutMs: number): Promise<void>;
  /** A run that is meant to end otherwise than completed, and how (`failed`, `cancelled`): the judge asks for one of these. */
  expectEnd(run: string, ...statuses: string[]): void;
  /** Of the audit trail and the workers' logs since a moment. */
  since(moment: Date): Promise<{ expired: number; crashes: number; failures: number; lines: readonly string[] }>;
}

/** A Postgres of the suite's own, in the yard's folder. */
export interface YardPostgres {
  readonly url: string;
  readonly dataFolder: string;
  readonly pid: number;
  /** kill -9 of the postmaster; returns when the port is free. */
  kill(): Promise<void>;
  /** As `pg_ctl stop -m immediate`. */
  stopImmediately(): Promise<void>;
  start(): Promise<void>;
}
