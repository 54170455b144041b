/** The fleet: who works, on what, when each was last heard; and the stages, which can be paused. */
import { html, nothing, type TemplateResult } from 'lit-html';
import { repeat } from 'lit-html/directives/repeat.js';
import { get, type StageRow, serverNow, type WorkerRow } from '../api.ts';
import { count, percent } from '../format.ts';
import { type Host, type Page, repeatedly } from '../page.ts';
import { bar, empty, loading, statusMark, when } from '../parts/marks.ts';
import { to } from '../router.ts';
import { stagesView } from './stages.ts';

/** Beats come every ten seconds, progress with them; half of the eye's patience is enough. */
const EVERY_MS = 2_000;
/**
 * A beat older than this is worth a colour. Chosen for the settings as they are by default, a beat every ten seconds and
 * offline after sixty; the page is not told others, so a fleet that beats more slowly shows the colour too early.
 */
const LATE_SECONDS = 25;

export function workersPage(host: Host): Page {
  let workers: WorkerRow[] | null = null;
  let stages: StageRow[] = [];

  const turns = repeatedly(EVERY_MS, async () => {
    const answers = await host.load(
      Promise.all([get<{ workers: WorkerRow[] }>('/api/workers'), get<{ stages: StageRow[] }>('/api/stages')]),
    );
    if (answers !== null) {
      workers = answers[0].workers;
      stages = answers[1].stages;
      host.connected(true);
    }
    host.redraw();
  });

  return {
    title: () => 'Fleet',
    view: () => html`
      <div class="heading">
        <h1>Fleet</h1>
        <nav class="doors" aria-label="More about the fleet">
          <a href="/queues">Queues</a><a href="/docs">API</a><a href="/metrics">Metrics</a>
        </nav>
      </div>
      ${workers === null ? loading() : html`${workersView(workers)}${stagesView(stages, host, turns.now)}`}
    `,
    close: turns.stop,
  };
}

function workersView(workers: readonly WorkerRow[]): TemplateResult {
  const { offline = [], here = [] } = Object.groupBy(workers, (worker) =>
    worker.status === 'offline' ? 'offline' : 'here',
  );
  return html`
    <section aria-labelledby="workers">
      <h2 id="workers">Workers <span class="muted figures">${here.length}</span></h2>
      ${
        here.length === 0
          ? empty(
              'No worker is running',
              'Queued tasks wait until there is one. To start one on this machine:',
              'npx reelfleet worker',
            )
          : html`<ul class="workers">${cards(here)}</ul>`
      }
      ${
        offline.length === 0
          ? nothing
          : html`<details><summary>${count(offline.length, 'worker')} offline</summary><ul class="workers">${cards(offline)}</ul></details>`
      }
    </section>
  `;
}

const cards = (workers: readonly WorkerRow[]) => repeat(workers, (worker) => worker.id, workerView);

function workerView(worker: WorkerRow): TemplateResult {
  const silent = worker.lastHeartbeat === null ? 0 : (serverNow() - Date.parse(worker.lastHeartbeat)) / 1000;
  const late = worker.status !== 'offline' && silent > LATE_SECONDS;
  return html`<li class="worker" data-status=${worker.status}>
    <div class="node-head">
      <h3>${worker.name}</h3>
      ${statusMark(worker.status)}
    </div>
    <p class="muted">${
      worker.lastHeartbeat === null
        ? 'no beat yet'
        : html`last beat <span class="figures ${late ? 'late' : ''}">${when(worker.lastHeartbeat)}</span>`
    }</p>
    ${
      worker.tasks.length === 0
        ? html`<p class="idle muted">${worker.status === 'offline' ? nothing : 'idle'}</p>`
        : html`<ul class="plain work">${repeat(
            worker.tasks,
            (task) => task.id,
            (task) => html`<li>
              <a href=${to.task(task.id)}>${task.title ?? task.key}</a>
              <div class="run-progress">${bar(task.progressPercent, `Progress of ${task.title ?? task.key}`, 'running')}<span class="figures">${percent(task.progressPercent)}</span></div>
            </li>`,
          )}</ul>`
    }
    <p class="serves muted"><span class="unseen">Stages: </span>${worker.stages.join(' · ')}</p>
  </li>`;
}
