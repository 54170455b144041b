/**
 * The list of runs as it is known here: pages of the REST list with what the stream said since laid over them. Newest
 * first, as their ids are made in order of time. Pure; the page that owns one draws it.
 */
import type { RunRow } from './api.ts';

export interface RunsAnswer {
  runs: RunRow[];
  next: string | null;
}

const NOTHING: ReadonlyMap<string, RunRow> = new Map();

export class RunList {
  readonly status: string | null;
  #runs = new Map<string, RunRow>();
  #sorted: readonly RunRow[] | null = null;
  #next: string | null = null;

  constructor(status: string | null) {
    this.status = status;
  }

  /** Newest first. */
  get runs(): readonly RunRow[] {
    this.#sorted ??= [...this.#runs.values()].sort((a, b) => (a.id < b.id ? 1 : -1));
    return this.#sorted;
  }

  /** Where the next page begins; null when there is none. */
  get next(): string | null {
    return this.#next;
  }

  /**
   * The first page anew: what the stream may have missed, it has. Older runs that were loaded stay. `meanwhile` is what
   * the stream told since the page was asked for.
   */
  start({ runs, next }: RunsAnswer, meanwhile: ReadonlyMap<string, RunRow> = NOTHING): void {
    const oldest = runs.at(-1)?.id;
    const older = next === null || oldest === undefined ? [] : this.runs.filter((run) => run.id < oldest);
    this.#runs = new Map([...runs, ...older].map((run) => [run.id, run]));
    if (older.length === 0) this.#next = next;
    this.#sorted = null;
    for (const run of meanwhile.values()) this.put(run);
  }

  /** The page after the last one. */
  more({ runs, next }: RunsAnswer, meanwhile: ReadonlyMap<string, RunRow> = NOTHING): void {
    for (const run of runs) if (!this.#runs.has(run.id)) this.#runs.set(run.id, run);
    this.#next = next;
    this.#sorted = null;
    for (const run of meanwhile.values()) this.put(run);
  }

  /** A run as it is now. One that is older than what has been loaded waits for its page. */
  put(run: RunRow): void {
    const known = this.#runs.get(run.id);
    const fits = this.status === null || run.status === this.status;
    const oldest = this.runs.at(-1)?.id;
    const inView = known !== undefined || this.#next === null || (oldest !== undefined && run.id > oldest);
    if (!fits) this.#runs.delete(run.id);
    else if (inView) this.#runs.set(run.id, known === undefined ? run : { ...known, ...run });
    this.#sorted = null;
  }
}
