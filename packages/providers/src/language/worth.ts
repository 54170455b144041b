/**
 * What a part of a speech is about and how much it deserves to be shown, by its words alone. Pure.
 *
 * The score is ten times the weighted sum of four shares:
 *   0.45 focus     how many of its words belong to a thread of its own: said at least twice here, and here more than elsewhere.
 *                  Half of them is as much as speech has, and counts as all
 *   0.25 density   how many words that say something it has in a second, against one and a half times that of the whole speech
 *   0.15 emphasis  how many of its units ask, count, or say that something matters; a third counts as all
 *   0.15 wholeness whether it begins after a sentence or a silence, and ends so
 */
import type { Part } from './topics.ts';
import type { Token, Unit } from './words.ts';

export interface Speech {
  units: readonly Unit[];
  /** How often each word is said in all of it. */
  counts: ReadonlyMap<string, number>;
  /** Words that say something, in a second of speech. */
  density: number;
}

export function speechOf(units: readonly Unit[]): Speech {
  const counts = countsOf(units.flatMap(({ tokens }) => tokens));
  const spoken = units.reduce((sum, { start, end }) => sum + Math.max(0, end - start), 0);
  const words = [...counts.values()].reduce((sum, count) => sum + count, 0);
  return { units, counts, density: spoken > 0 ? words / spoken : 0 };
}

function countsOf(tokens: readonly Token[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { stem } of tokens) counts.set(stem, (counts.get(stem) ?? 0) + 1);
  return counts;
}

/** English cues; in other languages questions and numbers still count. */
const EMPHASIS =
  /[?？!！\d]|\b(important|key|never|always|must|secret|remember|because|why|problem|mistake|biggest|best|worst|first|finally|never|surprising|lesson|imagine|million|billion|hundred|thousand|percent)\b/i;
const CLOSES = /[.!?。！？…][\p{Pe}\p{Pf}"']*$/u;
const SILENCE_SECONDS = 0.4;

/** 0 to 10, as the head of this file says; not rounded. */
export function worthOf(speech: Speech, { from, to }: Part): number {
  const units = speech.units.slice(from, to);
  const tokens = units.flatMap((unit) => unit.tokens);
  const first = units[0];
  const last = units.at(-1);
  if (!first || !last || tokens.length === 0) return 0;
  const own = threadsOf(speech, tokens);
  const focus = Math.min(1, tokens.filter(({ stem }) => own.has(stem)).length / tokens.length / 0.5);
  const seconds = Math.max(0.1, last.end - first.start);
  const density = speech.density > 0 ? Math.min(1, tokens.length / seconds / (speech.density * 1.5)) : 0;
  const emphasis = Math.min(1, units.filter(({ text }) => EMPHASIS.test(text)).length / units.length / (1 / 3));
  const edge = (before: Unit | undefined, after: Unit | undefined) =>
    !before || !after || CLOSES.test(before.text.trim()) || after.start - before.end >= SILENCE_SECONDS ? 0.5 : 0;
  const wholeness = edge(speech.units[from - 1], first) + edge(last, speech.units[to]);
  return 10 * (0.45 * focus + 0.25 * density + 0.15 * emphasis + 0.15 * wholeness);
}

/** Words that are said at least twice here, and here more than everywhere else together. */
export function threadsOf({ counts }: Speech, tokens: readonly Token[]): Set<string> {
  const threads = new Set<string>();
  for (const [stem, here] of countsOf(tokens))
    if (here >= 2 && here * 2 > (counts.get(stem) ?? here)) threads.add(stem);
  return threads;
}

const TITLE_WORDS = 3;
const TITLE_LENGTH = 100;

/** What a part is about: its most telling words as they were said, in the order they were. */
export function titleOf(speech: Speech, { from, to }: Part): string {
  const units = speech.units.slice(from, to);
  const tokens = units.flatMap((unit) => unit.tokens);
  const here = countsOf(tokens);
  const telling = [...here]
    .map(([stem, count]) => ({ stem, worth: (count * count) / (speech.counts.get(stem) ?? count) }))
    .sort((a, b) => b.worth - a.worth)
    .slice(0, TITLE_WORDS)
    .map(({ stem }) => stem);
  const surfaces = [...here.keys()].filter((stem) => telling.includes(stem)).map((stem) => commonest(tokens, stem));
  if (surfaces.length === 0) return firstWords(units.map(({ text }) => text).join(' '));
  const listed = surfaces.length === 1 ? surfaces.join() : `${surfaces.slice(0, -1).join(', ')} and ${surfaces.at(-1)}`;
  return firstWords(listed.charAt(0).toUpperCase() + listed.slice(1));
}

/** The form of a word that is said most; in small letters unless it never is. */
function commonest(tokens: readonly Token[], stem: string): string {
  const forms = new Map<string, number>();
  for (const token of tokens) if (token.stem === stem) forms.set(token.surface, (forms.get(token.surface) ?? 0) + 1);
  const small = [...forms.keys()].filter((form) => form === form.toLowerCase());
  return (small.length > 0 ? small : [...forms.keys()]).reduce((a, b) =>
    (forms.get(b) ?? 0) > (forms.get(a) ?? 0) ? b : a,
  );
}

function firstWords(text: string): string {
  const plain = text.replace(/\s+/gu, ' ').trim();
  if (plain.length <= TITLE_LENGTH) return plain || 'Moment';
  return `${plain
    .slice(0, TITLE_LENGTH)
    .replace(/\s\S*$/u, '')
    .toWellFormed()} …`;
}
