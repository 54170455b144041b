/** How the parts of an order are checked, and what is said when they are wrong: one sentence, for the operator. Pure. */
import { UserError } from '@reelfleet/core';
import type { z } from 'zod';

/** What is wrong with what the operator gave. */
export const wrong = (sentence: string): UserError => new UserError(sentence, { exitCode: 2 });

/** The first thing zod found, in one sentence. */
export function firstProblem(error: z.ZodError, what: string): string {
  const issue = error.issues[0];
  const path = issue?.path.join('.') ?? '';
  if (issue?.code === 'unrecognized_keys')
    return `${what} has ${issue.keys.map((key) => `"${key}"`).join(' and ')}, which it does not take: leave it out`;
  return `${what} is wrong${path ? ` at "${path}"` : ''}: ${lowerFirst(issue?.message ?? 'it does not fit')}`;
}

const lowerFirst = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1);

/** A name that fits on one line. */
export function line(where: string, field: string, value: string, most: number): string {
  const plain = value.trim();
  if (plain === '') throw wrong(`${where}${field} is empty: write something, or leave it out where it may be`);
  if (/\p{Cc}|\p{Cs}|[\u2028\u2029]/u.test(plain))
    throw wrong(`${where}${field} holds a line break or a control character: write it on one line`);
  // As Postgres counts: characters, not UTF-16 units.
  const length = [...plain].length;
  if (length > most) throw wrong(`${where}${field} has ${length} characters: it may have ${most}`);
  return plain;
}

export function whole(where: string, field: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw wrong(`${where}${field} is ${value}: it takes a whole number from ${least} to ${most}`);
}

/** Does the work; a sentence that it throws begins with which order it is about. */
export function within<T>(where: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (where === '' || !(error instanceof UserError)) throw error;
    throw new UserError(where + error.message, { exitCode: error.exitCode, kind: error.kind, cause: error });
  }
}
