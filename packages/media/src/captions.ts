/**
 * Captions of a transcript: which words are shown together, when, and in which lines, as WebVTT (W3C, "WebVTT: The Web Video
 * Text Tracks Format"). At most two lines of 42 characters, a second to seven where the speech allows it, broken after
 * sentences and phrases rather than in them: the customs of subtitlers (BBC Subtitle Guidelines; Netflix Timed Text Style
 * Guide, English). Pure.
 */
import type { Spoken } from '@reelfleet/core';
import { type CaptionToken, captionTokens } from './caption-tokens.ts';

export const LINE_CHARACTERS = 42;
const LINES = 2;
const SHORTEST_MS = 1_000;
const LONGEST_MS = 7_000;
/** Who pauses longer has ended a caption. */
const GAP_MS = 1_500;

/** What is shown from `start` to `end`, in whole milliseconds. */
export interface Cue {
  start: number;
  end: number;
  lines: string[];
}

/** The captions of a transcript as a WebVTT file. One without words is a file without cues. */
export function captionsVtt(spoken: Pick<Spoken, 'words' | 'segments'>, seconds: number): string {
  const cues = captionCues(spoken, seconds).map(
    ({ start, end, lines }) => `${timestamp(start)} --> ${timestamp(end)}\n${lines.map(escaped).join('\n')}\n`,
  );
  return `${['WEBVTT\n', ...cues].join('\n')}`;
}

export function captionCues(spoken: Pick<Spoken, 'words' | 'segments'>, seconds: number): Cue[] {
  const tokens = captionTokens(spoken, LINE_CHARACTERS);
  const cues: Cue[] = [];
  let from = 0;
  tokens.forEach((token, index) => {
    const next = tokens[index + 1];
    if (next && next.start - token.end < GAP_MS) return;
    for (const [first, after] of bestBreaks(tokens.slice(from, index + 1)))
      cues.push(cueOf(tokens.slice(from + first, from + after)));
    from = index + 1;
  });
  return settled(cues, Math.floor(seconds * 1_000));
}

/** Where to end captions, among all ways to do it: each way costs what a reader dislikes about it. */
function bestBreaks(tokens: readonly CaptionToken[]): [from: number, to: number][] {
  const best: { cost: number; from: number }[] = [{ cost: 0, from: 0 }];
  for (let to = 1; to <= tokens.length; to += 1) {
    let chosen = { cost: Number.POSITIVE_INFINITY, from: to - 1 };
    for (let from = to - 1; from >= 0; from -= 1) {
      const group = tokens.slice(from, to);
      if (group.length > 1 && !fits(group)) break;
      const cost = (best[from] as { cost: number }).cost + cueCost(group, tokens[to]);
      if (cost < chosen.cost) chosen = { cost, from };
    }
    best.push(chosen);
  }
  const breaks: [number, number][] = [];
  for (let to = tokens.length; to > 0; ) {
    const { from } = best[to] as { from: number };
    breaks.unshift([from, to]);
    to = from;
  }
  return breaks;
}

const durationOf = (group: readonly CaptionToken[]) =>
  (group.at(-1) as CaptionToken).end - (group[0] as CaptionToken).start;

function fits(group: readonly CaptionToken[]): boolean {
  return durationOf(group) <= LONGEST_MS && linesOf(group) !== null;
}

function cueCost(group: readonly CaptionToken[], next: CaptionToken | undefined): number {
  const last = group.at(-1) as CaptionToken;
  // Every caption more is one more to notice; one that flashes by cannot be read.
  const flash = Math.max(
    0,
    SHORTEST_MS - ((next?.start ?? Number.POSITIVE_INFINITY) - (group[0] as CaptionToken).start),
  );
  return 5 + breakCost(last, next) + (flash / SHORTEST_MS) * 20;
}

/** What it costs a reader when something ends between these two. */
function breakCost(before: CaptionToken, after: CaptionToken | undefined): number {
  if (!after) return 0;
  if (after.glued) return 15;
  if (/[.!?…。！？]["'”’)\]]*$/u.test(before.text)) return 0;
  if (/[,;:—–、，；：]["'”’)\]]*$/u.test(before.text)) return 2;
  // A pause is where a speaker puts a comma.
  if (before.endsSegment || after.start - before.end >= 300) return 2;
  if (LEANS_ON_NEXT.has(before.text.toLowerCase())) return 12;
  if (BEGINS_PHRASE.has(after.text.toLowerCase())) return 4;
  return 8;
}
/** Words that belong to the next one, and words that begin something new: English's, since others break well enough without. */
const LEANS_ON_NEXT = new Set(
  'a an the my your his her its our their this that these those to of in on at by for with from and or but i we you he she they it is are was were not no'.split(
    ' ',
  ),
);
const BEGINS_PHRASE = new Set(
  'and or but because so that which who when where while if then to in on at with from for by into over under about before after until as like than'.split(
    ' ',
  ),
);

/** In one line, or in the two that break best; null when they do not hold it. */
function linesOf(group: readonly CaptionToken[]): string[] | null {
  const whole = textOf(group);
  if (whole.length <= LINE_CHARACTERS) return [whole];
  if (whole.length > LINES * LINE_CHARACTERS + 1) return null;
  let best: { lines: string[]; cost: number } | null = null;
  for (let at = 1; at < group.length; at += 1) {
    const lines = [textOf(group.slice(0, at)), textOf(group.slice(at))] as [string, string];
    if (lines.some((line) => line.length > LINE_CHARACTERS)) continue;
    const uneven = Math.abs(lines[0].length - lines[1].length) / 4;
    const cost = breakCost(group[at - 1] as CaptionToken, group[at]) + uneven;
    if (cost < (best?.cost ?? Number.POSITIVE_INFINITY)) best = { lines, cost };
  }
  return best?.lines ?? null;
}

const textOf = (group: readonly CaptionToken[]) =>
  group.map(({ text, glued }, index) => (index > 0 && !glued ? ` ${text}` : text)).join('');

function cueOf(group: readonly CaptionToken[]): Cue {
  const { start } = group[0] as CaptionToken;
  const { end } = group.at(-1) as CaptionToken;
  return { start, end: Math.min(end, start + LONGEST_MS), lines: linesOf(group) ?? [textOf(group)] };
}

/** Readable times: long enough where there is room before the next, none beside another, all inside of the video. */
function settled(cues: Cue[], duration: number): Cue[] {
  const placed: Cue[] = [];
  let free = 0;
  cues.forEach((cue, index) => {
    const start = Math.max(cue.start, free);
    const room = Math.max(cues[index + 1]?.start ?? duration, start + 1);
    const end = Math.max(Math.min(Math.max(cue.end, start + SHORTEST_MS), room), start + 1);
    placed.push({ ...cue, start, end });
    free = end;
  });
  // What was pushed past the end comes back, the last one first.
  let limit = duration;
  for (const cue of placed.toReversed()) {
    cue.end = Math.min(cue.end, limit);
    cue.start = Math.min(cue.start, cue.end - 1);
    limit = cue.start;
  }
  return placed.filter(({ start }) => start >= 0);
}

const two = (value: number) => String(Math.floor(value)).padStart(2, '0');

/** `00:01:02.345`; hours always, as it is the longest form that every reader takes. */
function timestamp(ms: number): string {
  const seconds = ms / 1_000;
  return `${two(seconds / 3_600)}:${two((seconds / 60) % 60)}:${two(seconds % 60)}.${String(ms % 1_000).padStart(3, '0')}`;
}

/** Cue text has markup of its own, and `-->` must not be in it. */
const escaped = (text: string) => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
