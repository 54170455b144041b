/**
 * What the stream said while an answer of the REST interface was awaited. Such an answer may have been read before the
 * change the stream told of, so what was heard meanwhile is laid over it. News from before the question is in the answer,
 * and when the answer was the newer one after all, the change it knows of is still to be told.
 */
export class Heard<Row extends { id: string }> {
  readonly #waiting = new Set<Map<string, Row>>();

  hear(row: Row): void {
    for (const meanwhile of this.#waiting) meanwhile.set(row.id, row);
  }

  /** The answer, and what was heard since this was called, by id. */
  async during<T>(asked: Promise<T>): Promise<{ answer: T; meanwhile: ReadonlyMap<string, Row> }> {
    const meanwhile = new Map<string, Row>();
    this.#waiting.add(meanwhile);
    try {
      return { answer: await asked, meanwhile };
    } finally {
      this.#waiting.delete(meanwhile);
    }
  }
}
