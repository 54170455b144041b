/**
 * Writes the piece: from a prompt, a seed and a length to a score, a list of notes with times in seconds. Pure and fast
 * (milliseconds); what the notes sound like is decided elsewhere. The score fills the asked length exactly: the bars
 * that fit are composed, the last chord rings out what remains.
 */
import {
  type Figure,
  figuresFor,
  holdDrone,
  holdPad,
  leadVoices,
  playBass,
  playDrums,
  playFigure,
  scatterSparkle,
} from './accompany.ts';
import { planForm, type ThemeName } from './form.ts';
import { type Bar, harmonise } from './harmony.ts';
import { type BeatNote, writeMelody, writeSecond } from './melody.ts';
import { fullRange, type PatchName, singingRange } from './patches.ts';
import { makePlan, type Plan } from './plan.ts';
import { readPrompt } from './prompt.ts';
import { type Random, randomFrom } from './random.ts';
import { intoRange } from './theory.ts';

export type Role = 'lead' | 'second' | 'comp' | 'pad' | 'bass' | 'drone' | 'sparkle' | 'drums';

export interface Note {
  role: Role;
  patch: PatchName;
  /** Seconds. */
  start: number;
  duration: number;
  pitch: number;
  velocity: number;
}

export interface Score {
  seconds: number;
  plan: Plan;
  bars: readonly Bar[];
  /** Ascending by start. */
  notes: readonly Note[];
  /** When the last chord is struck, seconds. */
  finalChord: number;
}

/** Compose a piece of exactly `seconds` (at least 0.1). Same prompt, seed and length, same score. */
export function compose(request: { prompt: string; seed: number; seconds: number }): Score {
  const random = randomFrom(`${request.prompt}\u0000${request.seed}`);
  const plan = makePlan(readPrompt(request.prompt), random.fork('plan'));
  const time = fitTime(plan, request.seconds);
  const timed: Plan = { ...plan, beatsPerBar: time.beatsPerBar };
  const bars = harmonise(planForm(time.bars, random.fork('form')), timed, random.fork('harmony'));
  const score: Note[] = [];
  const add = (role: Role, patch: PatchName, notes: readonly BeatNote[]): void => {
    for (const note of notes) score.push(perform(role, patch, note, timed, time, request.seconds));
  };
  write(bars, timed, random, add);
  score.sort((a, b) => a.start - b.start || a.pitch - b.pitch);
  return {
    seconds: request.seconds,
    plan,
    bars,
    notes: score,
    finalChord: time.secondsAt((time.bars - 1) * time.beatsPerBar),
  };
}

interface Time {
  beatsPerBar: number;
  bars: number;
  /** Where a beat falls. Steady, but for the last bar before the final chord, which slows down. */
  secondsAt(beat: number): number;
}

function fitTime(plan: Plan, seconds: number): Time {
  const beat = 60 / plan.tempo;
  const ring = Math.min(5, Math.max(Math.min(0.9, seconds * 0.5), seconds * 0.11));
  const room = Math.max(0, seconds - ring);
  // A preview of two seconds has no room for bars of four: keep the tempo, count smaller.
  let beatsPerBar = plan.beatsPerBar;
  while (beatsPerBar > 1 && room / (beatsPerBar * beat) < 2) beatsPerBar--;
  const before = Math.floor(room / (beatsPerBar * beat) + 1e-9);
  const spare = room - before * beatsPerBar * beat;
  const slowed = before > 3 ? Math.min(spare * 0.7, beatsPerBar * beat * 0.28) : 0;
  const from = (before - 1) * beatsPerBar;
  const secondsAt = (at: number): number => {
    if (at <= from || before === 0) return at * beat;
    // Quadratic: the last bar begins in tempo and ends broadest.
    const along = Math.min(1, (at - from) / beatsPerBar);
    return at * beat + slowed * along * along;
  };
  return { beatsPerBar, bars: before + 1, secondsAt };
}

/** Put a note of the beat grid into time: swing, the hand of the player, the ring of the last chord. */
function perform(role: Role, patch: PatchName, note: BeatNote, plan: Plan, time: Time, seconds: number): Note {
  const offBeat = plan.pulse === 2 && Math.abs((note.beat % 1) - 0.5) < 0.01;
  const beat = note.beat + (offBeat ? plan.swing : 0);
  const start = time.secondsAt(beat) + (note.late ?? 0);
  const final = note.beat >= (time.bars - 1) * time.beatsPerBar - 0.01;
  const end = final ? seconds : time.secondsAt(note.beat + note.beats);
  const [low, high] = fullRange(patch);
  return {
    role,
    patch,
    start,
    duration: Math.max(0.08, end - start),
    pitch: intoRange(note.pitch, low, high),
    velocity: Math.min(1, Math.max(0.05, note.velocity)),
  };
}

function write(
  bars: readonly Bar[],
  plan: Plan,
  random: Random,
  add: (role: Role, patch: PatchName, notes: readonly BeatNote[]) => void,
): void {
  const { ensemble } = plan;
  const short = bars.length < 14;
  const leadOf = (theme: ThemeName): PatchName => ensemble.leads[theme === 'A' ? 0 : 1];
  const rangeOf = (theme: ThemeName): readonly [number, number] => singingRange(leadOf(theme));
  const final = bars.length - 1;

  const melody = writeMelody(bars, plan, rangeOf, random.fork('melody'));
  const barOf = (note: BeatNote): Bar => bars[Math.min(final, Math.floor(note.beat / plan.beatsPerBar + 1e-6))] as Bar;
  for (const note of melody) add('lead', leadOf(barOf(note).section.theme), [note]);
  const full = (bar: Bar): boolean =>
    bar.section.kind === 'theme' && bar.section.variation > 0 && bar.section.level > 0.76;
  const second = ensemble.leads[0] === ensemble.leads[1] ? leadOf('A') : ensemble.leads[1];
  if (plan.style !== 'lofi') add('second', second, writeSecond(melody, bars, plan, singingRange(second)[0] - 7, full));

  if (ensemble.comp) add('comp', ensemble.comp, accompany(bars, plan, ensemble.comp, random.fork('comp')));
  if (ensemble.pad) {
    const quiet = (bar: Bar): boolean =>
      !(bar.section.kind === 'theme' && bar.section.variation === 0 && bar.section.theme === 'A' && !short) ||
      bar.within >= 4;
    const count = ensemble.comp ? 3 : 4;
    add('pad', ensemble.pad, holdPad(bars, leadVoices(bars, 50, 70, count), plan, quiet));
  }
  if (ensemble.bass) {
    const plays = (bar: Bar): boolean =>
      short || bar.section.kind !== 'intro' || bar.within >= Math.ceil(bar.section.bars / 2);
    add('bass', ensemble.bass, playBass(bars, plan, plays, random.fork('bass')));
  }
  if (ensemble.drone) add('drone', 'drone', holdDrone(bars, plan));
  if (ensemble.sparkle && bars.length > 4)
    add('sparkle', ensemble.sparkle, scatterSparkle(bars, plan, random.fork('sparkle')));

  const groove = ensemble.percussion === 'lofi' || ensemble.percussion === 'brushes';
  const drums = (bar: Bar): boolean =>
    bar.index < final &&
    (short ||
      (bar.section.kind === 'theme' && (groove || bar.section.variation > 0 || bar.section.theme === 'B')) ||
      (groove && bar.section.kind !== 'outro' && bar.within >= 2));
  for (const { drum, note } of playDrums(bars, plan, drums, random.fork('drums'))) add('drums', drum, [note]);
}

/** The chord player: one figure for each theme, a rolled chord at the end. */
function accompany(bars: readonly Bar[], plan: Plan, instrument: PatchName, random: Random): BeatNote[] {
  const voicings = leadVoices(bars, 50, 72, 4);
  const options = figuresFor(instrument, plan);
  // Two ways to play each theme: a theme that keeps coming back does not always come in the same clothes.
  const habits = new Map<ThemeName, { figure: Figure; order: number }[]>();
  for (const theme of ['A', 'B', 'C'] as const) {
    habits.set(
      theme,
      [0, 1].map(() => ({ figure: random.pick(options), order: random.int(4) })),
    );
  }
  const notes: BeatNote[] = [];
  for (const [i, bar] of bars.entries()) {
    const voices = voicings[i] as number[];
    if (i === bars.length - 1) {
      for (const [k, pitch] of voices.entries())
        notes.push({ beat: bar.beat, beats: plan.beatsPerBar, pitch, velocity: 0.5 - k * 0.03, late: k * 0.045 });
      continue;
    }
    const { theme, variation } = bar.section;
    const { figure, order } = habits.get(theme)?.[(variation >> 1) % 2] ?? { figure: 'block', order: 0 };
    notes.push(...playFigure(figure, bar, voices, plan, order, random));
  }
  return notes;
}
