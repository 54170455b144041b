/** The head of a run's page: name, state, times, and what an operator may do with it. */
import { html, nothing, type TemplateResult } from 'lit-html';
import { post, type RunRow, serverNow, type TaskRow } from '../api.ts';
import { count, duration, percent, secondsBetween, words } from '../format.ts';
import type { Host } from '../page.ts';
import { confirmed, type Question } from '../parts/confirm.ts';
import { icon } from '../parts/icons.ts';
import { bar, errorLine, statusMark, when } from '../parts/marks.ts';
import { hasEnded, progressOf } from '../pipeline.ts';
import { to } from '../router.ts';

export function headerView(
  run: RunRow,
  tasks: readonly TaskRow[],
  host: Host,
  reload: () => Promise<void>,
): TemplateResult {
  const ended = tasks.filter(hasEnded).length;
  const progress = tasks.length === 0 ? 0 : tasks.reduce((sum, task) => sum + progressOf(task), 0) / tasks.length;
  const retryable = tasks.filter((task) => hasEnded(task) && task.status !== 'completed').length;
  const name = run.title ?? run.identifier;
  const act = (verb: 'retry' | 'cancel', question: Question) => async () => {
    if (!(await confirmed(question))) return;
    try {
      await post(`/api/runs/${encodeURIComponent(run.id)}/${verb}`);
      await reload();
    } catch (error) {
      host.complain(error);
    }
  };
  const retry = act('retry', {
    title: 'Retry this run?',
    text: `${count(retryable, 'task')} that failed, was cancelled or was skipped will be done again. What is completed stays.`,
    yes: 'Retry',
  });
  const cancel = act('cancel', {
    title: 'Cancel this run?',
    text: 'Tasks that have not begun are cancelled now, running ones at their next beat. What is completed stays, and the run can be retried.',
    yes: 'Cancel the run',
    no: 'Let it run',
    dangerous: true,
  });
  return html`
    <header class="run-head">
      <div class="heading">
        <h1>${name}</h1>
        <div class="actions">
          ${
            run.videoId !== null && run.status === 'completed'
              ? html`<a class="button primary" href=${to.video(run.videoId)}>${icon('play')}Watch</a>`
              : nothing
          }
          ${run.openTasks === 0 && retryable > 0 ? html`<button @click=${retry}>${icon('retry')}Retry…</button>` : nothing}
          ${
            run.openTasks > 0 && run.cancelRequestedAt === null
              ? html`<button @click=${cancel}>${icon('stop')}Cancel…</button>`
              : nothing
          }
        </div>
      </div>
      <div class="run-sum">
        ${statusMark(run.status, run.cancelRequestedAt)}
        ${bar(progress, 'Progress of the run', run.status)}
        <span class="figures">${percent(run.status === 'completed' ? 100 : progress)}</span>
      </div>
      <dl class="facts">
        ${fact('Template', run.template)}
        ${run.phase === null || run.openTasks === 0 ? nothing : fact('Phase', words(run.phase))}
        ${fact('Tasks', html`<span class="figures">${ended} of ${tasks.length} ended</span>`)}
        ${fact('Enqueued', when(run.createdAt))}
        ${run.startedAt === null ? nothing : fact('Started', when(run.startedAt))}
        ${
          run.startedAt === null
            ? nothing
            : fact(
                run.completedAt === null ? 'Running for' : 'Took',
                html`<span class="figures">${duration(secondsBetween(run.startedAt, run.completedAt, serverNow()))}</span>`,
              )
        }
        ${run.priority === 0 ? nothing : fact('Priority', run.priority)}
        ${fact('Identifier', html`<code>${run.identifier}</code>`)}
      </dl>
      ${run.errorMessage === null ? nothing : errorLine(run.errorStage === null || run.status === 'cancelled' ? run.errorMessage : `${run.errorStage}: ${run.errorMessage}`, run.status)}
    </header>
  `;
}

export const fact = (name: string, value: unknown): TemplateResult =>
  html`<div><dt>${name}</dt><dd>${value}</dd></div>`;
