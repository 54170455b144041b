/**
 * The shape of a piece in time: an introduction, themes that return changed, places to rest, an ending. It is decided
 * from the number of bars alone, from one bar (a two-second preview) to several hundred.
 */
import type { Random } from './random.ts';

export type ThemeName = 'A' | 'B' | 'C';

export interface Section {
  kind: 'intro' | 'theme' | 'interlude' | 'outro';
  theme: ThemeName;
  bars: number;
  /** How often this theme has been heard before. */
  variation: number;
  /** 0..1, how full and loud it is meant. */
  level: number;
  /** It ends at home, with a cadence. */
  closes: boolean;
}

/** Which themes follow each other; a long piece goes round until it is full, and always comes back to A. */
const JOURNEY: readonly ThemeName[] = ['A', 'A', 'B', 'A', 'C', 'B', 'A', 'A', 'C', 'A', 'B'];
const SHORT: readonly (readonly ThemeName[])[] = [
  [],
  ['A'],
  ['A', 'A'],
  ['A', 'B', 'A'],
  ['A', 'A', 'B', 'A'],
  ['A', 'B', 'A', 'B', 'A'],
];

/** Sections whose bars add up to `totalBars` (at least 1); the last bar of the last one is the final chord. */
export function planForm(totalBars: number, random: Random): Section[] {
  if (totalBars < 8) {
    if (totalBars === 1) return [section('outro', 'A', 1, 0, 0.8, true)];
    return [section('theme', 'A', totalBars - 1, 0, 0.8, totalBars > 3), section('outro', 'A', 1, 0, 0.75, true)];
  }
  let intro = totalBars >= 96 ? 8 : totalBars >= 24 ? 4 : totalBars >= 13 ? 2 : 0;
  let outro = totalBars >= 24 ? 4 : totalBars >= 12 ? 2 : 1;
  const middle = totalBars - intro - outro;
  const phrases = Math.floor(middle / 8);
  if (phrases === 0) {
    return [section('theme', 'A', middle, 0, 0.8, true), section('outro', 'A', outro, 0, 0.75, true)];
  }
  let spare = middle % 8;
  const rest = spare >= 4 ? 4 : 0;
  spare -= rest;
  // What does not fill a phrase becomes time to arrive and to leave.
  const early = intro > 0 ? Math.min(1, spare) : 0;
  intro += early;
  outro += spare - early;

  const themes =
    SHORT[phrases] ??
    Array.from({ length: phrases }, (_, i) => (i === phrases - 1 ? 'A' : (JOURNEY[i % JOURNEY.length] as ThemeName)));
  const sections: Section[] = [];
  if (intro > 0) sections.push(section('intro', 'A', intro, 0, 0.64, false));
  const heard = new Map<ThemeName, number>();
  const pauseAfter = Math.max(1, Math.round(phrases * random.between(0.45, 0.62)));
  for (const [i, theme] of themes.entries()) {
    const variation = heard.get(theme) ?? 0;
    heard.set(theme, variation + 1);
    const arch = Math.sin(Math.PI * Math.min(1, ((i + 1) / (phrases + 1)) ** 1.25));
    // Every fifth phrase steps back, so that an hour of this has light and shade.
    const ease = i > 0 && i % 5 === 4 && i < phrases - 1 ? 0.16 : 0;
    const level = 0.66 + 0.28 * arch + (theme === 'B' ? 0.05 : theme === 'C' ? -0.05 : 0) - ease;
    sections.push(section('theme', theme, 8, variation, Math.min(1, level), true));
    if (rest > 0 && phrases > 2 && i + 1 === pauseAfter) sections.push(section('interlude', 'B', rest, 0, 0.66, false));
  }
  // A short piece would only be held up by an interlude: it says the end of its theme once more.
  if (rest > 0 && phrases <= 2) sections.push(section('theme', 'A', rest, heard.get('A') ?? 1, 0.82, true));
  sections.push(section('outro', 'A', outro, 0, 0.66, true));
  return sections;
}

function section(
  kind: Section['kind'],
  theme: ThemeName,
  bars: number,
  variation: number,
  level: number,
  closes: boolean,
): Section {
  return { kind, theme, bars, variation, level, closes };
}
