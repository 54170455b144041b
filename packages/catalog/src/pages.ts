/**
 * Paging through lists. A cursor names the last row that was seen, so that rows which come or go meanwhile move nothing.
 * It is opaque to whoever holds it, and good for the list that gave it only.
 */
import { wrong } from './order-words.ts';
import { isUuid } from './references.ts';

const PAGE = 50;
const MOST = 200;

/** How many rows a page has. Throws UserError. */
export function pageLimit(asked: number | undefined): number {
  const limit = asked ?? PAGE;
  if (!Number.isInteger(limit) || limit < 1 || limit > MOST)
    throw wrong(`limit is ${limit}: it takes a whole number from 1 to ${MOST}`);
  return limit;
}

export interface Position {
  id: string;
  /** What the list is ordered by before the id, where it is. */
  group?: string;
}

/** Where to go on, or undefined at the beginning. Throws UserError for what this list never gave. */
export function positionOf(list: string, cursor: string | undefined): Position | undefined {
  if (cursor === undefined) return undefined;
  const [name, id, group] = Buffer.from(cursor, 'base64url').toString('utf8').split(' ');
  // Spelled as it was given: a cursor somebody shortened or put together is no cursor.
  if (name === list && id !== undefined && isUuid(id)) {
    const position = group === undefined ? { id } : { id, group };
    if (cursorAt(list, position) === cursor) return position;
  }
  throw wrong(
    `cursor is none that the list of ${list} gave: send the "next" of its last page, or leave it out to begin`,
  );
}

/** Whether that list gave such a cursor, for whoever checks before asking. */
export const isCursor =
  (list: string) =>
  (cursor: string): boolean => {
    try {
      positionOf(list, cursor);
      return true;
    } catch {
      return false;
    }
  };

function cursorAt(list: string, { id, group }: Position): string {
  return Buffer.from([list, id, ...(group === undefined ? [] : [group])].join(' ')).toString('base64url');
}

/** A page of `limit` from rows of which one more was read, and the cursor of the page after it. */
export function pageOf<T>(
  list: string,
  rows: readonly T[],
  limit: number,
  at: (row: T) => Position,
): { rows: T[]; next: string | null } {
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  return { rows: page, next: rows.length > limit && last !== undefined ? cursorAt(list, at(last)) : null };
}
