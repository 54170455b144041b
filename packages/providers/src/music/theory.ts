/**
 * The grammar of tonal music, without taste: modes, chords written as roman numerals, the scale that fits a chord, and
 * how the voices of one chord move to the next with the least motion. Pitches are MIDI numbers (60 = middle C), pitch
 * classes 0..11 with C = 0.
 */
export type ModeName = 'major' | 'minor' | 'dorian' | 'mixolydian' | 'lydian' | 'phrygian' | 'pentatonic';

const MODES: Readonly<Record<ModeName, readonly number[]>> = {
  major: [0, 2, 4, 5, 7, 9, 11],
  minor: [0, 2, 3, 5, 7, 8, 10],
  dorian: [0, 2, 3, 5, 7, 9, 10],
  mixolydian: [0, 2, 4, 5, 7, 9, 10],
  lydian: [0, 2, 4, 6, 7, 9, 11],
  phrygian: [0, 1, 3, 5, 7, 8, 10],
  pentatonic: [0, 2, 4, 7, 9],
};

export interface Chord {
  /** As written, "ii7" or "V7/3". */
  name: string;
  root: number;
  /** Pitch classes, root first. */
  tones: readonly number[];
  /** The pitch class under the chord: the root unless an inversion is written. */
  bass: number;
}

const mod12 = (n: number): number => ((n % 12) + 12) % 12;

/** The pitch classes of a mode on a tonic. */
export function scaleOf(tonic: number, mode: ModeName): number[] {
  return MODES[mode].map((step) => mod12(tonic + step));
}

const NUMERALS: Readonly<Record<string, number>> = { I: 0, II: 2, III: 4, IV: 5, V: 7, VI: 9, VII: 11 };

const QUALITIES: Readonly<Record<string, readonly number[]>> = {
  '': [0, 4, 7],
  m: [0, 3, 7],
  '7': [0, 4, 7, 10],
  m7: [0, 3, 7, 10],
  maj7: [0, 4, 7, 11],
  mmaj7: [0, 3, 7, 11],
  add9: [0, 4, 7, 14],
  madd9: [0, 3, 7, 14],
  maj9: [0, 4, 11, 14],
  m9: [0, 3, 10, 14],
  '9': [0, 4, 10, 14],
  '6': [0, 4, 7, 9],
  m6: [0, 3, 7, 9],
  sus4: [0, 5, 7],
  sus2: [0, 2, 7],
  dim: [0, 3, 6],
  m7b5: [0, 3, 6, 10],
};

/**
 * The chord a roman numeral means in the key of `tonic`. Numerals count from the major scale, so minor keys write
 * `bVI`; small letters are minor; `/3`, `/5`, `/7` put that member of the chord into the bass.
 */
export function chordOf(numeral: string, tonic: number): Chord {
  const parts = /^(b|#)?([IViv]+)([a-z0-9]*)(?:\/([357]))?$/.exec(numeral);
  const degree = NUMERALS[(parts?.[2] ?? '').toUpperCase()];
  const minor = parts?.[2] !== undefined && parts[2] === parts[2].toLowerCase();
  const suffix = parts?.[3] ?? '';
  const fixed = suffix.startsWith('sus') || suffix === 'dim' || suffix === 'm7b5';
  const intervals = QUALITIES[minor && !fixed ? `m${suffix}` : suffix];
  if (degree === undefined || intervals === undefined)
    throw new Error(`"${numeral}" is not a chord this grammar knows`);
  const root = mod12(tonic + degree + (parts?.[1] === 'b' ? -1 : parts?.[1] === '#' ? 1 : 0));
  const tones = intervals.map((interval) => mod12(root + interval));
  const inversion = { '3': 1, '5': 2, '7': 3 }[parts?.[4] ?? ''] ?? 0;
  return { name: numeral, root, tones, bass: tones[inversion] ?? root };
}

/**
 * The scale to play over a chord: the mode, with each foreign chord tone put in place of the degree it alters (the
 * leading note of a V in minor replaces the seventh degree). Five-note scales stay as they are.
 */
export function scaleOver(chord: Chord, scale: readonly number[]): number[] {
  if (scale.length < 7) return [...scale];
  const result = [...scale];
  for (const tone of chord.tones) {
    if (result.includes(tone)) continue;
    const place = placeOf(tone, result, chord, scale);
    if (place >= 0) result[place] = tone;
    else result.push(tone);
  }
  return result.sort((x, y) => x - y);
}

/**
 * The degree that an altered tone replaces, or -1: a neighbour by a semitone which the chord does not need, sooner one
 * that leaves no hole in the scale, and sooner any other than the tonic and the fifth.
 */
function placeOf(tone: number, current: readonly number[], chord: Chord, scale: readonly number[]): number {
  let best = -1;
  let bestCost = Number.POSITIVE_INFINITY;
  for (const [i, pc] of current.entries()) {
    if ((mod12(tone - pc) !== 1 && mod12(pc - tone) !== 1) || chord.tones.includes(pc)) continue;
    const others = current.filter((other) => other !== pc);
    const up = Math.min(...others.map((other) => mod12(other - tone)));
    const down = Math.min(...others.map((other) => mod12(tone - other)));
    const cost = (up > 2 ? 2 : 0) + (down > 2 ? 2 : 0) + (pc === scale[0] ? 3 : pc === scale[4] ? 1 : 0);
    if (cost < bestCost) [best, bestCost] = [i, cost];
  }
  return best;
}

/** All pitches of the given classes from `low` to `high`, ascending. */
export function pitchesIn(classes: readonly number[], low: number, high: number): number[] {
  const result: number[] = [];
  for (let pitch = low; pitch <= high; pitch++) if (classes.includes(mod12(pitch))) result.push(pitch);
  return result;
}

/** The pitch of a class that lies nearest to `near`. */
export function nearestPitch(pitchClass: number, near: number): number {
  const up = mod12(pitchClass - Math.round(near));
  return Math.round(near) + (up > 6 ? up - 12 : up);
}

/** Move a pitch by octaves until it lies within the range (which must span an octave). */
export function intoRange(pitch: number, low: number, high: number): number {
  let result = pitch;
  while (result < low) result += 12;
  while (result > high) result -= 12;
  return result;
}

/**
 * `count` voices for a chord between `low` and `high`, ascending, moving as little as they can from `previous`. The
 * third is never left out, voices keep at least a major second apart in the low register, and a chord without a
 * predecessor is laid around the middle of the range.
 */
export function voiceChord(
  chord: Chord,
  previous: readonly number[] | null,
  low: number,
  high: number,
  count = 4,
): number[] {
  const pool = pitchesIn(chord.tones, low, high);
  const middle = (low + high) / 2;
  let best: number[] = pool.slice(0, count);
  let bestCost = Number.POSITIVE_INFINITY;
  const chosen: number[] = [];
  const consider = (from: number): void => {
    if (chosen.length === count) {
      const cost = voicingCost(chosen, chord, previous, middle);
      if (cost < bestCost) {
        bestCost = cost;
        best = [...chosen];
      }
      return;
    }
    for (let i = from; i < pool.length; i++) {
      const pitch = pool[i] as number;
      const below = chosen.at(-1);
      if (below !== undefined && pitch - below > 9) break;
      chosen.push(pitch);
      consider(i + 1);
      chosen.pop();
    }
  };
  consider(0);
  return best;
}

function voicingCost(
  voices: readonly number[],
  chord: Chord,
  previous: readonly number[] | null,
  middle: number,
): number {
  let cost = 0;
  const classes = new Set(voices.map(mod12));
  for (const [index, tone] of chord.tones.entries()) {
    // The fifth may go, the third and the colour may not.
    if (!classes.has(tone)) cost += index === 2 ? 3 : index === 0 ? 5 : 14;
  }
  for (let i = 0; i < voices.length; i++) {
    const pitch = voices[i] as number;
    const before = previous?.[i];
    if (before !== undefined) cost += Math.abs(pitch - before) + (Math.abs(pitch - before) > 4 ? 2 : 0);
    const below = voices[i - 1];
    if (below !== undefined && pitch - below < (pitch < 55 ? 4 : 2)) cost += 8;
  }
  const centre = voices.reduce((sum, pitch) => sum + pitch, 0) / voices.length;
  return cost + Math.abs(centre - middle) * (previous ? 0.6 : 1.5);
}
