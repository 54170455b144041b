/**
 * The JSON that an order hands to a stage, looked at as a whole: what the database cannot keep is refused for everybody,
 * and what names a file is found, so that orders from outside may be held to the files of our own store. Pure.
 */

const DEEPEST = 100;
const MOST_VALUES = 100_000;
const SHOWN = 120;

/** Schemes by which a stage would open a file of its machine, or an object of a bucket with its own rights. */
const STORED = new Set(['file:', 'gs:', 's3:']);

export interface InputFacts {
  /** Why it cannot be kept, as the end of a sentence, or null when it can. */
  problem: string | null;
  /** Every address in it that names a stored file, as it was written. */
  addresses: string[];
}

/** Walks without recursion: what came from outside may be nested deeper than a call stack. */
export function lookAtInput(input: unknown): InputFacts {
  const addresses = new Set<string>();
  const open: { value: unknown; depth: number }[] = [{ value: input, depth: 0 }];
  let seen = 0;
  const problem = (text: string): InputFacts => ({ problem: text, addresses: [] });
  for (let next = open.pop(); next; next = open.pop()) {
    const { value, depth } = next;
    seen += 1;
    if (seen > MOST_VALUES) return problem(`it has more than ${MOST_VALUES} values`);
    if (depth > DEEPEST) return problem(`it is nested deeper than ${DEEPEST} levels`);
    if (typeof value === 'string') {
      if (value.includes('\0') || !value.isWellFormed())
        return problem(`${shown(value)} holds a character that cannot be stored (NUL, or half of a pair)`);
      if (STORED.has(schemeOf(value))) addresses.add(value);
    } else if (typeof value === 'object' && value !== null) {
      for (const [key, inner] of Object.entries(value)) {
        open.push({ value: inner, depth: depth + 1 });
        if (!Array.isArray(value)) open.push({ value: key, depth: depth + 1 });
      }
    }
  }
  return { problem: null, addresses: [...addresses] };
}

/** The scheme as a parser of addresses sees it: `\tFILE:` and `fi\nle:` are `file:` to it. */
function schemeOf(text: string): string {
  return URL.parse(text)?.protocol ?? '';
}

/** As it may stand in a sentence. */
export const shown = (text: string): string => JSON.stringify(text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text);
