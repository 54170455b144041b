/**
 * Storage as one attempt sees it. It writes under a prefix of its own (`runs/<run>/<task key>/<version>/`), so two
 * attempts can never meet, and nothing it wrote is visible until the completing settle names it.
 */
import { createHash, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import {
  type ArtifactRef,
  artifactRef,
  type ClaimedTask,
  type SetMember,
  type StageStorage,
  type Storage,
  type StoredObject,
} from '@reelfleet/core';

export const taskPrefix = (task: Pick<ClaimedTask, 'runId' | 'key'>): string => `runs/${task.runId}/${task.key}/`;

export function stageStorage(
  storage: Storage,
  task: Pick<ClaimedTask, 'runId' | 'key' | 'version'>,
  scratch: { readonly path: string },
  attempt: { signal: AbortSignal; moved(): void },
  shared: { get(ref: StoredObject): Promise<string> },
): StageStorage {
  const prefix = `${taskPrefix(task)}${task.version}/`;
  const { signal, moved } = attempt;
  let fetched = 0;
  const bring = async (uri: string, sha256: string, name: string | undefined): Promise<string> => {
    fetched += 1;
    const path = join(scratch.path, name ?? `${fetched}-${uri.split('/').at(-1) ?? 'file'}`);
    await storage.download(uri, path, { sha256, signal, onBytes: moved });
    return path;
  };
  return {
    get runUri() {
      return storage.uriOf(`runs/${task.runId}`);
    },
    async put(name, body, { kind, contentType }) {
      const stored = await storage.put(prefix + name, body, { contentType, signal, onBytes: moved });
      return { id: randomUUID(), kind, ...stored };
    },
    async putSet(folder, files, { kind, contentType, onStored }) {
      const members = new Map<string, SetMember>();
      const waiting = [...files];
      const lane = async () => {
        for (let file = waiting.shift(); file; file = waiting.shift()) {
          const { name, seconds, ...body } = file;
          const key = `${prefix}${folder}/${name}`;
          const { sha256, sizeBytes } = await storage.put(key, body, { contentType, signal, onBytes: moved });
          members.set(name, { name, sha256, sizeBytes, ...(seconds === undefined ? {} : { seconds }) });
          onStored?.(name);
        }
      };
      await Promise.all(Array.from({ length: UPLOADS }, lane));
      const segments = files.map(({ name }) => members.get(name) as SetMember);
      const sizeBytes = segments.reduce((sum, member) => sum + member.sizeBytes, 0);
      const uri = storage.uriOf(prefix + folder);
      return { id: randomUUID(), kind, uri, sha256: checksumOfSet(segments), sizeBytes, contentType, segments };
    },
    fetch: (ref, name) => bring(ref.uri, ref.sha256, name),
    async fetchMember(set, member, name) {
      const found = set.segments.find((one) => one.name === member);
      if (!found) throw new Error(`the set ${set.uri} has no ${member}`);
      return bring(memberUri(storage, set, member), found.sha256, name);
    },
    borrow: (ref) => shared.get(ref),
    uriOf: (name) => storage.uriOf(prefix + name),
    async present(set) {
      const waiting = [...set.segments];
      let whole = true;
      const lane = async () => {
        for (let member = waiting.shift(); member && whole; member = waiting.shift()) {
          signal.throwIfAborted();
          const found = await storage.stat(memberUri(storage, set, member.name));
          whole &&= found?.sizeBytes === member.sizeBytes;
          moved();
        }
      };
      await Promise.all(Array.from({ length: LOOKS }, lane));
      return whole;
    },
    async has(ref) {
      const whole = async (uri: string, wanted: Pick<StoredObject, 'sha256' | 'sizeBytes'>) => {
        const found = await storage.checksum(uri, signal);
        return found !== null && found.sha256 === wanted.sha256 && found.sizeBytes === wanted.sizeBytes;
      };
      if (!ref.segments) return whole(ref.uri, ref);
      for (const member of ref.segments) if (!(await whole(memberUri(storage, ref, member.name), member))) return false;
      return true;
    },
  };
}

const UPLOADS = 4;
const LOOKS = 16;

const memberUri = (storage: Pick<Storage, 'uriOf' | 'keyOf'>, set: { uri: string }, member: string): string =>
  storage.uriOf(`${storage.keyOf(set.uri)}/${member}`);

/** A line for each member, `<sha256> <bytes> <name>`, in their order. */
export function checksumOfSet(members: readonly Pick<SetMember, 'name' | 'sha256' | 'sizeBytes'>[]): string {
  const hash = createHash('sha256');
  for (const { name, sha256, sizeBytes } of members) hash.update(`${sha256} ${sizeBytes} ${name}\n`);
  return hash.digest('hex');
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

/** Remove stored files, of sets every member. What cannot be removed now goes when its run's retention is over. */
export async function removeFiles(
  storage: Pick<Storage, 'uriOf' | 'keyOf' | 'delete'>,
  refs: readonly ArtifactRef[],
): Promise<void> {
  for (const ref of refs) {
    const uris = ref.segments?.map(({ name }) => memberUri(storage, ref, name)) ?? [ref.uri];
    for (const uri of uris) await storage.delete(uri).catch(() => {});
  }
}
