/** The tasks of a run from top to bottom: one card per node, the children of a fan-out as small bars within theirs. */
import { html, nothing, type TemplateResult } from 'lit-html';
import { repeat } from 'lit-html/directives/repeat.js';
import { type RunRow, serverNow, type TaskRow } from '../api.ts';
import { duration, percent, secondsBetween } from '../format.ts';
import { bar, errorLine, statusDot } from '../parts/marks.ts';
import { childNumber, childTitle, type PipelineNode, pipelineOf } from '../pipeline.ts';
import { to } from '../router.ts';

export function pipelineView(run: RunRow, tasks: readonly TaskRow[]): TemplateResult {
  return html`
    <section aria-labelledby="pipeline">
      <h2 id="pipeline">Pipeline</h2>
      <ol class="pipeline">
        ${repeat(
          pipelineOf(tasks),
          (row) => row.map((node) => node.key).join(' '),
          (row) =>
            html`<li class="row">${repeat(
              row,
              (node) => node.key,
              (node) => (node.folded ? foldedView(run, node) : singleView(run, node)),
            )}</li>`,
        )}
      </ol>
    </section>
  `;
}

/** One task that stands for itself. */
function singleView(run: RunRow, node: PipelineNode): TemplateResult {
  const task = node.tasks[0] as TaskRow;
  return html`<article class="node" data-status=${task.status}>
    <div class="node-head">
      ${statusDot(task.status)}
      <h3><a class="stretch" href=${to.taskOfRun(run.id, task.id)}>${node.title}</a></h3>
      <span class="node-note">${noteOf(task)}</span>
    </div>
    ${bar(task.progressPercent, `Progress of ${node.title}`, task.status)}
    <p class="node-foot muted">${needsOf(node)}<span class="node-work figures">${workOf(task)}</span></p>
    ${task.lastError !== null && task.status !== 'completed' ? errorLine(task.lastError, task.status) : nothing}
  </article>`;
}

/** The children of a fan-out: all of them as bars, what is wrong with any of them below. */
function foldedView(run: RunRow, node: PipelineNode): TemplateResult {
  const wrong = node.tasks.filter((task) => task.lastError !== null && task.status !== 'completed');
  return html`<article class="node" data-status=${node.status}>
    <div class="node-head">
      ${statusDot(node.status)}
      <h3>${node.title}</h3>
      <span class="node-note figures">${node.ended}/${node.tasks.length} · ${percent(node.progressPercent)}</span>
    </div>
    <ol class="children" aria-label="Tasks of ${node.title}">
      ${repeat(
        node.tasks,
        (task) => task.id,
        (task) => childView(run, task),
      )}
    </ol>
    <p class="node-foot muted">${needsOf(node)}</p>
    ${wrong.map((task) => errorLine(`${childNumber(task)}: ${task.lastError}`, task.status))}
  </article>`;
}

function childView(run: RunRow, task: TaskRow): TemplateResult {
  const title = childTitle(task);
  const doing = childNote(task);
  return html`<li class="child" data-status=${task.status}>
    <a href=${to.taskOfRun(run.id, task.id)} title="${title}: ${task.status}${task.workerName === null ? '' : `, ${task.workerName}`}">
      <span class="child-name"><span class="figures muted">${childNumber(task)}</span> ${title}</span>
      ${bar(task.progressPercent, `Progress of ${task.key}`, task.status)}
      <span class="child-note muted">${doing}</span>
    </a>
  </li>`;
}

/** What it does, or who did it in what time; the colour of its bar has said the rest. */
function childNote(task: TaskRow): string {
  if (task.status === 'running') return task.currentStep ?? 'running';
  return task.status === 'completed' ? workOf(task) : task.status;
}

function needsOf(node: PipelineNode): TemplateResult {
  if (node.needs.length === 0) return html`<span>begins the run</span>`;
  const names = node.needs.map((need) =>
    need.tasks > 1 ? `${need.title.toLowerCase()} ×${need.tasks}` : need.title.toLowerCase(),
  );
  return html`<span>after ${names.join(', ')}</span>`;
}

function noteOf(task: TaskRow): unknown {
  if (task.status === 'running')
    return html`${task.currentStep ?? 'running'} <span class="figures">${percent(task.progressPercent)}</span>`;
  if (task.status === 'queued' && task.failures > 0) return 'will be tried again';
  return task.status === 'blocked' ? 'waits for what it needs' : task.status;
}

/** `w1 · attempt 2 of 5 · 3:04`. */
function workOf(task: TaskRow): string {
  const parts: string[] = [];
  if (task.workerName !== null) parts.push(task.workerName);
  if (task.attemptNumber > 1) parts.push(`attempt ${task.attemptNumber}`);
  if (task.failures > 0) parts.push(`${task.failures} of ${task.maxAttempts} failures`);
  if (task.startedAt !== null && (task.status === 'running' || task.completedAt !== null)) {
    parts.push(duration(secondsBetween(task.startedAt, task.completedAt, serverNow())));
  }
  return parts.join(' · ');
}
