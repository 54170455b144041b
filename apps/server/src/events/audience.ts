/** Who watches what: those who have come and wait to be welcomed, those who watch one run, those who watch all. */
import type { EventStream } from './stream.ts';

export interface Watcher {
  /** Null: all runs. */
  readonly runId: string | null;
  /** The id of the last event it has, when it has been here before. */
  readonly cursor: number | null;
  readonly stream: EventStream;
}

export class Audience {
  readonly #waiting = new Map<Watcher, number | null>();
  readonly #all = new Set<Watcher>();
  /** By run, each with the id up to which it has everything. */
  readonly #byRun = new Map<string, Map<Watcher, number>>();
  readonly #everybody = new Set<Watcher>();

  get size(): number {
    return this.#everybody.size;
  }
  get waiting(): number {
    return this.#waiting.size;
  }
  get watchesAll(): boolean {
    return this.#all.size > 0;
  }
  watches(runId: string): boolean {
    return this.#byRun.has(runId);
  }
  runIds(): string[] {
    return [...this.#byRun.keys()];
  }

  enter(watcher: Watcher): void {
    this.#everybody.add(watcher);
    this.#waiting.set(watcher, watcher.cursor);
  }

  /** Up to `most` of those who wait, with their cursors. */
  coming(most: number): { watcher: Watcher; cursor: number | null }[] {
    return [...this.#waiting].slice(0, most).map(([watcher, cursor]) => ({ watcher, cursor }));
  }

  /** From now on it is sent what comes after `from`. Nothing, when it has left meanwhile. */
  seat(watcher: Watcher, from: number): void {
    if (!this.#waiting.delete(watcher)) return;
    if (watcher.runId === null) {
      this.#all.add(watcher);
      return;
    }
    const seats = this.#byRun.get(watcher.runId) ?? new Map<Watcher, number>();
    this.#byRun.set(watcher.runId, seats.set(watcher, from));
  }

  /** The trail is another one: all are welcomed anew, with cursors that no trail has. */
  startAgain(): void {
    this.#all.clear();
    this.#byRun.clear();
    for (const watcher of this.#everybody) this.#waiting.set(watcher, Number.POSITIVE_INFINITY);
  }

  leave(watcher: Watcher): void {
    this.#everybody.delete(watcher);
    this.#waiting.delete(watcher);
    this.#all.delete(watcher);
    if (watcher.runId === null) return;
    const seats = this.#byRun.get(watcher.runId);
    seats?.delete(watcher);
    if (seats?.size === 0) this.#byRun.delete(watcher.runId);
  }

  /** Send events of a run, in order of id, to those who watch it; returns them. Encoded once for all who have none yet. */
  toRun(runId: string, events: readonly { id: number; text: string }[]): Watcher[] {
    const seats = this.#byRun.get(runId);
    const first = events[0];
    if (seats === undefined || first === undefined) return [];
    const whole = Buffer.from(events.map(({ text }) => text).join(''));
    for (const [watcher, from] of seats) {
      // A cursor from another server may be ahead of this one.
      if (from < first.id) watcher.stream.write(whole);
      else for (const { id, text } of events) if (id > from) watcher.stream.write(text);
    }
    return [...seats.keys()];
  }

  toWatchersOfAll(bytes: Buffer): void {
    for (const watcher of this.#all) watcher.stream.write(bytes);
  }

  toAll(bytes: Buffer): void {
    for (const watcher of this.#everybody) watcher.stream.write(bytes);
  }

  endAll(): void {
    for (const watcher of this.#everybody) watcher.stream.end();
    for (const watcher of this.#everybody) this.leave(watcher);
  }
}
