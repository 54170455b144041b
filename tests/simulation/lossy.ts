/**
 * A worker's connection whose next write loses its answer, or never arrives. The loss is what the ledger's client
 * reports when a connection dies (OutcomeUnknown), so the real read-back follows; here it waits at a gate until the
 * schedule says that the worker gets to it, and anything may happen to the task in between.
 */
import { Database, OutcomeUnknown, type Param, Transient } from '@reelfleet/db';
import type { Fate } from './commands.ts';

export class LossyDatabase extends Database {
  /** Statements that Postgres gave up in favour of another one; a lock order would be broken. */
  readonly collisions: string[] = [];
  #fate: Fate = 'answered';
  #lost = Promise.withResolvers<void>();
  #atGate = Promise.withResolvers<void>();
  #gate: PromiseWithResolvers<void> | null = null;

  /** The next call meets this fate. Resolves when it has. */
  lose(fate: Fate): Promise<void> {
    this.#fate = fate;
    this.#lost = Promise.withResolvers();
    this.#atGate = Promise.withResolvers();
    return this.#lost.promise;
  }

  /** Resolves when whoever lost an answer stands at the gate to ask what happened. */
  get asking(): Promise<void> {
    return this.#atGate.promise;
  }

  /** Lets it ask; with an error it dies there instead. */
  open(error?: Error): void {
    if (error) this.#gate?.reject(error);
    else this.#gate?.resolve();
    this.#gate = null;
  }

  override async call<T>(name: string, ...params: Param[]): Promise<T> {
    const fate = this.#fate;
    this.#fate = 'answered';
    if (fate !== 'answered') {
      this.#gate = Promise.withResolvers();
      this.#gate.promise.catch(() => {});
      if (fate === 'reply lost') await this.#noting(super.call(name, ...params));
      this.#lost.resolve();
      throw new OutcomeUnknown(`the simulation lost it: ${fate}`);
    }
    if (this.#gate) {
      this.#atGate.resolve();
      await this.#gate.promise;
    }
    return this.#noting(super.call<T>(name, ...params));
  }

  async #noting<T>(call: Promise<T>): Promise<T> {
    try {
      return await call;
    } catch (error) {
      if (error instanceof Transient) this.collisions.push(error.message);
      throw error;
    }
  }
}
