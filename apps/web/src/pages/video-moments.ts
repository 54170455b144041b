/** The moments of a video below its player: what each is about, how good it is, and the clip that was cut of it. */
import { html, nothing, type TemplateResult } from 'lit-html';
import { repeat } from 'lit-html/directives/repeat.js';
import { bytes, clock, count, duration } from '../format.ts';
import { icon } from '../parts/icons.ts';
import { bestFirst, type ShownMoment } from '../said.ts';

/** What a visitor has chosen; kept by the page. */
export interface MomentsState {
  order: 'time' | 'score';
  /** Identifier of the moment whose clip plays in its place. */
  playing: string | null;
}

interface Asked {
  go(seconds: number): void;
  change(state: Partial<MomentsState>): void;
}

export function momentsView(
  moments: readonly ShownMoment[],
  at: number,
  state: MomentsState,
  asked: Asked,
): TemplateResult | typeof nothing {
  if (moments.length === 0) return nothing;
  const clips = moments.filter(({ clip }) => clip !== null).length;
  const isScored = moments.some(({ score }) => score !== null);
  const shown = state.order === 'score' ? bestFirst(moments) : moments;
  return html`<section aria-labelledby="moments">
    <div class="moments-head">
      <h2 id="moments">Moments <span class="muted">${moments.length}${clips > 0 ? `, ${count(clips, 'clip')}` : ''}</span></h2>
      ${isScored && moments.length > 1 ? orderChoice(state.order, asked) : nothing}
    </div>
    <ol class="moments ${clips > 0 ? 'with-clips' : ''}">${repeat(
      shown,
      ({ identifier }) => identifier,
      (moment) =>
        momentCard(moment, { at, withClips: clips > 0, isPlaying: state.playing === moment.identifier }, asked),
    )}</ol>
  </section>`;
}

function orderChoice(order: MomentsState['order'], { change }: Asked): TemplateResult {
  const choice = (value: MomentsState['order'], words: string) =>
    html`<button class="choice" aria-pressed=${value === order} @click=${() => change({ order: value })}>${words}</button>`;
  return html`<div class="choices" role="group" aria-label="Order">${choice('time', 'In order')}${choice('score', 'Best first')}</div>`;
}

function momentCard(
  moment: ShownMoment,
  { at, withClips, isPlaying }: { at: number; withClips: boolean; isPlaying: boolean },
  asked: Asked,
): TemplateResult {
  const { title, startSeconds, endSeconds, score, refined, clip } = moment;
  const isNow = at > 0 && at >= startSeconds - 0.05 && at < endSeconds;
  return html`<li class="moment ${isNow ? 'now' : ''}">
    ${withClips ? clipView(moment, isPlaying, asked) : nothing}
    <div class="moment-body">
      <button class="moment-title" aria-current=${isNow ? 'true' : nothing} @click=${() => asked.go(startSeconds)}>${title}</button>
      <p class="moment-foot">
        <span class="figures muted">${clock(Math.floor(startSeconds))} – ${clock(Math.ceil(endSeconds))}</span>
        ${score === null ? nothing : html`<span class="score figures" title="Score ${score} of 10"><span class="score-bar" aria-hidden="true"><progress max="10" .value=${score}></progress></span><span><span class="unseen">Score </span>${score}<span class="muted">/10</span></span></span>`}
        ${refined ? html`<span class="muted" title="Its bounds were looked at again">refined</span>` : nothing}
        ${
          clip === null
            ? nothing
            : html`<a class="button small moment-download" href="${clip.url}?download=1" download title="Download the clip${clip.sizeBytes === null ? '' : ` (${bytes(clip.sizeBytes)})`}">${icon('download')}<span>Clip<span class="unseen"> of ${title}</span></span></a>`
        }
      </p>
    </div>
  </li>`;
}

function clipView({ title, identifier, clip }: ShownMoment, isPlaying: boolean, { change }: Asked): TemplateResult {
  if (clip === null) return html`<div class="thumb no-clip muted">no clip</div>`;
  if (isPlaying)
    return html`<div class="thumb"><video src=${clip.url} poster=${clip.thumbnailUrl ?? nothing} aria-label="Clip of ${title}" controls autoplay playsinline></video></div>`;
  return html`<div class="thumb">
    ${clip.thumbnailUrl === null ? nothing : html`<img src=${clip.thumbnailUrl} alt="" width="320" height="180" loading="lazy" decoding="async">`}
    <button class="clip-play" aria-label="Play the clip of ${title}" @click=${() => change({ playing: identifier })}>${icon('play')}</button>
    <span class="length figures">${duration(clip.endSeconds - clip.startSeconds)}</span>
  </div>`;
}
