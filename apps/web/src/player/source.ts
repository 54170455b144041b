/**
 * What a video element is fed with: the stream by hls.js where a browser has media source extensions, the stream by
 * itself where the browser knows HLS (Safari on older phones), the plain file where there is no stream or it failed.
 * hls.js is loaded when the first stream is opened, and not before.
 */
import type HlsType from 'hls.js';

export interface Address {
  stream: string | null;
  file: string | null;
}

export interface Source {
  readonly kind: 'stream' | 'native' | 'file';
  /** Names of the qualities to choose from, highest first; none where the browser decides by itself. */
  qualities(): string[];
  /** The one that is shown now, as far as it is known. */
  shown(): string | null;
  /** Null: as the line allows. */
  choose(quality: string | null): void;
  /** Names of the sounds to choose from, with the number of the one that is heard; none where there is one only. */
  sounds(): { names: string[]; heard: number };
  hear(sound: number): void;
  /** Load from this second on, when nothing is loaded yet. */
  loadFrom(seconds: number): void;
  close(): void;
}

interface Listener {
  /** The qualities are known, or another one is shown. */
  changed(): void;
  /** Something did not go well; hls.js goes on by itself. */
  trouble(what: string): void;
  /** It will not go on: another source is needed. */
  failed(what: string): void;
}

/** `…/720p.m3u8` is called `720p`; without such a name it goes by its lines. */
function nameOf({ url, height }: { url: string[]; height: number }): string {
  return /\/(\d+p)\.m3u8(?:$|[?#])/.exec(url[0] ?? '')?.[1] ?? `${height}p`;
}

/** The best source there is, opened. Null when there is none. */
export async function openSource(video: HTMLVideoElement, address: Address, on: Listener): Promise<Source | null> {
  if (address.stream !== null) {
    const { default: Hls } = await import('hls.js');
    if (Hls.isSupported()) return openStream(Hls, video, address.stream, on);
    if (video.canPlayType('application/vnd.apple.mpegurl') !== '') {
      return openPlain('native', video, address.stream, on);
    }
  }
  return address.file === null ? null : openPlain('file', video, address.file, on);
}

function openPlain(kind: 'native' | 'file', video: HTMLVideoElement, url: string, on: Listener): Source {
  const failed = () => on.failed(video.error?.message ?? 'it did not load');
  video.addEventListener('error', failed);
  video.src = url;
  return {
    kind,
    qualities: () => [],
    shown: () => null,
    choose() {},
    sounds: () => ({ names: [], heard: 0 }),
    hear() {},
    loadFrom(seconds) {
      video.currentTime = seconds;
    },
    close() {
      video.removeEventListener('error', failed);
      video.removeAttribute('src');
      video.load();
    },
  };
}

function openStream(Hls: typeof HlsType, video: HTMLVideoElement, url: string, on: Listener): Source {
  const hls = new Hls({
    // Nothing is loaded but the list of qualities until somebody wants to see it.
    autoStartLoad: false,
    // No worker: fragmented MP4 goes to the browser as it is, and the policy of the page stays without blob: scripts.
    enableWorker: false,
    capLevelToPlayerSize: true,
    // Captions and previews are tracks of the element; these would take charge of its tracks and empty them.
    timelineController: undefined as never,
    subtitleTrackController: undefined as never,
    subtitleStreamController: undefined as never,
  });
  let mended = 0;
  /** From where, once somebody wants to see it; null: from the beginning. */
  let wanted: { from: number | null } | undefined;
  const load = () => {
    if (wanted !== undefined && hls.levels.length > 0) hls.startLoad(wanted.from ?? -1);
  };
  const loadFrom = (from: number | null) => {
    if (wanted !== undefined) return;
    wanted = { from };
    load();
  };
  const onPlay = () => loadFrom(null);
  hls.on(Hls.Events.MANIFEST_PARSED, () => {
    load();
    on.changed();
  });
  for (const event of [
    Hls.Events.LEVEL_SWITCHED,
    Hls.Events.AUDIO_TRACKS_UPDATED,
    Hls.Events.AUDIO_TRACK_SWITCHED,
  ] as const)
    hls.on(event, on.changed);
  hls.on(Hls.Events.ERROR, (_event, { type, details, fatal }) => {
    on.trouble(`${type}: ${details}`);
    if (!fatal) return;
    mended += 1;
    if (type === Hls.ErrorTypes.MEDIA_ERROR && mended <= 2) hls.recoverMediaError();
    else on.failed(details);
  });
  video.addEventListener('play', onPlay);
  hls.loadSource(url);
  hls.attachMedia(video);
  if (!video.paused) onPlay();

  const named = () => hls.levels.map((level, index) => ({ name: nameOf(level), index }));
  return {
    kind: 'stream',
    qualities: () => [...new Set(named().map(({ name }) => name))].reverse(),
    shown: () => named()[hls.currentLevel]?.name ?? null,
    choose(quality) {
      // From the next segment on, without emptying what is shown.
      hls.nextLevel = quality === null ? -1 : (named().findLast(({ name }) => name === quality)?.index ?? -1);
    },
    sounds() {
      const names = hls.audioTracks.map(({ name }) => name);
      return { names: names.length > 1 ? names : [], heard: hls.audioTrack };
    },
    hear(sound) {
      hls.audioTrack = sound;
    },
    loadFrom,
    close() {
      video.removeEventListener('play', onPlay);
      hls.destroy();
    },
  };
}
