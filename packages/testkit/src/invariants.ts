/**
 * The sentences about the database that must hold at every quiet moment: a file of queries, each of which returns no
 * row in a healthy database. Tests run them after every fault.
 */
import { readFileSync } from 'node:fs';
import pg from 'pg';

export interface Invariant {
  /** The comment above it. */
  readonly heading: string;
  readonly sql: string;
  /** It holds only when nothing is going on: its heading says "quiet moment". */
  readonly quiet: boolean;
}

export interface Violation {
  readonly heading: string;
  /** The row as the query gave it; its first column names the invariant. */
  readonly row: readonly unknown[];
}

/** Splits a file into its statements, each with the comment it stands under. Exported for its test. */
export function parseInvariants(text: string): Invariant[] {
  const found: Invariant[] = [];
  let heading = '';
  let sql = '';
  let comment = '';
  let afterStatement = false;
  // Comments, quoted texts and names whole, so that a semicolon inside of them ends nothing.
  for (const [token] of text.matchAll(/--[^\n]*|'(?:[^']|'')*'|"(?:[^"]|"")*"|;|[^;'"-]+|-/g)) {
    if (token.startsWith('--')) {
      // One at the end of a statement's line speaks of that statement, not of the next.
      if (sql.trim() === '' && !afterStatement) comment = `${comment} ${token.slice(2).trim()}`.trim();
    } else if (token === ';') {
      if (sql.trim() !== '') {
        if (comment !== '') heading = comment;
        found.push({ heading, sql: sql.trim(), quiet: /quiet moment/.test(heading) });
      }
      sql = '';
      comment = '';
      afterStatement = true;
    } else {
      if (token.includes('\n')) afterStatement = false;
      sql += token;
      // A blank line after a comment ends what it is about (the head of the file).
      if (sql.trim() === '' && /\n\s*\n/.test(token)) comment = '';
    }
  }
  if (sql.trim() !== '') throw new Error(`the last statement has no semicolon: ${sql.trim().slice(0, 60)}`);
  return found;
}

/** Runs every statement of `file` on the database at `url` and returns the rows found; `quiet: false` leaves out those for quiet moments. */
export async function brokenInvariants(
  url: string,
  file: string,
  { quiet = true }: { quiet?: boolean } = {},
): Promise<Violation[]> {
  const invariants = parseInvariants(readFileSync(file, 'utf8')).filter((one) => quiet || !one.quiet);
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  try {
    const violations: Violation[] = [];
    // One snapshot for all: work that goes on meanwhile must not look like a contradiction between two of them.
    await client.query('begin isolation level repeatable read read only');
    for (const { heading, sql } of invariants) {
      // Rows as arrays: the columns are not named apart.
      const result = await client.query({ text: sql, rowMode: 'array' });
      for (const row of result.rows) violations.push({ heading, row });
    }
    await client.query('commit');
    return violations;
  } finally {
    await client.end();
  }
}
