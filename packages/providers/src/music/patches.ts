/**
 * What each instrument is made of, as data. Struck and plucked ones are banks of decaying partials ("modal"); bowed and
 * blown ones are looping spectra under an envelope ("sustained"); drums are short recipes. `sings` is the range in which
 * an instrument carries a melody, `range` what it can play at all.
 */
import type { DrumName } from './accompany.ts';
import { STRUCK } from './patches-struck.ts';
import { SUSTAINED } from './patches-sustained.ts';
import type { InstrumentName } from './prompt.ts';

export interface ModalPatch {
  kind: 'modal';
  range: readonly [number, number];
  sings: readonly [number, number];
  /** Partials as multiples of the pitch with their gains (bells, bars); null: harmonic, by the three fields below. */
  ratios: readonly (readonly [ratio: number, gain: number])[] | null;
  /** Gains fall as 1/n^rolloff. */
  rolloff: number;
  /** Where on the string it is struck (0..0.5): partials with a node there are missing. */
  strike: number;
  /** Stiffness: partials are sharp by n²·this. */
  stiffness: number;
  /** Seconds until a partial at middle C has fallen by 60 dB. */
  t60: number;
  /** How much faster high partials die (0 none … 1 strongly). */
  damping: number;
  /** Hz above which partials are weakened, at full velocity. */
  cutoff: number;
  /** Difference of the two strings of a course, in cents: slow beating. */
  beating: number;
  attack: number;
  /** Hammer or finger noise: gain, centre Hz, seconds. */
  noise: readonly [number, number, number];
  /** Seconds to silence once the key is let go; 0: rings on. */
  release: number;
}

export interface SustainedPatch {
  kind: 'sustained';
  range: readonly [number, number];
  sings: readonly [number, number];
  rolloff: number;
  /** Gain of even partials: 1 for strings, near 0 for a clarinet. */
  even: number;
  /** Resonances of a body or a mouth: Hz, width in Hz, gain over the rest. */
  formants: readonly (readonly [number, number, number])[];
  /** Low-pass of the soft and the bright version, Hz. */
  soft: number;
  bright: number;
  attack: number;
  release: number;
  /** Cents between the left and the right player. */
  detune: number;
  vibrato: readonly [rate: number, cents: number, delay: number];
  /** Breath or bow noise. */
  breath: number;
  /** Stereo width 0..1. */
  width: number;
}

export interface DrumPatch {
  kind: 'drum';
  drum: DrumName;
}

export type Patch = ModalPatch | SustainedPatch | DrumPatch;
export type PatchName = InstrumentName | 'sub' | DrumName;

export const PATCHES: Readonly<Record<PatchName, Patch>> = {
  ...STRUCK,
  ...SUSTAINED,
  kick: { kind: 'drum', drum: 'kick' },
  frame: { kind: 'drum', drum: 'frame' },
  brush: { kind: 'drum', drum: 'brush' },
  rim: { kind: 'drum', drum: 'rim' },
  shaker: { kind: 'drum', drum: 'shaker' },
  hat: { kind: 'drum', drum: 'hat' },
  triangle: { kind: 'drum', drum: 'triangle' },
  timpani: { kind: 'drum', drum: 'timpani' },
};

/** The range in which an instrument carries a melody. */
export function singingRange(name: PatchName): readonly [number, number] {
  const patch = PATCHES[name];
  return patch.kind === 'drum' ? [60, 72] : patch.sings;
}

/** All the pitches an instrument has. */
export function fullRange(name: PatchName): readonly [number, number] {
  const patch = PATCHES[name];
  return patch.kind === 'drum' ? [0, 127] : patch.range;
}
