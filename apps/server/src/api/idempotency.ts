/** The `Idempotency-Key` header, which says the same as `key` in an order. */
import { z } from 'zod';
import { Problem } from '../problem.ts';

/** Quoted, as its draft standard has it, or plain, as most send it. */
export const keyHeader = z
  .string()
  .transform((key) => /^"(.*)"$/s.exec(key)?.[1] ?? key)
  .optional()
  .describe('The same as `key` in the order');

/** The key of an order that may name it in two places. Throws a Problem when these differ. */
export function keyOf(header: string | undefined, given: string | undefined): { key?: string } {
  if (header !== undefined && given !== undefined && header !== given)
    throw new Problem(400, 'the Idempotency-Key header and "key" in the order differ: send one of them');
  const key = given ?? header;
  return key === undefined ? {} : { key };
}
