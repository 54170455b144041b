/**
 * Where the topic of a speech changes, by its words alone: of all ways to cut it into parts the one under which its words are
 * most likely, each part drawing from a vocabulary of its own (M. Utiyama, H. Isahara: A Statistical Model for
 * Domain-Independent Text Segmentation, ACL 2001). It needs no training and no tuning, and since all cuts are weighed at once,
 * parts can be asked to have a length. A silence between two parts speaks for a cut there.
 */
import type { Unit } from './words.ts';

/** Units `from` up to, and without, `to`. */
export interface Part {
  from: number;
  to: number;
}

export interface PartLength {
  /** Seconds. Shorter parts are made where nothing else is possible, longer ones only of a single unit. */
  least: number;
  most: number;
}

/** How much of the price of a cut a long silence takes away: one of a second at least, and of three times the usual one. */
const SILENCE_WORTH = 0.7;
/** What a part pays that is too short, in prices of a cut, if it were of no length at all. */
const SHORTNESS = 3;
/** A part looked at is at most this many units, so that a day of speech takes no more than linear time. */
const MOST_UNITS = 400;

/** The parts of a speech, all of it, in order. */
export function partsOf(units: readonly Unit[], { least, most }: PartLength): Part[] {
  const total = units.reduce((sum, { tokens }) => sum + tokens.length, 0);
  const vocabulary = new Set(units.flatMap(({ tokens }) => tokens.map(({ stem }) => stem))).size;
  const price = Math.log(Math.max(2, total));
  const silences = silencesBefore(units);
  const costs = [0, ...units.map(() => Number.POSITIVE_INFINITY)];
  const cameFrom = units.map(() => 0);
  for (let from = 0; from < units.length; from += 1) {
    const first = units[from] as Unit;
    const here = (costs[from] as number) + price * (1 - (silences[from] as number) * SILENCE_WORTH);
    const counts = new Map<string, number>();
    let length = 0;
    // Σ f(w)·ln(f(w)+1) over the words of the part, kept up as it grows.
    let gain = 0;
    for (let to = from; to < Math.min(units.length, from + MOST_UNITS); to += 1) {
      const last = units[to] as Unit;
      const seconds = last.end - first.start;
      if (to > from && seconds > most) break;
      for (const { stem } of last.tokens) {
        const before = counts.get(stem) ?? 0;
        counts.set(stem, before + 1);
        gain += (before + 1) * Math.log(before + 2) - before * Math.log(before + 1);
        length += 1;
      }
      const unlikely = length * Math.log(length + vocabulary) - gain;
      const short = seconds < least ? SHORTNESS * price * (1 - seconds / least) : 0;
      const cost = here + unlikely + short;
      if (cost < (costs[to + 1] as number)) {
        costs[to + 1] = cost;
        cameFrom[to] = from;
      }
    }
  }
  const parts: Part[] = [];
  for (let to = units.length; to > 0; ) {
    const from = cameFrom[to - 1] as number;
    parts.unshift({ from, to });
    to = from;
  }
  return parts;
}

/** For each unit 0 after an ordinary silence, 1 after a long one, and between them by its length; the beginning is one. */
function silencesBefore(units: readonly Unit[]): number[] {
  const gaps = units.slice(1).map(({ start }, at) => Math.max(0, start - (units[at] as Unit).end));
  const usual = [...gaps].sort((a, b) => a - b)[gaps.length >> 1] ?? 0;
  const long = Math.max(1, 3 * usual);
  return [1, ...gaps.map((gap) => Math.min(1, Math.max(0, gap - usual) / (long - usual)))];
}
