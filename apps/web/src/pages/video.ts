/** One video: the player, what is said in it beside, its moments and clips, what is known of it, and the runs that made it. */
import { html, nothing, type TemplateResult } from 'lit-html';
import { get, type MomentRow, Problem, type TranscriptDetails, type VideoDetails } from '../api.ts';
import { type Host, type Page, repeatedly } from '../page.ts';
import { icon } from '../parts/icons.ts';
import { backLink, loading } from '../parts/marks.ts';
import { openPlayer, type Player } from '../player/player.ts';
import { openTranscript, type TranscriptPanel } from '../player/transcript.ts';
import { type Route, to } from '../router.ts';
import { type ShownMoment, shownMoments } from '../said.ts';
import { type MomentsState, momentsView } from './video-moments.ts';
import { chaptersView, factsView, isUnderWay, qualitiesView, runsView } from './video-parts.ts';

/** How often a video that is still being made is asked for. One that is finished stays as it is. */
const EVERY_MS = 2_000;

export function videoPage(route: Route & { page: 'video' }, host: Host): Page {
  const path = `/api/videos/${encodeURIComponent(route.video)}`;
  const leaving = new AbortController();
  let details: VideoDetails | null = null;
  let failed = false;
  let player: { is: Player; fed: string } | null = null;
  let at = 0;
  let panel: TranscriptPanel | null = null;
  let moments: ShownMoment[] = [];
  let shown: MomentsState = { order: 'time', playing: null };

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
    if (answer !== null && !leaving.signal.aborted) {
      details = answer;
      feed(answer);
      await hear(answer);
      host.connected(true);
      if (isFinished(answer)) turns.stop();
    }
    host.redraw();
  });

  /** What is said and was found in it. A transcript never changes; moments come, and their clips. */
  async function hear({ transcriptLanguage: language }: VideoDetails): Promise<void> {
    const [found, transcript] = await Promise.all([
      host.load(get<{ moments: MomentRow[] }>(`${path}/moments`, leaving.signal)),
      panel === null && language !== null
        ? host.load(get<TranscriptDetails>(`${path}/transcript`, leaving.signal))
        : null,
    ]);
    if (leaving.signal.aborted) return;
    if (found !== null) {
      moments = shownMoments(found.moments);
      player?.is.mark(moments);
    }
    if (transcript !== null && transcript.segments.length > 0) {
      const { segments } = transcript;
      panel = openTranscript({ segments, language: transcript.language, go: (seconds) => player?.is.go(seconds) });
      panel.at(at);
    }
  }

  /** A player for what there is. One that somebody watches is left alone, though there is something better by now. */
  function feed({ video, streamUrl, captionsUrl, transcriptLanguage, spritesUrl, chapters }: VideoDetails): void {
    const file = video.uri === null ? null : `${path}/content`;
    if (file === null && streamUrl === null) return;
    const fed = JSON.stringify([streamUrl, file, captionsUrl, spritesUrl, video.thumbnailUri, chapters.length]);
    if (player !== null && (player.is.used || player.fed === fed)) return;
    player?.is.close();
    const is = openPlayer({
      video: video.id,
      title: video.title,
      stream: streamUrl,
      file,
      poster: video.thumbnailUri === null ? null : `${path}/thumbnail`,
      captions: captionsUrl,
      language: transcriptLanguage,
      sprites: spritesUrl,
      chapters,
      durationSeconds: video.durationSeconds,
      moved(seconds) {
        at = seconds;
        panel?.at(seconds);
        if (chapters.length + moments.length > 0) host.redraw();
      },
    });
    is.mark(moments);
    player = { is, fed };
  }

  const change = (state: Partial<MomentsState>) => {
    shown = { ...shown, ...state };
    host.redraw();
  };

  return {
    title: () => details?.video.title ?? 'Video',
    view: () => html`
      ${backLink(to.videos(), 'All videos')}
      ${details === null ? (failed ? nothing : loading()) : videoView(details, path, player?.is ?? null, { at, panel, moments, shown, change })}
    `,
    close() {
      turns.stop();
      leaving.abort();
      player?.is.close();
    },
  };
}

const isFinished = ({ video, runs, streamUrl, qualities }: VideoDetails): boolean =>
  (video.uri !== null || streamUrl !== null) &&
  !isUnderWay(qualities) &&
  !runs.some(({ status }) => status === 'queued' || status === 'running');

interface Heard {
  /** Where the player is. */
  at: number;
  panel: TranscriptPanel | null;
  moments: readonly ShownMoment[];
  shown: MomentsState;
  change(state: Partial<MomentsState>): void;
}

function videoView(details: VideoDetails, path: string, player: Player | null, heard: Heard): TemplateResult {
  const { at, panel, moments, shown, change } = heard;
  const go = (seconds: number) => player?.go(seconds);
  const { video, runs, chapters, qualities } = details;
  return html`<article class="watch">
    <div class="stage ${panel === null ? '' : 'with-said'}">
      ${player === null ? html`<p class="empty">${noFileYet(details)}</p>` : player.element}
      ${panel?.element ?? nothing}
    </div>
    <div class="heading">
      <h1>${video.title}</h1>
      ${
        video.uri === null
          ? nothing
          : html`<div class="actions"><a class="button primary" href="${path}/content" download="${fileName(video.title)}">${icon('download')}Download</a></div>`
      }
    </div>
    ${factsView(details)}
    ${qualitiesView(qualities)}
    ${momentsView(moments, at, shown, { go, change })}
    ${chaptersView(chapters, at, go)}
    ${video.description === '' ? nothing : html`<section aria-labelledby="description"><h2 id="description">Description</h2><p class="prose">${video.description}</p></section>`}
    ${runsView(runs)}
  </article>`;
}

/** Why there is nothing to play, from what is known of the runs that were to make it. */
function noFileYet({ runs }: VideoDetails): string {
  if (runs.some(({ status }) => status === 'queued' || status === 'running')) {
    return 'This video has no file yet; its run is under way.';
  }
  return runs.length === 0
    ? 'This video has no file.'
    : 'This video has no file: its run did not get that far, see below.';
}

/** A title may hold what a file's name may not. */
const fileName = (title: string): string => `${title.replace(/[\\/:*?"<>|\p{Cc}]+/gu, ' ').trim() || 'video'}.mp4`;
