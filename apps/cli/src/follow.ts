/**
 * Following a run until it ends, on one of three displays: live bars on a terminal, one plain line per change without
 * one, one JSON object per change for programs. A database that is away for a while is waited for.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Operator, RunDetails, RunRow, TaskRow } from '@reelfleet/catalog';
import { isEnded, messageOf, UserError } from '@reelfleet/core';
import { OutcomeUnknown, Transient } from '@reelfleet/db';
import { openBars } from './ui/bars.ts';
import { status } from './ui/colour.ts';
import { sentence } from './ui/format.ts';
import type { Output } from './ui/output.ts';
import { groupTasks } from './ui/stages.ts';

const EVERY_MS = 500;

export interface FollowOptions {
  operator: Operator;
  out: Output;
  runId: string;
  /** The pipeline's nodes in their order. */
  nodesOf(template: string): readonly string[];
  json?: boolean;
  /** Length of the media a node's tasks make together, where it is known. */
  mediaSecondsOf?(key: string): number | null;
  signal?: AbortSignal;
}

export type Change =
  | { kind: 'run'; run: RunRow }
  | {
      kind: 'task';
      task: TaskRow /** How many of the node's tasks have completed, of how many. */;
      completed: number;
      total: number;
    };

/** What is worth telling between two looks at a run: changes of a status or of a step towards it, not of percentages. */
export function changesBetween(before: RunDetails | null, after: RunDetails): Change[] {
  const was = new Map(before?.tasks.map((task) => [task.id, task]));
  const changes: Change[] = [];
  for (const task of after.tasks) {
    const old = was.get(task.id);
    if (old?.status === task.status && old.stateVersion === task.stateVersion) continue;
    const node = task.key.split('/')[0];
    const siblings = after.tasks.filter((other) => other.key.split('/')[0] === node);
    // Counted up to this one: tasks that ended within one look are told one after another.
    const told = new Set(changes.flatMap((change) => (change.kind === 'task' ? [change.task.id] : [])));
    const done = (other: TaskRow) =>
      other.status === 'completed' &&
      (other.id === task.id || told.has(other.id) || was.get(other.id)?.status === 'completed');
    const completed = siblings.filter(done).length;
    changes.push({ kind: 'task', task, completed, total: siblings.length });
  }
  if (before?.run.status !== after.run.status || before?.run.phase !== after.run.phase)
    changes.push({ kind: 'run', run: after.run });
  return changes;
}

export const runEnded = (run: Pick<RunRow, 'status'>): boolean => !['queued', 'running'].includes(run.status);

/** Resolves with the run once it has ended, or as it was last seen when `signal` fires. Throws UserError when there is no such run. */
export async function followRun(options: FollowOptions): Promise<RunDetails> {
  const { out, json = false } = options;
  const bars = out.isTTY && !json ? openBars(out, { mediaSecondsOf: options.mediaSecondsOf ?? (() => null) }) : null;
  let before: RunDetails | null = null;
  try {
    for (;;) {
      const now = await look(options, before === null);
      if (bars) bars.show(groupTasks(options.nodesOf(now.run.template), now.tasks), Date.now());
      else for (const change of changesBetween(before, now)) tell(change, out, json);
      before = now;
      if (runEnded(now.run) || options.signal?.aborted) return now;
      await sleep(EVERY_MS, undefined, options.signal ? { signal: options.signal } : {}).catch(() => {});
    }
  } finally {
    bars?.stop();
  }
}

/** The run now; from the second look on, an unreachable database is waited for. */
async function look({ operator, runId, out, signal }: FollowOptions, first: boolean): Promise<RunDetails> {
  for (let told = false; ; ) {
    try {
      return await operator.run(runId);
    } catch (error) {
      const away = error instanceof UserError ? error.cause : error;
      if (first || signal?.aborted || !(away instanceof OutcomeUnknown || away instanceof Transient)) throw error;
      if (!told) out.note(`${messageOf(error)}; still waiting for it`);
      told = true;
      await sleep(1_000);
    }
  }
}

function tell(change: Change, out: Output, json: boolean): void {
  const at = new Date().toISOString();
  if (change.kind === 'run') {
    const { id, status: word, phase, errorStage, errorMessage } = change.run;
    if (json) out.json({ at, run: { id, status: word, phase, errorStage, errorMessage } });
    else out.line(`run ${status(out.paint, word)}${phase && word === 'running' ? ` (${phase})` : ''}`);
    return;
  }
  const { task } = change;
  if (json) {
    const { id, key, stage, status: word, stateVersion, progressPercent, workerName, lastError } = task;
    out.json({ at, task: { id, key, stage, status: word, stateVersion, progressPercent, workerName, lastError } });
    return;
  }
  const troubled = task.status === 'queued' && task.lastError !== null;
  if (!isEnded(task.status) && task.status !== 'waiting' && !troubled) return;
  const why = task.status !== 'completed' && task.lastError ? `: ${sentence(task.lastError)}` : '';
  const tally = change.total > 1 ? ` (${change.completed} of ${change.total})` : '';
  out.line(`${task.key} ${troubled ? 'is tried again' : status(out.paint, task.status)}${tally}${why}`);
}
