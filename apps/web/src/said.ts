/** What is said and found in a video, as its page shows it. Pure. */
import type { ClipRow, MomentRow } from './api.ts';

interface Span {
  start: number;
  end: number;
}

/** The place of the segment that is said at this second; in a silence that of the one before. -1 before the first. */
export function segmentAt(segments: readonly Span[], seconds: number): number {
  let low = 0;
  let high = segments.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    // A player that was sent to the beginning of a segment may stand a little before it.
    if ((segments[middle] as Span).start <= seconds + 0.05) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** Stretches of a text, those that match marked; upper and lower case alike. Null: it does not match. */
export function marked(text: string, wanted: string): { text: string; hit: boolean }[] | null {
  const within = text.toLowerCase();
  const sought = wanted.toLowerCase();
  // Letters that change their length with their case (İ) would shift what is marked: then it is shown unmarked.
  const exact = within.length === text.length;
  const parts: { text: string; hit: boolean }[] = [];
  let from = 0;
  for (let at = within.indexOf(sought); at >= 0; at = within.indexOf(sought, from)) {
    if (!exact) return [{ text, hit: false }];
    if (at > from) parts.push({ text: text.slice(from, at), hit: false });
    parts.push({ text: text.slice(at, at + sought.length), hit: true });
    from = at + sought.length;
  }
  if (from === 0) return null;
  if (from < text.length) parts.push({ text: text.slice(from), hit: false });
  return parts;
}

/** A moment as it is shown: with the bounds and the title it was refined to, and the clip that was cut of it. */
export interface ShownMoment {
  identifier: string;
  title: string;
  startSeconds: number;
  endSeconds: number;
  score: number | null;
  refined: boolean;
  clip: ClipRow | null;
}

/** One for each moment that was found, in the order of the video. Of several refinements the newest counts. */
export function shownMoments(moments: readonly MomentRow[]): ShownMoment[] {
  const known = new Set(moments.map(({ identifier }) => identifier));
  const isChild = ({ parent }: MomentRow) => parent !== null && known.has(parent);
  return moments
    .filter((moment) => !isChild(moment))
    .map((root): ShownMoment => {
      const refined = moments
        .filter(({ parent }) => parent === root.identifier)
        .reduce<MomentRow | null>((newest, one) => (newest && newest.createdAt > one.createdAt ? newest : one), null);
      const { title, startSeconds, endSeconds } = refined ?? root;
      return {
        identifier: root.identifier,
        title,
        startSeconds,
        endSeconds,
        score: refined?.score ?? root.score,
        refined: refined !== null || root.isRefined,
        clip: root.clip,
      };
    })
    .sort((a, b) => a.startSeconds - b.startSeconds);
}

/** Best first; those without a score last, and equal ones in the order of the video. */
export const bestFirst = (moments: readonly ShownMoment[]): ShownMoment[] =>
  [...moments].sort((a, b) => (b.score ?? -1) - (a.score ?? -1) || a.startSeconds - b.startSeconds);
