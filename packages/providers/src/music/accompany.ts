/**
 * The players under the melody: chord figures, held pads, bass, drone, sparkle and percussion. Each is a pure function
 * from bars to notes on the beat grid. A player keeps its figure for as long as a theme lasts, as players do.
 */
import type { Bar } from './harmony.ts';
import type { BeatNote } from './melody.ts';
import type { Ensemble, Plan } from './plan.ts';
import type { Random } from './random.ts';
import { intoRange, nearestPitch, pitchesIn, voiceChord } from './theory.ts';

export type Figure = 'arpeggio' | 'waltz' | 'broken' | 'block' | 'charleston' | 'sparse' | 'lilt';
export type DrumName = 'kick' | 'frame' | 'brush' | 'rim' | 'shaker' | 'hat' | 'triangle' | 'timpani';

/** One voicing for each bar, led smoothly from the first to the last. */
export function leadVoices(bars: readonly Bar[], low: number, high: number, count: number): number[][] {
  let previous: number[] | null = null;
  return bars.map((bar) => {
    previous = voiceChord(bar.chord, previous, low, high, count);
    return previous;
  });
}

/** Figures that suit an instrument in a metre; the seed picks one for each theme. */
export function figuresFor(instrument: string, plan: Plan): Figure[] {
  if (plan.style === 'lofi' || plan.style === 'jazz')
    return plan.beatsPerBar === 4 ? ['charleston', 'charleston', 'block'] : ['waltz', 'block'];
  const calm = plan.energy < -0.45;
  const plucked = ['harp', 'guitar', 'lute', 'musicbox', 'kalimba', 'vibraphone', 'harpsichord'].includes(instrument);
  if (plan.metre === '3/4')
    return calm
      ? ['sparse', 'arpeggio', 'broken']
      : plan.style === 'waltz'
        ? plucked
          ? ['waltz', 'arpeggio', 'broken']
          : ['waltz', 'waltz', 'broken']
        : ['waltz', 'arpeggio', 'broken'];
  if (plan.metre === '6/8') return calm ? ['arpeggio', 'sparse'] : ['arpeggio', 'lilt', 'arpeggio'];
  if (calm) return plucked ? ['sparse', 'arpeggio'] : ['sparse', 'block', 'arpeggio'];
  return plucked ? ['arpeggio', 'broken', 'arpeggio'] : ['arpeggio', 'broken', 'block'];
}

const ORDERS = {
  2: [
    [0, 1, 2, 3, 4, 3, 2, 1],
    [0, 2, 1, 3, 2, 4, 3, 1],
    [0, 2, 3, 4, 5, 4, 3, 2],
    [0, 3, 1, 3, 2, 3, 1, 3],
  ],
  3: [
    [0, 1, 2, 3, 2, 1],
    [0, 2, 3, 4, 3, 2],
    [0, 2, 1, 3, 2, 1],
    [0, 1, 2, 4, 3, 2],
  ],
} as const;

/** One bar of a chord figure over a voicing (ascending, 4 voices). */
export function playFigure(
  figure: Figure,
  bar: Bar,
  voices: readonly number[],
  plan: Plan,
  order: number,
  random: Random,
): BeatNote[] {
  const { beat } = bar;
  const length = plan.beatsPerBar;
  const loud = 0.34 + 0.4 * bar.section.level;
  const notes: BeatNote[] = [];
  const add = (at: number, beats: number, pitch: number, weight: number, late = 0): void => {
    if (at >= length - 0.01) return;
    notes.push({
      beat: beat + at,
      beats,
      pitch,
      velocity: Math.min(1, loud * weight * (1 + random.lean() * 0.09)),
      late: late + Math.abs(random.lean()) * 0.007,
    });
  };
  const chord = (at: number, beats: number, pitches: readonly number[], weight: number, roll: number): void => {
    for (const [i, pitch] of pitches.entries())
      add(at, beats, pitch, weight * (i === pitches.length - 1 ? 1.06 : 0.94), i * roll);
  };
  const upper = voices.slice(1);
  const ladder = [...voices, ...voices.map((pitch) => pitch + 12)];
  switch (figure) {
    case 'arpeggio': {
      // Over about five notes in a second an arpeggio stops being a background: count in larger steps.
      const step = (plan.tempo / 60) * plan.pulse > 5 + plan.energy ? 1 : 1 / plan.pulse;
      const steps = ORDERS[plan.metre === '6/8' || plan.metre === '3/4' ? 3 : 2];
      const pattern = steps[order % steps.length] ?? steps[0];
      const count = Math.round(length / step);
      for (let i = 0; i < count; i++) {
        const at = i * step;
        const pitch = ladder[pattern[i % pattern.length] ?? 0];
        if (pitch !== undefined) add(at, Math.max(step, length - at), pitch, i === 0 ? 1 : i % 2 === 0 ? 0.84 : 0.74);
      }
      break;
    }
    case 'waltz':
      chord(1, 0.8, upper, 0.8, 0.008);
      chord(2, 0.7, upper, 0.7, 0.008);
      break;
    case 'broken':
      add(0, length, voices[0] as number, 0.95);
      for (let at = 1; at < length; at++) {
        add(at, 0.95, upper[(at + order) % upper.length] as number, 0.78);
        add(at + 0.5, 0.9, upper[(at + order + 1) % upper.length] as number, 0.68);
      }
      break;
    case 'block':
      chord(0, length === 4 ? 2 : length, voices, 0.9, 0.018);
      if (length === 4) chord(2, 1.9, upper, 0.7, 0.012);
      break;
    case 'charleston':
      chord(0, 1.4, voices, 0.88, 0.012);
      chord(order % 2 === 0 ? 1.5 : 2.5, 1.3, upper, 0.74, 0.01);
      break;
    case 'lilt':
      for (let at = 0; at < length; at++) {
        add(at, 0.62, voices[at % 2] as number, 0.9);
        chord(at + 2 / 3, 0.3, upper, 0.64, 0.006);
      }
      break;
    case 'sparse': {
      const step = length / 4;
      for (let i = 0; i < 4; i++)
        add(i * step, length - i * step, ladder[(i * 2 + (order % 2)) % ladder.length] as number, 0.9 - i * 0.06);
      break;
    }
  }
  return notes;
}

/** Held voices: a tone common to neighbouring chords is not struck again, for up to four bars. */
export function holdPad(
  bars: readonly Bar[],
  voicings: readonly number[][],
  plan: Plan,
  plays: (bar: Bar) => boolean,
): BeatNote[] {
  const notes: BeatNote[] = [];
  const held = new Map<number, { note: BeatNote; bars: number }>();
  for (const [i, bar] of bars.entries()) {
    const voices = plays(bar) ? (voicings[i] as number[]) : [];
    for (const pitch of [...held.keys()]) if (!voices.includes(pitch) || bar.within === 0) held.delete(pitch);
    const velocity = 0.3 + 0.5 * bar.section.level;
    for (const pitch of voices) {
      const tie = held.get(pitch);
      if (tie && tie.bars < 4) {
        tie.note.beats += plan.beatsPerBar;
        tie.bars++;
        continue;
      }
      const note: BeatNote = { beat: bar.beat, beats: plan.beatsPerBar, pitch, velocity };
      notes.push(note);
      held.set(pitch, { note, bars: 1 });
    }
  }
  return notes;
}

/** Roots and fifths, with the step that leads to the next root. */
export function playBass(bars: readonly Bar[], plan: Plan, plays: (bar: Bar) => boolean, random: Random): BeatNote[] {
  const notes: BeatNote[] = [];
  const length = plan.beatsPerBar;
  const style =
    plan.style === 'lofi'
      ? 'late'
      : plan.style === 'jazz' && length === 4
        ? 'walk'
        : length === 4 && plan.energy > -0.3 && random.chance(0.6)
          ? 'halves'
          : 'long';
  let last = 40;
  for (const [i, bar] of bars.entries()) {
    if (!plays(bar)) continue;
    const pitch = intoRange(nearestPitch(bar.chord.bass, last * 0.6 + 41 * 0.4), 34, 48);
    last = pitch;
    const next = bars[i + 1];
    const loud = 0.42 + 0.38 * bar.section.level;
    const fifth = intoRange(nearestPitch(bar.chord.tones[2] ?? bar.chord.root, pitch + 4), 36, 52);
    const add = (at: number, beats: number, note: number, weight: number): void => {
      if (at < length - 0.01)
        notes.push({
          beat: bar.beat + at,
          beats,
          pitch: note,
          velocity: Math.min(1, loud * weight * (1 + random.lean() * 0.06)),
        });
    };
    const final = next === undefined;
    if (final || style === 'long') {
      // A waltz lifts its bass, everything else lets it sound.
      add(0, plan.style === 'waltz' && !final ? 1.1 : length * 0.97, pitch, 1);
    } else if (style === 'halves') {
      add(0, 1.9, pitch, 1);
      add(2, 1.8, bar.within % 2 === 1 ? pitch : fifth, 0.82);
    } else if (style === 'late') {
      add(0, 1.35, pitch, 1);
      add(1.5, 0.9, pitch, 0.7);
      add(bar.within % 4 === 3 ? 3 : 2.5, 1, bar.within % 2 === 1 ? fifth : pitch, 0.78);
    } else {
      const third = intoRange(nearestPitch(bar.chord.tones[1] ?? bar.chord.root, pitch + 3), 36, 53);
      const target = intoRange(nearestPitch(next.chord.bass, pitch), 34, 48);
      const leading = target + (random.chance(0.5) ? 1 : -1) * (random.chance(0.5) ? 1 : 2);
      for (const [at, note] of [pitch, third, fifth, leading].entries())
        add(at, 0.92, note, at % 2 === 0 ? 0.95 : 0.85);
    }
  }
  return notes;
}

/** Tonic and fifth under whole sections. */
export function holdDrone(bars: readonly Bar[], plan: Plan): BeatNote[] {
  const notes: BeatNote[] = [];
  const root = intoRange(36 + plan.tonic, 36, 47);
  for (let i = 0; i < bars.length; i += 8) {
    const beats = Math.min(8, bars.length - i) * plan.beatsPerBar;
    for (const pitch of [root, root + 7])
      notes.push({ beat: i * plan.beatsPerBar, beats, pitch, velocity: pitch === root ? 0.6 : 0.42 });
  }
  return notes;
}

/** A few high chord tones where the melody breathes: in every fourth bar, rising. */
export function scatterSparkle(bars: readonly Bar[], plan: Plan, random: Random): BeatNote[] {
  const notes: BeatNote[] = [];
  for (const bar of bars) {
    const place = bar.within % 4 === 3 || (bar.section.kind !== 'theme' && bar.within % 2 === 1);
    if (!place || bar.section.level < 0.5 || !random.chance(0.75)) continue;
    const tones = pitchesIn(bar.chord.tones, 74, 92);
    const from = random.int(Math.max(1, tones.length - 3));
    const step = 1 / plan.pulse;
    const count = 2 + random.int(3);
    for (let i = 0; i < count; i++) {
      const pitch = tones[from + i];
      const at = plan.beatsPerBar - (count - i) * step;
      if (pitch !== undefined && at >= 0)
        notes.push({ beat: bar.beat + at, beats: 2, pitch, velocity: 0.34 + 0.05 * i + 0.12 * bar.section.level });
    }
  }
  return notes;
}

type Stroke = readonly [drum: DrumName, beat: number, weight: number];

const GROOVES: Readonly<
  Record<Exclude<Ensemble['percussion'], 'none'>, Readonly<Record<Plan['metre'], readonly Stroke[]>>>
> = {
  light: {
    '4/4': [
      ['frame', 0, 0.7],
      ['shaker', 0, 0.4],
      ['shaker', 0.5, 0.3],
      ['shaker', 1, 0.55],
      ['shaker', 1.5, 0.3],
      ['shaker', 2, 0.4],
      ['shaker', 2.5, 0.3],
      ['shaker', 3, 0.6],
      ['shaker', 3.5, 0.34],
      ['rim', 2, 0.3],
    ],
    '3/4': [
      ['frame', 0, 0.62],
      ['brush', 1, 0.4],
      ['brush', 2, 0.46],
      ['shaker', 2.5, 0.26],
    ],
    '6/8': [
      ['frame', 0, 0.7],
      ['shaker', 1 / 3, 0.28],
      ['shaker', 2 / 3, 0.42],
      ['frame', 1, 0.42],
      ['shaker', 4 / 3, 0.28],
      ['shaker', 5 / 3, 0.46],
    ],
  },
  full: {
    '4/4': [
      ['timpani', 0, 0.8],
      ['frame', 1, 0.45],
      ['frame', 1.5, 0.34],
      ['timpani', 2.5, 0.46],
      ['frame', 3, 0.6],
      ['shaker', 0.5, 0.3],
      ['shaker', 2, 0.36],
      ['shaker', 3.5, 0.4],
    ],
    '3/4': [
      ['timpani', 0, 0.75],
      ['frame', 1, 0.4],
      ['frame', 2, 0.5],
      ['shaker', 1.5, 0.3],
      ['shaker', 2.5, 0.34],
    ],
    '6/8': [
      ['timpani', 0, 0.8],
      ['frame', 2 / 3, 0.42],
      ['frame', 1, 0.55],
      ['shaker', 1 / 3, 0.3],
      ['shaker', 4 / 3, 0.32],
      ['frame', 5 / 3, 0.4],
    ],
  },
  lofi: {
    '4/4': [
      ['kick', 0, 0.85],
      ['brush', 1, 0.62],
      ['kick', 2.5, 0.62],
      ['brush', 3, 0.66],
      ['hat', 0, 0.36],
      ['hat', 0.5, 0.24],
      ['hat', 1, 0.34],
      ['hat', 1.5, 0.22],
      ['hat', 2, 0.36],
      ['hat', 2.5, 0.24],
      ['hat', 3, 0.32],
      ['hat', 3.5, 0.28],
    ],
    '3/4': [
      ['kick', 0, 0.8],
      ['brush', 1, 0.45],
      ['brush', 2, 0.55],
      ['hat', 0.5, 0.22],
      ['hat', 1.5, 0.22],
      ['hat', 2.5, 0.26],
    ],
    '6/8': [
      ['kick', 0, 0.8],
      ['brush', 1, 0.55],
      ['hat', 1 / 3, 0.22],
      ['hat', 2 / 3, 0.28],
      ['hat', 4 / 3, 0.22],
      ['hat', 5 / 3, 0.28],
    ],
  },
  brushes: {
    '4/4': [
      ['hat', 0, 0.36],
      ['brush', 1, 0.46],
      ['hat', 1, 0.3],
      ['hat', 1.5, 0.24],
      ['hat', 2, 0.36],
      ['brush', 3, 0.5],
      ['hat', 3, 0.3],
      ['hat', 3.5, 0.26],
      ['kick', 0, 0.4],
    ],
    '3/4': [
      ['kick', 0, 0.42],
      ['hat', 0, 0.34],
      ['brush', 1, 0.4],
      ['hat', 1.5, 0.22],
      ['brush', 2, 0.46],
      ['hat', 2.5, 0.24],
    ],
    '6/8': [
      ['kick', 0, 0.42],
      ['hat', 0, 0.34],
      ['hat', 2 / 3, 0.26],
      ['brush', 1, 0.46],
      ['hat', 5 / 3, 0.28],
    ],
  },
};

export interface DrumHit {
  drum: DrumName;
  note: BeatNote;
}

/** The groove of the metre, a little different in every bar, with a triangle or soft timpani where a section begins. */
export function playDrums(bars: readonly Bar[], plan: Plan, plays: (bar: Bar) => boolean, random: Random): DrumHit[] {
  const kind = plan.ensemble.percussion;
  if (kind === 'none') return [];
  const hits: DrumHit[] = [];
  const tuned = intoRange(36 + plan.tonic, 38, 50);
  for (const bar of bars) {
    if (!plays(bar)) continue;
    const loud = 0.5 + 0.45 * bar.section.level;
    const hit = (drum: DrumName, at: number, weight: number): void => {
      const velocity = Math.min(1, weight * loud * (1 + random.lean() * 0.16));
      hits.push({
        drum,
        note: { beat: bar.beat + at, beats: 1, pitch: tuned, velocity, late: Math.abs(random.lean()) * 0.006 },
      });
    };
    for (const [drum, at, weight] of GROOVES[kind][plan.metre]) {
      if (at >= plan.beatsPerBar - 0.01) continue;
      if (weight < 0.35 && random.chance(0.15)) continue;
      hit(drum, at, weight);
    }
    if (bar.within === 0 && kind !== 'lofi' && kind !== 'brushes') hit('triangle', 0, 0.4);
  }
  return hits;
}
