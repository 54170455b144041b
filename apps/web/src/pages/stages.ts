/** The stages of the fleet: what waits and runs in each, and the switch that stops new claims. */
import { html, nothing, type TemplateResult } from 'lit-html';
import { repeat } from 'lit-html/directives/repeat.js';
import { post, type StageRow } from '../api.ts';
import { number } from '../format.ts';
import type { Host } from '../page.ts';
import { confirmed } from '../parts/confirm.ts';
import { icon } from '../parts/icons.ts';
import { statusMark, when } from '../parts/marks.ts';

export function stagesView(stages: readonly StageRow[], host: Host, reload: () => void): TemplateResult {
  const act = async (stage: string, verb: 'pause' | 'resume') => {
    try {
      await post(`/api/stages/${encodeURIComponent(stage)}/${verb}`);
      reload();
    } catch (error) {
      host.complain(error);
    }
  };
  const pause = async (stage: string) => {
    const sure = await confirmed({
      title: `Pause ${stage}?`,
      text: 'No worker of the fleet takes up a new task of this stage until it is resumed. What runs goes on.',
      yes: 'Pause',
    });
    if (sure) await act(stage, 'pause');
  };
  return html`
    <section aria-labelledby="stages">
      <h2 id="stages">Stages</h2>
      <div class="scroll"><table class="stages" aria-labelledby="stages">
        <thead><tr><th scope="col">Stage</th><th scope="col" class="right">Queued</th><th scope="col" class="right">Running</th><th scope="col"><span class="unseen">Switch</span></th></tr></thead>
        <tbody>${repeat(
          stages,
          ({ stage }) => stage,
          ({ stage, queued, running, pausedAt, pausedBy, reason }) => html`<tr>
            <th scope="row">${stage}${
              pausedAt === null
                ? nothing
                : html`<p>${statusMark('paused')} <span class="muted">${when(pausedAt)}${pausedBy === null ? nothing : ` by ${pausedBy}`}${reason === null ? nothing : `: ${reason}`}</span></p>`
            }</th>
            <td class="right figures ${queued === 0 ? 'muted' : ''}">${number(queued)}</td>
            <td class="right figures ${running === 0 ? 'muted' : ''}">${number(running)}</td>
            <td class="right">${
              pausedAt === null
                ? html`<button class="small" aria-label="Pause ${stage}" @click=${() => void pause(stage)}>${icon('pause')}<span class="wide">Pause…</span></button>`
                : html`<button class="small" aria-label="Resume ${stage}" @click=${() => void act(stage, 'resume')}>${icon('play')}<span class="wide">Resume</span></button>`
            }</td>
          </tr>`,
        )}</tbody>
      </table></div>
    </section>
  `;
}
