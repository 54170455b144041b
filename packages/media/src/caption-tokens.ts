/**
 * The words of captions: the text of the segments, which has the full stops and capitals that words by themselves often lack,
 * at the times of the words where both have the same ones. Pure.
 */
import type { Spoken, SpokenSegment, SpokenWord } from '@reelfleet/core';
import { spokenWords } from './spoken.ts';

/** Something that is not broken inside; times in whole milliseconds. */
export interface CaptionToken {
  text: string;
  start: number;
  end: number;
  /** Belongs to the one before it without a blank: a piece of a word that is too long for a line, or of a text without blanks. */
  glued: boolean;
  endsSegment: boolean;
}

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
/** Where the times of segments and words come from different guesses. */
const SLACK_SECONDS = 0.05;

/** Tokens of at most `longest` characters, in order. */
export function captionTokens(
  { words, segments }: Pick<Spoken, 'words' | 'segments'>,
  longest: number,
): CaptionToken[] {
  let next = 0;
  return segments.flatMap((segment) => {
    const own: SpokenWord[] = [];
    for (let word = words[next]; word && middle(word) <= segment.end + SLACK_SECONDS; word = words[next]) {
      if (middle(word) >= segment.start - SLACK_SECONDS) own.push(word);
      next += 1;
    }
    const timed = timedWords(segment, own);
    return timed.flatMap((word, index) => piecesOf(word, longest, index === timed.length - 1));
  });
}

const middle = ({ start, end }: SpokenWord) => (start + end) / 2;

function timedWords(segment: SpokenSegment, own: readonly SpokenWord[]): SpokenWord[] {
  const shared = spokenWords(segment);
  if (shared.length !== own.length) return shared;
  return shared.map(({ word }, index) => ({ ...(own[index] as SpokenWord), word }));
}

function piecesOf({ word, start, end }: SpokenWord, longest: number, last: boolean): CaptionToken[] {
  const ms = (time: number) => Math.round(time * 1_000);
  if (word.length <= longest) return [{ text: word, start: ms(start), end: ms(end), glued: false, endsSegment: last }];
  const pieces: string[] = [''];
  for (const { segment } of graphemes.segment(word)) {
    if ((pieces.at(-1) as string).length + segment.length > longest) pieces.push('');
    pieces.push((pieces.pop() as string) + segment);
  }
  const at = (index: number) => ms(start + ((end - start) * index) / pieces.length);
  return pieces.map((text, index) => ({
    ...{ text, start: at(index), end: at(index + 1), glued: index > 0 },
    endsSegment: last && index === pieces.length - 1,
  }));
}
