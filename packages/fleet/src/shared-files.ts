/**
 * Large stored files that several tasks of this worker read, each brought here once and verified on the way: the chunks of
 * one transcode would otherwise copy the same film as often as there are chunks. A file stays while somebody has it, and
 * the last ones let go of stay a while longer, since the next chunk is likely to want one of them.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Storage, StoredObject } from '@reelfleet/core';

/** Files that nobody has at the moment and that are kept all the same. */
const KEPT = 2;

export interface SharedFiles {
  /** The files of one attempt: `get` as often as it likes, `release` once, at its end. */
  borrower(attempt: { signal: AbortSignal; moved(): void }): {
    get(ref: StoredObject): Promise<string>;
    release(): void;
  };
}

interface Shared {
  path: string;
  whole: boolean;
  arrived: Promise<unknown>;
  /** Ends the download when nobody waits for it any more. */
  stop: AbortController;
  /** Who has it, and what tells them that bytes arrive. */
  users: Map<object, () => void>;
}

export function sharedFiles(storage: Pick<Storage, 'download'>, folder: string): SharedFiles {
  // In the order of their last use, oldest first. Our keys are never written twice, so the checksum is only for strangers.
  const files = new Map<string, Shared>();
  const nameOf = (ref: StoredObject) => `${ref.sha256} ${ref.uri}`;

  function bring(ref: StoredObject): Shared {
    const stop = new AbortController();
    const shared: Shared = {
      path: join(folder, randomUUID()),
      whole: false,
      stop,
      users: new Map(),
      arrived: mkdir(folder, { recursive: true }).then(() =>
        storage.download(ref.uri, shared.path, {
          sha256: ref.sha256,
          toRead: true,
          signal: stop.signal,
          onBytes: () => {
            for (const moved of shared.users.values()) moved();
          },
        }),
      ),
    };
    shared.arrived.then(
      () => {
        shared.whole = true;
      },
      () => drop(nameOf(ref), shared),
    );
    return shared;
  }

  function drop(name: string, shared: Shared): void {
    if (files.get(name) === shared) files.delete(name);
    shared.stop.abort();
    shared.arrived.catch(() => {}).then(() => rm(shared.path, { force: true }).catch(() => {}));
  }

  /** What is only half here is of no use to the next one; of what is whole, the last ones are kept. */
  function tidy(): void {
    const idle = [...files].filter(([, { users }]) => users.size === 0);
    const whole = idle.filter(([, shared]) => shared.whole);
    const kept = new Set(whole.slice(-KEPT).map(([name]) => name));
    for (const [name, shared] of idle) if (!kept.has(name)) drop(name, shared);
  }

  return {
    borrower({ signal, moved }) {
      const me = {};
      return {
        async get(ref) {
          signal.throwIfAborted();
          const name = nameOf(ref);
          const shared = files.get(name) ?? bring(ref);
          files.delete(name);
          files.set(name, shared);
          shared.users.set(me, moved);
          const { promise: aborted, reject } = Promise.withResolvers<never>();
          const onAbort = () => reject(signal.reason);
          signal.addEventListener('abort', onAbort, { once: true });
          try {
            await Promise.race([shared.arrived, aborted]);
            return shared.path;
          } finally {
            signal.removeEventListener('abort', onAbort);
          }
        },
        release() {
          for (const { users } of files.values()) users.delete(me);
          tidy();
        },
      };
    },
  };
}
