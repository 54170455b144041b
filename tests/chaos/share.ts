/** A part of the yard for one of several faults at once: two of them never touch the same worker. */
import type { Yard, YardWorker } from './fault.ts';

/** `yard` with every `of`-th of its workers, beginning with the `part`-th. Replacing one puts another in its place there too. */
export function partOf(yard: Yard, part: number, of: number): Yard {
  if (of === 1) return yard;
  return new Proxy(yard, {
    get(target, name) {
      if (name === 'workers') return target.workers.filter((_worker: YardWorker, place: number) => place % of === part);
      const value: unknown = Reflect.get(target, name);
      return value;
    },
  });
}
