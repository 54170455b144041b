/**
 * How much a process does at once: a total, and a bound per stage. Full slots pause the process's consumers where
 * those could take more; a ticket that slipped in meanwhile waits a moment for a slot and is refused otherwise.
 */
export interface Slots {
  /** Take a slot for a stage, or null when none came free within `waitMs`. Call the result to give it back. */
  take(stage: string, waitMs: number): Promise<(() => void) | null>;
  readonly busy: number;
  readonly full: boolean;
}

export function openSlots(total: number, ofStage: (stage: string) => number, onChange: () => void): Slots {
  const perStage = new Map<string, number>();
  const queue: { stage: string; grant(): void }[] = [];
  let busy = 0;

  const free = (stage: string) => busy < total && (perStage.get(stage) ?? 0) < ofStage(stage);
  const occupy = (stage: string): (() => void) => {
    busy += 1;
    perStage.set(stage, (perStage.get(stage) ?? 0) + 1);
    onChange();
    let given = false;
    return () => {
      if (given) return;
      given = true;
      busy -= 1;
      perStage.set(stage, (perStage.get(stage) ?? 1) - 1);
      const next = queue.findIndex((waiter) => free(waiter.stage));
      if (next >= 0) queue.splice(next, 1)[0]?.grant();
      onChange();
    };
  };

  return {
    get busy() {
      return busy;
    },
    get full() {
      return busy >= total;
    },
    take(stage, waitMs) {
      if (free(stage)) return Promise.resolve(occupy(stage));
      return new Promise((resolve) => {
        const waiter = {
          stage,
          grant() {
            clearTimeout(timer);
            resolve(occupy(stage));
          },
        };
        const timer = setTimeout(() => {
          queue.splice(queue.indexOf(waiter), 1);
          resolve(null);
        }, waitMs);
        queue.push(waiter);
      });
    },
  };
}

/** Whether consumers with these bounds could take more tickets at once than there are slots. */
export const outnumbered = (total: number, stages: readonly { concurrency: number }[]): boolean =>
  stages.reduce((sum, stage) => sum + Math.min(stage.concurrency, total), 0) > total;
