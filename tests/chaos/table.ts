/** What is said at the end: one row per fault, and how to see the same again. Pure. */
import Table from 'cli-table3';
import type { Outcome } from './fault.ts';
import { MIX, type Wishes } from './schedule.ts';

/** How one turn went. */
export type Result =
  | { kind: 'held'; outcome: Outcome }
  | { kind: 'broken'; outcome: Outcome; why: readonly string[] }
  | { kind: 'missing'; why: string };

export interface Told {
  readonly number: number;
  readonly name: string;
  readonly tookMs: number;
  readonly result: Result;
}

/** `3 kills, points: after-claim, mid-work`: numbers of several turns are added, words listed once. */
export function addUp(outcomes: readonly Outcome[]): string {
  const sums = new Map<string, number>();
  const words = new Map<string, Set<string>>();
  for (const [key, value] of outcomes.flatMap((outcome) => Object.entries(outcome))) {
    if (typeof value === 'number') sums.set(key, (sums.get(key) ?? 0) + value);
    else words.set(key, (words.get(key) ?? new Set()).add(value));
  }
  return [
    ...[...sums].map(([key, sum]) => `${key} ${Math.round(sum * 100) / 100}`),
    ...[...words].map(([key, found]) => `${key}: ${[...found].join(', ')}`),
  ].join('; ');
}

/** The table of faults and their outcomes. */
export function resultTable(told: readonly Told[], width = 120): string {
  const plain = { head: [], border: [] };
  const columns = [4, 30, 6, 22];
  const table = new Table({
    head: ['', 'fault', 'ran', 'result', 'seen'],
    style: plain,
    wordWrap: true,
    colWidths: [...columns, Math.max(30, width - columns.reduce((sum, column) => sum + column, 0) - 6)],
  });
  for (const [, turns] of [...Map.groupBy(told, rowOf)].sort(
    ([, [a]], [, [b]]) => (a?.number ?? 0) - (b?.number ?? 0),
  )) {
    const number = turns[0]?.number ?? 0;
    const results = turns.map(({ result }) => result);
    const broken = results.flatMap((result) => (result.kind === 'broken' ? result.why : []));
    const lacking = results.flatMap((result) => (result.kind === 'missing' ? [result.why] : []));
    const ran = results.length - lacking.length;
    const seconds = Math.max(...turns.map(({ tookMs }) => tookMs)) / 1_000;
    const verdict = broken.length > 0 ? 'BROKEN' : ran > 0 ? `held (${seconds.toFixed(0)} s)` : 'could not run here';
    const seen = [
      ...broken,
      ...new Set(lacking),
      addUp(results.flatMap((result) => (result.kind === 'missing' ? [] : [result.outcome]))),
    ];
    const name = number === MIX ? 'several at once' : (turns[0]?.name ?? '');
    table.push([String(number), name, String(ran), verdict, seen.filter((text) => text !== '').join('\n')]);
  }
  return table.toString();
}

/** Turns of one fault are one row; so are all mixes. */
const rowOf = ({ number, name }: Told): string => (number === MIX ? '' : `${number} ${name}`);

/** The lease of the load's workers unless one is asked for. */
export const USUAL_LEASE_MS = 3_000;

/** The command that does the same again. */
export function repeatCommand({ seed, minutes, only, leaseMs }: Wishes & { readonly leaseMs: number }): string {
  const words = [`--seed ${seed}`];
  if (minutes !== null) words.push(`--minutes ${minutes}`);
  if (only !== null) words.push(`--only ${only.join(',')}`);
  if (leaseMs !== USUAL_LEASE_MS) words.push(`--lease ${leaseMs / 1_000}`);
  return `npm run chaos -- ${words.join(' ')}`;
}
