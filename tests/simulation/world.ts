/**
 * A world of the simulation as plain data: the facts of one task and its run that both sides can be asked for, what each
 * worker believes about them, and the statements that travel in between. Nothing happens here; see model.ts for that.
 */
import type { NeedKind, RunStatus, TaskEvent, TaskState, TaskStatus } from '@reelfleet/core';
import type { Command, Fate, Setting, WorkerEvent } from './commands.ts';

/** A write as it travels: who sends it, and the version it carries. */
export type Statement =
  | { kind: 'claim'; by: string; version: number; full: boolean; twice: boolean }
  | { kind: 'beat'; by: string; version: number; percent: number }
  | { kind: 'checkpoint'; by: string; version: number; units: number }
  | { kind: 'settle'; by: string; version: number; event: WorkerEvent; later: boolean };

/** A command whose words have become a statement: what is sent is settled before anything else moves. */
export type Act =
  | { do: 'send'; worker: number; statement: Statement; fate: Fate }
  | { do: 'read back'; worker: number; statement: Statement }
  | { do: 'echo'; statement: Statement }
  | { do: 'crash'; worker: number }
  | { do: 'resolve'; wish: 'completed' | 'failed'; version: number }
  | Exclude<Command, { worker: number } | { do: 'resolve' }>;

/** What a worker process believes. It is frozen whenever it is not its turn: what it believes may be long over. */
export interface View {
  /** Its name; another after every crash. */
  name: string;
  /** The fence it thinks it holds. */
  held: number | null;
  /** The one it held before: what a handler of its that slept through it all still carries. */
  former: number | null;
  /** Sent, and never answered. */
  unanswered: Statement | null;
  last: Statement | null;
}

export interface Follower {
  kind: NeedKind;
  status: TaskStatus;
  version: number;
  pendingDeps: number;
  cancelRequested: boolean;
}

/** What both sides can be asked for after every step. */
export interface Facts {
  task: TaskState;
  holder: string | null;
  late: boolean;
  due: boolean;
  dispatched: boolean;
  dispatches: number;
  percent: number;
  /** `by`: the fence it was written under. `most`: of an attempt before, where that had more. */
  checkpoint: { units: number; by: number; most?: number } | null;
  output: { by: number } | null;
  /** Versions that completed with a file. */
  artifacts: number[];
  follower: Follower | null;
  run: { status: RunStatus | 'stuck'; version: number; cancelRequested: boolean; claimedOnce: boolean };
  trail: { version: number; actor: string; event: TaskEvent; status: TaskStatus }[];
}

export interface World {
  facts: Facts;
  paused: boolean;
  /** Versions for which a ticket was ever issued. */
  issued: number[];
  views: View[];
}

export interface Outcome {
  world: World;
  /** Of each act, in the order they were asked in. */
  answers: unknown[];
}

export const nameOf = (worker: number, life: number) => `worker ${worker}.${life}`;

export function newWorld(setting: Setting): World {
  const task: TaskState = {
    status: 'queued',
    stateVersion: 1,
    attemptNumber: 0,
    failures: 0,
    maxAttempts: setting.maxAttempts,
    crashes: 0,
    maxCrashes: setting.maxCrashes,
    pendingDeps: 0,
    cancelRequested: false,
  };
  return {
    facts: {
      task,
      holder: null,
      late: false,
      due: true,
      dispatched: true,
      dispatches: 1,
      percent: 0,
      checkpoint: null,
      output: null,
      artifacts: [],
      follower: setting.follower && {
        kind: setting.follower,
        status: 'blocked',
        version: 1,
        pendingDeps: 1,
        cancelRequested: false,
      },
      run: { status: 'queued', version: 1, cancelRequested: false, claimedOnce: false },
      trail: [{ version: 1, actor: 'operator', event: 'create', status: 'queued' }],
    },
    paused: false,
    issued: [1],
    views: Array.from({ length: setting.workers }, (_, worker) => ({
      name: nameOf(worker, 0),
      held: null,
      former: null,
      unanswered: null,
      last: null,
    })),
  };
}
