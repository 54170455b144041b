/**
 * The grid of a stream: the constant frame rate at which every rendition is made, decided once from the times of all frames of
 * the source, and which frame of the source each slot of it shows. Pure.
 *
 * A source whose frames each have a slot of their own at some rate is `constant`: frame n is slot n, one to one, nothing lost or
 * doubled. Any other source is `variable`: each slot shows the last frame that had begun by then (to the nearest slot), so that a
 * pause repeats a frame and a burst drops some. The sums are those of ffmpeg's filter `fps`, so that the plan and the encoder
 * agree to the frame.
 */
import type { Rational } from './probe.ts';

/** Every frame of a video stream, in the order of showing. */
export interface FrameList {
  timeBase: Rational;
  /** When each is shown, in ticks of the time base, rising. */
  times: number[];
  /** Places in `times` from which decoding can begin. */
  keys: number[];
  /** When the last one ends, in ticks. */
  end: number;
}

export interface Grid {
  rate: Rational;
  frames: number;
  kind: 'constant' | 'variable';
  /** For people: which rate, and why. */
  why: string;
}

/** Rates that films have and players are tried with. */
const STANDARD: readonly Rational[] = [
  { num: 5, den: 1 },
  { num: 10, den: 1 },
  { num: 12, den: 1 },
  { num: 15, den: 1 },
  { num: 20, den: 1 },
  { num: 24_000, den: 1_001 },
  { num: 24, den: 1 },
  { num: 25, den: 1 },
  { num: 30_000, den: 1_001 },
  { num: 30, den: 1 },
  { num: 48, den: 1 },
  { num: 50, den: 1 },
  { num: 60_000, den: 1_001 },
  { num: 60, den: 1 },
];
const FASTEST = 60;
const SLOWEST = 1;
/** How far a frame may be from its slot, in slots, for the slot to be its own. */
const OWN = 0.45;
const ROUNDING = 0.02;

const perSecond = ({ num, den }: Rational): number => num / den;
export const rateText = (rate: Rational): string => String(Number(perSecond(rate).toFixed(3)));

/** Decide the grid of a source with at least one frame. `said`: the rates its container names, tried first. */
export function decideGrid(list: FrameList, said: readonly (Rational | null)[]): Grid {
  const { times, timeBase } = list;
  const tick = perSecond(timeBase);
  const first = times[0] as number;
  const last = times.at(-1) as number;
  const average = times.length > 1 ? (times.length - 1) / ((last - first) * tick) : 1 / ((list.end - first) * tick);
  const near = STANDARD.filter((rate) => Math.abs(perSecond(rate) / average - 1) < 0.02);
  const measured = Number.isFinite(average) ? [{ num: Math.round(average * 1_000), den: 1_000 }] : [];
  const candidates = [...said.filter((rate) => rate !== null), ...near, ...measured].filter(
    (rate) => perSecond(rate) >= SLOWEST && perSecond(rate) <= FASTEST + 0.001 && rate.den > 0 && rate.num < 1_000_000,
  );
  const strays = candidates.map((rate) => farthest(list, rate));
  const least = Math.min(...strays);
  // Several rates fit a short film. The best of them, or one before it that is as good but for rounding.
  const constant = least <= OWN ? candidates[strays.findIndex((stray) => stray <= least + ROUNDING)] : undefined;
  if (constant) {
    return {
      rate: lowest(constant),
      frames: times.length,
      kind: 'constant',
      why: `every frame has its own slot at ${rateText(constant)} frames a second`,
    };
  }
  const rate = movingRate(list);
  const frames = Math.max(1, Math.round((list.end - first) * tick * perSecond(rate)));
  return {
    rate,
    frames,
    kind: 'variable',
    why: `frames come at unequal times; ${rateText(rate)} frames a second is nearest to how they follow each other where it moves`,
  };
}

/** How far the frame farthest from its slot is, in slots. */
function farthest({ times, timeBase }: FrameList, rate: Rational): number {
  const slots = perSecond(timeBase) * perSecond(rate);
  const first = times[0] as number;
  return times.reduce((most, time, index) => Math.max(most, Math.abs((time - first) * slots - index)), 0);
}

/** The standard rate nearest to the usual distance between two frames, or the next above it. */
function movingRate({ times, timeBase }: FrameList): Rational {
  const steps = times.slice(1).map((time, index) => time - (times[index] as number));
  steps.sort((a, b) => a - b);
  const median = steps[Math.floor(steps.length / 2)] ?? 0;
  const usual = median > 0 ? 1 / (median * perSecond(timeBase)) : FASTEST;
  const distance = (rate: Rational) => Math.abs(perSecond(rate) / usual - 1);
  const [nearest] = [...STANDARD].sort((a, b) => distance(a) - distance(b));
  if (nearest && distance(nearest) < 0.02) return nearest;
  return STANDARD.find((rate) => perSecond(rate) >= usual) ?? (STANDARD.at(-1) as Rational);
}

function lowest({ num, den }: Rational): Rational {
  let [a, b] = [num, den];
  while (b > 0) [a, b] = [b, a % b];
  return { num: num / a, den: den / a };
}

/** Ticks of a slot in the time base in which times are compared: fine enough for any source, exact for every slot. */
export const SLOT_TICKS = 1_000;

/** Which frame of the source each slot shows, as places in `times`; rising, one for each slot of the grid. */
export function shownFrames(list: FrameList, grid: Grid): number[] {
  const { times, timeBase } = list;
  if (grid.kind === 'constant') return times.map((_, index) => index);
  const first = times[0] as number;
  // Two roundings, as in the filters: to fine ticks (settb), then to slots (fps with round=near).
  const fine = (timeBase.num * grid.rate.num * SLOT_TICKS) / (timeBase.den * grid.rate.den);
  const slotOf = (time: number) => Math.floor((Math.round((time - first) * fine) + SLOT_TICKS / 2) / SLOT_TICKS);
  const shown: number[] = [];
  let at = 0;
  for (let slot = 0; slot < grid.frames; slot += 1) {
    while (at + 1 < times.length && slotOf(times[at + 1] as number) <= slot) at += 1;
    shown.push(at);
  }
  return shown;
}
