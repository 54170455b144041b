/** All runs, newest first, moving as the fleet works. */
import { html, nothing, type TemplateResult } from 'lit-html';
import { repeat } from 'lit-html/directives/repeat.js';
import { get, type RunRow, serverNow } from '../api.ts';
import { duration, secondsBetween, words } from '../format.ts';
import { Heard } from '../heard.ts';
import type { Host, Page } from '../page.ts';
import { bar, empty, enqueueCommand, errorLine, loading, statusMark, when } from '../parts/marks.ts';
import { type Route, to } from '../router.ts';
import { RunList, type RunsAnswer } from '../run-list.ts';
import { openStream } from '../stream.ts';

const PAGE = 50;
const statuses = ['running', 'queued', 'completed', 'failed', 'partial', 'cancelled'] as const;

export function runsPage(first: Route & { page: 'runs' }, host: Host): Page {
  let list = new RunList(first.status);
  let loaded = false;
  let fetching = false;
  let failed = false;
  const heard = new Heard<RunRow>();

  const address = (cursor: string | null) => {
    const query = new URLSearchParams({ limit: String(PAGE) });
    if (list.status !== null) query.set('status', list.status);
    if (cursor !== null) query.set('cursor', cursor);
    return `/api/runs?${query}`;
  };

  async function load(cursor: string | null): Promise<void> {
    const wanted = list;
    fetching = true;
    const { answer, meanwhile } = await heard.during(host.load(get<RunsAnswer>(address(cursor))));
    if (wanted !== list) return; // another filter was chosen meanwhile
    fetching = false;
    loaded ||= answer !== null;
    failed = !loaded;
    if (answer !== null && cursor === null) list.start(answer, meanwhile);
    else if (answer !== null) list.more(answer, meanwhile);
    host.redraw();
  }

  const stream = openStream('/api/events', {
    on: {
      run: (run: RunRow) => {
        heard.hear(run);
        list.put(run);
        host.redraw();
      },
    },
    reload: () => void load(null),
    connected: host.connected,
  });

  return {
    title: () => 'Runs',
    enter(route) {
      if (route.page !== 'runs' || route.status === list.status) return;
      list = new RunList(route.status);
      loaded = false;
      failed = false;
      void load(null);
    },
    view: () => html`
      <div class="heading">
        <h1>Runs</h1>
        <nav class="filter" aria-label="Filter by status">
          ${[null, ...statuses].map(
            (status) =>
              html`<a href=${to.runs(status)} aria-current=${list.status === status ? 'true' : nothing}>${status ?? 'all'}</a>`,
          )}
        </nav>
      </div>
      ${loaded ? runsView(list, () => void load(list.next), fetching) : failed ? nothing : loading()}
    `,
    close: () => stream.close(),
  };
}

function runsView(list: RunList, more: () => void, fetching: boolean): TemplateResult {
  if (list.runs.length === 0) {
    return list.status === null
      ? empty('No runs yet', 'Enqueue one, and watch it here:', enqueueCommand)
      : empty(`No ${list.status} runs`, html`Nothing has this status now. <a href=${to.runs()}>Show all runs</a>`);
  }
  return html`
    <ol class="runs" aria-label="Runs, newest first">
      ${repeat(
        list.runs,
        (run) => run.id,
        (run) => runView(run, serverNow()),
      )}
    </ol>
    ${
      list.next === null
        ? nothing
        : html`<p class="more"><button ?disabled=${fetching} @click=${more}>${fetching ? 'Loading…' : 'Load more'}</button></p>`
    }
  `;
}

function runView(run: RunRow, now: number): TemplateResult {
  const name = run.title ?? run.identifier;
  return html`<li class="run">
    <div class="run-name">
      <a class="stretch" href=${to.run(run.id)}>${name}</a>
      <p class="muted">${run.template}${run.phase === null || run.openTasks === 0 ? nothing : html` · ${words(run.phase)}`}</p>
    </div>
    <div class="run-status">${statusMark(run.status, run.cancelRequestedAt)}</div>
    <div class="run-progress">
      ${bar(run.progressPercent, `Progress of ${name}`, run.status)}
      <span class="figures" title="tasks ended of all">${run.tasksEnded}/${run.tasksTotal}</span>
    </div>
    <div class="run-time muted figures">
      <span>${duration(secondsBetween(run.startedAt, run.completedAt, now))}</span>
      <span>${when(run.startedAt ?? run.createdAt)}</span>
    </div>
    ${run.errorMessage === null ? nothing : errorLine(run.errorMessage, run.status)}
  </li>`;
}
