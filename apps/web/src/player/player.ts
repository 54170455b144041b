/**
 * The player of one video: its element, what it is fed with, and its controls. It lives outside of what the shell draws
 * (its element is put into the page as it is), so that a page that draws itself anew does not disturb what is playing.
 * Every trouble of the stream is told as an event `trouble` on its element; what ends the playing is said in words.
 */
import { render } from 'lit-html';
import { openCaptions } from './captions.ts';
import { type Asked, controlOf, controlsView, type PlayerFacts } from './controls.ts';
import { toggleFullScreen } from './full-screen.ts';
import { wishOf } from './keys.ts';
import { type BarMoment, openSeekBar, type SeekBar } from './seek-bar.ts';
import { openSource, type Source } from './source.ts';
import { openSprites } from './sprites.ts';
import { openWatched } from './watched.ts';

export interface PlayerOptions {
  /** Its id. */
  video: string;
  title: string;
  stream: string | null;
  file: string | null;
  poster: string | null;
  captions: string | null;
  /** Of the captions. */
  language: string | null;
  sprites: string | null;
  chapters: readonly { title: string; startSeconds: number; endSeconds: number }[];
  /** As the library knows it, before anything is loaded. */
  durationSeconds: number | null;
  /** The moment has moved, for whoever shows chapters. */
  moved?(seconds: number): void;
}

export interface Player {
  readonly element: HTMLElement;
  /** Whether anybody has begun to watch. */
  readonly used: boolean;
  go(seconds: number): void;
  /** Moments to show on its bar, also while it plays. */
  mark(moments: readonly BarMoment[]): void;
  close(): void;
}

/** Controls leave when nothing has moved for so long. */
const IDLE_MS = 2_600;

export function openPlayer(options: PlayerOptions): Player {
  const element = document.createElement('div');
  element.className = 'player';
  element.tabIndex = -1;
  element.setAttribute('role', 'group');
  element.setAttribute('aria-label', `Player of ${options.title}`);
  const video = document.createElement('video');
  video.playsInline = true;
  video.preload = 'metadata';
  video.setAttribute('aria-label', options.title);
  if (options.poster !== null) video.poster = options.poster;
  const bar = document.createElement('div');
  bar.className = 'player-controls';
  element.append(video, bar);

  const captions = options.captions === null ? null : openCaptions(video, options.captions, options.language);
  const sprites = options.sprites === null ? null : openSprites(video, options.sprites);
  const watched = openWatched(options.video);
  let source: Source | null = null;
  let chosen: string | null = null;
  let message: string | null = null;
  let closed = false;
  let used = false;
  let idle: number | undefined;
  let drawing = 0;

  const duration = () => (Number.isFinite(video.duration) ? video.duration : (options.durationSeconds ?? 0));
  function go(seconds: number): void {
    const to = Math.max(0, Math.min(seconds, duration()));
    used = true;
    if (video.readyState === HTMLMediaElement.HAVE_NOTHING) {
      source?.loadFrom(to);
      void play();
    } else video.currentTime = to;
    wake();
  }
  /** A browser may refuse (no gesture yet), and a pause may come first: neither is news. */
  const play = () => video.play().catch(() => {});
  const toggle = () => void (video.paused || video.ended ? play() : video.pause());

  const seekBar: SeekBar = openSeekBar({
    duration,
    go,
    chapters: options.chapters,
    pictureAt: (at) => sprites?.at(at) ?? null,
  });

  function facts(): PlayerFacts {
    const { names: sounds, heard } = source?.sounds() ?? { names: [], heard: 0 };
    return {
      sounds,
      heard,
      paused: video.paused,
      ended: video.ended,
      begun: used,
      waiting: used && !video.paused && video.readyState < HTMLMediaElement.HAVE_FUTURE_DATA,
      time: video.currentTime,
      duration: duration(),
      muted: video.muted || video.volume === 0,
      volume: video.volume,
      qualities: source?.qualities() ?? [],
      chosen,
      shown: source?.shown() ?? null,
      captions: captions === null ? null : captions.mode === 'showing',
      full: document.fullscreenElement === element,
      message,
    };
  }
  function draw(): void {
    drawing = 0;
    if (closed) return;
    render(controlsView(facts(), act, seekBar.element), bar);
    seekBar.show(video);
  }
  const redraw = () => {
    if (drawing === 0) drawing = requestAnimationFrame(draw);
  };
  /** Somebody is there: show the controls, and take them away after a while of playing. */
  function wake(): void {
    element.classList.remove('idle');
    window.clearTimeout(idle);
    idle = window.setTimeout(() => {
      const busy = bar.querySelector(':focus-visible') !== null || bar.matches(':hover') || seekBar.busy();
      if (!video.paused && !busy) element.classList.add('idle');
    }, IDLE_MS);
    redraw();
  }

  function act(wish: Asked): void {
    switch (wish.do) {
      case 'toggle':
        toggle();
        break;
      case 'move':
        go(video.currentTime + wish.seconds);
        break;
      case 'go':
        go(wish.fraction * duration());
        break;
      case 'mute':
        video.muted = !video.muted;
        if (!video.muted && video.volume === 0) video.volume = 0.5;
        break;
      case 'volume':
      case 'volumeTo':
        video.volume = Math.max(0, Math.min(1, wish.do === 'volume' ? video.volume + wish.by : wish.to));
        video.muted = false;
        break;
      case 'captions':
        if (captions !== null) captions.mode = captions.mode === 'showing' ? 'hidden' : 'showing';
        break;
      case 'fullscreen':
        toggleFullScreen(element, video);
        break;
      case 'quality':
        chosen = wish.name;
        source?.choose(chosen);
        break;
      case 'sound':
        source?.hear(wish.number);
        break;
      case 'retry':
        void open({ stream: options.stream, file: options.file });
        break;
      default:
        wish satisfies never;
    }
    wake();
  }

  /** Feed it; when that fails go on with the plain file, at the same moment. */
  async function open(address: { stream: string | null; file: string | null }, from = 0): Promise<void> {
    source?.close();
    message = null;
    const opened = await openSource(video, address, {
      changed: redraw,
      trouble: (what) => element.dispatchEvent(new CustomEvent('trouble', { detail: what })),
      failed(what) {
        element.dispatchEvent(new CustomEvent('trouble', { detail: what }));
        if (address.stream !== null && address.file !== null) {
          void open({ stream: null, file: address.file }, video.currentTime);
          return;
        }
        message =
          options.file === null
            ? 'This video cannot be played here: its stream did not load.'
            : 'This video cannot be played here: its file did not load. The download may still work.';
        redraw();
      },
    });
    if (closed) return opened?.close();
    source = opened;
    if (from > 0) {
      source?.loadFrom(from);
      void play();
    }
    redraw();
  }

  const over = new AbortController();
  const listen = (target: EventTarget, names: readonly string[], handle: (event: Event) => void) => {
    for (const name of names) target.addEventListener(name, handle, { signal: over.signal });
  };
  listen(video, ['timeupdate', 'seeking', 'seeked', 'progress', 'durationchange', 'volumechange', 'waiting'], redraw);
  listen(video, ['playing', 'canplay', 'loadeddata', 'emptied', 'ratechange'], redraw);
  listen(video, ['timeupdate', 'seeking', 'pause'], () => {
    watched.at(video.currentTime, !video.paused && !video.seeking, source?.shown() ?? null);
    options.moved?.(video.currentTime);
  });
  listen(video, ['play', 'pause', 'ended'], () => {
    // The button that began it is gone by now: the keys go on to the player.
    if (!used && !video.paused && element.contains(document.activeElement)) element.focus({ preventScroll: true });
    used ||= !video.paused;
    wake();
  });
  listen(video.textTracks, ['change'], redraw);
  listen(document, ['fullscreenchange'], redraw);
  listen(element, ['pointermove', 'focusin'], wake);
  listen(element, ['pointerleave'], () => !video.paused && element.classList.add('idle'));
  listen(video, ['click'], (event) => {
    // A finger first asks for the controls; a mouse has them already.
    const touched = (event as PointerEvent).pointerType === 'touch' && used;
    if (touched && element.classList.contains('idle')) wake();
    else toggle();
  });
  listen(video, ['dblclick'], () => act({ do: 'fullscreen' }));
  listen(element, ['keydown'], (event) => {
    const pressed = event as KeyboardEvent;
    const wish = wishOf(pressed, controlOf(pressed.target));
    if (wish === null) return;
    event.preventDefault();
    act(wish);
  });

  void open({ stream: options.stream, file: options.file });
  draw();
  return {
    element,
    get used() {
      return used;
    },
    go,
    mark(moments) {
      seekBar.mark(moments);
      redraw();
    },
    close() {
      closed = true;
      over.abort();
      window.clearTimeout(idle);
      cancelAnimationFrame(drawing);
      watched.close();
      source?.close();
    },
  };
}
