/**
 * What is said, beside the player: it follows the playing, and a line leads to where it is said. Like the player it lives
 * outside of what the shell draws: hundreds of lines are made once, and only the one of now changes. Whoever scrolls by hand
 * is left alone until they ask to go on or go somewhere themselves.
 */
import { clock } from '../format.ts';
import { marked, segmentAt } from '../said.ts';

export interface TranscriptPanel {
  readonly element: HTMLElement;
  /** The moment that is shown, whenever it has moved. */
  at(seconds: number): void;
}

interface Options {
  segments: readonly { text: string; start: number; end: number }[];
  language: string;
  go(seconds: number): void;
}

const make = <K extends keyof HTMLElementTagNameMap>(
  name: K,
  className: string,
  text = '',
): HTMLElementTagNameMap[K] => {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
};

export function openTranscript({ segments, language, go }: Options): TranscriptPanel {
  const element = make('section', 'said');
  element.setAttribute('aria-labelledby', 'said');
  const head = make('div', 'said-head');
  const title = make('h2', '', 'Transcript');
  title.id = 'said';
  const search = make('input', 'said-search');
  search.type = 'search';
  search.placeholder = 'Find in it';
  search.setAttribute('aria-label', 'Find in the transcript');
  const found = make('span', 'said-found muted figures');
  found.setAttribute('role', 'status');
  const list = make('ol', 'said-list');
  list.lang = language;
  const follow = make('button', 'said-follow small', 'Back to now');
  follow.hidden = true;
  head.append(title, found, search);
  element.append(head, list, follow);

  let current = -1;
  let following = true;
  /** Our own scrolling is no sign that somebody wants to look elsewhere. */
  let scrolling = 0;

  const lines = segments.map((segment, index) => {
    const item = make('li', '');
    const button = make('button', 'said-line');
    const words = make('span', 'said-words', segment.text);
    button.tabIndex = index === 0 ? 0 : -1;
    button.append(make('span', 'said-time figures muted', clock(Math.floor(segment.start))), words);
    item.append(button);
    list.append(item);
    return { item, button, words, segment };
  });
  const lineOf = (target: EventTarget | null) =>
    lines.findIndex(({ button }) => button === (target as Element)?.closest?.('button'));

  function show(index: number, smooth: boolean): void {
    const line = lines[index];
    if (line === undefined || list.clientHeight === 0) return;
    // A third of the way down: what comes is read ahead.
    const top = line.item.offsetTop - list.offsetTop - list.clientHeight / 3 + line.item.offsetHeight / 2;
    const calm = window.matchMedia('(prefers-reduced-motion: reduce)').matches;
    scrolling = performance.now() + 900;
    list.scrollTo({ top, behavior: smooth && !calm ? 'smooth' : 'instant' });
  }
  function setFollowing(yes: boolean): void {
    following = yes;
    follow.hidden = yes || current < 0;
    if (yes) show(current, true);
  }
  /** One stop of the tab key for all lines; the arrows go from one to the next. */
  function focus(index: number): void {
    for (const { button } of lines) button.tabIndex = -1;
    const line = lines[index];
    if (line === undefined) return;
    line.button.tabIndex = 0;
    line.button.focus({ preventScroll: true });
    show(index, false);
  }
  function step(from: number, by: 1 | -1): void {
    for (let next = from + by; lines[next] !== undefined; next += by) {
      if (lines[next]?.item.hidden) continue;
      focus(next);
      return;
    }
  }

  list.addEventListener('click', (event) => {
    const line = lines[lineOf(event.target)];
    if (line === undefined) return;
    following = true;
    follow.hidden = true;
    go(line.segment.start);
  });
  list.addEventListener('keydown', (event) => {
    const index = lineOf(event.target);
    if (index < 0 || event.altKey || event.ctrlKey || event.metaKey) return;
    const moves: Record<string, () => void> = {
      ArrowDown: () => step(index, 1),
      ArrowUp: () => step(index, -1),
      Home: () => step(-1, 1),
      End: () => step(lines.length, -1),
    };
    const move = moves[event.key];
    if (move === undefined) return;
    event.preventDefault();
    following = false;
    follow.hidden = current < 0;
    move();
  });
  const leave = () => {
    if (performance.now() > scrolling && following && current >= 0) setFollowing(false);
  };
  list.addEventListener('scroll', leave, { passive: true });
  for (const name of ['wheel', 'touchmove'] as const) {
    list.addEventListener(
      name,
      () => {
        scrolling = 0;
      },
      { passive: true },
    );
  }
  follow.addEventListener('click', () => setFollowing(true));

  search.addEventListener('input', () => {
    const wanted = search.value.trim();
    let hits = 0;
    for (const { item, words, segment } of lines) {
      const parts = wanted === '' ? null : marked(segment.text, wanted);
      item.hidden = wanted !== '' && parts === null;
      if (parts !== null) hits += 1;
      if (parts === null && words.childElementCount === 0) continue;
      words.replaceChildren(
        ...(parts ?? [{ text: segment.text, hit: false }]).map(({ text, hit }) =>
          hit ? make('mark', '', text) : text,
        ),
      );
    }
    found.textContent = wanted === '' ? '' : hits === 0 ? 'nowhere' : `${hits} of ${lines.length}`;
    list.scrollTo({ top: 0 });
    if (wanted === '') setFollowing(true);
  });
  search.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' && event.key !== 'ArrowDown') return;
    event.preventDefault();
    step(-1, 1);
  });

  return {
    element,
    at(seconds) {
      const index = segmentAt(segments, seconds);
      if (index === current) return;
      lines[current]?.button.removeAttribute('aria-current');
      current = index;
      const line = lines[index];
      if (line === undefined) return;
      line.button.setAttribute('aria-current', 'true');
      if (!list.contains(document.activeElement)) {
        for (const { button } of lines) button.tabIndex = -1;
        line.button.tabIndex = 0;
      }
      if (following && search.value.trim() === '') show(index, true);
      follow.hidden = following;
    },
  };
}
