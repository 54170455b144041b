/**
 * The plan of a run of the suite, made before it begins: which faults, in which order, with which chance. Pure: it knows
 * neither the machine nor the clock, so the same seed is the same plan everywhere. Every fault has its turn before any
 * has a second one.
 */
import { chanceOf } from './chance.ts';
import type { Fault } from './fault.ts';

export type Planned = Pick<Fault, 'number' | 'name' | 'takesMs' | 'alone'>;

/** All at random: several faults at once. No fault of its own, so it has its place here. */
export const MIX = 27;
/** What the fleet has between two faults to show that it works. */
export const RECOVERY_MS = 8_000;
const MIX_SIZES = [2, 3] as const;

export interface Turn {
  /** When it begins at the latest: the turns before it need not take as long as they may. */
  readonly startMs: number;
  readonly number: number;
  /** The names of the faults at work: one, or those of a mix. Numbers would not do, since two may share one. */
  readonly faults: readonly string[];
  /** The seed of this turn's chance. */
  readonly seed: number;
}

export interface Wishes {
  readonly seed: number;
  /** As much as fits; null: every fault once. */
  readonly minutes: number | null;
  /** Only these; null: all. */
  readonly only: readonly number[] | null;
}

/** What to do, in order. Empty when nothing fits into the minutes. */
export function schedule({ seed, minutes, only }: Wishes, faults: readonly Planned[]): Turn[] {
  const chance = chanceOf(seed);
  const known = new Map(faults.map((fault) => [fault.name, fault]));
  const mixable = faults.filter((fault) => !fault.alone).map(({ name }) => name);
  const parts = faults.map(({ number, name }) => ({ number, names: [name] }));
  if (mixable.length >= 2) parts.push({ number: MIX, names: [] });
  const wanted = parts.filter(({ number }) => only === null || only.includes(number));
  const end = minutes === null ? Number.POSITIVE_INFINITY : minutes * 60_000;

  const turns: Turn[] = [];
  let startMs = 0;
  let bag: typeof wanted = [];
  while (wanted.length > 0) {
    if (bag.length === 0) {
      if (minutes === null && turns.length > 0) break;
      bag = chance.some(wanted, wanted.length);
    }
    // Drawn for all, used for some, so that what fits changes no later draw.
    const drawn = bag.map((part) => ({
      part,
      faults: part.number === MIX ? chance.some(mixable, chance.pick(MIX_SIZES)) : part.names,
      seed: chance.integer(0, 0x7fffffff),
    }));
    const lasts = (names: readonly string[]) =>
      Math.max(...names.map((name) => known.get(name)?.takesMs ?? 0)) + RECOVERY_MS;
    const next = drawn.find((turn) => startMs + lasts(turn.faults) <= end);
    if (next === undefined) break;
    turns.push({ startMs, number: next.part.number, faults: next.faults, seed: next.seed });
    startMs += lasts(next.faults);
    bag = bag.filter((part) => part !== next.part);
  }
  return turns;
}
