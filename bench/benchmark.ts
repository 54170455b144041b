/**
 * What a benchmark is: a module of this folder that exports `benchmark`. It opens what it measures itself, measures both
 * sides in one run on one machine, closes everything, and answers with tables for people and facts for programs. It
 * prints nothing but lines of progress through `say`; bench/main.ts prints, writes and judges.
 */

export interface BenchmarkOptions {
  /** Ten seconds at most, to see that it works: the figures mean nothing. */
  readonly short: boolean;
  /** Measure these contenders only, for a closer look: goals are not judged, nothing is written. */
  readonly only?: readonly string[];
  /** One round of so many jobs or samples per contender, likewise. */
  readonly count?: number;
  /** A line of progress. */
  say(line: string): void;
}

export type Cell = string | number | null;

export interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  /** Null: could not be measured here. */
  readonly rows: readonly (readonly Cell[])[];
}

/** `met` null: could not be judged here, and `got` says why. */
export interface Goal {
  readonly goal: string;
  readonly got: string;
  readonly met: boolean | null;
}

export interface Report {
  readonly tables: readonly Table[];
  readonly goals: readonly Goal[];
  /** Everything measured, for the JSON file. */
  readonly facts: Readonly<Record<string, unknown>>;
  /** What a reader needs to know before believing the numbers: what was left out here, and why. */
  readonly notes?: readonly string[];
}

export interface Benchmark {
  readonly name: string;
  /** What it answers, in one sentence. */
  readonly question: string;
  /** What we want it to answer, one sentence each. */
  readonly goals: readonly string[];
  run(options: BenchmarkOptions): Promise<Report>;
}

/** A goal with a number: met when `value` is at least, or at most, `wanted`. A missing value cannot be judged. */
export function judge(
  goal: string,
  value: number | null | undefined,
  wanted: { atLeast: number } | { atMost: number },
  show: (value: number) => string = (number) => number.toFixed(2),
): Goal {
  if (value === null || value === undefined || Number.isNaN(value))
    return { goal, got: 'not measured here', met: null };
  const met = 'atLeast' in wanted ? value >= wanted.atLeast : value <= wanted.atMost;
  return { goal, got: show(value), met };
}
