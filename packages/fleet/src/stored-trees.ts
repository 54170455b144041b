/** Stored files by their keys, as the stages see them that move or remove those of whole runs. */
import { PermanentError, type Storage, type StoredTrees } from '@reelfleet/core';

/** Where files of runs lie, and those of deleted videos: nothing else of a store can be reached through here. */
const OPEN = ['runs', 'archive'];

export function storedTrees(
  storage: Pick<Storage, 'list' | 'move' | 'delete' | 'uriOf'>,
  attempt: { signal: AbortSignal; moved(): void },
): StoredTrees {
  const { signal, moved } = attempt;
  const inside = (key: string): string => {
    if (OPEN.some((folder) => key === folder || key.startsWith(`${folder}/`))) return key;
    throw new PermanentError(`${JSON.stringify(key)} is not below ${OPEN.join('/ or ')}/`, { code: 'bad-key' });
  };
  return {
    async *list(folder) {
      for await (const { key, sizeBytes } of storage.list(`${inside(folder)}/`)) {
        signal.throwIfAborted();
        moved();
        yield { key, sizeBytes };
      }
    },
    async move({ key, sizeBytes }, toKey) {
      await storage.move(storage.uriOf(inside(key)), inside(toKey), { sizeBytes, signal });
      moved();
    },
    async delete(key) {
      signal.throwIfAborted();
      await storage.delete(storage.uriOf(inside(key)));
      moved();
    },
    uriOf: (folder) => storage.uriOf(inside(folder)),
  };
}
