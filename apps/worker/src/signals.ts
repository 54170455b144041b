/**
 * Signals that ask a process to stop: the first one politely, the second one at once. Ctrl-C is one wish, however often
 * it arrives: the terminal sends it to the whole group, and npm, which had it too, hands it on once more.
 */
const BURST_MS = 250;

/** Resolves with the first signal; `again` is called for every later one. */
export function onStopSignals(again: (signal: NodeJS.Signals) => void): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let last = Number.NEGATIVE_INFINITY;
    let told = false;
    const hear = (signal: NodeJS.Signals) => {
      const now = performance.now();
      const burst = now - last < BURST_MS;
      last = now;
      if (burst) return;
      if (told) again(signal);
      told = true;
      resolve(signal);
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, hear);
  });
}
