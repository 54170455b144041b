/** What stands below a video's player: its chapters, its qualities with how far each is, and what is known of it. */
import { html, nothing, type TemplateResult } from 'lit-html';
import { repeat } from 'lit-html/directives/repeat.js';
import type { VideoDetails } from '../api.ts';
import { bytes, clock, percent, words } from '../format.ts';
import { bar, statusMark, when } from '../parts/marks.ts';
import { to } from '../router.ts';
import { fact } from './run-header.ts';

export function chaptersView(
  chapters: VideoDetails['chapters'],
  at: number,
  go: (seconds: number) => void,
): TemplateResult | typeof nothing {
  if (chapters.length === 0) return nothing;
  const current = chapters.findLastIndex(({ startSeconds }) => startSeconds <= at + 0.05);
  return html`<section aria-labelledby="chapters"><h2 id="chapters">Chapters</h2>
    <ol class="chapters">${chapters.map(
      ({ title, startSeconds }, index) => html`<li>
        <button class="chapter" aria-current=${index === current ? 'true' : nothing} @click=${() => go(startSeconds)}>
          <span class="figures muted">${clock(startSeconds)}</span><span>${title === '' ? `Chapter ${index + 1}` : title}</span>
        </button>
      </li>`,
    )}</ol>
  </section>`;
}

/** The words of the database, in those of the page's marks. */
const states = {
  pending: 'queued',
  in_progress: 'running',
  completed: 'completed',
  failed: 'failed',
  skipped: 'skipped',
} as const;

/** While any of them is under way they are bars; afterwards they are a line of the facts. */
export function qualitiesView(qualities: VideoDetails['qualities']): TemplateResult | typeof nothing {
  if (!isUnderWay(qualities)) return nothing;
  return html`<section aria-labelledby="qualities"><h2 id="qualities">Qualities</h2>
    <ul class="qualities">${repeat(
      qualities,
      ({ quality }) => quality,
      (one) => html`<li class="quality" data-status=${states[one.status]}>
        <strong class="figures">${one.quality}</strong>
        ${one.status === 'skipped' ? html`<span class="muted">the source is smaller</span>` : bar(one.progressPercent, `Progress of ${one.quality}`, states[one.status])}
        <span class="quality-count figures muted">${countOf(one)}</span>
        ${statusMark(states[one.status])}
      </li>`,
    )}</ul>
  </section>`;
}

export const isUnderWay = (qualities: VideoDetails['qualities']): boolean =>
  qualities.some(({ status }) => status === 'pending' || status === 'in_progress');

function countOf({ status, progressPercent, segmentsCompleted, segmentsTotal }: VideoDetails['qualities'][number]) {
  if (status === 'skipped') return '';
  if (segmentsTotal === null || segmentsCompleted === null) return percent(progressPercent);
  return `${segmentsCompleted} / ${segmentsTotal} segments`;
}

export function factsView({ video, qualities }: VideoDetails): TemplateResult {
  const ready = qualities.filter(({ status }) => status === 'completed').map(({ quality }) => quality);
  return html`<dl class="facts">
    ${video.channelName === null ? nothing : fact('Channel', video.channelName)}
    ${video.durationSeconds === null ? nothing : fact('Length', html`<span class="figures">${clock(video.durationSeconds)}</span>`)}
    ${video.width === null || video.height === null ? nothing : fact('Picture', html`<span class="figures">${video.width}×${video.height}${video.frameRate === null ? '' : `, ${Math.round(video.frameRate * 100) / 100} fps`}</span>`)}
    ${video.videoCodec === null && video.audioCodec === null ? nothing : fact('Codecs', [video.videoCodec, video.audioCodec].filter((codec) => codec !== null).join(', '))}
    ${ready.length === 0 || isUnderWay(qualities) ? nothing : fact('Qualities', html`<span class="figures">${ready.join(', ')}</span>`)}
    ${video.sizeBytes === null ? nothing : fact('Size', html`<span class="figures">${bytes(video.sizeBytes)}</span>`)}
    ${fact('Made', when(video.createdAt))}
    ${fact('Review', words(video.reviewStatus))}
    ${fact('Identifier', html`<code>${video.identifier}</code>`)}
  </dl>`;
}

export function runsView(runs: VideoDetails['runs']): TemplateResult | typeof nothing {
  if (runs.length === 0) return nothing;
  return html`<section aria-labelledby="made-by"><h2 id="made-by">Made by</h2><ul class="plain">${repeat(
    runs,
    (run) => run.id,
    (run) =>
      html`<li>${statusMark(run.status)} <a href=${to.run(run.id)}>${run.template} ${run.identifier}</a> <span class="muted">${when(run.completedAt ?? run.createdAt)}</span></li>`,
  )}</ul></section>`;
}
