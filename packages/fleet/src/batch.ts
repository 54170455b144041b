/**
 * Micro-batching: calls that arrive while one is under way share the next one. A lone call goes out at once (after the
 * current turn of the event loop), so batching costs latency only where it saves statements.
 */
export interface Batcher<I, O> {
  add(item: I): Promise<O>;
}

/** `run` answers in the order of its items. `inFlight` calls may be under way at once. */
export function batcher<I, O>(
  run: (items: I[]) => Promise<O[]>,
  limits: { maxItems: number; inFlight: number },
): Batcher<I, O> {
  let waiting: { item: I; resolve(value: O): void; reject(error: unknown): void }[] = [];
  let flying = 0;
  let scheduled = false;

  function schedule(): void {
    if (scheduled || flying >= limits.inFlight || waiting.length === 0) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      void flush();
      schedule();
    });
  }

  async function flush(): Promise<void> {
    const part = waiting.slice(0, limits.maxItems);
    if (part.length === 0) return;
    waiting = waiting.slice(part.length);
    flying += 1;
    try {
      const answers = await run(part.map((entry) => entry.item));
      part.forEach((entry, index) => {
        entry.resolve(answers[index] as O);
      });
    } catch (error) {
      for (const entry of part) entry.reject(error);
    } finally {
      flying -= 1;
      schedule();
    }
  }

  return {
    add: (item) =>
      new Promise<O>((resolve, reject) => {
        waiting.push({ item, resolve, reject });
        schedule();
      }),
  };
}
