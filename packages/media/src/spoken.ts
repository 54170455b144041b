/**
 * What providers hear, made into one transcript that can be relied on: words and segments both there, in order, without
 * overlap, inside the sound. Providers differ (some leave out words, some segments, some end a word before it begins); nobody
 * after this module has to know. Pure.
 */
import type { Spoken, SpokenSegment, SpokenWord } from '@reelfleet/core';
import type { Span } from './speech-parts.ts';

/** ISO 639-2's word for a language that cannot be told, of a video in which nobody speaks say. */
export const NO_LANGUAGE = 'und';

/** A pause between words that ends a segment, where segments have to be made. */
const SEGMENT_GAP = 0.8;
/** A segment without a pause or a full stop ends here all the same. */
const SEGMENT_WORDS = 40;
const SENTENCE_END = /[.!?…。！？]["'”’)\]]*$/u;

/** Set right what was heard in a sound of `seconds`. Idempotent. */
export function normaliseSpoken(heard: Spoken, seconds: number): Spoken {
  const words = inOrder(
    heard.words.map(({ word, start, end }) => ({ text: word, start, end })),
    seconds,
  );
  const segments = inOrder(heard.segments, seconds);
  const spoken = { language: heard.language || NO_LANGUAGE };
  if (words.length === 0) return { ...spoken, words: segments.flatMap(spokenWords), segments };
  const named = words.map(({ text, start, end }) => ({ word: text, start, end }));
  return { ...spoken, words: named, segments: segments.length > 0 ? segments : spokenSegments(named) };
}

/** What was heard in the parts of one sound, in their order, as of the whole. The language is that of most words. */
export function stitchSpoken(parts: readonly (Span & { spoken: Spoken })[]): Spoken {
  const whole: Spoken = { language: NO_LANGUAGE, words: [], segments: [] };
  const counts = new Map<string, number>();
  for (const part of parts) {
    const { language, words, segments } = normaliseSpoken(part.spoken, part.end - part.start);
    // Rounding must not carry a time over either edge: where a part begins need not be a whole millisecond.
    const at = (time: number) => Math.min(Math.max(milliseconds(time + part.start), part.start), part.end);
    const moved = <T extends Span>(one: T): T => ({ ...one, start: at(one.start), end: at(one.end) });
    whole.words.push(...words.map(moved));
    whole.segments.push(...segments.map(moved));
    if (words.length > 0) counts.set(language, (counts.get(language) ?? 0) + words.length);
  }
  const [most] = [...counts].sort((a, b) => b[1] - a[1]);
  return { ...whole, language: most?.[0] ?? NO_LANGUAGE };
}

/** All that is said, as one text. */
export function fullTextOf({ segments }: Pick<Spoken, 'segments'>): string {
  return segments.map(({ text }) => text).join(' ');
}

const milliseconds = (time: number) => Math.round(time * 1_000) / 1_000;

/** Texts without blanks around them, none empty; times in milliseconds, sorted, inside, each ending before the next begins. */
function inOrder(heard: readonly SpokenSegment[], seconds: number): SpokenSegment[] {
  const inside = (time: number) => milliseconds(Math.min(Math.max(time, 0), Math.floor(seconds * 1_000) / 1_000));
  const whole = heard
    .map(({ text, start, end }) => ({
      text: text.replace(/[\s\p{Cc}]+/gu, ' ').trim(),
      start: inside(start),
      end: inside(end),
    }))
    .filter(({ text, start, end }) => text !== '' && Number.isFinite(start) && Number.isFinite(end))
    .sort((a, b) => a.start - b.start);
  return whole.map((one, index) => {
    const next = whole[index + 1]?.start ?? Number.POSITIVE_INFINITY;
    return { ...one, end: Math.min(Math.max(one.start, one.end), next) };
  });
}

/** Words of a segment whose own times nobody told: each gets its share by its length. */
export function spokenWords({ text, start, end }: SpokenSegment): SpokenWord[] {
  const words = text.split(/\s+/u).filter((word) => word !== '');
  const total = words.reduce((sum, word) => sum + word.length + 1, 0);
  let before = 0;
  return words.map((word) => {
    const at = (letters: number) => milliseconds(start + ((end - start) * letters) / total);
    const from = before;
    before += word.length + 1;
    return { word, start: at(from), end: at(before) };
  });
}

/** Segments of words: up to a full stop, a pause, or so many words. */
export function spokenSegments(words: readonly SpokenWord[]): SpokenSegment[] {
  const segments: SpokenSegment[] = [];
  let open: SpokenWord[] = [];
  words.forEach((word, index) => {
    open.push(word);
    const next = words[index + 1];
    const ends =
      !next || SENTENCE_END.test(word.word) || next.start - word.end >= SEGMENT_GAP || open.length >= SEGMENT_WORDS;
    if (!ends) return;
    const [first] = open as [SpokenWord];
    segments.push({ text: open.map((one) => one.word).join(' '), start: first.start, end: word.end });
    open = [];
  });
  return segments;
}
