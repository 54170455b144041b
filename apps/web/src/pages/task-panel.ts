/**
 * A task's story, in a drawer beside its run: state, what it waits for, its audit trail, the kept lines of its programs,
 * and what an operator may do with it. The run's page gives the row as it moves; the rest is asked for when it changes.
 */
import { html, nothing, type TemplateResult } from 'lit-html';
import { Directive, directive, type ElementPart, type PartInfo, PartType } from 'lit-html/directive.js';
import { type AuditRow, get, post, serverNow, type TaskRow } from '../api.ts';
import { clockTime, duration, exactTime, percent, secondsBetween, words } from '../format.ts';
import type { Host } from '../page.ts';
import { confirmed, type Question } from '../parts/confirm.ts';
import { icon } from '../parts/icons.ts';
import { bar, errorLine, statusMark, when } from '../parts/marks.ts';
import { hasEnded } from '../pipeline.ts';
import { fact } from './run-header.ts';

export interface TaskPanel {
  readonly id: string;
  view(task: TaskRow | null): TemplateResult;
  /** The stream spoke of a task. */
  changed(id: string): void;
  close(): void;
}

interface Story {
  task: TaskRow;
  audit: AuditRow[];
  lines: string[];
  reasons: string[];
}

export function openTaskPanel(id: string, host: Host, leave: () => void): TaskPanel {
  const path = `/api/tasks/${encodeURIComponent(id)}`;
  const leaving = new AbortController();
  let story: Story | null = null;
  let problem: string | null = null;
  let asking: number | undefined;

  async function load(): Promise<void> {
    asking = undefined;
    const answers = await host.load(
      Promise.all([
        get<{ task: TaskRow; audit: AuditRow[] }>(path, leaving.signal),
        get<{ lines: string[] }>(`${path}/logs`, leaving.signal),
        get<{ reasons: string[] }>(`${path}/why`, leaving.signal),
      ]),
    );
    if (answers !== null) story = { ...answers[0], ...answers[1], ...answers[2] };
    host.redraw();
  }
  const act = (verb: 'retry' | 'cancel', question: Question) => async () => {
    if (!(await confirmed(question))) return;
    problem = null;
    try {
      await post(`${path}/${verb}`);
      await load();
    } catch (error) {
      // Here and not in the page's own place for it, which lies behind the drawer.
      problem = error instanceof Error ? error.message : String(error);
    }
    host.redraw();
  };
  void load();

  return {
    id,
    changed(changedId) {
      if (changedId === id) asking ??= window.setTimeout(() => void load(), 150);
    },
    view(live) {
      const task = live ?? story?.task ?? null;
      return html`<dialog class="drawer" aria-labelledby="task-title" ${shownModally()} @close=${leave} @click=${closeOutside}>
        <div class="drawer-body">
          <form method="dialog"><button class="quiet" aria-label="Close" autofocus>${icon('close')}</button></form>
          <div role="alert">${problem === null ? nothing : errorLine(problem)}</div>
          ${task === null ? html`<h2 id="task-title">Task</h2>` : headOf(task, act)}
          ${story === null || task === null ? nothing : storyView(story, task)}
        </div>
      </dialog>`;
    },
    close() {
      leaving.abort();
      window.clearTimeout(asking);
    },
  };
}

function headOf(
  task: TaskRow,
  act: (verb: 'retry' | 'cancel', question: Question) => () => Promise<void>,
): TemplateResult {
  const retry = act('retry', {
    title: `Retry ${task.key}?`,
    text: 'It is queued again with a fresh count of failures, and so is what was skipped because of it.',
    yes: 'Retry',
  });
  const cancel = act('cancel', {
    title: `Cancel ${task.key}?`,
    text: 'What needs this task will be skipped. It can be retried later.',
    yes: 'Cancel the task',
    no: 'Let it run',
    dangerous: true,
  });
  const ended = hasEnded(task);
  return html`
    <h2 id="task-title">${task.title ?? task.key}</h2>
    <div class="run-sum">
      ${statusMark(task.status)} ${bar(task.progressPercent, 'Progress of the task', task.status)}
      <span class="figures">${percent(task.status === 'completed' ? 100 : task.progressPercent)}</span>
    </div>
    ${task.currentStep !== null && task.status === 'running' ? html`<p class="muted">${task.currentStep}</p>` : nothing}
    ${task.lastError !== null && task.status !== 'completed' ? errorLine(task.lastError, task.status) : nothing}
    <div class="actions">
      ${ended && task.status !== 'completed' ? html`<button @click=${retry}>${icon('retry')}Retry…</button>` : nothing}
      ${ended ? nothing : html`<button @click=${cancel}>${icon('stop')}Cancel…</button>`}
    </div>
    <dl class="facts">
      ${fact('Key', html`<code>${task.key}</code>`)} ${fact('Stage', task.stage)}
      ${task.workerName === null ? nothing : fact('Worker', task.workerName)}
      ${fact('Attempt', task.attemptNumber)} ${fact('Failures', `${task.failures} of ${task.maxAttempts}`)}
      ${fact('Crashes', `${task.crashes} of ${task.maxCrashes}`)} ${fact('Version', task.stateVersion)}
      ${task.startedAt === null ? nothing : fact('Took', duration(secondsBetween(task.startedAt, task.completedAt, serverNow())))}
      ${task.runAfter === null || task.status !== 'queued' || Date.parse(task.runAfter) < serverNow() ? nothing : fact('Not before', when(task.runAfter))}
      ${task.claimExpiresAt === null ? nothing : fact('Lease until', when(task.claimExpiresAt))}
    </dl>
  `;
}

function storyView({ audit, lines, reasons }: Story, task: TaskRow): TemplateResult {
  return html`
    ${
      hasEnded(task) || reasons.length === 0
        ? nothing
        : html`<section><h3>Why it is where it is</h3><ul class="reasons">${reasons.map((reason) => html`<li>${reason}</li>`)}</ul></section>`
    }
    <section>
      <h3>Audit trail</h3>
      <ol class="audit">${audit.map(auditView)}</ol>
    </section>
    ${
      lines.length === 0
        ? nothing
        : html`<section><h3>Log</h3><pre class="log" tabindex="0" aria-label="Log lines">${lines.join('\n')}</pre></section>`
    }
  `;
}

function auditView(entry: AuditRow): TemplateResult {
  return html`<li data-status=${entry.to}>
    <span class="audit-what"><strong>${words(entry.action)}</strong> <span class="muted">${entry.from === null ? entry.to : `${entry.from} → ${entry.to}`}</span></span>
    <span class="audit-who muted">${entry.actorName ?? entry.actor}</span>
    <time class="figures muted" datetime=${entry.at} title=${exactTime(entry.at)}>${clockTime(entry.at)}</time>
    ${entry.error === null ? nothing : errorLine(entry.error, entry.to)}
  </li>`;
}

/** A click on the dialog itself and not on what is in it hit the backdrop. */
function closeOutside(event: Event): void {
  if (event.target === event.currentTarget) (event.currentTarget as HTMLDialogElement).close();
}

/** Shows its dialog as a modal once it stands in the document, which no attribute can say. */
class ShownModally extends Directive {
  constructor(info: PartInfo) {
    super(info);
    if (info.type !== PartType.ELEMENT) throw new Error('shownModally belongs on a <dialog>');
  }
  render(): void {}
  override update({ element }: ElementPart): void {
    queueMicrotask(() => {
      const dialog = element as HTMLDialogElement;
      if (dialog.isConnected && !dialog.open) dialog.showModal();
    });
  }
}
const shownModally = directive(ShownModally);
