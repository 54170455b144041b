/**
 * What Postgres understood of the words of a search, read from its own notation: which part of it the index can answer, and
 * which words are to be marked where they are said. Pure.
 */

export interface ReadQuery {
  /** All of it, as a tsquery. */
  query: string;
  /** What an index without positions can answer: the words, side by side or not. Matches at least as much as `query`. */
  indexed: string;
  /** `query` without what must not be there. */
  wanted: string;
  /** Any of the words that are wanted. */
  any: string;
  /**
   * A regular expression that texts with these words match: the beginnings of the stems. It may match more; where it matches
   * less (a stem that differs from its word at the beginning) whoever uses it has to look again without it.
   */
  hint: string;
  /** Put around what is marked: characters of the private use area, which nobody says. */
  marks: readonly [string, string];
}

/** `'machin' <-> 'learn' & !'deep'`: words in quotes, in which a quote and a backslash stand twice. */
const TOKEN = /'(?:[^'\\]|''|\\.)*'|<(?:-|\d+)>|[^'<]+|</gs;

/**
 * Reads the text of a tsquery and its indexable part (`querytree`): null when there is none, so for words that are all too
 * common to be kept (the, of), for none at all, and for those that only say what must not be there.
 */
export function readQuery(query: string, tree: string): ReadQuery | null {
  const tokens = tree.match(TOKEN) ?? [];
  const words = [...new Set(tokens.filter((token) => token.startsWith("'")))];
  if (words.length === 0) return null;
  const indexed = tokens.map((token) => (/^<(?:-|\d+)>$/.test(token) ? '&' : token)).join('');
  return {
    query,
    indexed,
    wanted: tree,
    any: words.join(' | '),
    hint: words.map((word) => beginning(word.slice(1, -1).replace(/''/g, "'").replace(/\\(.)/gs, '$1'))).join('|'),
    marks: ['\uE000', '\uE001'],
  };
}

/** Stemming may turn the last letter into another one (happy, happi); what is before it stays. */
function beginning(stem: string): string {
  const letters = [...stem];
  const kept = letters.length > 2 ? letters.slice(0, -1) : letters;
  return kept.join('').replace(/[^\p{L}\p{N}]/gu, '\\$&');
}
