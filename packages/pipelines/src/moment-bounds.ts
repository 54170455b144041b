/**
 * What a moment may be, whoever found it: inside the video, as long and as many as was asked, without overlaps, beginning and
 * ending where nobody is in the middle of a word. Pure. Times are whole milliseconds in here, so that a bound is a bound.
 *
 * A moment is put where sentences begin and end or where there is a silence; where that breaks its bounds, between any two
 * words; where that does too, exactly at its bounds. Of moments that want the same place the more important one gets it; the
 * other keeps what is left if that is at least half of it, and is given up otherwise. What could not be kept is said in
 * `notes`, a sentence each.
 */
import type { FoundMoment, Generation, Spoken } from '@reelfleet/core';

export type MomentBounds = Pick<Generation, 'minMomentLength' | 'maxMomentLength' | 'minMoments' | 'maxMoments'>;

/** `from` is the place of the candidate it was made of. */
export interface FittedMoment {
  title: string;
  start: number;
  end: number;
  from: number;
}

export interface Fitted {
  /** In the order of time. */
  moments: FittedMoment[];
  notes: string[];
}

/** A silence of this length, in milliseconds, is as good a place as the end of a sentence. */
const SILENCE = 400;
/** A moment begins and ends this close to its words where there is room: what is heard of a word begins before its time. */
const BREATH = 150;
/** A sentence ends with one of these, also inside quotes or brackets. */
const SENTENCE_END = /[.!?。！？…][\p{Pe}\p{Pf}"']*$/u;

/** Where a moment may begin (`starts`) and end (`ends`), rising. `good` are at sentences and silences. */
interface Places {
  starts: { all: number[]; good: number[] };
  ends: { all: number[]; good: number[] };
}

interface Span {
  start: number;
  end: number;
}

/** Make moments of what a provider found in `spoken`, of a video of `durationSeconds`. */
export function fitMoments(
  candidates: readonly FoundMoment[],
  spoken: Spoken,
  durationSeconds: number,
  bounds: MomentBounds,
): Fitted {
  const duration = Math.floor(durationSeconds * 1_000);
  const { least, most, notes } = lengths(bounds, duration);
  const places = placesOf(spoken, duration);
  const taken: (Span & { title: string; from: number })[] = [];
  let crowded = 0;
  for (const { span, title, from } of byImportance(candidates, duration, most)) {
    if (taken.length === (bounds.maxMoments ?? Number.POSITIVE_INFINITY)) break;
    const room = roomFor(span, taken, duration);
    const fitted = room && fitInto(span, room, places, least, most);
    if (fitted) taken.push({ ...fitted, title, from });
    else crowded += 1;
  }
  const moments = taken
    .sort((a, b) => a.start - b.start)
    .map(({ start, end, title, from }) => ({ title, start: start / 1_000, end: end / 1_000, from }));
  if (crowded > 0)
    notes.push(`${counted(crowded, 'moment')} had no room beside better ones and ${were(crowded)} given up`);
  const wanted = bounds.minMoments ?? 0;
  if (moments.length < wanted)
    notes.push(
      `${counted(moments.length, 'moment')} ${were(moments.length)} found where at least ${wanted} were asked for`,
    );
  return { moments, notes };
}

const counted = (count: number, what: string) => `${count} ${what}${count === 1 ? '' : 's'}`;
const were = (count: number) => (count === 1 ? 'was' : 'were');
const inSeconds = (milliseconds: number) => `${Math.round(milliseconds / 100) / 10} s`;

function lengths({ minMomentLength, maxMomentLength }: MomentBounds, duration: number) {
  const least = minMomentLength === null ? 1 : Math.max(1, Math.ceil(minMomentLength * 1_000));
  const most = maxMomentLength === null ? duration : Math.min(duration, Math.floor(maxMomentLength * 1_000));
  if (duration >= least) return { least, most: Math.max(most, least), notes: [] as string[] };
  const note = `the video lasts ${inSeconds(duration)}, less than the ${inSeconds(least)} a moment is to last, so all of it is one moment`;
  return { least: duration, most: duration, notes: [note] };
}

/**
 * What is a stretch inside the video at all, the most important first, those found earlier first among equals. One that is too
 * long keeps its beginning: that is where it was meant to be understood from.
 */
function byImportance(candidates: readonly FoundMoment[], duration: number, most: number) {
  const clamp = (time: number) => Math.min(duration, Math.max(0, Math.round(time * 1_000)));
  return candidates
    .map(({ start, end, title, importance = 0 }, from) => {
      const span = { start: clamp(start), end: Math.min(clamp(end), clamp(start) + most) };
      return { span, title: title.replace(/\s+/gu, ' ').trim().slice(0, 500).toWellFormed(), importance, from };
    })
    .filter(({ span, title }) => span.end > span.start && title !== '')
    .sort((a, b) => b.importance - a.importance || a.from - b.from);
}

/** The gap between taken moments that holds most of a span, if that is at least half of it. */
function roomFor(span: Span, taken: readonly Span[], duration: number): Span | null {
  const edges = [...taken].sort((a, b) => a.start - b.start);
  const gaps = [...edges, { start: duration, end: duration }].map(({ start }, at) => ({
    start: edges[at - 1]?.end ?? 0,
    end: start,
  }));
  const shared = (gap: Span) => Math.min(gap.end, span.end) - Math.max(gap.start, span.start);
  const best = gaps.reduce((a, b) => (shared(b) > shared(a) ? b : a));
  return shared(best) * 2 >= span.end - span.start ? best : null;
}

/** The span nearest to the wanted one that keeps the bounds in this room; null where the room is too small. */
function fitInto(wanted: Span, room: Span, places: Places, least: number, most: number): Span | null {
  if (room.end - room.start < least) return null;
  const asked = wanted.end - wanted.start;
  const length = Math.min(Math.max(asked, least), most, room.end - room.start);
  for (const kind of ['good', 'all'] as const) {
    const best = nearest(wanted, inside(places.starts[kind], room), inside(places.ends[kind], room), least, most);
    // Its bounds may move a moment as far as they must; a better place is not worth more than half of it.
    if (best && best.cost <= Math.abs(asked - length) + length / 2) return best.span;
  }
  const start = Math.min(Math.max(wanted.start, room.start), room.end - length);
  return { start, end: start + length };
}

const inside = (places: readonly number[], room: Span) =>
  places.filter((place) => place >= room.start && place <= room.end);

/**
 * The pair of places that keeps the bounds and moves both edges least together; among equals the one that moves the start
 * least. Both lists rise, so for each start only the ends within the bounds are looked at, from the nearest on.
 */
function nearest(wanted: Span, starts: readonly number[], ends: readonly number[], least: number, most: number) {
  let best: { span: Span; cost: number; moved: number } | null = null;
  for (const start of starts) {
    const moved = Math.abs(start - wanted.start);
    if (best && moved > best.cost) continue;
    const end = closest(ends, wanted.end, start + least, start + most);
    if (end === undefined) continue;
    const cost = moved + Math.abs(end - wanted.end);
    if (!best || cost < best.cost || (cost === best.cost && moved < best.moved))
      best = { span: { start, end }, cost, moved };
  }
  return best;
}

/** Of rising numbers the one nearest to `to` that lies from `from` to `until`. */
function closest(numbers: readonly number[], to: number, from: number, until: number): number | undefined {
  const goal = Math.min(Math.max(to, from), until);
  let low = 0;
  let high = numbers.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((numbers[middle] as number) < goal) low = middle + 1;
    else high = middle;
  }
  return [numbers[low - 1], numbers[low]]
    .filter((value) => value !== undefined && value >= from && value <= until)
    .sort((a, b) => Math.abs((a as number) - to) - Math.abs((b as number) - to))[0];
}

/** Between every two words, and the good ones among them: where a sentence or a segment ends, or a silence is. */
function placesOf({ words, segments }: Spoken, duration: number): Places {
  const clamp = (time: number) => Math.min(duration, Math.max(0, time));
  const spans = words
    .map(({ word, start, end }) => ({
      word,
      start: clamp(Math.round(start * 1_000)),
      end: clamp(Math.round(end * 1_000)),
    }))
    .filter(({ start, end }) => end > start)
    .sort((a, b) => a.start - b.start);
  const segmentStarts = new Set(segments.map(({ start }) => Math.round(start * 1_000)));
  const starts = { all: new Set([0]), good: new Set([0]) };
  const ends = { all: new Set([duration]), good: new Set([duration]) };
  let spokenUntil = 0;
  spans.forEach(({ word, start, end }, at) => {
    const before = at === 0 ? 0 : spokenUntil;
    spokenUntil = Math.max(spokenUntil, end);
    const gap = start - before;
    // Somebody speaks over the beginning of this word: nowhere to cut.
    if (gap >= 0) {
      const place = Math.max(before + Math.floor(gap / 2), start - BREATH);
      const previous = spans[at - 1]?.word;
      const good = previous === undefined || gap >= SILENCE || SENTENCE_END.test(previous) || segmentStarts.has(start);
      starts.all.add(place);
      if (good) starts.good.add(place);
    }
    const next = at === spans.length - 1 ? duration : (spans[at + 1]?.start as number);
    const after = next - spokenUntil;
    if (after >= 0) {
      const place = Math.min(spokenUntil + Math.floor(after / 2), spokenUntil + BREATH);
      const good = at === spans.length - 1 || after >= SILENCE || SENTENCE_END.test(word) || segmentStarts.has(next);
      ends.all.add(place);
      if (good) ends.good.add(place);
    }
  });
  const rising = (places: Set<number>) => [...places].sort((a, b) => a - b);
  return {
    starts: { all: rising(starts.all), good: rising(starts.good) },
    ends: { all: rising(ends.all), good: rising(ends.good) },
  };
}
