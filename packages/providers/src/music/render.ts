/**
 * Plays a score: notes become voices, voices become two parts of a mix (dry and sent to the room), the mix becomes
 * blocks of finished stereo sound. Memory does not grow with the length of the piece. Before the first sample a short
 * sound check listens to a few places of the piece and sets the level, so that every track arrives equally loud.
 */
import type { Note, Role, Score } from './compose.ts';
import { BLOCK, highPass, LIMITER_DELAY, Limiter, LoudnessMeter, lowPass, Room } from './mix.ts';
import { PATCHES } from './patches.ts';
import { SAMPLE_RATE } from './strike.ts';
import { SoundBank, type Voice } from './voices.ts';

/** Where the tracks of a background programme sit, LUFS; the limiter's ceiling leaves room for lossy codecs. */
const TARGET_LOUDNESS = -16.6;
const CEILING = 10 ** (-1.6 / 20);
const CHECKS = 4;
const CHECK_SECONDS = 4;

type Distance = 'near' | 'middle' | 'far';

/** How much of what stands at a distance goes to the room. */
const SENDS: Readonly<Record<Distance, number>> = { near: 0.3, middle: 0.95, far: 1.3 };

/** Gain, place between the loudspeakers, distance. */
const SEATS: Readonly<Record<Role, readonly [gain: number, pan: number, distance: Distance]>> = {
  lead: [1, 0.08, 'middle'],
  second: [0.6, 0.3, 'middle'],
  comp: [0.62, -0.22, 'middle'],
  pad: [0.34, 0, 'far'],
  bass: [0.7, 0, 'near'],
  drone: [0.4, 0, 'middle'],
  sparkle: [0.42, 0.42, 'far'],
  drums: [0.62, 0.05, 'near'],
};
const DISTANCES = ['near', 'middle', 'far'] as const;

/** Sustained tones carry more energy than struck ones at the same height; this evens them out. */
const SUSTAINED_TRIM = 0.8;

interface Block {
  left: Float64Array;
  right: Float64Array;
}

/** The number of stereo samples a piece of `seconds` has. */
export function framesOf(seconds: number): number {
  return Math.round(seconds * SAMPLE_RATE);
}

/**
 * The finished sound of a score, in blocks; together they are exactly `framesOf(score.seconds)` long. A block is only
 * valid until the next one is asked for.
 */
export function* render(
  score: Score,
): Generator<{ left: Float64Array; right: Float64Array; from: number; to: number }> {
  const bank = new SoundBank();
  const gain = soundCheck(score, bank);
  const frames = framesOf(score.seconds);
  const stage = new Stage(score, bank, 0);
  const limiter = new Limiter(CEILING);
  const fade = fades(score, frames);
  let written = -LIMITER_DELAY;
  let start = 0;
  while (written < frames) {
    const block = stage.next();
    for (let i = 0; i < BLOCK; i++) {
      const level = gain * fade(start + i);
      block.left[i] = (block.left[i] as number) * level;
      block.right[i] = (block.right[i] as number) * level;
    }
    start += BLOCK;
    limiter.process(block.left, block.right);
    const from = Math.max(0, -written);
    const to = Math.min(BLOCK, frames - written);
    if (to > from) yield { ...block, from, to };
    written += BLOCK;
  }
}

/** In from silence within a few milliseconds, out to silence while the last chord dies. */
function fades(score: Score, frames: number): (frame: number) => number {
  const rise = Math.min(Math.round(0.012 * SAMPLE_RATE), Math.floor(frames / 4));
  const ring = score.seconds - score.finalChord;
  const fall = Math.min(Math.round(Math.min(4, ring * 0.75) * SAMPLE_RATE), Math.floor(frames / 2));
  const still = Math.min(Math.round(0.02 * SAMPLE_RATE), Math.floor(fall / 8));
  return (frame) => {
    const left = frames - 1 - still - frame;
    if (left <= 0) return 0;
    const into = frame < rise ? 0.5 - 0.5 * Math.cos((Math.PI * frame) / rise) : 1;
    return left < fall ? into * (0.5 - 0.5 * Math.cos((Math.PI * left) / fall)) : into;
  };
}

/** The gain that brings the piece to its loudness, from a few seconds heard at even distances. */
function soundCheck(score: Score, bank: SoundBank): number {
  const meter = new LoudnessMeter();
  const whole = score.seconds <= CHECKS * CHECK_SECONDS * 1.2;
  const places = whole ? 1 : CHECKS;
  const length = whole ? score.seconds : CHECK_SECONDS;
  for (let k = 0; k < places; k++) {
    const from = whole ? 0 : ((k + 0.7) * (score.finalChord - length)) / places;
    // Begin a little early: the first moments lack the notes and echoes that should already be sounding.
    const lead = whole ? 0 : 1.2;
    const stage = new Stage(score, bank, Math.max(0, from - lead));
    const blocks = Math.ceil(((length + lead) * SAMPLE_RATE) / BLOCK);
    const skip = Math.floor((lead * SAMPLE_RATE) / BLOCK);
    for (let i = 0; i < blocks; i++) {
      const block = stage.next();
      if (i >= skip) meter.hear(block.left, block.right, BLOCK);
    }
  }
  const { loudness } = meter;
  return loudness < -70 ? 1 : Math.min(8, 10 ** ((TARGET_LOUDNESS - loudness) / 20));
}

/** All players and their room from a moment on, block after block. */
class Stage {
  readonly #notes: readonly Note[];
  readonly #bank: SoundBank;
  #voices: { voice: Voice; bus: Block; wait: number }[] = [];
  readonly #room: Room;
  readonly #amount: number;
  readonly #filters;
  readonly #buses: Readonly<Record<Distance, Block>> = { near: block(), middle: block(), far: block() };
  readonly #wet: Block = block();
  readonly #dry: Block = block();
  #at: number;
  #next: number;

  constructor(score: Score, bank: SoundBank, from: number) {
    const { seconds, amount, ceilingHz } = score.plan.room;
    this.#notes = score.notes;
    this.#bank = bank;
    this.#room = new Room(seconds, ceilingHz);
    this.#amount = amount;
    this.#filters = [highPass(32), highPass(32), lowPass(ceilingHz), lowPass(ceilingHz)] as const;
    this.#at = Math.round(from * SAMPLE_RATE);
    const first = score.notes.findIndex((note) => note.start * SAMPLE_RATE >= this.#at);
    this.#next = first < 0 ? score.notes.length : first;
    // Whoever already holds a note goes on holding it.
    for (const note of score.notes.slice(0, this.#next)) {
      const duration = note.start + note.duration - from;
      if (duration > 0 && PATCHES[note.patch].kind === 'sustained') this.#admit({ ...note, start: from, duration }, 0);
    }
  }

  /** The next {@link BLOCK} samples, unlimited; valid until the next call. */
  next(): Block {
    this.#enter();
    for (const distance of DISTANCES) {
      this.#buses[distance].left.fill(0);
      this.#buses[distance].right.fill(0);
    }
    this.#voices = this.#voices.filter((entry) => {
      const from = entry.wait;
      entry.wait = 0;
      return entry.voice.add(entry.bus.left, entry.bus.right, from, BLOCK);
    });
    const { left, right } = this.#dry;
    const { near, middle, far } = this.#buses;
    sumUp(left, this.#wet.left, near.left, middle.left, far.left);
    sumUp(right, this.#wet.right, near.right, middle.right, far.right);
    this.#room.process(this.#wet.left, this.#wet.right, BLOCK);
    for (let i = 0; i < BLOCK; i++) {
      left[i] = (left[i] as number) + (this.#wet.left[i] as number) * this.#amount;
      right[i] = (right[i] as number) + (this.#wet.right[i] as number) * this.#amount;
    }
    this.#filters[0].process(left, BLOCK);
    this.#filters[1].process(right, BLOCK);
    this.#filters[2].process(left, BLOCK);
    this.#filters[3].process(right, BLOCK);
    this.#at += BLOCK;
    return this.#dry;
  }

  /** Give a voice to every note that begins within this block. */
  #enter(): void {
    for (; this.#next < this.#notes.length; this.#next++) {
      const note = this.#notes[this.#next] as Note;
      const wait = Math.round(note.start * SAMPLE_RATE) - this.#at;
      if (wait >= BLOCK) break;
      this.#admit(note, Math.max(0, wait));
    }
  }

  /** Give a note its voice, its seat and its distance; it sounds after `wait` samples. */
  #admit(note: Note, wait: number): void {
    const [gain, pan, distance] = SEATS[note.role];
    const patch = PATCHES[note.patch];
    const trim = patch.kind === 'sustained' ? SUSTAINED_TRIM : 1;
    // A keyboard is as wide as its pitches.
    const spread = patch.kind === 'modal' && note.role !== 'bass' ? (note.pitch - 64) / 60 : 0;
    this.#voices.push({ voice: this.#bank.voice(note, gain * trim, pan + spread), bus: this.#buses[distance], wait });
  }
}

/** Three distances into what is heard directly and what the room hears. */
function sumUp(
  dry: Float64Array,
  wet: Float64Array,
  near: Float64Array,
  middle: Float64Array,
  far: Float64Array,
): void {
  for (let i = 0; i < BLOCK; i++) {
    const a = near[i] as number;
    const b = middle[i] as number;
    const c = far[i] as number;
    dry[i] = a + b + c;
    wet[i] = a * SENDS.near + b * SENDS.middle + c * SENDS.far;
  }
}

function block(): Block {
  return { left: new Float64Array(BLOCK), right: new Float64Array(BLOCK) };
}
