/**
 * Makes one-shot sounds: struck and plucked notes as banks of decaying partials, drums as short recipes. Each call
 * returns the whole sound as mono samples; every sound begins and ends at zero.
 */
import type { DrumName } from './accompany.ts';
import type { ModalPatch } from './patches.ts';
import { randomFrom } from './random.ts';

export const SAMPLE_RATE = 44_100;

/** Above this a partial is not worth its price: the ear is tired by it before it is pleased. */
const HIGHEST_HZ = 9000;

/**
 * One note of a struck or plucked instrument, `seconds` long at most; softer notes are duller. The result is scaled so
 * that all notes of all instruments are about equally loud at the same velocity.
 */
export function strikeNote(
  patch: ModalPatch,
  pitch: number,
  brightness: number,
  seconds: number,
): Float32Array<ArrayBuffer> {
  const f0 = 440 * 2 ** ((pitch - 69) / 12);
  const random = randomFrom(`strike ${pitch} ${patch.rolloff} ${patch.t60}`);
  const length = Math.max(64, Math.round(seconds * SAMPLE_RATE));
  const sum = cleared(length);
  const partials = patch.ratios ?? harmonics(patch, f0);
  const cutoff = patch.cutoff * (0.35 + 0.75 * brightness);
  // Strings of the bass ring longer than those of the treble.
  const t60 = patch.t60 * 2 ** ((60 - pitch) / 18);
  let energy = 0;
  for (const [index, [ratio, gain]] of partials.entries()) {
    const hz = f0 * ratio;
    if (hz > HIGHEST_HZ) continue;
    const amplitude = gain / (1 + (hz / cutoff) ** 2);
    if (amplitude < 0.0008) continue;
    energy += amplitude * amplitude;
    const decay = t60 / (1 + patch.damping * (ratio - 1) * 0.5 + (hz / 5200) ** 2 * patch.damping);
    const spread = index < 5 ? patch.beating : 0;
    if (spread > 0) {
      // Two strings to a note, never quite in tune: the tone breathes instead of standing still.
      const cents = spread * (0.7 + 0.6 * random.next());
      ring(sum, hz * 2 ** (-cents / 2400), amplitude * 0.6, decay, random.next());
      ring(sum, hz * 2 ** (cents / 2400), amplitude * 0.4, decay * 0.9, random.next());
    } else ring(sum, hz, amplitude, decay, random.next());
  }
  const scale = 0.3 / Math.sqrt(energy + 1e-9);
  const [noiseGain, noiseHz, noiseSeconds] = patch.noise;
  addNoise(sum, noiseHz, noiseSeconds, (noiseGain * (0.3 + brightness)) / scale, `hammer ${pitch}`);
  return shape(sum, scale, patch.attack);
}

/** One sheet of paper for all sums: a sound is worked out here and then copied. */
let sheet = new Float64Array(0);

function cleared(length: number): Float64Array {
  if (sheet.length < length) sheet = new Float64Array(length);
  return sheet.subarray(0, length).fill(0);
}

/** The partials of a string: what the place of the strike leaves, sharpened by stiffness. */
function harmonics(patch: ModalPatch, f0: number): [number, number][] {
  const count = Math.min(28, Math.floor(HIGHEST_HZ / f0));
  return Array.from({ length: Math.max(1, count) }, (_, i) => {
    const n = i + 1;
    const gain = (Math.abs(Math.sin(Math.PI * n * patch.strike)) + 0.04) / n ** patch.rolloff;
    return [n * Math.sqrt(1 + patch.stiffness * n * n), gain];
  });
}

/** Add one decaying sine by its recurrence: two multiplications a sample. It ends when it can no longer be heard. */
function ring(sum: Float64Array, hz: number, amplitude: number, t60: number, phase: number): void {
  const radius = 10 ** (-3 / (t60 * SAMPLE_RATE));
  const angle = (2 * Math.PI * hz) / SAMPLE_RATE;
  const a = 2 * radius * Math.cos(angle);
  const b = -radius * radius;
  // Mostly sine phase: partials that start at zero make an onset without a click.
  const start = (phase - 0.5) * 0.6;
  let y2 = (amplitude * Math.sin(start - 2 * angle)) / (radius * radius);
  let y1 = (amplitude * Math.sin(start - angle)) / radius;
  const length = Math.min(sum.length, Math.ceil(t60 * 1.15 * SAMPLE_RATE));
  for (let i = 0; i < length; i++) {
    const y = a * y1 + b * y2;
    y2 = y1;
    y1 = y;
    sum[i] = (sum[i] as number) + y;
  }
}

/** Add a burst of noise around a frequency, dying away within `seconds`. */
function addNoise(sum: Float64Array, hz: number, seconds: number, gain: number, label: string, attack = 0): void {
  if (gain <= 0) return;
  const random = randomFrom(label);
  const length = Math.min(sum.length, Math.ceil(seconds * 5 * SAMPLE_RATE));
  const f = 2 * Math.sin((Math.PI * hz) / SAMPLE_RATE);
  let low = 0;
  let band = 0;
  const fall = 10 ** (-3 / (seconds * 3 * SAMPLE_RATE));
  const rise = Math.max(1, attack * SAMPLE_RATE);
  let level = gain;
  for (let i = 0; i < length; i++) {
    low += f * band;
    band += f * (random.next() * 2 - 1 - low - 0.9 * band);
    sum[i] = (sum[i] as number) + band * level * Math.min(1, i / rise);
    if (i > rise) level *= fall;
  }
}

/** Ease the first moments in and the last ones out, and scale. */
function shape(sum: Float64Array, scale: number, attack: number): Float32Array<ArrayBuffer> {
  const result = new Float32Array(sum.length);
  const rise = Math.max(8, Math.round(attack * SAMPLE_RATE));
  const fall = Math.min(Math.floor(sum.length / 2), Math.round(0.06 * SAMPLE_RATE));
  for (let i = 0; i < sum.length; i++) {
    let gain = scale;
    if (i < rise) gain *= 0.5 - 0.5 * Math.cos((Math.PI * i) / rise);
    const left = sum.length - 1 - i;
    if (left < fall) gain *= 0.5 - 0.5 * Math.cos((Math.PI * left) / fall);
    result[i] = (sum[i] as number) * gain;
  }
  return result;
}

/** One stroke of a drum; `pitch` tunes the timpani. */
export function strikeDrum(drum: DrumName, pitch: number): Float32Array<ArrayBuffer> {
  const seconds = {
    kick: 0.4,
    frame: 0.55,
    brush: 0.3,
    rim: 0.12,
    shaker: 0.16,
    hat: 0.12,
    triangle: 1.8,
    timpani: 1.8,
  }[drum];
  const sum = cleared(Math.round(seconds * SAMPLE_RATE));
  const modes = (base: number, list: readonly (readonly [number, number, number])[]): void => {
    for (const [ratio, gain, t60] of list) ring(sum, base * ratio, gain, t60, 0.5);
  };
  switch (drum) {
    case 'kick':
      sweep(sum, 92, 48, 0.035, 0.5, 0.42);
      break;
    case 'frame':
      modes(98, [
        [1, 0.26, 0.5],
        [1.59, 0.12, 0.34],
        [2.14, 0.07, 0.24],
        [2.65, 0.04, 0.18],
      ]);
      addNoise(sum, 620, 0.03, 0.14, 'skin');
      break;
    case 'brush':
      addNoise(sum, 2300, 0.075, 0.2, 'brush', 0.012);
      addNoise(sum, 420, 0.04, 0.12, 'brush body', 0.004);
      break;
    case 'rim':
      modes(430, [
        [1, 0.12, 0.09],
        [2.63, 0.07, 0.06],
      ]);
      addNoise(sum, 1500, 0.012, 0.1, 'rim');
      break;
    case 'shaker':
      addNoise(sum, 4600, 0.035, 0.11, 'shaker', 0.02);
      break;
    case 'hat':
      addNoise(sum, 5600, 0.024, 0.1, 'hat', 0.002);
      break;
    case 'triangle':
      modes(1180, [
        [1, 0.01, 1.2],
        [2.41, 0.035, 1.7],
        [3.27, 0.022, 1.4],
        [4.19, 0.01, 1],
      ]);
      break;
    case 'timpani':
      modes(440 * 2 ** ((pitch - 69) / 12), [
        [1, 0.3, 1.7],
        [1.5, 0.16, 1.3],
        [1.98, 0.09, 1],
        [2.44, 0.05, 0.7],
      ]);
      addNoise(sum, 300, 0.05, 0.16, 'mallet');
      break;
  }
  return shape(sum, 1, drum === 'kick' || drum === 'timpani' || drum === 'frame' ? 0.004 : 0.002);
}

/** A sine that falls from one frequency to another: the skin of a big drum. */
function sweep(sum: Float64Array, from: number, to: number, fallSeconds: number, gain: number, t60: number): void {
  let phase = 0;
  for (let i = 0; i < sum.length; i++) {
    const t = i / SAMPLE_RATE;
    phase += (2 * Math.PI * (to + (from - to) * Math.exp(-t / fallSeconds))) / SAMPLE_RATE;
    sum[i] = (sum[i] as number) + gain * Math.sin(phase) * 10 ** ((-3 * t) / t60);
  }
}
