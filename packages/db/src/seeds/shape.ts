/**
 * How the five documents Reelfleet was asked for are written down as data: every table, column, default, constraint,
 * index and cascade as its document has it, each with its fate. `seeds.test.ts` compares them with a migrated database.
 */

/** What a column promises, apart from its name. `check` covers CHECK expressions and word lists. */
export type Facet = 'type' | 'null' | 'default' | 'unique' | 'fk' | 'check';

/** `Decided:` and the first cell of a row in docs/adr/0002-one-schema.md. */
export type Reason = `Decided: ${string}`;

/** Kept as it is, kept in another place or under another name, kept with some facets decided otherwise, or not kept. */
export type Fate =
  | 'same'
  | { renamed: string; except?: Facet[]; because?: Reason }
  | { except: Facet[]; because: Reason }
  | { dropped: Reason };

export interface SeedTable {
  /** The table that took its place; its own name when left out. */
  to?: string;
  /** Column → its definition as SQL (`varchar(20) not null default 'x' references t on delete cascade`), its fate, the words it may hold. */
  columns: Record<string, [definition: string, fate: Fate, words?: string[]]>;
  /** Table constraints; `fate` by default `same`. */
  unique?: { columns: string[]; primary?: boolean; fate?: Fate }[];
  /** `now` is what a check decided otherwise has become. */
  checks?: { expression: string; now?: string; fate?: Fate }[];
  indexes?: Record<string, SeedIndex>;
}

export interface SeedIndex {
  /** Columns or expressions, under the names they have now. */
  on: string[];
  unique?: boolean;
  where?: string;
  /** What the predicate has become where that was decided otherwise. */
  whereNow?: string;
  using?: 'gin';
  /** What kind of index it has become where that was decided otherwise. */
  usingNow?: 'brin';
  desc?: boolean;
  fate?: Fate;
}

export interface Seed {
  document: string;
  enums?: Record<string, string[]>;
  tables: Record<string, SeedTable>;
}

// Reasons that many columns share.
export const NAMES = 'Decided: house names: one word per thing';
export const SECONDS = 'Decided: seconds as int (000), numeric (002) or float (003, 004)';
export const BYTES = 'Decided: KB (003) or bytes';
export const ONE_LEDGER = 'Decided: job tables per stage (002, 004) or generic tasks (001)';
export const TWO_MEANINGS = 'Decided: one `videos.status`, two meanings (000 editorial, 004 technical)';
export const FIRST_VERSION = 'Decided: `state_version` starts at 1 (000) or 0 (001)';
export const STRICTER = 'Decided: two seeds disagree on NOT NULL';
export const WIDTH = 'Decided: TEXT in one seed, a width in another';
export const NOT_PROBED = 'Decided: what a video is like before it is probed';
export const NO_INDEX = 'Decided: indexes on `claim_expires_at` (004), `tasks.status`, `tasks.state_version` (001)';
export const HOT_RUNS = 'Decided: indexes on the status and start of runs (003)';
export const HOT_WORKERS = 'Decided: index on the last beat of a worker (004)';
export const NO_VIDEO = 'Decided: index on the video of a job (004)';
export const RUN_NULLS = 'Decided: runs that have no video, no config or no start yet';
export const JSON_TEXT = 'Decided: JSON in TEXT (004 workers)';
export const IDS = 'Decided: ids';
