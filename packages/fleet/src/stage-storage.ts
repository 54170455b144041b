/**
 * Storage as one attempt sees it. It writes under a prefix of its own (`runs/<run>/<task key>/<version>/`), so two
 * attempts can never meet, and nothing it wrote is visible until the completing settle names it.
 */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { type ArtifactRef, artifactRef, type ClaimedTask, type StageStorage, type Storage } from '@reelfleet/core';

export const taskPrefix = (task: Pick<ClaimedTask, 'runId' | 'key'>): string => `runs/${task.runId}/${task.key}/`;

export function stageStorage(
  storage: Storage,
  task: Pick<ClaimedTask, 'runId' | 'key' | 'version'>,
  scratch: { readonly path: string },
  attempt: { signal: AbortSignal; moved(): void },
): StageStorage {
  const prefix = `${taskPrefix(task)}${task.version}/`;
  const { signal, moved } = attempt;
  let fetched = 0;
  return {
    get runUri() {
      return storage.uriOf(`runs/${task.runId}`);
    },
    async put(name, body, { kind, contentType }) {
      const stored = await storage.put(prefix + name, body, { contentType, signal, onBytes: moved });
      return { id: randomUUID(), kind, ...stored };
    },
    async fetch(ref, name) {
      fetched += 1;
      const path = join(scratch.path, name ?? `${fetched}-${ref.uri.split('/').at(-1) ?? 'file'}`);
      await storage.download(ref.uri, path, { sha256: ref.sha256, signal, onBytes: moved });
      return path;
    },
    async has(ref) {
      const found = await storage.checksum(ref.uri, signal);
      return found !== null && found.sha256 === ref.sha256 && found.sizeBytes === ref.sizeBytes;
    },
  };
}

/** The files this task made, wherever in its output they are named: they become rows of `artifacts` when it completes. */
export function ownArtifacts(
  storage: Pick<Storage, 'uriOf'>,
  task: Pick<ClaimedTask, 'runId' | 'key'>,
  output: unknown,
): ArtifactRef[] {
  let own: string | undefined;
  const found = new Map<string, ArtifactRef>();
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    if ('sha256' in value && 'uri' in value) {
      const ref = artifactRef.safeParse(value);
      own ??= storage.uriOf(taskPrefix(task).slice(0, -1));
      if (ref.success && ref.data.uri.startsWith(`${own}/`)) found.set(ref.data.id, ref.data);
      return;
    }
    for (const inner of Object.values(value)) visit(inner);
  };
  visit(output);
  return [...found.values()];
}
