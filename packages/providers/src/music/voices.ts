/**
 * Voices: what sounds while the piece is rendered. A voice adds itself to a stereo block until it has died away. There
 * are two kinds: one that plays back a struck sound, and one that runs two slightly different oscillators over a
 * wavetable for bowed and blown notes. The {@link SoundBank} keeps struck sounds and tables, within a fixed amount of
 * memory.
 */

import type { Note } from './compose.ts';
import { type ModalPatch, PATCHES, type SustainedPatch } from './patches.ts';
import { randomFrom } from './random.ts';
import { SAMPLE_RATE, strikeDrum, strikeNote } from './strike.ts';

export interface Voice {
  /** Add samples [from, to) of the block; false when it has fallen silent for good. */
  add(left: Float64Array, right: Float64Array, from: number, to: number): boolean;
}

const TABLE = 1024;
/** Struck sounds that are kept; the least recently used go first. */
const BANK_BYTES = 48 * 1024 * 1024;
/** Velocity is rounded to so many degrees of brightness. */
const LAYERS = 3;

export class SoundBank {
  readonly #struck = new Map<string, Float32Array<ArrayBuffer>>();
  readonly #tables = new Map<string, Float64Array>();
  #bytes = 0;

  /** The voice of a note, panned -1 (left) … 1 (right). */
  voice(note: Note, gain: number, pan: number): Voice {
    const patch = PATCHES[note.patch];
    if (patch.kind === 'sustained') return new SustainedVoice(patch, this.#table(note, patch), note, gain, pan);
    if (patch.kind === 'drum') {
      const sound = this.#keep(`${note.patch} ${note.pitch}`, 0, () => strikeDrum(patch.drum, note.pitch));
      return new StruckVoice(sound, note.velocity * gain, pan, Number.POSITIVE_INFINITY, 0);
    }
    const layer = Math.min(LAYERS - 1, Math.floor(note.velocity * LAYERS));
    const wanted = soundingSeconds(patch, note);
    const sound = this.#keep(`${note.patch} ${note.pitch} ${layer}`, wanted, (seconds) =>
      strikeNote(patch, note.pitch, (layer + 0.6) / LAYERS, seconds),
    );
    const off = patch.release === 0 ? Number.POSITIVE_INFINITY : Math.round(note.duration * SAMPLE_RATE);
    return new StruckVoice(sound, note.velocity ** 1.4 * gain, pan, off, patch.release);
  }

  /** Lengths come in a few sizes, so that a bank filled in another order holds the same sounds. */
  #keep(name: string, wanted: number, make: (seconds: number) => Float32Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
    const seconds = SIZES.find((size) => size >= wanted) ?? (SIZES.at(-1) as number);
    const key = `${name} ${seconds}`;
    let sound = this.#struck.get(key);
    if (sound) this.#struck.delete(key);
    else {
      sound = make(seconds);
      this.#bytes += sound.byteLength;
      for (const [oldest, old] of this.#struck) {
        if (this.#bytes <= BANK_BYTES) break;
        this.#struck.delete(oldest);
        this.#bytes -= old.byteLength;
      }
    }
    this.#struck.set(key, sound);
    return sound;
  }

  #table(note: Note, patch: SustainedPatch): Float64Array {
    const key = `${note.patch} ${note.pitch}`;
    let table = this.#tables.get(key);
    if (!table) {
      table = spectrumTable(patch, note.pitch);
      this.#tables.set(key, table);
    }
    return table;
  }
}

const SIZES = [0.5, 1, 2, 3.5, 6] as const;

function soundingSeconds(patch: ModalPatch, note: Note): number {
  const natural = patch.t60 * 2 ** ((60 - note.pitch) / 18) * 0.8;
  return patch.release === 0 ? natural : Math.min(natural, note.duration + patch.release);
}

const SINE = Float64Array.from({ length: TABLE }, (_, i) => Math.sin((2 * Math.PI * i) / TABLE));

/**
 * One period of a bowed or blown tone, band-limited for its pitch, twice: soft and bright, interleaved, so that a voice
 * can fade from one to the other as it grows.
 */
function spectrumTable(patch: SustainedPatch, pitch: number): Float64Array {
  const f0 = 440 * 2 ** ((pitch - 69) / 12);
  const random = randomFrom(`phases ${patch.rolloff} ${pitch}`);
  const table = new Float64Array((TABLE + 1) * 2);
  const count = Math.max(1, Math.min(60, Math.floor(9000 / f0)));
  let softPower = 1e-9;
  let brightPower = 1e-9;
  for (let n = 1; n <= count; n++) {
    const hz = n * f0;
    let gain = (n % 2 === 0 ? patch.even : 1) / n ** patch.rolloff;
    let body = 1;
    for (const [centre, width, boost] of patch.formants) body += boost / (1 + ((hz - centre) / width) ** 2);
    gain *= body;
    const soft = gain / (1 + (hz / patch.soft) ** 4) ** 0.75;
    const bright = gain / (1 + (hz / patch.bright) ** 4) ** 0.75;
    softPower += soft * soft;
    brightPower += bright * bright;
    const phase = Math.floor(random.next() * TABLE);
    for (let i = 0; i < TABLE; i++) {
      const wave = SINE[(i * n + phase) & (TABLE - 1)] as number;
      table[i * 2] = (table[i * 2] as number) + soft * wave;
      table[i * 2 + 1] = (table[i * 2 + 1] as number) + bright * wave;
    }
  }
  const softScale = 0.2 / Math.sqrt(softPower);
  const brightScale = 0.22 / Math.sqrt(brightPower);
  for (let i = 0; i < TABLE; i++) {
    table[i * 2] = (table[i * 2] as number) * softScale;
    table[i * 2 + 1] = (table[i * 2 + 1] as number) * brightScale;
  }
  table[TABLE * 2] = table[0] as number;
  table[TABLE * 2 + 1] = table[1] as number;
  return table;
}

/** Equal-power gains of a place between the loudspeakers. */
function place(pan: number): [number, number] {
  const angle = ((Math.min(1, Math.max(-1, pan)) + 1) * Math.PI) / 4;
  return [Math.cos(angle), Math.sin(angle)];
}

class StruckVoice implements Voice {
  readonly #sound: Float32Array;
  readonly #off: number;
  readonly #fall: number;
  readonly #left: number;
  readonly #right: number;
  #position = 0;
  #level = 1;

  constructor(sound: Float32Array, gain: number, pan: number, off: number, release: number) {
    const [left, right] = place(pan);
    this.#sound = sound;
    this.#off = off;
    this.#fall = release > 0 ? 10 ** (-3 / (release * SAMPLE_RATE)) : 1;
    this.#left = left * gain;
    this.#right = right * gain;
  }

  add(left: Float64Array, right: Float64Array, from: number, to: number): boolean {
    const sound = this.#sound;
    const gl = this.#left;
    const gr = this.#right;
    let p = this.#position;
    const end = Math.min(to, from + sound.length - p);
    const free = Math.max(from, Math.min(end, from + this.#off - p));
    for (let i = from; i < free; i++) {
      const s = sound[p++] as number;
      left[i] = (left[i] as number) + s * gl;
      right[i] = (right[i] as number) + s * gr;
    }
    let level = this.#level;
    const fall = this.#fall;
    for (let i = free; i < end; i++) {
      level *= fall;
      const s = (sound[p++] as number) * level;
      left[i] = (left[i] as number) + s * gl;
      right[i] = (right[i] as number) + s * gr;
    }
    this.#level = level;
    this.#position = p;
    return p < sound.length && level > 0.0004;
  }
}

/** Envelope and vibrato move in steps of so many samples, with straight lines between. */
const STEP = 64;

class SustainedVoice implements Voice {
  readonly #patch: SustainedPatch;
  readonly #table: Float64Array;
  readonly #frequency: number;
  readonly #gain: number;
  readonly #target: number;
  readonly #offAt: number;
  readonly #attack: number;
  readonly #release: number;
  readonly #detune: number;
  readonly #pans: readonly [number, number, number, number];
  readonly #wobble: readonly [number, number];
  #age = 0;
  #phaseA: number;
  #phaseB: number;
  #rise = 0;
  #level = 0;
  #bright = 0;
  #noise: number;
  #air = 0;

  constructor(patch: SustainedPatch, table: Float64Array, note: Note, gain: number, pan: number) {
    const random = randomFrom(`bow ${note.start.toFixed(5)} ${note.pitch} ${note.role}`);
    this.#patch = patch;
    this.#table = table;
    this.#frequency = 440 * 2 ** ((note.pitch - 69) / 12);
    this.#gain = gain * note.velocity ** 1.2;
    this.#target = 0.15 + 0.85 * note.velocity;
    this.#offAt = Math.round(note.duration * SAMPLE_RATE);
    // Short notes are begun and left faster than long ones, or they would never arrive.
    this.#attack = rate(Math.min(patch.attack, note.duration * 0.5));
    this.#release = rate(Math.min(patch.release, 0.15 + note.duration * 0.7));
    this.#detune = 2 ** ((patch.detune * (0.8 + 0.4 * random.next())) / 2400);
    const [aLeft, aRight] = place(pan - patch.width * 0.8);
    const [bLeft, bRight] = place(pan + patch.width * 0.8);
    this.#pans = [aLeft, aRight, bLeft, bRight];
    this.#wobble = [random.next() * 6.28, random.next() * 6.28];
    this.#phaseA = random.next() * TABLE;
    this.#phaseB = random.next() * TABLE;
    this.#noise = (random.next() * 0x7fffffff) | 0;
  }

  add(left: Float64Array, right: Float64Array, from: number, to: number): boolean {
    const patch = this.#patch;
    const table = this.#table;
    const [aLeft, aRight, bLeft, bRight] = this.#pans;
    const base = (this.#frequency * TABLE) / SAMPLE_RATE;
    const [rateHz, cents, delay] = patch.vibrato;
    let a = this.#phaseA;
    let b = this.#phaseB;
    for (let at = from; at < to; at += STEP) {
      const end = Math.min(to, at + STEP);
      const n = end - at;
      const t = this.#age / SAMPLE_RATE;
      const on = this.#age < this.#offAt;
      const speed = (on ? this.#attack : this.#release) * (n / STEP);
      // Two smoothers in a row give an S-shaped envelope: no corner, no click.
      this.#rise += ((on ? 1 : 0) - this.#rise) * Math.min(1, speed);
      const before = this.#level;
      const after = before + (this.#rise - before) * Math.min(1, speed * 1.5);
      const brightBefore = this.#bright;
      const brightAfter = brightBefore + (this.#target * after - brightBefore) * 0.05;
      const depth = (cents / 1200) * Math.LN2 * Math.min(1, Math.max(0, (t - delay) * 2.5));
      const incrementA = (base / this.#detune) * (1 + depth * Math.sin(6.2832 * rateHz * t + this.#wobble[0]));
      const incrementB = base * this.#detune * (1 + depth * Math.sin(6.2832 * rateHz * 1.07 * t + this.#wobble[1]));
      let level = before * this.#gain;
      const levelStep = ((after - before) * this.#gain) / n;
      let bright = brightBefore;
      const brightStep = (brightAfter - brightBefore) / n;
      for (let i = at; i < end; i++) {
        const ia = a | 0;
        const fa = a - ia;
        const ja = ia * 2;
        const sa = (table[ja] as number) + fa * ((table[ja + 2] as number) - (table[ja] as number));
        const ta = (table[ja + 1] as number) + fa * ((table[ja + 3] as number) - (table[ja + 1] as number));
        const ib = b | 0;
        const fb = b - ib;
        const jb = ib * 2;
        const sb = (table[jb] as number) + fb * ((table[jb + 2] as number) - (table[jb] as number));
        const tb = (table[jb + 1] as number) + fb * ((table[jb + 3] as number) - (table[jb + 1] as number));
        const va = (sa + bright * (ta - sa)) * level;
        const vb = (sb + bright * (tb - sb)) * level;
        left[i] = (left[i] as number) + va * aLeft + vb * bLeft;
        right[i] = (right[i] as number) + va * aRight + vb * bRight;
        a += incrementA;
        if (a >= TABLE) a -= TABLE;
        b += incrementB;
        if (b >= TABLE) b -= TABLE;
        level += levelStep;
        bright += brightStep;
      }
      if (patch.breath > 0) this.#breathe(left, right, at, end, before, after);
      this.#level = after;
      this.#bright = brightAfter;
      this.#age += n;
    }
    this.#phaseA = a;
    this.#phaseB = b;
    return this.#age < this.#offAt || this.#level > 0.0004;
  }

  /** Air and bow hair: soft noise that follows the envelope. */
  #breathe(left: Float64Array, right: Float64Array, from: number, to: number, before: number, after: number): void {
    let noise = this.#noise;
    let air = this.#air;
    let level = before * this.#gain * this.#patch.breath;
    const step = ((after - before) * this.#gain * this.#patch.breath) / (to - from);
    for (let i = from; i < to; i++) {
      noise = (Math.imul(noise, 1103515245) + 12345) & 0x7fffffff;
      air += 0.22 * (noise / 0x3fffffff - 1 - air);
      const s = air * level;
      left[i] = (left[i] as number) + s;
      right[i] = (right[i] as number) + s;
      level += step;
    }
    this.#noise = noise;
    this.#air = air;
  }
}

/** The share of the way an envelope goes in one step, for a given time to arrive. */
function rate(seconds: number): number {
  return 1 - Math.exp(-STEP / (SAMPLE_RATE * Math.max(0.004, seconds * 0.4)));
}
