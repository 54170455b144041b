/**
 * Micro-batching: calls that arrive while one is under way share the next one. A lone call goes out at once (after the
 * current turn of the event loop), so batching costs latency only where it saves statements. One call at a time makes
 * the largest batches; a second one starts only when the first takes long, so that a slow statement (a lock, a large
 * fan-out, a lost connection) does not hold up everybody else.
 */
export interface Batcher<I, O> {
  add(item: I): Promise<O>;
}

export interface BatchLimits {
  maxItems: number;
  /** Calls under way at once, at most. */
  inFlight: number;
  /** A call that is under way for longer is no longer waited for. */
  patienceMs: number;
}

/** `run` answers in the order of its items. */
export function batcher<I, O>(run: (items: I[]) => Promise<O[]>, limits: BatchLimits): Batcher<I, O> {
  let waiting: { item: I; resolve(value: O): void; reject(error: unknown): void }[] = [];
  let flying = 0;
  /** Calls under way that are still within their patience: the next one waits for them. */
  let prompt = 0;
  let scheduled = false;

  function schedule(): void {
    if (scheduled || waiting.length === 0 || flying >= limits.inFlight) return;
    if (prompt > 0 && waiting.length < limits.maxItems) return;
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
    prompt += 1;
    let patient = true;
    const givenUp = () => {
      if (!patient) return;
      patient = false;
      prompt -= 1;
      schedule();
    };
    const patience = setTimeout(givenUp, limits.patienceMs);
    try {
      const answers = await run(part.map((entry) => entry.item));
      part.forEach((entry, index) => {
        entry.resolve(answers[index] as O);
      });
    } catch (error) {
      for (const entry of part) entry.reject(error);
    } finally {
      clearTimeout(patience);
      flying -= 1;
      givenUp();
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
