/**
 * Moments without a language model: a speech is cut where its topic changes, its parts are weighed, and the best are offered.
 * Deterministic, without network or key. What is asked for in words (the prompts) it cannot read, so they change nothing.
 */
import { type FoundMoment, type Generation, PermanentError, type Spoken, type Stretch } from '@reelfleet/core';
import { type Part, partsOf } from './topics.ts';
import { type Unit, unitsOf } from './words.ts';
import { type Speech, speechOf, threadsOf, titleOf, worthOf } from './worth.ts';

/** The model it writes down. */
export const BUILTIN = 'builtin';

/** Where a bound is open: a moment of less says little, one of more is a talk. */
const SENSIBLE = { least: 15, most: 120 };

export function findMoments({ spoken, generation }: { spoken: Spoken; generation: Generation }): FoundMoment[] {
  isMine(generation.model);
  const units = unitsOf(spoken);
  const speech = speechOf(units);
  const most = generation.maxMomentLength ?? Math.max(SENSIBLE.most, generation.minMomentLength ?? 0);
  const least = generation.minMomentLength ?? Math.min(SENSIBLE.least, most);
  const found = partsOf(units, { least, most }).map((part) => stretchOf(speech, part));
  const best = found.filter(({ importance }) => importance > 0).sort((a, b) => b.importance - a.importance);
  // Without a bound half of a speech is still a choice, all of it is none.
  const wanted = generation.maxMoments ?? Math.max(generation.minMoments ?? 1, Math.ceil(best.length / 2));
  return best.slice(0, wanted);
}

function stretchOf(speech: Speech, part: Part) {
  const first = speech.units[part.from] as Unit;
  const last = speech.units[part.to - 1] as Unit;
  return {
    title: titleOf(speech, part),
    start: first.start,
    end: last.end,
    importance: worthOf(speech, part),
  } satisfies FoundMoment;
}

export function scoreMoments(request: { spoken: Spoken; moments: readonly Stretch[]; model: string }): number[] {
  isMine(request.model);
  const speech = speechOf(unitsOf(request.spoken));
  return request.moments.map((moment) => {
    const part = partIn(speech.units, moment);
    return part ? Math.round(worthOf(speech, part)) : 0;
  });
}

/** Leaves out what has nothing to do with the rest at either end, as far as the length allows. */
export function refineMoments(request: {
  spoken: Spoken;
  moments: readonly Stretch[];
  generation: Generation;
}): (Stretch | null)[] {
  isMine(request.generation.model);
  const speech = speechOf(unitsOf(request.spoken));
  return request.moments.map((moment) => {
    const part = partIn(speech.units, moment);
    if (!part) return null;
    const least = request.generation.minMomentLength ?? (moment.end - moment.start) / 2;
    const core = trimmed(speech, part, least);
    const { title, start, end } = stretchOf(speech, core);
    return core.from === part.from && core.to === part.to && title === moment.title ? null : { title, start, end };
  });
}

/** The units that lie in a stretch by at least half of themselves. */
function partIn(units: readonly Unit[], { start, end }: Stretch): Part | null {
  const within = (unit: Unit) => {
    const shared = Math.min(end, unit.end) - Math.max(start, unit.start);
    return shared > 0 && shared * 2 >= unit.end - unit.start;
  };
  const from = units.findIndex(within);
  return from < 0 ? null : { from, to: units.findLastIndex(within) + 1 };
}

function trimmed(speech: Speech, part: Part, least: number): Part {
  const inside = speech.units.slice(part.from, part.to);
  const threads = threadsOf(
    speech,
    inside.flatMap(({ tokens }) => tokens),
  );
  // A word that only one other unit has may be there by chance.
  const ties = [...threads].filter(
    (thread) => inside.filter(({ tokens }) => tokens.some(({ stem }) => stem === thread)).length > 2,
  );
  const strays = (at: number) => !(speech.units[at] as Unit).tokens.some(({ stem }) => ties.includes(stem));
  const seconds = ({ from, to }: Part) => (speech.units[to - 1] as Unit).end - (speech.units[from] as Unit).start;
  let core = part;
  for (;;) {
    const later = { from: core.from + 1, to: core.to };
    const earlier = { from: core.from, to: core.to - 1 };
    if (core.to - core.from > 1 && strays(core.from) && seconds(later) >= least) core = later;
    else if (core.to - core.from > 1 && strays(core.to - 1) && seconds(earlier) >= least) core = earlier;
    else return core;
  }
}

function isMine(model: string): void {
  if (model === BUILTIN) return;
  throw new PermanentError(
    `this order asks model "${model}", but this worker has only the built-in language provider: set LANGUAGE_PROVIDER=openai for its workers, or order without a model`,
    { code: 'other-model' },
  );
}
