/** The finished videos, newest first. */
import { html, nothing, type TemplateResult } from 'lit-html';
import { repeat } from 'lit-html/directives/repeat.js';
import { get, type VideoRow } from '../api.ts';
import { clock } from '../format.ts';
import type { Host, Page } from '../page.ts';
import { empty, enqueueCommand, loading, when } from '../parts/marks.ts';
import { to } from '../router.ts';
import { openStream } from '../stream.ts';

interface VideosAnswer {
  videos: VideoRow[];
  next: string | null;
}

const PAGE = 48;
/** One made while we look appears by itself; a fleet that ends many runs a second is asked no more often than this. */
const AGAIN_MS = 2_000;

export function videosPage(host: Host): Page {
  const videos = new Map<string, VideoRow>();
  let next: string | null = null;
  let loaded = false;
  let fetching = false;
  let again: number | undefined;

  /** Videos that are still being made stand in the same list; pages of nothing else are turned at once. */
  async function load(cursor: string | null, atLeast = 1): Promise<void> {
    fetching = true;
    let found = 0;
    let from = cursor;
    do {
      const query = new URLSearchParams({ limit: String(PAGE), ...(from === null ? {} : { cursor: from }) });
      const answer = await host.load(get<VideosAnswer>(`/api/videos?${query}`));
      if (answer === null) break;
      const finished = answer.videos.filter((video) => video.uri !== null);
      for (const video of finished) videos.set(video.id, video);
      found += finished.length;
      from = answer.next;
      if (cursor !== null || !loaded) next = from;
      loaded ||= from === null || found >= atLeast;
    } while (from !== null && found < atLeast);
    fetching = false;
    host.redraw();
  }
  const fresh = () => {
    again ??= window.setTimeout(() => {
      again = undefined;
      void load(null, 0);
    }, AGAIN_MS);
  };
  const stream = openStream('/api/events', {
    on: {
      run: (run: { status: string }) => {
        if (run.status === 'completed') fresh();
      },
    },
    reload: () => void load(null, loaded ? 0 : 1),
    connected: host.connected,
  });

  return {
    title: () => 'Videos',
    view: () => html`
      <div class="heading"><h1>Videos</h1></div>
      ${loaded ? listView([...videos.values()].sort((a, b) => (a.id < b.id ? 1 : -1))) : loading()}
      ${
        next === null
          ? nothing
          : html`<p class="more"><button ?disabled=${fetching} @click=${() => void load(next)}>${fetching ? 'Loading…' : 'Load more'}</button></p>`
      }
    `,
    close() {
      window.clearTimeout(again);
      stream.close();
    },
  };
}

function listView(videos: readonly VideoRow[]): TemplateResult {
  if (videos.length === 0)
    return empty(
      'No finished videos yet',
      'A video appears here when its run is completed. To make one:',
      enqueueCommand,
    );
  return html`<ul class="videos">${repeat(
    videos,
    (video) => video.id,
    (video) => html`<li class="video">
      <div class="thumb">
        ${
          video.thumbnailUri === null
            ? nothing
            : html`<img src="/api/videos/${encodeURIComponent(video.id)}/thumbnail" alt="" width="320" height="180" loading="lazy" decoding="async">`
        }
        ${video.durationSeconds === null ? nothing : html`<span class="length figures">${clock(video.durationSeconds)}</span>`}
      </div>
      <a class="stretch" href=${to.video(video.id)}>${video.title}</a>
      <p class="muted">${video.channelName === null ? nothing : html`${video.channelName} · `}${when(video.createdAt)}</p>
    </li>`,
  )}</ul>`;
}
