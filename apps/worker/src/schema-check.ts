/** A process works only on the schema it was written for; anything else is one sentence at start. */
import { UserError } from '@reelfleet/core';
import { type Database, inWords, schemaVersion } from '@reelfleet/db';

/** Throws UserError (`exitCode` as given) unless the database is at exactly the schema of this code; 1 when it cannot be reached. */
export async function assertSchema(db: Database, exitCode: 1 | 2): Promise<void> {
  const expected = schemaVersion();
  let found: string;
  try {
    found = await db.call<string>('schema_version');
  } catch (error) {
    if (['3F000', '42883'].includes(codeOf(error))) {
      throw new UserError('this database has no Reelfleet schema: run "reelfleet migrate" first', {
        cause: error,
        exitCode,
      });
    }
    throw inWords(error);
  }
  if (found !== expected) {
    const newer = numberOf(found) > numberOf(expected);
    const cure = newer ? 'update this Reelfleet' : 'run "reelfleet migrate", then start the workers again';
    throw new UserError(
      `this database is at schema ${found}, ${newer ? 'newer than' : 'and'} this Reelfleet ${newer ? 'with' : 'needs'} ${expected}: ${cure}`,
      { exitCode },
    );
  }
}

/** Versions begin with the number of the last migration: `0002-3fa9c2d1`. */
const numberOf = (version: string): number => Number.parseInt(version, 10) || 0;

/** The SQLSTATE, however the client sorted the error. */
function codeOf(error: unknown): string {
  const { code, cause } = error as { code?: string; cause?: { code?: string } };
  return code ?? cause?.code ?? '';
}
