/** One run: what it is, its tasks as a pipeline, its files; a task's story opens beside it. */
import { html, nothing } from 'lit-html';
import { get, type RunDetails, type RunRow } from '../api.ts';
import { Heard } from '../heard.ts';
import type { Host, Page } from '../page.ts';
import { backLink, loading } from '../parts/marks.ts';
import { type Route, to } from '../router.ts';
import { type ProgressNews, RunState, type TaskChange } from '../run-state.ts';
import { openStream } from '../stream.ts';
import { filesView } from './run-files.ts';
import { headerView } from './run-header.ts';
import { pipelineView } from './run-pipeline.ts';
import { openTaskPanel, type TaskPanel } from './task-panel.ts';

/** Fan-outs come as twenty changes at once, and one fresh answer explains them all. */
const RELOAD_MS = 300;

export function runPage(first: Route & { page: 'run' }, host: Host): Page {
  const path = `/api/runs/${encodeURIComponent(first.run)}`;
  let state: RunState | null = null;
  let panel: TaskPanel | null = null;
  let reloading: number | undefined;
  let failed = false;
  let closed = false;
  const heard = new Heard<RunRow>();
  let questions = 0;
  let shown = 0;

  async function load(): Promise<void> {
    reloading = undefined;
    const question = ++questions;
    const { answer: details, meanwhile } = await heard.during(host.load(get<RunDetails>(path)));
    // Answers may overtake each other.
    if (closed || question < shown) return;
    shown = question;
    failed = details === null && state === null;
    if (details !== null) {
      state ??= new RunState(details);
      state.load(details, meanwhile.get(details.run.id));
    }
    host.redraw();
  }
  const reload = () => {
    reloading ??= window.setTimeout(() => void load(), RELOAD_MS);
  };

  const stream = openStream(`${path}/events`, {
    on: {
      run: (run: RunRow) => {
        heard.hear(run);
        state?.putRun(run);
        host.redraw();
      },
      task: (change: TaskChange) => {
        if (state === null || state.putTask(change)) reload();
        panel?.changed(change.id);
        host.redraw();
      },
      progress: (news: ProgressNews) => {
        state?.putProgress(news);
        host.redraw();
      },
    },
    reload: () => void load(),
    connected: host.connected,
  });

  function enter(route: Route): void {
    const task = route.page === 'run' ? route.task : null;
    if (panel?.id === task) return;
    panel?.close();
    panel = task === null ? null : openTaskPanel(task, host, () => location.assign(to.run(first.run)));
  }
  enter(first);

  return {
    title: () => (state === null ? 'Run' : (state.details.run.title ?? state.details.run.identifier)),
    enter,
    view() {
      if (state === null) {
        return html`${backLink(to.runs(), 'All runs')}${failed ? nothing : loading()}`;
      }
      const { run, tasks, artifacts } = state.details;
      return html`
        ${backLink(to.runs(), 'All runs')}
        ${headerView(run, tasks, host, load)}
        ${pipelineView(run, tasks)}
        ${filesView(artifacts)}
        ${panel === null ? nothing : panel.view(tasks.find((task) => task.id === panel?.id) ?? null)}
      `;
    },
    close() {
      closed = true;
      window.clearTimeout(reloading);
      panel?.close();
      stream.close();
    },
  };
}
