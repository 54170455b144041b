/**
 * One run as it is known here: the answer of the REST interface with what the stream said since laid over it. It says
 * when the stream speaks of something that only a fresh answer can explain: a new child, a file that was stored.
 */
import type { RunDetails, RunRow, TaskRow } from './api.ts';
import { hasEnded } from './pipeline.ts';

/** One audited change: the columns of the task that changed. */
export type TaskChange = Partial<TaskRow> & { id: string };

/** Lossy: where the tasks of a run are. */
export interface ProgressNews {
  runId: string;
  tasks: { id: string; progressPercent: number; currentStep: string | null }[];
}

export class RunState {
  details: RunDetails;

  constructor(details: RunDetails) {
    this.details = details;
  }

  /**
   * A fresh answer. What the stream told of a later version of a task stays; `meanwhile` is what it told of the run
   * since the answer was asked for.
   */
  load(details: RunDetails, meanwhile: Partial<RunRow> = {}): void {
    const known = new Map(this.details.tasks.map((task) => [task.id, task]));
    const tasks = details.tasks.map((task) => {
      const before = known.get(task.id);
      return before !== undefined && before.stateVersion > task.stateVersion ? { ...task, ...before } : task;
    });
    this.details = { ...details, run: { ...details.run, ...meanwhile }, tasks };
  }

  putRun(run: Partial<RunRow>): void {
    this.details = { ...this.details, run: { ...this.details.run, ...run } };
  }

  /** True when a fresh answer is needed to know the whole of it. */
  putTask(change: TaskChange): boolean {
    const at = this.details.tasks.findIndex((task) => task.id === change.id);
    const known = this.details.tasks[at];
    if (known === undefined) return true;
    if (change.stateVersion !== undefined && change.stateVersion <= known.stateVersion) return false;
    const task = { ...known, ...change };
    this.details = { ...this.details, tasks: this.details.tasks.with(at, task) };
    // Its files are named by the statement that completed it.
    return hasEnded(task);
  }

  putProgress(news: ProgressNews): void {
    const byId = new Map(news.tasks.map((task) => [task.id, task]));
    const tasks = this.details.tasks.map((task) => {
      const heard = byId.get(task.id);
      // Late news of an attempt that is over says nothing about this one.
      if (heard === undefined || task.status !== 'running') return task;
      return { ...task, progressPercent: heard.progressPercent, currentStep: heard.currentStep };
    });
    this.details = { ...this.details, tasks };
  }
}
