/** One video: the player, what is known of it, and the runs that made it. */
import { html, nothing, type TemplateResult } from 'lit-html';
import { repeat } from 'lit-html/directives/repeat.js';
import { get, Problem, type VideoDetails } from '../api.ts';
import { bytes, clock, words } from '../format.ts';
import { type Host, type Page, repeatedly } from '../page.ts';
import { icon } from '../parts/icons.ts';
import { backLink, loading, statusMark, when } from '../parts/marks.ts';
import { type Route, to } from '../router.ts';
import { fact } from './run-header.ts';

/** How often a video that is still being made is asked for. One that has its file stays as it is. */
const EVERY_MS = 5_000;

export function videoPage(route: Route & { page: 'video' }, host: Host): Page {
  const path = `/api/videos/${encodeURIComponent(route.video)}`;
  const leaving = new AbortController();
  let details: VideoDetails | null = null;
  let failed = false;

  async function ask(): Promise<VideoDetails> {
    try {
      return await get<VideoDetails>(path, leaving.signal);
    } catch (error) {
      // What was refused once is refused again; a server that is away comes back.
      if (error instanceof Problem && error.status >= 400 && error.status < 500) turns.stop();
      throw error;
    }
  }
  const turns = repeatedly(EVERY_MS, async () => {
    const answer = await host.load(ask());
    failed = answer === null && details === null;
    if (answer !== null) {
      details = answer;
      host.connected(true);
      if (answer.video.uri !== null) turns.stop();
    }
    host.redraw();
  });
  return {
    title: () => details?.video.title ?? 'Video',
    view: () => html`
      ${backLink(to.videos(), 'All videos')}
      ${details === null ? (failed ? nothing : loading()) : videoView(details, path, host)}
    `,
    close() {
      turns.stop();
      leaving.abort();
    },
  };
}

function videoView({ video, runs }: VideoDetails, path: string, host: Host): TemplateResult {
  const unplayable = () =>
    host.complain('This video cannot be played here: its file did not load. The download may still work.');
  return html`<article class="watch">
    ${
      video.uri === null
        ? html`<p class="empty">This video has no file yet; its run is under way.</p>`
        : html`<video class="player" controls preload="metadata" playsinline src="${path}/content"
            poster=${video.thumbnailUri === null ? nothing : `${path}/thumbnail`} aria-label=${video.title} @error=${unplayable}></video>`
    }
    <div class="heading">
      <h1>${video.title}</h1>
      ${
        video.uri === null
          ? nothing
          : html`<div class="actions"><a class="button primary" href="${path}/content" download="${fileName(video.title)}">${icon('download')}Download</a></div>`
      }
    </div>
    <dl class="facts">
      ${video.channelName === null ? nothing : fact('Channel', video.channelName)}
      ${video.durationSeconds === null ? nothing : fact('Length', html`<span class="figures">${clock(video.durationSeconds)}</span>`)}
      ${video.width === null || video.height === null ? nothing : fact('Picture', html`<span class="figures">${video.width}×${video.height}${video.frameRate === null ? '' : `, ${Math.round(video.frameRate * 100) / 100} fps`}</span>`)}
      ${video.videoCodec === null && video.audioCodec === null ? nothing : fact('Codecs', [video.videoCodec, video.audioCodec].filter((codec) => codec !== null).join(', '))}
      ${video.sizeBytes === null ? nothing : fact('Size', html`<span class="figures">${bytes(video.sizeBytes)}</span>`)}
      ${fact('Made', when(video.createdAt))}
      ${fact('Review', words(video.reviewStatus))}
      ${fact('Identifier', html`<code>${video.identifier}</code>`)}
    </dl>
    ${video.description === '' ? nothing : html`<section aria-labelledby="description"><h2 id="description">Description</h2><p class="prose">${video.description}</p></section>`}
    ${
      runs.length === 0
        ? nothing
        : html`<section aria-labelledby="made-by"><h2 id="made-by">Made by</h2><ul class="plain">${repeat(
            runs,
            (run) => run.id,
            (run) =>
              html`<li>${statusMark(run.status)} <a href=${to.run(run.id)}>${run.template} ${run.identifier}</a> <span class="muted">${when(run.completedAt ?? run.createdAt)}</span></li>`,
          )}</ul></section>`
    }
  </article>`;
}

/** A title may hold what a file's name may not. */
const fileName = (title: string): string => `${title.replace(/[\\/:*?"<>|\p{Cc}]+/gu, ' ').trim() || 'video'}.mp4`;
