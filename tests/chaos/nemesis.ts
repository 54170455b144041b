/**
 * Carries out the plan: one turn after the other, and after each the proof that the fleet works again, that the ledger
 * is sound and that no program was left alone. What a fault breaks is written down with its turn, and the next begins.
 */
import { fileURLToPath } from 'node:url';
import { messageOf } from '@reelfleet/core';
import { brokenInvariants, until } from '@reelfleet/testkit';
import { programs } from './census.ts';
import { chanceOf } from './chance.ts';
import { BrokenPromise, type Fault, type Outcome } from './fault.ts';
import type { Turn } from './schedule.ts';
import { partOf } from './share.ts';
import type { Result, Told } from './table.ts';
import type { OpenYard } from './yard.ts';

export const invariants = fileURLToPath(new URL('../invariants.sql', import.meta.url));

const WORKS_TASKS = 4;
const WORKS_MS = 45_000;
/** Longer than ffmpeg has between SIGTERM and SIGKILL. */
const STRAY_MS = 10_000;

export interface NemesisOptions {
  readonly yard: OpenYard;
  readonly turns: readonly Turn[];
  readonly faults: readonly Fault[];
  /** Ctrl-C: the fault at work heals, and no more begin. */
  readonly signal: AbortSignal;
  say(line: string): void;
}

export async function runNemesis({ yard, turns, faults, signal, say }: NemesisOptions): Promise<Told[]> {
  const told: Told[] = [];
  const known = new Map(faults.map((fault) => [fault.name, fault]));
  for (const [index, turn] of turns.entries()) {
    if (signal.aborted) break;
    const atWork = turn.faults.map((name) => known.get(name) as Fault);
    const name = atWork.map((fault) => fault.name).join(' + ');
    const label = `${String(index + 1).padStart(2)}/${turns.length} fault ${turn.number}${turn.faults.length > 1 ? ` (${atWork.map((fault) => fault.number).join(', ')})` : ''}`;
    say(`${label}: ${name}`);
    const startedAt = performance.now();
    const result = await oneTurn(yard, turn, atWork, signal);
    if (signal.aborted) break;
    const tookMs = performance.now() - startedAt;
    told.push({ number: turn.number, name, tookMs, result });
    say(`${label}: ${spoken(result)} after ${(tookMs / 1_000).toFixed(1)} s`);
  }
  return told;
}

const spoken = (result: Result): string =>
  result.kind === 'held'
    ? 'held'
    : result.kind === 'missing'
      ? `could not run here: ${result.why}`
      : `BROKEN: ${result.why.join(' · ')}`;

async function oneTurn(yard: OpenYard, turn: Turn, atWork: readonly Fault[], signal: AbortSignal): Promise<Result> {
  const lacking = await Promise.all(atWork.map(async (fault) => (await fault.missing?.()) ?? null));
  const able = atWork.filter((_fault, index) => lacking[index] === null);
  if (able.length === 0) return { kind: 'missing', why: lacking.filter((why) => why !== null).join('; ') };

  const why: string[] = [];
  const outcomes = await Promise.all(
    able.map(async (fault, part): Promise<Outcome> => {
      try {
        return await withLimit(fault, partOf(yard, part, able.length), chanceOf(turn.seed, fault.number), signal);
      } catch (error) {
        why.push(`${able.length > 1 ? `${fault.number}: ` : ''}${sentence(error)}`);
        return {};
      }
    }),
  );
  if (!signal.aborted) why.push(...(await afterwards(yard)));
  const outcome: Outcome = Object.assign({}, ...outcomes);
  return why.length > 0 ? { kind: 'broken', outcome, why } : { kind: 'held', outcome };
}

/** A fault that does not come to its end is told to, and counts as broken: what it waited for did not happen. */
async function withLimit(
  fault: Fault,
  yard: OpenYard | Parameters<Fault['run']>[0],
  chance: Parameters<Fault['run']>[1],
  signal: AbortSignal,
): Promise<Outcome> {
  const late = new AbortController();
  const limitMs = fault.takesMs * 1.5;
  const timer = setTimeout(() => late.abort(), limitMs);
  try {
    const outcome = await fault.run(yard, chance, AbortSignal.any([signal, late.signal]));
    if (late.signal.aborted)
      throw new BrokenPromise(`it had not come to its end after ${Math.round(limitMs / 1_000)} s`);
    return outcome;
  } finally {
    clearTimeout(timer);
  }
}

/** What holds after every fault, while the load goes on. */
async function afterwards(yard: OpenYard): Promise<string[]> {
  const why: string[] = [];
  const lost = await yard.refill();
  if (lost.length > 0) why.push(`${lost.join(', ')} had ended, and no fault had put another in the place`);
  await yard.works(WORKS_TASKS, WORKS_MS).catch((error) => why.push(sentence(error)));
  const violations = await brokenInvariants(yard.postgres.url, invariants, { quiet: false });
  why.push(...violations.slice(0, 5).map(({ row }) => `invariant ${row.map(String).join(' | ')}`));
  why.push(...(await strayPrograms(yard)));
  return why;
}

/** Programs that still run though nobody has the lease they were started under. */
export async function strayPrograms(yard: OpenYard): Promise<string[]> {
  const strays = async () => {
    const found = programs(yard.settings.REELFLEET_SCRATCH as string);
    if (found.length === 0) return [];
    const rows = await yard.db.query<{ id: string; version: number }>(
      `select id, state_version as version from tasks where status = 'running'`,
    );
    const leased = new Set(rows.map(({ id, version }) => `${id}-${version}`));
    return found.filter(({ taskId, version }) => !leased.has(`${taskId}-${version}`));
  };
  const suspects = (await strays()).map(({ pid }) => pid);
  if (suspects.length === 0) return [];
  let left: Awaited<ReturnType<typeof strays>> = [];
  await until(
    async () => {
      left = (await strays()).filter(({ pid }) => suspects.includes(pid));
      return left.length === 0;
    },
    { what: 'programs without a lease to end', timeoutMs: STRAY_MS, everyMs: 200 },
  ).catch(() => {});
  return left.map(({ pid, command }) => `process ${pid} works without a lease: ${command.slice(0, 100)}`);
}

/** A broken promise is its message; anything else is a fault of the suite and says where. */
function sentence(error: unknown): string {
  if (error instanceof BrokenPromise) return error.message;
  return error instanceof Error ? `${error.name}: ${messageOf(error)} (${firstFrame(error)})` : String(error);
}
const firstFrame = (error: Error): string =>
  error.stack
    ?.split('\n')
    .find((line) => line.includes('/chaos/'))
    ?.trim() ?? 'no frame';
