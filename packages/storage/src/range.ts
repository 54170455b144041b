/** Parts of objects, as every driver takes them. Pure. */
import { PermanentError } from '@reelfleet/core';

/** Throws {@link PermanentError} (code `bad-range`) for a part that no object can have. */
export function checkRange(uri: string, start: number, endExclusive: number | undefined): void {
  if (isOffset(start) && (endExclusive === undefined || (isOffset(endExclusive) && endExclusive >= start))) return;
  throw new PermanentError(`cannot read bytes ${start} to ${endExclusive} of ${uri}: not a range`, {
    code: 'bad-range',
  });
}

function isOffset(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
