/**
 * Which chord stands in which bar. A phrase is an opening that asks and a closing that answers, taken from progressions
 * that have proved themselves in each mode; themes keep theirs, so that a returning melody meets its own harmony.
 */
import type { Section, ThemeName } from './form.ts';
import type { Plan } from './plan.ts';
import type { Random } from './random.ts';
import { type Chord, chordOf, type ModeName, scaleOf, scaleOver } from './theory.ts';

export interface Bar {
  index: number;
  /** Beats from the beginning. */
  beat: number;
  chord: Chord;
  /** The pitch classes a melody may use in this bar. */
  scale: readonly number[];
  section: Section;
  /** 0 for the first bar of its section. */
  within: number;
}

interface Repertoire {
  openings: readonly string[];
  closings: readonly string[];
  bridges: readonly string[];
}

const MAJOR: Repertoire = {
  openings: [
    'I vi IV V',
    'I V/3 vi IV',
    'I IV I/3 V',
    'I iii IV V',
    'I IV ii V',
    'I vi ii V',
    'I V vi iii',
    'I IV/5 V/3 I',
    'I I/3 IV V',
  ],
  closings: [
    'vi ii V7 I',
    'IV V7 I I',
    'IV I/5 V7 I',
    'ii V7 I I',
    'vi IV Vsus4 I',
    'IV I/3 ii I',
    'ii7 V7 vi I',
    'IV iv I I',
  ],
  bridges: ['vi iii IV I', 'vi V IV V', 'IV iii ii V', 'ii vi IV V', 'IV I/3 ii V', 'iii vi ii V', 'IV iv I/3 V'],
};

const MINOR: Repertoire = {
  openings: [
    'i bVI bIII bVII',
    'i iv bVI V',
    'i bVII bVI V',
    'i v bVI bIII',
    'i bIII iv bVI',
    'i iv bVII bIII',
    'i V/3 i bVI',
    'i bVI iv v',
  ],
  closings: [
    'iv i/5 V7 i',
    'bVI bVII i i',
    'iv V7 i i',
    'bVI iv V7 i',
    'iv bVII i i',
    'iim7b5 V7 i i',
    'bVI bIII/5 V7 i',
  ],
  bridges: [
    'bIII bVII bVI V',
    'bVI bVII bIII V',
    'iv bVII bIII bVI',
    'bVI iv bIII bVII',
    'iv i/3 bVI V',
    'bIII iv bVI bVII',
  ],
};

const REPERTOIRES: Readonly<Record<ModeName, Repertoire>> = {
  major: MAJOR,
  minor: MINOR,
  pentatonic: {
    openings: ['I vi IV I', 'I ii vi I', 'vi I ii V', 'I V/3 vi I', 'I IV/5 I vi'],
    closings: ['ii V vi I', 'IV V I I', 'vi ii I I', 'IV I/3 Vsus4 I'],
    bridges: ['vi ii V I', 'IV I/3 ii V', 'vi iii IV V'],
  },
  dorian: {
    openings: ['i IV i IV', 'i bVII IV i', 'i bIII IV i', 'i ii bIII IV', 'i v IV bVII', 'i bVII bIII IV'],
    closings: ['bVII IV i i', 'IV v i i', 'bIII bVII i i', 'bIII IV v i', 'ii bVII i i'],
    bridges: ['bIII IV bVII i', 'v IV bVII IV', 'bIII bVII ii IV', 'bVII bIII IV v'],
  },
  mixolydian: {
    openings: ['I bVII IV I', 'I v IV I', 'I IV bVII I', 'I bVII v IV', 'I I/3 IV bVII'],
    closings: ['bVII IV I I', 'IV v I I', 'vi bVII I I', 'ii bVII IV I'],
    bridges: ['v IV bVII IV', 'vi ii bVII IV', 'IV I/3 ii bVII', 'ii v IV bVII'],
  },
  lydian: {
    openings: ['I II I II', 'I II/7 vi II', 'I iii II I', 'I II iii II', 'I vi II I'],
    closings: ['II vi I I', 'iii II I I', 'vi II V I', 'II V I I'],
    bridges: ['vi II iii V', 'iii vi II V', 'V II vi II', 'vi iii V II'],
  },
  phrygian: {
    openings: ['i bII i bII', 'i bII bIII bII', 'i bvii bII i', 'i bVI bII i', 'i iv bII bIII'],
    closings: ['bII bvii i i', 'iv bII i i', 'bVI bII i i', 'bIII bII i i'],
    bridges: ['iv bIII bII i', 'bVI bvii bIII bII', 'bIII bVI iv bII', 'bVI bIII bvii bII'],
  },
};

const MINOR_KEYED: ReadonlySet<ModeName> = new Set<ModeName>(['minor', 'dorian', 'phrygian']);

export function isMinorKeyed(mode: ModeName): boolean {
  return MINOR_KEYED.has(mode);
}

interface ThemeHarmony {
  tonic: number;
  mode: ModeName;
  opening: string[];
  /** A second opening, for later returns. */
  turn: string[];
  closing: string[];
  /** Another way home, for every second time. */
  detour: string[];
}

/** The chords of the whole piece, one to a bar. The last bar is always the tonic. */
export function harmonise(sections: readonly Section[], plan: Plan, random: Random): Bar[] {
  const themes = new Map<ThemeName, ThemeHarmony>();
  for (const name of ['A', 'B', 'C'] as const) themes.set(name, themeHarmony(name, plan, random.fork(`theme ${name}`)));
  const bars: Bar[] = [];
  const total = sections.reduce((sum, section) => sum + section.bars, 0);
  for (const section of sections) {
    const theme = themes.get(section.theme) as ThemeHarmony;
    const numerals = phrase(section, theme);
    for (const [within, numeral] of numerals.entries()) {
      const index = bars.length;
      const last = index === total - 1;
      const tonic = last ? plan.tonic : theme.tonic;
      const mode = last ? plan.mode : theme.mode;
      const plain = last ? (isMinorKeyed(plan.mode) ? 'i' : 'I') : numeral;
      const chord = chordOf(
        last ? plain : enrich(plain, plan.colour, random.fork(`colour ${section.theme} ${within}`)),
        tonic,
      );
      const scale = scaleOver(chord, scaleOf(tonic, mode));
      bars.push({ index, beat: index * plan.beatsPerBar, chord, scale, section, within });
    }
  }
  return bars;
}

function themeHarmony(name: ThemeName, plan: Plan, random: Random): ThemeHarmony {
  let { tonic, mode } = plan;
  if (name === 'C') {
    // The third theme goes visiting: to the relative key, or to the quiet side of the circle of fifths.
    if (mode === 'minor') [tonic, mode] = [(tonic + 3) % 12, 'major'];
    else if (mode === 'major' && random.chance(0.5)) [tonic, mode] = [(tonic + 9) % 12, 'minor'];
    else tonic = (tonic + 5) % 12;
  }
  const repertoire = REPERTOIRES[mode];
  const words = (line: string): string[] => line.split(' ');
  const opening = words(random.pick(name === 'B' ? repertoire.bridges : repertoire.openings));
  const turns = (name === 'B' ? repertoire.bridges : repertoire.openings).filter((line) => line !== opening.join(' '));
  const closing = random.pick(repertoire.closings);
  const detours = repertoire.closings.filter((line) => line !== closing);
  return {
    tonic,
    mode,
    opening,
    turn: words(random.pick(turns)),
    closing: words(closing),
    detour: words(random.pick(detours)),
  };
}

/** Fit a theme's chords to a number of bars: openings from the left, the closing at the right where the section closes. */
function phrase(section: Section, theme: ThemeHarmony): string[] {
  const home = isMinorKeyed(theme.mode) ? 'i' : 'I';
  const { bars } = section;
  if (bars === 1) return [home];
  if (section.kind === 'outro') {
    // Plagal and slow: the piece has said what it had to say.
    const soft =
      theme.mode === 'lydian'
        ? 'II'
        : theme.mode === 'phrygian'
          ? 'bII'
          : isMinorKeyed(theme.mode)
            ? theme.mode === 'dorian'
              ? 'IV'
              : 'iv'
            : 'IV';
    return Array.from({ length: bars }, (_, i) => (i === bars - 1 || i % 2 === 0 ? home : soft));
  }
  const way = section.variation % 2 === 1 ? theme.detour : theme.closing;
  const closing = section.closes ? way.slice(-Math.min(way.length, Math.ceil(bars / 2))) : [];
  const open = bars - closing.length;
  // A theme that has been heard twice may come back over other chords.
  const lines = section.variation % 4 === 2 ? theme.turn : theme.opening;
  const head = Array.from({ length: open }, (_, i) => lines[i % lines.length] as string);
  return [...head, ...closing];
}

/** Add sevenths and ninths to plain chords, as the style likes them. */
function enrich(numeral: string, colour: Plan['colour'], random: Random): string {
  if (colour === 'plain' || !/^[b#]?[IViv]+$/.test(numeral)) return numeral;
  if (numeral === 'V') return colour === 'ninth' && random.chance(0.5) ? 'Vsus4' : 'V7';
  const minor = numeral === numeral.toLowerCase();
  if (colour === 'seventh') {
    if (minor) return `${numeral}7`;
    return numeral === 'bVII' || numeral === 'II' ? numeral : `${numeral}maj7`;
  }
  if (minor) return random.chance(0.5) ? `${numeral}7` : `${numeral}add9`;
  return random.chance(0.6) || numeral === 'bVII' || numeral === 'II' ? `${numeral}add9` : `${numeral}maj7`;
}
