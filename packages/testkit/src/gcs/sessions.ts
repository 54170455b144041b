/** Resumable uploads on their way: what each was told, and how much of it the store has kept. */
import { randomUUID } from 'node:crypto';
import { truncate, writeFile } from 'node:fs/promises';
import type { StoredFacts, Wish } from './objects.ts';

export class Session {
  readonly id = randomUUID();
  readonly wish: Wish;
  readonly ifGenerationMatch: string | null;
  readonly path: string;
  /** What became of it, when it has ended well. */
  object: StoredFacts | null = null;
  kept = 0;
  private turn: { stop: AbortController; over: Promise<void> } | null = null;

  constructor(wish: Wish, ifGenerationMatch: string | null, folder: string) {
    this.wish = wish;
    this.ifGenerationMatch = ifGenerationMatch;
    this.path = `${folder}/${this.id}`;
  }

  async begin(): Promise<void> {
    await writeFile(this.path, '');
  }

  /** Runs `work` alone: a request that is still being read, by a client that has given it up, is ended first. */
  async exclusively(work: (stop: AbortSignal) => Promise<void>): Promise<void> {
    while (this.turn) {
      this.turn.stop.abort();
      await this.turn.over;
    }
    const stop = new AbortController();
    const over = work(stop.signal).finally(() => {
      this.turn = null;
    });
    this.turn = { stop, over: over.catch(() => {}) };
    await over;
  }

  /** Loses all that it had kept. */
  async empty(): Promise<void> {
    this.kept = 0;
    await truncate(this.path, 0);
  }

  /** Keeps what came, in whole units of `granule` when it did not come to its end. */
  async keep(received: number, whole: boolean, granule: number): Promise<void> {
    const there = this.kept + received;
    this.kept = whole ? there : Math.max(this.kept, there - (there % granule));
    await truncate(this.path, this.kept);
  }
}
