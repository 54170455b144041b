/**
 * The bar to seek with: how far it has played and loaded, where chapters begin, and above the pointer (or the finger) the
 * picture and the time it would go to. Places are set through the style object, which the page's policy allows; a style
 * attribute it does not.
 */
import { clock } from '../format.ts';
import type { Picture } from './sprites.ts';

/** A stretch worth seeing, which the bar leads to. */
export interface BarMoment {
  title: string;
  startSeconds: number;
  endSeconds: number;
}

export interface SeekBar {
  readonly element: HTMLElement;
  /** Show these moments above the rail instead of those before. */
  mark(moments: readonly BarMoment[]): void;
  /** Show where the video is. */
  show(video: HTMLVideoElement): void;
  /** Whether a hand is on it. */
  busy(): boolean;
}

interface Options {
  duration(): number;
  go(seconds: number): void;
  pictureAt(seconds: number): Picture | null;
  chapters: readonly { title: string; startSeconds: number; endSeconds: number }[];
}

const make = (name: string, className: string, parent?: HTMLElement): HTMLElement => {
  const made = document.createElement(name);
  made.className = className;
  parent?.append(made);
  return made;
};

export function openSeekBar({ duration, go, pictureAt, chapters }: Options): SeekBar {
  const element = document.createElement('div');
  element.className = 'seek';
  const preview = make('div', 'seek-preview', element);
  const picture = make('div', 'seek-picture', preview);
  const words = make('div', 'seek-words figures', preview);
  const rail = make('div', 'seek-rail', element);
  const loaded = make('div', 'seek-loaded', rail);
  const played = make('div', 'seek-played', rail);
  const marks = chapters
    .filter(({ startSeconds }) => startSeconds > 0)
    .map((chapter) => ({ chapter, mark: make('div', 'seek-mark', rail) }));
  const band = make('div', 'seek-moments');
  let moments: { moment: BarMoment; mark: HTMLButtonElement }[] = [];
  const input = make('input', 'seek-input', element) as HTMLInputElement;
  input.type = 'range';
  input.min = '0';
  input.max = '1000';
  input.step = 'any';
  input.value = '0';
  input.setAttribute('aria-label', 'Seek');
  let held = false;
  // After the bar, so that what is above the rail is clicked before it.
  element.append(band);

  const at = (fraction: number) => Math.max(0, Math.min(1, fraction)) * duration();
  const fractionOf = (event: MouseEvent) => {
    const { left, width } = rail.getBoundingClientRect();
    return width === 0 ? 0 : (event.clientX - left) / width;
  };
  function showPreview(fraction: number): void {
    const seconds = at(fraction);
    const found = pictureAt(seconds);
    picture.hidden = found === null;
    if (found !== null) {
      picture.style.width = `${found.width}px`;
      picture.style.height = `${found.height}px`;
      picture.style.backgroundImage = `url(${JSON.stringify(found.url)})`;
      picture.style.backgroundPosition = `-${found.x}px -${found.y}px`;
    }
    const holds = ({ startSeconds, endSeconds }: BarMoment) => seconds >= startSeconds && seconds < endSeconds;
    const named = moments.map(({ moment }) => moment).find(holds) ?? chapters.find(holds);
    words.textContent = named === undefined ? clock(seconds) : `${clock(seconds)} · ${named.title}`;
    preview.classList.add('seen');
    // Never beyond the ends of the bar.
    const { width } = element.getBoundingClientRect();
    const half = preview.offsetWidth / 2;
    const middle = Math.max(half, Math.min(width - half, fraction * width));
    preview.style.transform = `translateX(${Math.round(middle - half)}px)`;
  }
  const hide = () => {
    if (!held) preview.classList.remove('seen');
  };

  element.addEventListener('pointermove', (event) => {
    if (event.pointerType !== 'touch') showPreview(held ? Number(input.value) / 1000 : fractionOf(event));
  });
  element.addEventListener('pointerleave', hide);
  input.addEventListener('input', () => {
    held = true;
    showPreview(Number(input.value) / 1000);
  });
  input.addEventListener('change', () => {
    held = false;
    go(at(Number(input.value) / 1000));
    if (!element.matches(':hover')) hide();
  });

  return {
    element,
    busy: () => held,
    mark(given) {
      moments = given.map((moment) => {
        const mark = document.createElement('button');
        mark.className = 'seek-moment';
        mark.setAttribute('aria-label', `Moment: ${moment.title}`);
        // The list below the player is for the keyboard.
        mark.tabIndex = -1;
        mark.addEventListener('click', () => go(moment.startSeconds));
        return { moment, mark };
      });
      band.replaceChildren(...moments.map(({ mark }) => mark));
    },
    show(video) {
      const length = duration();
      const fraction = length === 0 ? 0 : video.currentTime / length;
      if (!held) input.value = String(fraction * 1000);
      input.setAttribute('aria-valuetext', `${clock(video.currentTime)} of ${clock(length)}`);
      played.style.transform = `scaleX(${fraction})`;
      loaded.style.transform = `scaleX(${length === 0 ? 0 : loadedTo(video) / length})`;
      for (const { moment, mark } of moments) {
        mark.style.left = `${(100 * moment.startSeconds) / (length || 1)}%`;
        mark.style.width = `${(100 * (Math.min(moment.endSeconds, length || 1) - moment.startSeconds)) / (length || 1)}%`;
        mark.classList.toggle('now', video.currentTime >= moment.startSeconds && video.currentTime < moment.endSeconds);
      }
      for (const { chapter, mark } of marks) mark.style.left = `${(100 * chapter.startSeconds) / (length || 1)}%`;
    },
  };
}

/** The end of what is loaded around the moment that is shown. */
function loadedTo({ buffered, currentTime }: HTMLVideoElement): number {
  for (let index = 0; index < buffered.length; index += 1) {
    if (buffered.start(index) <= currentTime + 0.5 && buffered.end(index) >= currentTime) return buffered.end(index);
  }
  return currentTime;
}
